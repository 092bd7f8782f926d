#include "tunnel/registry.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <future>
#include <string>

#include "net/core.h"
#include "testing/fake_env.h"
#include "testing/memory_log.h"
#include "testing/peer.h"
#include "tunnel/network.h"

namespace weir::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;

net::Address origin(std::uint8_t number) { return net::Address::tunnel({number}); }

// To an address of the network below, as a session would reach its origin.
class Dial final : public Way {
 public:
  Dial(net::Network& network, net::Address to) : network_(network), to_(to) {}
  net::Task<Result<std::unique_ptr<net::Stream>>> open(net::Address client, Duration timeout) override {
    last_client = client;
    return network_.connect(to_, timeout);
  }
  std::string_view account() const override { return owner; }
  net::Address last_client;
  std::string owner;

 private:
  net::Network& network_;
  net::Address to_;
};

TEST_CASE("the newest way leads to the origin, and a late goodbye of an older one does not end it") {
  FakeEnv fake;
  Registry registry;
  Attachments attachments(registry, fake.env);
  Network network(fake.network, attachments, nullptr);
  testing::PeerListener first(fake, "10.0.0.1:80");
  testing::PeerListener second(fake, "10.0.0.2:80");
  const auto old_way = std::make_shared<Dial>(fake.network, first.address());
  const auto new_way = std::make_shared<Dial>(fake.network, second.address());
  const auto connect = [&] { return fake.run(network.connect_for(first.address(), origin(1), 1s), 2s); };

  auto nobody = connect();
  REQUIRE(nobody.has_value());
  CHECK(nobody->error().code == Code::kConnectFailed);

  CHECK(attachments.attach(origin(1), old_way));
  CHECK(connect()->has_value());
  CHECK(first.accept().connected());
  CHECK(old_way->last_client == first.address());

  CHECK(attachments.attach(origin(1), new_way));
  attachments.detach(origin(1), *old_way);
  CHECK(registry.size() == 1);
  CHECK(connect()->has_value());
  CHECK(second.accept().connected());

  attachments.detach(origin(1), *new_way);
  CHECK(registry.size() == 0);
  CHECK_FALSE(connect()->has_value());
  CHECK(fake.run(network.connect(second.address(), 1s), 2s)->has_value());  // all else as before
  CHECK(fake.run(attachments.stop(), 1s));
}

TEST_CASE("nobody takes the place of another account's origin") {
  FakeEnv fake;
  Registry registry;
  Attachments here(registry, fake.env);
  Attachments other_core(registry, fake.env);
  const auto dial = [&](std::string owner) {
    auto way = std::make_shared<Dial>(fake.network, *net::Address::parse("10.0.0.1:80"));
    way->owner = std::move(owner);
    return way;
  };
  const auto adas = dial("ada");
  CHECK(here.attach(origin(1), adas));
  CHECK_FALSE(here.attach(origin(1), dial("eve")));
  CHECK_FALSE(other_core.attach(origin(1), dial("eve")));
  CHECK(here.has(origin(1), *adas));
  CHECK(here.reaches(origin(1), "ada"));
  CHECK(here.reaches(origin(1), ""));  // who asks does not know whose it is
  CHECK_FALSE(here.reaches(origin(1), "eve"));
  here.detach(origin(1), *adas);
  const auto eves = dial("eve");
  CHECK(other_core.attach(origin(1), eves));
  CHECK(here.reaches(origin(1), "eve"));
  other_core.detach(origin(1), *eves);
  CHECK_FALSE(here.reaches(origin(1), "eve"));
}

// Says what it hears, until its end.
net::Task<void> echo(std::unique_ptr<net::Listener> listener) {
  auto accepted = co_await listener->accept();
  if (!accepted) co_return;
  std::array<std::byte, 4096> bytes{};
  for (;;) {
    const auto count = co_await accepted->stream->read(bytes, 20s);
    if (!count || *count == 0) co_return;
    if (!co_await accepted->stream->write(net::Slice(bytes).first(*count), 20s)) co_return;
  }
}

net::Task<void> converse(net::Network& network, std::promise<std::string>& heard) {
  std::string text;
  {
    auto stream = co_await network.connect_for({}, origin(1), 5s);
    if (!stream) {
      heard.set_value(stream.error().text);
      co_return;
    }
    (void)co_await (*stream)->write(net::as_slice("from another core"), 5s);
    (void)(*stream)->shutdown_write();
    std::array<std::byte, 64> bytes{};
    for (;;) {
      const auto count = co_await (*stream)->read(bytes, 5s);
      if (!count || *count == 0) break;
      text += net::as_text(net::Slice(bytes).first(*count));
    }
  }
  heard.set_value(text);
}

template <class T>
T on(net::Core& core, std::move_only_function<T()> work) {
  std::promise<T> done;
  core.loop().post([&] { done.set_value(work()); });
  return done.get_future().get();
}

TEST_CASE("an origin on one core is reached from another, and one that is not there is refused") {
  testing::MemoryLog log;
  auto near = net::Core::create(log);
  auto far = net::Core::create(log);
  REQUIRE((near && far));
  Registry registry;
  Attachments here(registry, (*near)->env());
  Attachments there(registry, (*far)->env());
  Network network((*near)->env().network, here, nullptr);
  net::TaskGroup asking((*near)->loop());
  net::TaskGroup origins((*far)->loop());
  (*near)->start("near");
  (*far)->start("far");
  const auto way = on<std::shared_ptr<Dial>>(**far, [&] {
    auto listener = (*far)->env().network.listen(net::Address::v4({127, 0, 0, 1}, 0));
    auto dial = std::make_shared<Dial>((*far)->env().network, (*listener)->address());
    origins.spawn(echo(std::move(*listener)));
    CHECK(there.attach(origin(1), dial));
    return dial;
  });
  for (const char* expected : {"from another core", "cannot connect"}) {
    std::promise<std::string> heard;
    (*near)->loop().post([&] { asking.spawn(converse(network, heard)); });
    CHECK(heard.get_future().get() == expected);
  }
  const bool ended = on<bool>(**far, [&] {
    there.detach(origin(1), *way);
    return registry.size() == 0;
  });
  CHECK(ended);
  std::promise<void> stopped;
  const auto stop = [](Attachments& attachments, std::promise<void>& done) -> net::Task<void> {
    co_await attachments.stop();
    done.set_value();
  };
  (*far)->loop().post([&] { origins.spawn(stop(there, stopped)); });
  stopped.get_future().get();
  (*near)->stop();
  (*far)->stop();
}

}  // namespace
}  // namespace weir::tunnel
