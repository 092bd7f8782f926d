// Service: a request in, a response out. Router, filters, proxy, API, console files: all are Services, and a
// filter owns or refers to the next one. On the core of the connection.
#pragma once

#include <array>
#include <cstdint>
#include <forward_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "http/body.h"
#include "http/connection.h"
#include "http/message.h"
#include "net/network.h"
#include "net/task.h"

namespace weir::http {

// Sends 1xx responses ahead of the final one.
class InterimSink {
 public:
  virtual net::Task<Result<void>> send_interim(const ResponseHead& head) = 0;

 protected:
  ~InterimSink() = default;
};

// Texts made for one request, which end with it. Empty, it costs a pointer.
class Scratch {
 public:
  std::string_view keep(std::string text) { return texts_.emplace_front(std::move(text)); }

 private:
  std::forward_list<std::string> texts_;
};

// A client that asked for another protocol on its connection (RFC 9110 section 7.8). Taking it up is for the
// one who has got a 101 (Switching Protocols).
class Upgrade {
 public:
  // What the client sends from now on, until it closes. idle_timeout: between two of its messages.
  virtual Body& take_up(Duration idle_timeout) = 0;
  // The client has broken off: ends the exchange.
  virtual void cut() = 0;

 protected:
  ~Upgrade() = default;
};

// Whatever lives as long as a request, or as a connection to an origin.
class Held : public net::Pooled {
 public:
  virtual ~Held() = default;
};

// What kept a response from being sent to its end.
enum class Cut : std::uint8_t {
  kNone,            // nothing: all of it was sent
  kClientGone,      // the client closed or reset its connection or stream
  kClientTimedOut,  // the client did not take the response in time, or too slowly
  kClientFault,     // the client broke the protocol or its limits, and its connection was ended for that
  kOriginBroke,     // what the response comes from ended before its content did
  kOriginTimedOut,
  kStopped,  // the server ended its connections
};

// How a request ended; see Service::ended.
struct RequestEnd {
  int status = 0;  // of the final response; 0: none was begun
  Cut cut = Cut::kNone;
  std::uint64_t body_bytes_sent = 0;      // of the response's content, without its framing
  std::uint64_t body_bytes_received = 0;  // of the request's content
  std::optional<Instant> head_sent;       // the response's head went out
};

struct Request {
  RequestHead& head;     // views into the connection's buffer: valid until the response has been sent
  Body* body = nullptr;  // null: no content
  InterimSink* interim = nullptr;            // null: the client is HTTP/1.0, or nobody wants them
  Upgrade* upgrade = nullptr;                // null: the client did not ask for WebSocket
  net::Address peer;                         // the client's
  std::optional<net::Address> forwarded_by;  // who sent it in the client's name, and is trusted to
  Instant arrived;
  std::uint16_t local_port = 0;
  std::uint8_t version_major = 1;    // of HTTP
  std::string_view scheme = "http";  // of the listener, or as a trusted proxy says
  const TlsInfo* tls = nullptr;      // null: the client came without TLS
  std::string_view id;               // the request id, made or taken over by the server
  // Bytes a second at which the client has to send its content, until the response begins, and to take the
  // response: the server's, which the service may change. 0: none.
  std::uint64_t client_rate_min = 0;
  Scratch scratch;
  std::unique_ptr<Held> held;  // until the response has been sent
  std::uint64_t note = 0;      // the Service's own, until ended()
};

// The final response: its head (keep_alive false: the client's connection is to end with it), and its content
// to be pulled. The head's views are valid until the first read() or pump_to(). Destroying it before at_end()
// gives up whatever it comes from.
class Response : public Body {
 public:
  ResponseHead head;
  // Of weir's own answer that is no success: why, in a line of printable ASCII; as long as the response.
  std::string_view refusal;
  // False while something beside the response is still going on (an upload that the origin answered early):
  // then settle() ends and joins it, and is awaited before the response is destroyed.
  virtual bool settled() const { return true; }
  virtual net::Task<void> settle();
};
using ResponsePtr = std::unique_ptr<Response>;

class Service {
 public:
  virtual ~Service() = default;
  // An Error becomes the response that status_for() names.
  virtual net::Task<Result<ResponsePtr>> handle(Request& request) = 0;
  // In place of handle(), for what is no request, or not all of one; the server answers it with
  // error_response(). Of its head, only what could be read is there. Does not fail and does not wait.
  virtual void refused(Request& /*request*/, const Error& /*error*/) {}
  // Once for every request that handle() or refused() was given, when its response has been sent or given up
  // and is gone. The request's head is still there. Does not fail and does not wait.
  virtual void ended(Request& /*request*/, const RequestEnd& /*end*/) {}
};

// A response that is all in memory.
class TextResponse final : public Response {
 public:
  TextResponse(int status, std::string_view content_type, std::string content);
  // The value is copied; the name is static.
  void add_field(Known known, std::string value) { add_field(name_of(known), std::move(value)); }
  void add_field(std::string_view static_name, std::string value);
  // What every answer of weir's own that is no success has: the fields weir-reason (static text) and
  // X-Request-Id.
  void add_reason(std::string_view reason, std::string_view request_id);

  net::Task<Result<net::Slice>> read() override;
  net::Slice take_buffered() override;
  bool at_end() const override { return taken_; }

 private:
  static constexpr std::size_t kOwnValuesMax = 8;
  friend std::unique_ptr<TextResponse> refusal(int status, std::string_view reason, std::string_view text,
                                               std::string_view request_id);
  std::string content_;
  std::array<char, 20> length_{};
  std::array<std::string, kOwnValuesMax> values_;
  std::size_t values_used_ = 0;
  bool taken_ = false;
};

// An answer of weir's own that is no success: the status, a line of text, its reason (see add_reason).
std::unique_ptr<TextResponse> refusal(int status, std::string_view reason, std::string_view text,
                                      std::string_view request_id);
// What a client is told about an error.
ResponsePtr error_response(const Error& error, std::string_view request_id);

}  // namespace weir::http
