// Connection: one client's connection under a Server, in whatever version of HTTP. Incoming: what it is made
// of. Handshake: what happens to a stream before its first byte of HTTP. On the core of the Server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/buffer.h"
#include "net/network.h"
#include "net/task.h"

namespace weir::http {

class Server;

// What a TLS handshake found out.
struct TlsInfo {
  std::string version;      // "TLSv1.3"
  std::string cipher;       // "TLS_AES_128_GCM_SHA256"
  std::string server_name;  // that the client asked for (SNI); empty: none
  std::string protocol;     // by ALPN: "h2", "http/1.1" or empty
  // The verified client certificate; all empty when there is none.
  std::string client_subject;      // RFC 2253
  std::string client_names;        // subject alternative names: "DNS:a.example, URI:spiffe://b/c"
  std::string client_fingerprint;  // SHA-256, lower-case hex
};

struct Incoming {
  std::unique_ptr<net::Stream> stream;
  net::Address peer;  // the client's, also behind a PROXY header
  std::uint16_t local_port = 0;
  std::string_view scheme = "http";    // static text
  std::shared_ptr<const TlsInfo> tls;  // null: plain
  bool may_begin_h2 = false;           // without TLS, by prior knowledge (RFC 9113 section 3.3)
  net::Buffer buffer;                  // received already: [begin, end)
  std::size_t begin = 0;
  std::size_t end = 0;

  bool speaks_h2() const { return tls && tls->protocol == "h2"; }
};

// Of a listener: TLS, a PROXY header, or both. Has its own deadline. What comes back without a stream was no
// HTTP, and went to Server::take_over().
class Handshake {
 public:
  virtual ~Handshake() = default;
  virtual net::Task<Result<Incoming>> run(Incoming incoming) = 0;
};

class Connection : public net::Pooled {
 public:
  explicit Connection(Server& server);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection();

  // Until the connection is to be closed. The task that runs it owns it, and may be cancelled.
  virtual net::Task<void> run() = 0;
  // The server began to drain: no new requests are wanted.
  virtual void drain() {}
  // The grace is over: ends when nothing is under way, else as soon as nothing is.
  virtual void end_when_idle() = 0;
  // There is an heir (see Server::leave): if it is idle and can go there, it does, now or once it is.
  virtual void hand_over() {}
  // The same when there is no hurry: one that can't tell its client in time waits for its next request.
  virtual void end_gently() { end_when_idle(); }

 private:
  friend class Server;
  Server& registry_;
  Connection* next_ = nullptr;  // in the server's list
  Connection** link_ = nullptr;
};

// How a connection of another version than HTTP/1 is made.
using MakeConnection = std::function<std::unique_ptr<Connection>(Server& server, Incoming incoming)>;

}  // namespace weir::http
