// ResponseWriter: the first write of a response on an HTTP/1 connection: its head, and what of its content is
// already there, in as few slices as possible. A local of the server connection.
#pragma once

#include <span>

#include "http/date_text.h"
#include "http/h1_chunked.h"
#include "http/h1_writer.h"
#include "http/message.h"
#include "http/service.h"

namespace weir::http {

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
