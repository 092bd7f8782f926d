// A provider that a test plays: what its client asks, request by request, and what it is answered. For tests
// of this room and of those above it.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cloud/http_client.h"
#include "net/task_group.h"
#include "testing/fake_env.h"
#include "testing/peer.h"

namespace weir::cloud {

class PlayedProvider {
 public:
  explicit PlayedProvider(testing::FakeEnv& fake, std::string_view at = "127.0.0.1:8081")
      : fake_(fake), listener_(fake, at) {}

  // The next request, whole. Empty: none has come.
  std::string request() {
    fake_.run_until_idle();
    if (!peer_ || !peer_->open()) {
      testing::Peer next = listener_.accept();
      if (next.connected()) peer_.emplace(std::move(next));
    }
    return peer_ ? peer_->take() : std::string();
  }
  void answer(std::string_view status, std::string_view content, std::string_view fields = "") {
    REQUIRE(peer_);
    peer_->send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(content.size()) +
                "\r\n" + std::string(fields) + "\r\n" + std::string(content));
  }
  void reset() { peer_->abort(); }

 private:
  testing::FakeEnv& fake_;
  testing::PeerListener listener_;
  std::optional<testing::Peer> peer_;
};

// A task under way, and what came of it.
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

inline HttpClient::Options options_at(std::string_view url) {
  return {.url = *Url::parse(url), .context = nullptr, .gap_min = {}, .prepare = nullptr};
}

}  // namespace weir::cloud
