// Channel: the way to one server: an HTTP/2 connection that is made when a call needs one, kept alive by PING
// and shared by calls. When it is lost, its calls end with kUnavailable and the next call makes another;
// when that is tried is the caller's business (backoff.h). On one core.
//
//   grpc::Channel channel(env.loop, dialler, {.authority = "controller:18000"});
//   auto call = co_await channel.call("/weir.v1.Reports/Stream", {}, std::nullopt);
//   ...
//   co_await channel.close();
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "grpc/call.h"
#include "grpc/limits.h"
#include "grpc/metadata.h"
#include "h2/client.h"
#include "net/task_group.h"

namespace weir::grpc {

struct ChannelOptions {
  std::string authority;                                // :authority of every call
  std::string_view scheme = "https";                    // static text
  std::size_t message_bytes_max = kMessageBytesMax;     // of one that is received
  Duration connect_timeout = std::chrono::seconds(10);  // for a connection that another call is making
  Duration write_timeout = std::chrono::seconds(30);    // the server takes some bytes
  Duration keepalive_interval = kKeepaliveInterval;     // Duration::max(): never
  Duration keepalive_timeout = kKeepaliveTimeout;
};

class Channel {
 public:
  // opener: makes the stream to the server, by its own deadline; outlives the channel.
  Channel(net::Loop& loop, h2::Opener& opener, ChannelOptions options);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Connects if need be, by the opener's own deadline. The error says that nothing was sent, and why.
  // timeout: of the call; told to the server, and held here.
  net::Task<Result<std::unique_ptr<ClientCall>>> call(std::string path, Metadata metadata,
                                                      std::optional<Duration> timeout);
  // Ends the connection and the calls on it. Awaited before the channel is destroyed; call() fails
  // afterwards.
  net::Task<void> close();
  bool connected() const;

 private:
  void look_at_goodbye();

  net::Loop& loop_;
  h2::Opener& opener_;
  ChannelOptions options_;
  Duration keepalive_interval_;  // longer than the option's when the server has found that too often
  net::TaskGroup connections_;
  h2::ClientPool pool_;
  h2::ClientConnectionPtr current_;
  bool closed_ = false;
};

}  // namespace weir::grpc
