#include "http/h1_body.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace weir::http {

H1Body::H1Body(net::Stream& stream, Side side, Framing framing, std::uint64_t content_length,
               net::Slice buffered, net::Patience patience)
    : stream_(stream),
      patience_(patience),
      side_(side),
      framing_(framing),
      at_end_(framing == Framing::kNone || (framing == Framing::kLength && content_length == 0)),
      left_(framing == Framing::kLength ? content_length : 0),
      decoder_(side),
      input_(buffered) {}

std::unexpected<Error> H1Body::refuse(const Error& error) {
  refusal_ = error;
  return fail(error);
}

void H1Body::switch_protocols(Duration read_timeout) {
  patience_ = net::Patience(read_timeout);
  framing_ = Framing::kUntilClose;
  at_end_ = false;
  switched_ = true;
}

Result<net::Slice> H1Body::next_chunk() {
  if (refusal_) return fail(*refusal_);
  while (!input_.empty()) {
    auto step = decoder_.decode(input_);
    if (!step) return refuse(step.error());
    if (step->done && !step->trailers.empty()) {
      trailers_ = std::make_unique<Fields>();
      if (!read_trailers(step->trailers, *trailers_)) {
        return refuse({Code::kHeadTooLarge, side_, Retry::kNever, 0, "too many trailer fields"});
      }
    }
    input_ = input_.subspan(step->consumed);
    if (step->data.size() > allowed_) {
      return refuse({Code::kBodyTooLarge, side_, Retry::kNever, 0, "the content is larger than allowed"});
    }
    at_end_ = step->done;
    allowed_ -= step->data.size();
    bytes_ += step->data.size();
    if (at_end_ || !step->data.empty()) return step->data;
    if (step->consumed == 0) break;  // an unfinished trailer section: more must come behind it
  }
  return net::Slice{};
}

// The next piece of what has been received; empty when more must be, or at the end.
Result<net::Slice> H1Body::next_buffered() {
  if (at_end_ || input_.empty()) return net::Slice{};
  if (framing_ == Framing::kChunked) return next_chunk();
  net::Slice piece = input_;
  if (framing_ == Framing::kLength) {
    piece = piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size())));
    left_ -= piece.size();
    at_end_ = left_ == 0;
  }
  input_ = input_.subspan(piece.size());
  bytes_ += piece.size();
  return piece;
}

net::Slice H1Body::take_buffered() {
  auto piece = next_buffered();
  return piece ? *piece : net::Slice{};  // nothing was consumed of what is malformed: the next read() tells
}

bool H1Body::give_back(net::Slice piece) {
  if (framing_ != Framing::kLength || buffer_ ||
      (!input_.empty() && input_.data() != piece.data() + piece.size())) {
    return false;
  }
  input_ = {piece.data(), piece.size() + input_.size()};
  left_ += piece.size();
  bytes_ -= piece.size();
  at_end_ = false;
  return true;
}

void H1Body::discard_buffered() {
  while (!take_buffered().empty()) {
  }
}

net::Task<Result<void>> H1Body::fill() {
  if (switched_ && input_.empty()) {
    buffer_.release();
    if (auto ready = co_await stream_.readable(patience_); !ready) {
      Error error = ready.error();
      error.side = side_;
      co_return fail(error);
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
  // Behind a body of known length nothing is taken: a pipelined request stays in the socket.
  if (framing_ == Framing::kLength && left_ < room.size()) room = room.first(static_cast<std::size_t>(left_));
  auto got = co_await stream_.read(room, patience_);
  if (!got) {
    Error error = got.error();
    error.side = side_;
    co_return fail(error);
  }
  if (*got == 0) {
    at_end_ = framing_ == Framing::kUntilClose;
    if (!at_end_) co_return fail(Code::kClosed, "the connection ended within the content", side_);
  }
  input_ = buffer_.span().first(input_.size() + *got);
  co_return Result<void>{};
}

net::Task<Result<net::Slice>> H1Body::read() {
  for (;;) {
    auto piece = next_buffered();
    if (!piece) co_return fail(piece.error());
    if (!piece->empty() || at_end_) co_return *piece;
    if (auto filled = co_await fill(); !filled) co_return fail(filled.error());
  }
}

net::Task<net::Pumped> H1Body::pump_to(net::Stream& to, net::Patience& writing) {
  net::Pumped pumped;
  while (!at_end_) {
    if (input_.empty() && framing_ != Framing::kChunked) break;
    const auto piece = co_await read();
    if (!piece) {
      pumped.result = fail(piece.error());
      pumped.read_failed = true;
      co_return pumped;
    }
    if (auto written = co_await to.write(*piece, writing); !written) {
      pumped.result = fail(written.error());
      co_return pumped;
    }
    pumped.bytes += piece->size();
  }
  if (at_end_) co_return pumped;
  buffer_.release();
  const bool until_close = framing_ == Framing::kUntilClose;
  net::Pumped rest;
  if (switched_) {
    rest = co_await net::pump_messages(stream_, to, patience_, writing);
  } else {
    rest = co_await net::pump(stream_, to, until_close ? std::numeric_limits<std::uint64_t>::max() : left_,
                              patience_, writing);
  }
  left_ -= until_close ? 0 : rest.bytes;
  bytes_ += rest.bytes;
  at_end_ = until_close ? rest.result.has_value() : left_ == 0;
  pumped.bytes += rest.bytes;
  pumped.result = rest.result;
  pumped.read_failed = rest.read_failed;
  co_return pumped;
}

}  // namespace weir::http
