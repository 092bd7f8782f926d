// ClientCall: one call of gRPC by us, both directions at once: one task writes and one reads at a time, be
// they the same or not. Made by Channel::call(); owned by its caller, on the core of the channel, which it
// may outlive. Destroying it resets the stream when the call has not ended.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "grpc/framing.h"
#include "grpc/metadata.h"
#include "grpc/status.h"
#include "h2/client_stream.h"
#include "http/message.h"
#include "net/task.h"
#include "net/timer.h"

namespace weir::grpc {

class ClientCall {
 public:
  struct Options {
    std::size_t message_bytes_max;  // of one that is received
    Duration write_timeout;         // the server takes some bytes
  };
  // On a connection that is usable. The request is on its way when the call was made.
  ClientCall(std::shared_ptr<h2::ClientConnection> connection, std::string_view scheme,
             std::string_view authority, std::string_view path, const Metadata& metadata,
             std::optional<Duration> timeout, Options options);
  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;
  ~ClientCall();

  // Waits until the message is on its way, that is for windows. Fails when the call has ended (read() to the
  // end tells how), or when the server takes nothing for too long.
  net::Task<Result<void>> write(std::string message);
  // No more messages come from here.
  void half_close();
  // The next message; none: the call has ended, and status() says how, whatever the reason. Fails only when
  // the task is cancelled.
  net::Task<Result<std::optional<std::string>>> read();
  // Set when read() gave none.
  const Status& status() const { return status_; }
  bool ended() const { return ended_; }
  // Of the server's head, or empty; from the first message on.
  std::string_view metadata(std::string_view name) const;

 private:
  struct DeadlineTimer final : net::Timer {
    explicit DeadlineTimer(ClientCall& owner);
    ClientCall& call;
  };
  void submit(std::string_view scheme, std::string_view authority, std::string_view path,
              const Metadata& metadata, std::optional<Duration> timeout);
  bool take_head();
  // The first status holds.
  void end(Status status);
  // The same, before the stream has ended.
  void cut(Status status);
  Status status_at_end() const;

  std::shared_ptr<h2::ClientConnection> connection_;
  Options options_;
  http::ResponseHead head_;
  h2::ClientStream* stream_ = nullptr;
  MessageReader reader_;
  net::Slice piece_;     // of the response's content, not yet taken
  std::string sending_;  // framed; empty unless some of it waits
  DeadlineTimer deadline_timer_{*this};
  bool head_read_ = false;
  bool half_closed_ = false;
  bool ended_ = false;
  Status status_;
};

}  // namespace weir::grpc
