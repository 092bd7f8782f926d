#include "h2/stream.h"

#include <utility>

#include "base/check.h"
#include "h2/limits.h"
#include "h2/session.h"

namespace weir::h2 {

Stream::Stream(Session& session) : session_(session) {
  next_ = session_.streams_;
  link_ = &session_.streams_;
  if (next_ != nullptr) next_->link_ = &next_;
  session_.streams_ = this;
  ++session_.open_streams_;
}

Stream::~Stream() {
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  --session_.open_streams_;
  session_.forget(*this);
}

net::Slice Stream::take_content() {
  const net::Slice piece = content_.take();
  if (const std::size_t done = content_.done_bytes(); done > 0) session_.consumed(*this, done);
  return piece;
}

// The peer's fault.
Error Stream::late(const net::Patience& patience, Duration quiet) const {
  const bool slow = patience.has_rate() && quiet < patience.limit();
  return {slow ? Code::kTooSlow : Code::kTimedOut, session_.peer_side(), Retry::kNever, 0,
          slow ? "slower than the lowest rate" : "deadline passed"};
}

net::Task<Result<net::Slice>> Stream::read_content(net::Patience& patience) {
  const net::Loop& loop = session_.loop();
  const Instant began = loop.now();
  for (;;) {
    if (content_.error()) co_return fail(*content_.error());
    if (const net::Slice piece = take_content(); !piece.empty() || content_.ended()) {
      patience.give_back(piece.size() * session_.open_streams());
      co_return piece;
    }
    session_.flush();  // the peer may be waiting for its windows
    const Instant since = loop.now();
    auto waited = co_await received_.wait(session_.loop(), patience.left());
    if (session_.peer_may_send()) patience.spend(loop.now() - since);
    if (waited) continue;
    if (waited.error().code != Code::kTimedOut) co_return fail(waited.error());
    const Duration quiet = loop.now() - began;
    if (patience.over(quiet)) co_return fail(late(patience, quiet));
  }
}

void Stream::send(net::Slice piece, bool last, const http::Fields* trailers) {
  if (closed_) return;
  WEIR_CHECK(rest_.empty() && !last_);
  rest_ = piece;
  last_ = last;
  trailers_ = trailers;
  if (has_source_ && deferred_) session_.resume(*this);
}

bool Stream::leave(net::Slice piece) {
  if (closed_ || piece.size() > kLeftBytesMax || !session_.lets_go(*this, piece.size())) return false;
  WEIR_CHECK(rest_.empty() && !deferred_);
  rest_ = net::as_slice(arena_.keep(net::as_text(piece)));
  last_ = true;
  left_ = true;
  content_bytes_sent_ += piece.size();
  ++session_.left_streams_;
  session_.left_since_ = session_.loop().now();
  session_.left_bytes_ += piece.size();
  session_.flush_soon();
  return true;
}

net::Task<Result<void>> Stream::wait_sent(net::Patience& patience) {
  const net::Loop& loop = session_.loop();
  Instant quiet_since = loop.now();
  while (!all_sent()) {
    const std::size_t before = rest_.size();
    const Instant since = loop.now();
    auto waited = co_await progress_.wait(session_.loop(), patience.left());
    const std::size_t taken = before - rest_.size();
    patience.spend(loop.now() - since);
    patience.give_back(taken * session_.open_streams());
    if (waited) continue;
    if (waited.error().code != Code::kTimedOut) {
      Error error = waited.error();
      error.side = session_.peer_side();
      co_return fail(error);
    }
    if (taken >= (patience.has_rate() ? 1 : kSlowestBytes)) quiet_since = loop.now();
    const Duration quiet = loop.now() - quiet_since;
    if (patience.over(quiet)) co_return fail(late(patience, quiet));
  }
  if (end_sent_ || !closed_) co_return Result<void>{};
  co_return fail(content_.error() ? *content_.error()
                                  : Error{Code::kReset, session_.peer_side(), Retry::kNever, 0,
                                          "the peer reset the stream"});
}

std::size_t Stream::retract() { return std::exchange(rest_, {}).size(); }

void Stream::reset(ErrorCode why) {
  if (closed_ || reset_here_) return;
  reset_here_ = true;
  rest_ = {};
  trailers_ = nullptr;
  session_.submit_reset(id_, why);
}

void Stream::release(ErrorCode why) {
  released_ = true;
  session_.forget(*this);  // a section that is being decoded is of no use
  // Nobody reads what has come, and what else comes.
  if (const std::size_t unread = content_.clear(); unread > 0) session_.consumed(*this, unread);
  if (closed_ || id_ == 0) {
    delete this;
    return;
  }
  if (left_ && !end_sent_) return;                                                // it is on its way
  if (tunnel_ && last_ && !end_sent_ && why != ErrorCode::kConnectError) return;  // so is this
  if (!end_sent_ || !content_.ended()) reset(why);
}

void Stream::close(ErrorCode code) {
  closed_ = true;
  session_.forget(*this);
  if (left_) {
    --session_.left_streams_;
    session_.left_bytes_ -= rest_.size();
  }
  if (tunnel_) session_.windows_.closed(std::exchange(window_bytes_, kTunnelWindowBytes));
  rest_ = {};
  trailers_ = nullptr;
  content_.fail({Code::kReset, session_.peer_side(), Retry::kNever, 0, "the peer reset the stream"});
  on_closed(code);
  note_received();
  note_progress();
  if (released_) delete this;
}

}  // namespace weir::h2
