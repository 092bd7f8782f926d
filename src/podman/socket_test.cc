#include "podman/socket.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "net/task_group.h"
#include "testing/memory_log.h"

namespace weir::podman {
namespace {

using namespace std::chrono_literals;
using Connected = Result<std::unique_ptr<net::Stream>>;

// What came of a connection to the path, and the first bytes of who is there.
struct Met {
  Connected stream = fail(Code::kInternal, "not tried");
  std::string said;
};

net::Task<void> meet(net::Core& core, SocketConnector& way, Met& met) {
  met.stream = co_await way.connect({}, 1s);
  if (met.stream) {
    std::array<std::byte, 16> room;  // NOLINT(cppcoreguidelines-pro-type-member-init): it is read into
    const auto got = co_await (*met.stream)->read(room, 5s);
    if (got) met.said = net::as_text(std::span(room).first(*got));
  }
  core.loop().stop();
}

Met meet(const std::string& path) {
  testing::MemoryLog log;
  auto core = net::Core::create(log);
  REQUIRE(core);
  SocketConnector way(**core, path);
  Met met;
  net::TaskGroup tasks((*core)->loop());
  tasks.spawn(meet(**core, way, met));
  while (tasks.size() > 0) (void)(*core)->loop().turn(1s);
  met.stream = met.stream ? Connected(nullptr) : std::move(met.stream);
  return met;
}

TEST_CASE("a socket of this machine is met by its path") {
  std::string folder = (std::filesystem::temp_directory_path() / "weir-podman-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/a.sock";
  CHECK(meet(path).stream.error().text == std::string_view("cannot connect"));
  net::Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  std::thread server([&listener] {
    const net::Descriptor peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    CHECK(::send(peer.get(), "hello", 5, MSG_NOSIGNAL) == 5);
  });
  const Met met = meet(path);
  server.join();
  CHECK(met.stream.has_value());
  CHECK(met.said == "hello");
  std::filesystem::remove_all(folder);
}

TEST_CASE("a path that is none is refused") {
  CHECK(meet("").stream.error().code == Code::kInvalid);
  CHECK(meet(std::string(200, 'x')).stream.error().code == Code::kInvalid);
}

}  // namespace
}  // namespace weir::podman
