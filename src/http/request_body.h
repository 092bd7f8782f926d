// RequestBody: the content of the request that a server connection is reading. Tells a client that waits for
// it to continue, at the first read that has to wait. Part of the exchange. TextBody: that of a request which
// this process sends, from memory.
#pragma once

#include <string_view>
#include <utility>

#include "http/h1_body.h"
#include "http/service.h"

namespace weir::http {

class RequestBody final : public Body {
 public:
  RequestBody(net::Stream& stream, const Request& request, net::Slice buffered, Duration read_timeout,
              Duration write_timeout)
      : body_(stream, Side::kDownstream, request.head.framing, request.head.content_length, buffered,
              net::Patience(read_timeout)),
        request_(request),
        stream_(stream),
        read_timeout_(read_timeout),
        write_timeout_(write_timeout),
        wants_continue_(request.head.expect_continue && request.head.version_minor >= 1) {}

  net::Task<Result<net::Slice>> read() override {
    touch();
    if (wants_continue_) {
      if (auto sent = co_await send_continue(); !sent) co_return fail(sent.error());
    }
    co_return co_await body_.read();
  }
  net::Slice take_buffered() override {
    const bool is_first = !touched_;
    touch();
    const net::Slice piece = body_.take_buffered();
    if (is_first) first_ = piece;
    return piece;
  }
  bool at_end() const override { return body_.at_end(); }
  net::Task<net::Pumped> pump_to(net::Stream& to, net::Patience& writing) override {
    touch();
    if (wants_continue_) {
      if (auto sent = co_await send_continue(); !sent) {
        co_return net::Pumped{.result = fail(sent.error()), .read_failed = true};
      }
    }
    co_return co_await body_.pump_to(to, writing);
  }
  bool untouched() const override { return !touched_; }
  bool rewind() override {
    if (touched_ && !first_.empty() && body_.give_back(first_)) touched_ = false;
    return !touched_;
  }
  void set_bytes_max(std::uint64_t bytes_max) override { body_.set_bytes_max(bytes_max); }
  void set_read_timeout(Duration timeout) override { read_timeout_ = timeout; }
  const Fields* trailers() const override { return body_.trailers(); }

  // The client waits for 100 (Continue) and has not been told yet.
  bool wants_continue() const { return wants_continue_; }
  net::Task<Result<void>> send_continue() {
    wants_continue_ = false;
    auto sent = co_await stream_.write(net::as_slice("HTTP/1.1 100 Continue\r\n\r\n"), write_timeout_);
    if (sent) co_return Result<void>{};
    Error error = sent.error();
    error.side = Side::kDownstream;
    co_return fail(error);
  }

  H1Body& received() { return body_; }
  // The response is on its way: its deadlines hold for both directions now.
  void response_begins() {
    read_timeout_ = Duration::max();
    body_.set_patience(net::Patience(read_timeout_));
  }
  // The rest of what the client sends belongs to another protocol.
  void switch_protocols(Duration read_timeout) {
    touch();  // the first read would set the request's patience in place of this
    body_.switch_protocols(read_timeout);
  }

 private:
  void touch() {
    if (!touched_) body_.set_patience(net::Patience(read_timeout_, request_.client_rate_min));
    touched_ = true;
    first_ = {};
  }

  H1Body body_;
  const Request& request_;
  net::Stream& stream_;
  Duration read_timeout_;
  Duration write_timeout_;
  bool wants_continue_;
  bool touched_ = false;
  net::Slice first_;  // taken from what was received, and nothing behind it
};

// The text outlives it.
class TextBody final : public Body {
 public:
  explicit TextBody(std::string_view content) : content_(content) {}
  net::Task<Result<net::Slice>> read() override {
    co_return net::as_slice(std::exchange(content_, std::string_view()));
  }
  bool at_end() const override { return content_.empty(); }

 private:
  std::string_view content_;
};

}  // namespace weir::http
