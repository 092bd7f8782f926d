// CONNECT (RFC 9113 section 8.5), on both sides: one stream of an HTTP/2 connection as a net::Stream.
// END_STREAM is the end of a direction, RST_STREAM a cut; who does not read holds up nobody but this stream's
// peer. On the core of its connection.
#pragma once

#include <memory>
#include <string_view>

#include "h2/client_connection.h"
#include "http/message.h"
#include "net/network.h"
#include "net/stream.h"
#include "net/task.h"

namespace weir::h2 {

class ServerConnection;
class ServerStream;

// --- who asks

struct ConnectHead {
  std::string_view authority;
  const http::Fields& fields;
};
// Over a connection that carries tunnels. The other side has agreed: it has its stream to the destination. An
// error before that is Retry::kSafe, but kCancelled: at worst the destination has seen a connection that
// brought nothing. Head and fields are done with when this first waits.
net::Task<Result<std::unique_ptr<net::Stream>>> connect(std::shared_ptr<ClientConnection> connection,
                                                        ConnectHead head, Duration timeout);

// --- who is asked

// One request, until it is answered.
class ConnectRequest {
 public:
  ConnectRequest(ServerConnection& connection, ServerStream& stream)
      : connection_(connection), stream_(&stream) {}
  ConnectRequest(const ConnectRequest&) = delete;
  ConnectRequest& operator=(const ConnectRequest&) = delete;

  // Of the request: authority and fields, until it is answered.
  const http::RequestHead& head() const;
  const net::Address& peer() const;
  // Agrees. The stream ends before the handler returns; null: the client has given it up.
  std::unique_ptr<net::Stream> accept();
  // reason: a line of printable ASCII, for the field weir-reason.
  void refuse(int status, std::string_view reason);
  bool answered() const { return stream_ == nullptr; }

 private:
  ServerConnection& connection_;
  ServerStream* stream_;
};

// Runs in a task of its own for each request, and is cancelled when the client resets its stream before it
// has ended, or when the connection ends. A request without an answer is refused with 500.
class ConnectHandler {
 public:
  virtual net::Task<void> serve(ConnectRequest& request) = 0;

 protected:
  ~ConnectHandler() = default;
};

}  // namespace weir::h2
