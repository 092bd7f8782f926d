#include "grpc/channel.h"

#include <algorithm>
#include <utility>

namespace weir::grpc {

Channel::Channel(net::Loop& loop, h2::Opener& opener, ChannelOptions options)
    : loop_(loop),
      opener_(opener),
      options_(std::move(options)),
      keepalive_interval_(options_.keepalive_interval),
      connections_(loop),
      pool_(loop, connections_, options_.write_timeout, nullptr) {}

bool Channel::connected() const { return current_ != nullptr && current_->usable(); }

net::Task<Result<std::unique_ptr<ClientCall>>> Channel::call(std::string path, Metadata metadata,
                                                             std::optional<Duration> timeout) {
  const Error closed{Code::kClosed, Side::kInternal, Retry::kNever, 0, "the channel was closed"};
  const Instant deadline = loop_.deadline(timeout.value_or(Duration::max()));
  if (closed_) co_return fail(closed);
  look_at_goodbye();
  auto connection = co_await pool_.acquire(opener_, options_.connect_timeout);
  if (!connection) co_return fail(connection.error());
  if (closed_) co_return fail(closed);
  if (deadline <= loop_.now()) {
    co_return fail(Code::kTimedOut, "the deadline passed before there was a connection", Side::kUpstream,
                   Retry::kSafe);
  }
  current_ = *connection;
  if (!current_->kept_alive()) current_->keep_alive(keepalive_interval_, options_.keepalive_timeout);
  if (timeout) timeout = deadline - loop_.now();
  co_return std::make_unique<ClientCall>(
      *std::move(connection), options_.scheme, options_.authority, path, metadata, timeout,
      ClientCall::Options{options_.message_bytes_max, options_.write_timeout});
}

void Channel::look_at_goodbye() {
  if (current_ == nullptr || current_->usable()) return;
  if (current_->goodbye() == h2::ErrorCode::kEnhanceYourCalm && keepalive_interval_ < kKeepaliveIntervalMax) {
    keepalive_interval_ = std::min(keepalive_interval_ * 2, kKeepaliveIntervalMax);
  }
  current_ = nullptr;
}

net::Task<void> Channel::close() {
  closed_ = true;
  pool_.retire();
  co_await connections_.stop();
}

}  // namespace weir::grpc
