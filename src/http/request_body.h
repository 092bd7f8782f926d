// RequestBody: the content of the request that a server connection is reading: first what came with the head,
// then what the stream brings. Part of the exchange, on the core of the connection.
#pragma once

#include <cstdint>

#include "http/body.h"
#include "http/h1_chunked.h"
#include "http/message.h"
#include "net/buffer.h"
#include "net/stream.h"

namespace weir::http {

class RequestBody final : public Body {
 public:
  RequestBody(net::Stream& stream, const RequestHead& head, Duration read_timeout, Duration write_timeout)
      : stream_(stream),
        read_timeout_(read_timeout),
        write_timeout_(write_timeout),
        framing_(head.framing),
        wants_continue_(head.expect_continue && head.version_minor >= 1),
        left_(head.framing == Framing::kLength ? head.content_length : 0),
        at_end_(head.framing == Framing::kNone ||
                (head.framing == Framing::kLength && head.content_length == 0)),
        decoder_(Side::kDownstream) {}

  // The bytes behind the head, in the connection's buffer; they stay there.
  void set_buffered(net::Slice bytes) { input_ = bytes; }

  net::Task<Result<net::Slice>> read() override;
  net::Slice take_buffered() override;
  bool at_end() const override { return at_end_; }
  net::Task<net::Pumped> pump_to(net::Stream& to, Duration timeout) override;
  const Fields* trailers() const override { return trailers_.empty() ? nullptr : &trailers_; }

  // The client waits for 100 (Continue) and has not been told yet.
  bool wants_continue() const { return wants_continue_; }
  void continue_sent() { wants_continue_ = false; }
  // Reads and drops what has arrived; what a service left unread may end the body.
  Result<void> discard_buffered();

  // After at_end: what follows the body, and the buffer that holds it when it is not the connection's.
  net::Slice rest() const { return input_; }
  net::Buffer take_buffer() { return std::move(buffer_); }

 private:
  Result<net::Slice> next_buffered();
  net::Task<Result<void>> fill();

  net::Stream& stream_;
  Duration read_timeout_;
  Duration write_timeout_;
  Framing framing_;
  bool wants_continue_;
  std::uint64_t left_;  // kLength: not yet given out
  bool at_end_;
  ChunkedDecoder decoder_;
  net::Slice input_;    // received, not yet given out
  net::Buffer buffer_;  // holds input_ once what came with the head is used up
  Fields trailers_;
};

}  // namespace weir::http
