#include "anycast/self_check.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "net/task_group.h"
#include "testing/fake_env.h"

namespace weir::anycast {
namespace {

using namespace std::chrono_literals;

struct World {
  testing::FakeEnv fake;
  net::Address at = *net::Address::parse("203.0.113.10:80");
  std::unique_ptr<net::Listener> listener = *fake.network.listen(at);

  // What the listener hears goes to `heard`; then it says `answer`, or closes when there is none.
  static net::Task<void> serve(net::Listener& listener, std::string answer, std::string& heard) {
    auto accepted = co_await listener.accept();
    if (!accepted) co_return;
    net::Stream& stream = *accepted->stream;
    while (!heard.ends_with("\r\n\r\n")) {
      std::array<std::byte, 512> bytes{};
      const auto read = co_await stream.read(bytes, 1s);
      if (!read || *read == 0) co_return;
      heard.append(reinterpret_cast<const char*>(bytes.data()), *read);
    }
    if (!answer.empty()) (void)co_await stream.write(std::as_bytes(std::span(answer)), 1s);
  }
  static net::Task<void> keep(net::Task<std::string> check, std::string& why) {
    why = co_await std::move(check);
  }

  std::string check(std::string answer) {
    net::TaskGroup tasks(fake.loop);
    std::string heard;
    std::string why = "not yet";
    tasks.spawn(serve(*listener, std::move(answer), heard));
    tasks.spawn(keep(check_listener(fake.env, at), why));
    fake.advance(2s);
    CHECK(fake.run(tasks.stop()));
    return why;
  }
};

TEST_CASE("whatever is answered is well") {
  World world;
  CHECK(world.check("HTTP/1.1 404 Not Found\r\n\r\n").empty());
  CHECK(world.check("HTTP/1.1 200 OK\r\n\r\n").empty());
}

TEST_CASE("another protocol, or an end, is not") {
  World world;
  CHECK(world.check("SSH-2.0-OpenSSH\r\n") ==
        "nothing of this edge answers at 203.0.113.10:80: it does not speak HTTP/1.1");
  CHECK(world.check("").contains("203.0.113.10:80"));
}

TEST_CASE("nobody listens, or is too late") {
  World world;
  world.fake.network.refuse(world.at);
  CHECK(world.check("x").starts_with("nothing of this edge answers at 203.0.113.10:80: "));
  world.fake.network.refuse(world.at, false);
  world.fake.network.blackhole(world.at);
  CHECK(world.check("x").starts_with("nothing of this edge answers at 203.0.113.10:80: "));
}

TEST_CASE("a listener that takes the request and says nothing is too late") {
  World world;
  std::string why = "not yet";
  net::TaskGroup tasks(world.fake.loop);
  tasks.spawn(World::keep(check_listener(world.fake.env, world.at), why));
  world.fake.advance(kCheckTimeout + 10ms);
  CHECK(why.starts_with("nothing of this edge answers at 203.0.113.10:80: "));
  CHECK(world.fake.run(tasks.stop()));
}

}  // namespace
}  // namespace weir::anycast
