#include "http/request_body.h"

#include <algorithm>
#include <cstring>

namespace weir::http {
namespace {
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
}

// The next piece of what is in input_; empty when more must be received, or at the end.
Result<net::Slice> RequestBody::next_buffered() {
  if (at_end_ || input_.empty()) return net::Slice{};
  if (framing_ == Framing::kLength) {
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input_.size()));
    const net::Slice piece = input_.first(bytes);
    input_ = input_.subspan(bytes);
    left_ -= bytes;
    at_end_ = left_ == 0;
    return piece;
  }
  while (!input_.empty()) {
    auto step = decoder_.decode(input_);
    if (!step) return fail(step.error());
    input_ = input_.subspan(step->consumed);
    if (step->done) {
      at_end_ = true;
      if (!step->trailers.empty() && !read_trailers(step->trailers, trailers_)) {
        return fail(Code::kHeadTooLarge, "too many trailer fields", Side::kDownstream);
      }
      return step->data;
    }
    if (!step->data.empty()) return step->data;
    if (step->consumed == 0) break;  // an unfinished trailer section: more must come behind it
  }
  return net::Slice{};
}

net::Slice RequestBody::take_buffered() {
  auto piece = next_buffered();
  // A malformed chunk is told by the read() that follows: nothing was consumed of it.
  return piece ? *piece : net::Slice{};
}

Result<void> RequestBody::discard_buffered() {
  for (;;) {
    auto piece = next_buffered();
    if (!piece) return fail(piece.error());
    if (piece->empty()) return {};
  }
}

net::Task<Result<void>> RequestBody::fill() {
  if (wants_continue_) {
    wants_continue_ = false;
    if (auto sent = co_await stream_.write(net::as_slice(kContinue), write_timeout_); !sent) {
      co_return fail(sent.error());
    }
  }
  if (!buffer_) {
    net::Buffer fresh = net::Buffer::acquire();
    std::memcpy(fresh.data(), input_.data(), input_.size());
    buffer_ = std::move(fresh);
  } else if (!input_.empty()) {
    std::memmove(buffer_.data(), input_.data(), input_.size());
  }
  std::span<std::byte> room = buffer_.span().subspan(input_.size());
  // Of a body of known length nothing behind it is taken: a pipelined request stays in the socket.
  if (framing_ == Framing::kLength && left_ < room.size()) room = room.first(static_cast<std::size_t>(left_));
  auto got = co_await stream_.read(room, read_timeout_);
  if (!got) {
    Error error = got.error();
    error.side = Side::kDownstream;
    co_return fail(error);
  }
  if (*got == 0) co_return fail(Code::kClosed, "the client closed within its request", Side::kDownstream);
  input_ = buffer_.span().first(input_.size() + *got);
  co_return Result<void>{};
}

net::Task<Result<net::Slice>> RequestBody::read() {
  for (;;) {
    auto piece = next_buffered();
    if (!piece) co_return fail(piece.error());
    if (!piece->empty() || at_end_) co_return *piece;
    if (auto filled = co_await fill(); !filled) co_return fail(filled.error());
  }
}

net::Task<net::Pumped> RequestBody::pump_to(net::Stream& to, Duration timeout) {
  if (framing_ != Framing::kLength || wants_continue_) co_return co_await Body::pump_to(to, timeout);
  net::Pumped pumped;
  if (const net::Slice first = take_buffered(); !first.empty()) {
    if (auto written = co_await to.write(first, timeout); !written) {
      pumped.result = fail(written.error());
      co_return pumped;
    }
    pumped.bytes = first.size();
  }
  buffer_.release();
  if (at_end_) co_return pumped;
  const net::Pumped rest = co_await net::pump(stream_, to, left_, std::min(timeout, read_timeout_));
  left_ -= rest.bytes;
  at_end_ = left_ == 0;
  pumped.bytes += rest.bytes;
  pumped.result = rest.result;
  pumped.read_failed = rest.read_failed;
  co_return pumped;
}

}  // namespace weir::http
