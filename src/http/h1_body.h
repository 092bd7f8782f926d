// H1Body: the content of an HTTP/1 message as it comes from a stream, delimited by its framing: first what
// was received with the head, then what the stream brings. Part of a request or a response, on the core of
// the connection.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "http/body.h"
#include "http/h1_chunked.h"
#include "http/message.h"
#include "net/buffer.h"
#include "net/stream.h"

namespace weir::http {

class H1Body {
 public:
  // side: who sends it, for the errors. buffered: the bytes behind the head; they stay where they are.
  H1Body(net::Stream& stream, Side side, Framing framing, std::uint64_t content_length, net::Slice buffered,
         net::Patience patience);
  // As Body's.
  net::Task<Result<net::Slice>> read();
  net::Slice take_buffered();
  bool at_end() const { return at_end_; }
  // Of the content: given out, sent on or dropped so far.
  std::uint64_t bytes() const { return bytes_; }
  net::Task<net::Pumped> pump_to(net::Stream& to, net::Patience& writing);
  const Fields* trailers() const { return trailers_.get(); }
  void set_bytes_max(std::uint64_t bytes_max) { allowed_ = bytes_max; }
  // Also while it is being read.
  void set_patience(net::Patience patience) { patience_ = patience; }

  // The connection has switched protocols: all that comes is content, small messages now and then rather than
  // bulk, so that nothing is held while waiting for one.
  void switch_protocols(Duration read_timeout);

  // Lets the first piece, which take_buffered() gave and behind which nothing was read, be read again; false:
  // it can't.
  bool give_back(net::Slice piece);

  // Drops what has been received: that may be the end.
  void discard_buffered();
  // After the end: what was received behind it, and the buffer that holds it when that is this body's own.
  net::Slice rest() const { return input_; }
  net::Buffer take_buffer() { return std::move(buffer_); }

 private:
  Result<net::Slice> next_buffered();
  Result<net::Slice> next_chunk();
  std::unexpected<Error> refuse(const Error& error);
  net::Task<Result<void>> fill();

  net::Stream& stream_;
  net::Patience patience_;
  Side side_;
  Framing framing_;
  bool at_end_;
  bool switched_ = false;
  std::uint64_t left_;                                                 // kLength: not yet given out
  std::uint64_t allowed_ = std::numeric_limits<std::uint64_t>::max();  // bytes that may still be given out
  std::uint64_t bytes_ = 0;
  ChunkedDecoder decoder_;
  net::Slice input_;    // received, not yet given out
  net::Buffer buffer_;  // holds input_ once what came with the head is used up
  std::unique_ptr<Fields> trailers_;
  std::optional<Error> refusal_;  // what came is malformed or too long: nothing behind it is read as anything
};

}  // namespace weir::http
