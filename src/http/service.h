// Service: a request in, a response out. Router, filters, proxy, API, console files: all are Services, and a
// filter owns or refers to the next one. On the core of the connection.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

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

struct Request {
  RequestHead& head;     // views into the connection's buffer: valid until the response has been sent
  Body* body = nullptr;  // null: no content
  InterimSink* interim = nullptr;  // null: the client is HTTP/1.0, or nobody wants them
  net::Address peer;
  Instant arrived;
  std::uint16_t local_port = 0;
  std::string_view scheme = "http";  // of the listener
  const TlsInfo* tls = nullptr;      // null: the client came without TLS
  std::string_view id;               // the request id, made or taken over by the server
};

// The final response: its head (keep_alive false: the client's connection is to end with it), and its content
// to be pulled. The head's views are valid until the first read() or pump_to(). Destroying it before at_end()
// gives up whatever it comes from.
class Response : public Body {
 public:
  ResponseHead head;
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
};

// A response that is all in memory.
class TextResponse final : public Response {
 public:
  TextResponse(int status, std::string_view content_type, std::string content);
  // The value is copied; the name is static.
  void add_field(Known known, std::string value) { add_field(name_of(known), std::move(value)); }
  void add_field(std::string_view static_name, std::string value);

  net::Task<Result<net::Slice>> read() override;
  net::Slice take_buffered() override;
  bool at_end() const override { return taken_; }

 private:
  static constexpr std::size_t kOwnValuesMax = 8;
  std::string content_;
  std::array<char, 20> length_{};
  std::array<std::string, kOwnValuesMax> values_;
  std::size_t values_used_ = 0;
  bool taken_ = false;
};

// What a client is told about an error: the status, the field weir-reason, the request id.
ResponsePtr error_response(const Error& error, std::string_view request_id);

}  // namespace weir::http
