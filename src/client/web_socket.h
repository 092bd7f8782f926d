// WebSocket: a socket that the API has opened (ApiClient::open_socket): binary messages both ways. One task
// reads, any write. On one loop; stop() is awaited before it is destroyed.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/task.h"
#include "net/task_group.h"
#include "websocket/frames.h"

namespace weir::client {

class WebSocket {
 public:
  static constexpr std::size_t kMessageBytesMax = std::size_t{1} << 20U;
  // The API pings twice as often.
  static constexpr Duration kSilence = std::chrono::seconds(75);
  static constexpr Duration kWriteTimeout = std::chrono::seconds(60);
  static constexpr std::size_t kWaitingBytesMax = std::size_t{256} << 10U;  // before a write waits

  // early: what came behind the head.
  WebSocket(std::unique_ptr<net::Stream> stream, std::string early);
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // The next message; none: the API has closed.
  net::Task<Result<std::optional<std::string>>> read();
  // Waits while much is still to be sent. False: nothing can be sent any more.
  net::Task<bool> write(std::string message);
  net::Task<void> stop() { co_await tasks_.stop(); }

 private:
  net::Task<void> send();
  void take(std::string_view bytes);

  std::unique_ptr<net::Stream> stream_;
  websocket::Frames frames_{websocket::Frames::End::kClient, kMessageBytesMax};
  std::deque<std::string> messages_;
  bool reads_ = true;
  bool broken_ = false;  // nothing can be sent
  net::Event to_send_;
  net::Event has_room_;
  net::TaskGroup tasks_;
};

}  // namespace weir::client
