// Server: an http::Service that answers calls of gRPC: each path has a handler, which runs in a task of its
// own beside its response, so both directions flow at once. On the core of the http::Server that it is given
// to, whose options need HTTP/2 (h2::make_connection) and, where clients come from afar, a keepalive.
//
//   grpc::Server calls(env.loop, {});
//   calls.add("/weir.v1.Reports/Stream", [&](grpc::ServerCall& call) { return reports.serve(call); });
//   http::Server server(env, calls, {.keepalive_interval = ..., .h2 = h2::make_connection});
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "grpc/framing.h"
#include "grpc/limits.h"
#include "grpc/status.h"
#include "http/service.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/task_group.h"
#include "net/timer.h"

namespace weir::grpc {

class Server;
class ServerCall;

// Cancelled when the client goes, the deadline passes or the server ends its calls: it returns then as soon
// as it can, with any status. The handler and what it captures outlive the calls.
using Handler = std::function<net::Task<Status>(ServerCall&)>;

// One call, as long as its handler runs. One task reads and one writes at a time, be they the same or not.
class ServerCall {
 public:
  ServerCall(Server& server, http::Request& request);
  ServerCall(const ServerCall&) = delete;
  ServerCall& operator=(const ServerCall&) = delete;
  ~ServerCall();

  // Its head (metadata), peer, tls: as long as the handler runs.
  const http::Request& request() const { return request_; }
  net::Loop& loop() const;
  std::optional<Instant> deadline() const { return deadline_; }

  // The next message; none: the client has half-closed. A failure ends the call whatever the handler returns:
  // what came is no message, or too large, or the client has gone.
  net::Task<Result<std::optional<std::string>>> read();
  // Waits while the outbox is over its limit, that is for a client that does not read. Fails when the call
  // has been ended already.
  net::Task<Result<void>> write(std::string message);
  // Cancels the handler, and ends the call with this whatever that returns; the first verdict holds.
  void end(Status verdict);
  // Bytes that wait to be sent.
  std::size_t outbox_bytes() const { return outbox_.size(); }

 private:
  friend class Server;
  friend class CallResponse;
  struct DeadlineTimer final : net::Timer {
    explicit DeadlineTimer(ServerCall& owner);
    ServerCall& call;
  };

  void set_timeout(Duration timeout);
  net::Task<void> run(const Handler& handler);

  Server& server_;
  http::Request& request_;
  MessageReader reader_;
  net::Slice piece_;            // of the request's content, not yet taken
  std::string outbox_;          // framed
  net::Event outbox_changed_;   // for who sends: there is something, or the handler has returned
  net::Event outbox_has_room_;  // for the handler
  std::optional<Instant> deadline_;
  DeadlineTimer deadline_timer_{*this};
  std::optional<Status> verdict_;
  bool handler_returned_ = false;
  Status status_;  // once it has
  net::TaskGroup handler_task_;
  ServerCall* next_ = nullptr;  // in the server's list
  ServerCall** link_ = nullptr;
};

struct ServerOptions {
  std::size_t message_bytes_max = kMessageBytesMax;  // of one that is received
};

class Server final : public http::Service {
 public:
  Server(net::Loop& loop, ServerOptions options) : loop_(loop), options_(options) {}
  ~Server() override;

  // path: "/package.Service/Method". Before the first call.
  void add(std::string path, Handler handler);
  // Cancels every handler and tells its client kUnavailable, so that it goes elsewhere; calls that come from
  // now on are told the same. For the end of a drain: connections say GOAWAY (http::Server::drain()), streams
  // get the time that the owner has, then this.
  void end_calls();
  std::size_t open_calls() const { return open_calls_; }

  // What is no call of gRPC is answered 415, a path without a handler kUnimplemented.
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;

 private:
  friend class ServerCall;
  net::Loop& loop_;
  ServerOptions options_;
  std::map<std::string, Handler, std::less<>> handlers_;
  ServerCall* calls_ = nullptr;  // intrusive list
  std::size_t open_calls_ = 0;
  bool ending_ = false;
};

}  // namespace weir::grpc
