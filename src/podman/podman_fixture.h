// A podman that a test plays: what its client asks, call by call, and what it is answered. For tests of this
// room.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/task_group.h"
#include "podman/client.h"
#include "testing/fake_env.h"
#include "testing/peer.h"

namespace weir::podman {

class PlayedPodman {
 public:
  PlayedPodman(testing::FakeEnv& fake, std::string_view at) : fake_(fake), listener_(fake, at) {}

  // The request of the next call, whole.
  std::string request() {
    fake_.run_until_idle();
    testing::Peer next = listener_.accept();
    REQUIRE(next.connected());
    peer_.emplace(std::move(next));
    ++connections_;
    return peer_->take();
  }
  void answer(std::string_view status, std::string_view content) {
    const bool none = status.starts_with("204") || status.starts_with("304");
    peer_->send("HTTP/1.1 " + std::string(status) + "\r\n" +
                (none ? "" : "Content-Length: " + std::to_string(content.size()) + "\r\n") + "\r\n" +
                std::string(content));
  }
  // In pieces, until the end.
  void begin(std::string_view status) {
    peer_->send("HTTP/1.1 " + std::string(status) + "\r\nConnection: close\r\n\r\n");
  }
  void send(std::string_view bytes) { peer_->send(bytes); }
  std::string take() { return peer_->take(); }  // what came since
  void end() {
    peer_->close();
    fake_.run_until_idle();
  }
  void reset() {
    peer_->abort();
    fake_.run_until_idle();
  }
  // The present call goes on beside the next ones.
  std::optional<testing::Peer> keep() { return std::exchange(peer_, std::nullopt); }
  // Those that have come, the next one too.
  int connections() {
    (void)request();
    return connections_;
  }

 private:
  testing::FakeEnv& fake_;
  testing::PeerListener listener_;
  std::optional<testing::Peer> peer_;
  int connections_ = 0;
};

// A task under way, and what came of it. Ends with it.
template <class T>
class UnderWay {
 public:
  UnderWay(testing::FakeEnv& fake, net::Task<T> task) : fake_(fake), tasks_(fake.loop) {
    tasks_.spawn(keep(std::move(task), result));
    fake_.run_until_idle();
  }
  ~UnderWay() { CHECK(fake_.run(stop(tasks_))); }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

  std::optional<T> result;

 private:
  static net::Task<void> keep(net::Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }
  static net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }

  testing::FakeEnv& fake_;
  net::TaskGroup tasks_;
};

struct World {
  testing::FakeEnv fake;
  net::Address at = *net::Address::parse("127.0.0.1:1");
  PlayedPodman podman{fake, "127.0.0.1:1"};
  Client client{fake.network, at};

  template <class T>
  std::unique_ptr<UnderWay<T>> ask(net::Task<T> task) {
    return std::make_unique<UnderWay<T>>(fake, std::move(task));
  }
};

}  // namespace weir::podman
