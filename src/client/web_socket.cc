#include "client/web_socket.h"

#include <utility>

#include "net/buffer.h"

namespace weir::client {

WebSocket::WebSocket(std::unique_ptr<net::Stream> stream, std::string early)
    : stream_(std::move(stream)), tasks_(stream_->loop()) {
  take(early);
  tasks_.spawn(send());
}

void WebSocket::take(std::string_view bytes) {
  reads_ = frames_.take(bytes, [this](std::string_view message) { messages_.emplace_back(message); });
  to_send_.set();  // what pings are answered with
}

net::Task<Result<std::optional<std::string>>> WebSocket::read() {
  const net::Buffer room = net::Buffer::acquire();
  while (messages_.empty() && reads_) {
    const auto got = co_await stream_->read(room.span(), kSilence);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Code::kClosed, "the API has ended the connection", Side::kUpstream);
    take(net::as_text(room.span().first(*got)));
  }
  if (messages_.empty()) co_return std::optional<std::string>();
  std::string message = std::move(messages_.front());
  messages_.pop_front();
  co_return std::optional(std::move(message));
}

net::Task<bool> WebSocket::write(std::string message) {
  while (frames_.output_bytes() > kWaitingBytesMax && !broken_) {
    has_room_.reset();
    if (!co_await has_room_.wait(stream_->loop())) co_return false;
  }
  frames_.put(message);
  to_send_.set();
  co_return !broken_;
}

net::Task<void> WebSocket::send() {
  while (!broken_) {
    const std::string output = frames_.take_output();
    if (output.empty()) {
      to_send_.reset();
      if (!co_await to_send_.wait(stream_->loop())) co_return;
      continue;
    }
    broken_ = !co_await stream_->write(net::as_slice(output), kWriteTimeout);
    has_room_.set();
  }
}

}  // namespace weir::client
