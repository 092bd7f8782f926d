// ResponseWriter: the first write of a response on an HTTP/1 connection: its head, and what of its content is
// already there, in as few slices as possible. A local of the server connection.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/h1_chunked.h"
#include "http/h1_writer.h"
#include "http/message.h"
#include "http/service.h"
#include "net/loop.h"

namespace weir::http {

// The value of the Date field (IMF-fixdate, RFC 9110 section 5.6.7), made once a second. One per server, that
// is per core, for its connections of every version.
class DateText {
 public:
  explicit DateText(net::Clock& clock) : clock_(clock) {}
  // Valid until the next call.
  std::string_view now();

 private:
  net::Clock& clock_;
  std::int64_t second_ = -1;
  std::array<char, 64> text_{};
  std::size_t bytes_ = 0;
};

class ResponseWriter {
 public:
  struct First {
    net::Stream::Slices slices;     // views into `room` and the response, until its next read()
    std::size_t content_bytes = 0;  // of the content, in the slices
    bool complete = false;          // that is the whole response
    bool chunked = false;           // the rest is to be sent in chunks
    bool keep_alive = false;        // what the client was told
  };

  ResponseWriter(std::span<std::byte> room, const RequestHead& request, DateText& date)
      : room_(room), request_(request), date_(date) {}

  // keep_alive: the connection could stay. Error: the head does not fit.
  Result<First> begin(Response& response, bool keep_alive);

 private:
  std::span<std::byte> room_;
  const RequestHead& request_;
  DateText& date_;
};

}  // namespace weir::http
