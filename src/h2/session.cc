#include "h2/session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "h2/limits.h"

namespace weir::h2 {
namespace {

// A wait that other things end: the connection's own timers, or its end.
constexpr Duration kNoDeadline = Duration::max();

std::array<std::byte, 17> goaway_frame(std::int32_t last_stream_id, ErrorCode why) {
  std::array<std::byte, 17> frame{};
  const auto put = [&frame](std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) frame[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
  };
  frame[2] = std::byte{8};  // length
  frame[3] = std::byte{NGHTTP2_GOAWAY};
  put(9, static_cast<std::uint32_t>(last_stream_id));
  put(13, static_cast<std::uint32_t>(why));
  return frame;
}

}  // namespace

Session::Session(Role role, Carries carries, std::unique_ptr<net::Stream> stream, net::Patience writing)
    : role_(role),
      carries_(carries),
      loop_(stream->loop()),
      stream_(std::move(stream)),
      writing_patience_(writing),
      session_(make_session(role, *this)) {}

Session::~Session() {
  WEIR_CHECK(streams_ == nullptr);
  nghttp2_session_del(session_);
}

void Session::start(std::uint32_t streams_max) {
  const auto entries = std::to_array<nghttp2_settings_entry>({
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
       static_cast<std::uint32_t>(carries_tunnels() ? kTunnelWindowBytes : kStreamWindowBytes)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(kHeadListBytesMax)},
      // The tree of RFC 7540 costs time with every stream; RFC 9113 section 5.3 has given it up.
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
      role_ == Role::kServer ? nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}
                             // RFC 8441 section 3
                             : nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
  });
  WEIR_CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size()) == 0);
  const std::int32_t window = carries_tunnels() ? kTunnelConnectionWindowBytes : kConnectionWindowBytes;
  WEIR_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, window) == 0);
  flush();
}

// --- input

net::Task<void> Session::receive_all() {
  net::Context& context = co_await net::current_context();
  receiver_ = &context;
  // A nudge is no end: what it was about shows in the loop's condition.
  const auto nudged = [&context](const Error& error) {
    return error.code == Code::kCancelled && !context.cancelled();
  };
  std::size_t since_yield = 0;
  while (!stopped_ && !done()) {
    if (auto ready = co_await stream_->readable(kNoDeadline); !ready) {
      if (nudged(ready.error())) continue;
      break;
    }
    net::Buffer buffer = net::Buffer::acquire();
    const auto got = co_await stream_->read(buffer.span(), kNoDeadline);
    if (!got && nudged(got.error())) continue;
    if (!got || *got == 0) break;
    take_in(buffer.span().first(*got));
    buffer.release();
    since_yield += *got;
    if (since_yield < kBytesBeforeYield) continue;
    since_yield = 0;
    if (auto slept = co_await loop().sleep(Duration::zero()); !slept && context.cancelled()) break;
  }
  receiver_ = nullptr;
}

void Session::take_in(net::Slice bytes) {
  ++receivings_;
  received_at_ = loop().now();
  asked_ = false;
  receive(bytes);
  if (carries_tunnels()) measure();
  on_received();
  flush();
}

void Session::feed(net::Slice bytes) {
  if (dying_ || stopped_) return;
  receiving_ = true;
  const auto taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  receiving_ = false;
  if (taken < 0) {  // nghttp2's session is of no use any more
    const bool flooded = taken == NGHTTP2_ERR_FLOODED || taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS ||
                         taken == NGHTTP2_ERR_CALLBACK_FAILURE;
    die(flooded ? ErrorCode::kEnhanceYourCalm : ErrorCode::kProtocolError);
  } else if (queued_frames() > kQueuedFramesMax) {
    die(ErrorCode::kEnhanceYourCalm);
  }
}

void Session::stop_receiving() {
  stopped_ = true;
  if (receiver_ != nullptr) receiver_->interrupt();
}

net::Task<void> Session::linger(Duration timeout) {
  if (gone_ || !stream_->shutdown_write()) co_return;
  const Instant deadline = loop().deadline(timeout);
  const net::Buffer buffer = net::Buffer::acquire();
  std::size_t dropped = 0;
  while (dropped < kLingerBytesMax) {
    const auto got = co_await stream_->read(buffer.span(), deadline - loop().now());
    if (!got || *got == 0) co_return;
    dropped += *got;
  }
}

// --- output

void Session::flush() {
  if (receiving_ || packing_) return;
  pack();
  if (!writing_ && (out_bytes_ > 0 || !left_over_.empty())) wake_.set();
}

void Session::flush_soon() {
  if (!writing_) wake_.set();
}

bool Session::lets_go(const Stream& stream, std::size_t bytes) const {
  const std::size_t all = left_bytes_ + bytes;
  if (writing_ || gone_ || dying_ || all > room() / 2) return false;  // the heads need room too
  const auto fits = [](std::size_t content, std::int32_t window) {
    return static_cast<std::int64_t>(content) <= window;
  };
  return fits(bytes, nghttp2_session_get_stream_remote_window_size(session_, stream.id_)) &&
         fits(all, nghttp2_session_get_remote_window_size(session_));
}

std::optional<Instant> Session::left_since() const {
  return left_streams_ == 0 ? std::nullopt : std::optional(left_since_);
}

void Session::pack() {
  if (writing_ || gone_) return;
  packing_ = true;
  pack_all();
  packing_ = false;
  if (ending_ && receiver_ != nullptr && done()) receiver_->interrupt();
}

void Session::pack_all() {
  for (;;) {
    if (!left_over_.empty()) {
      const std::size_t fitting = std::min(left_over_.size(), room());
      append(left_over_.first(fitting));
      left_over_ = left_over_.subspan(fitting);
      if (!left_over_.empty()) return;
    }
    if (dying_) {
      const auto frame = goaway_frame(last_opened_, death_);
      if (!death_packed_ && room() >= frame.size()) {
        append(frame);
        death_packed_ = true;
      }
      return;
    }
    if (nghttp2_session_want_write(session_) == 0) return;
    const std::uint8_t* data = nullptr;
    const auto bytes = nghttp2_session_mem_send(session_, &data);
    if (bytes < 0) {
      die(ErrorCode::kInternalError);
      continue;
    }
    if (bytes == 0) return;  // or the next piece of content waits for room
    left_over_ = {reinterpret_cast<const std::byte*>(data), static_cast<std::size_t>(bytes)};
  }
}

void Session::append(net::Slice bytes) {
  while (!bytes.empty()) {
    net::Buffer& buffer = out_[out_bytes_ / net::Buffer::kBytes];
    const std::size_t used = out_bytes_ % net::Buffer::kBytes;
    if (!buffer) buffer = net::Buffer::acquire();
    const std::size_t fitting = std::min(bytes.size(), net::Buffer::kBytes - used);
    std::memcpy(buffer.data() + used, bytes.data(), fitting);
    out_bytes_ += fitting;
    bytes = bytes.subspan(fitting);
  }
}

net::Stream::Slices Session::output() const {
  net::Stream::Slices slices;
  std::size_t left = out_bytes_;
  for (std::size_t i = 0; left > 0; ++i) {
    slices[i] = out_[i].span().first(std::min(left, net::Buffer::kBytes));
    left -= slices[i].size();
  }
  return slices;
}

void Session::release_output() {
  for (net::Buffer& buffer : out_) buffer.release();
}

net::Task<void> Session::send_all() {
  for (;;) {
    pack();
    if (out_bytes_ == 0) {
      release_output();
      if (finishing_ || gone_) co_return;
      if (!co_await wake_.wait(loop())) break;
      wake_.reset();
      continue;
    }
    writing_ = true;
    const auto written = co_await stream_->write(output(), writing_patience_);
    writing_ = false;
    if (!written) break;
    out_bytes_ = 0;
  }
  break_off();
}

void Session::finish() {
  finishing_ = true;
  wake_.set();
}

void Session::close() {
  break_off();
  stream_.reset();
}

// Nobody hears us any more.
void Session::break_off() {
  gone_ = true;
  out_bytes_ = 0;
  left_over_ = {};
  release_output();
  stop_receiving();
  close_streams(ErrorCode::kInternalError);
}

// --- keepalive

Session::KeepaliveTimer::KeepaliveTimer(Session& owner)
    : Timer([](net::Timer& timer) { static_cast<KeepaliveTimer&>(timer).session.check_alive(); }),
      session(owner) {}

void Session::keep_alive(Duration interval, Duration timeout) {
  WEIR_CHECK(!kept_alive());
  if (interval == Duration::max()) return;
  keepalive_interval_ = interval;
  keepalive_timeout_ = timeout;
  received_at_ = loop().now();
  loop().arm(keepalive_timer_, loop().deadline(interval));
}

// What comes moves no timer: it is looked at when the timer fires.
void Session::check_alive() {
  if (dying_ || gone_ || stopped_) return;
  const Instant now = loop().now();
  const Instant next = received_at_ + keepalive_interval_;
  if (asked_) {
    ending_ = true;
    lost_ = true;
    stop_receiving();
    return;
  }
  if (now < next) {
    loop().arm(keepalive_timer_, next);
    return;
  }
  asked_ = true;
  loop().arm(keepalive_timer_, loop().deadline(keepalive_timeout_));
  (void)nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  flush();
}

// --- the end

void Session::submit_notice() {
  if (dying_) return;
  (void)nghttp2_submit_shutdown_notice(session_);
  flush();
}

void Session::submit_goaway(ErrorCode why) {
  ending_ = true;
  if (dying_) return;
  (void)nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                              static_cast<std::uint32_t>(why), nullptr, 0);
  flush();
}

void Session::die(ErrorCode why) {
  if (dying_) return;
  dying_ = true;
  ending_ = true;
  death_ = why;
  decoding_ = nullptr;
  stop_receiving();
  flush();
}

bool Session::done() const {
  if (dying_) return true;
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

std::size_t Session::queued_frames() const { return nghttp2_session_get_outbound_queue_size(session_); }

std::uint32_t Session::peer_streams_max() const {
  if (!settings_received_) return streams_expected(carries_);
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool Session::peer_takes_protocols() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

void Session::wake_streams() {
  for (Stream* stream = streams_; stream != nullptr; stream = stream->next_) stream->note_received();
}

void Session::close_streams(ErrorCode why) {
  if (!std::exchange(dying_, true)) death_packed_ = true;  // whatever was to be said was said
  ending_ = true;
  for (Stream* stream = streams_; stream != nullptr;) {
    Stream* next = stream->next_;  // it may be destroyed by this
    if (!stream->closed_) stream->close(why);
    stream = next;
  }
}

// --- streams

void Session::forget(const Stream& stream) {
  if (found_ == &stream) found_ = nullptr;
  if (decoding_ == &stream) decoding_ = nullptr;
}

// Frames of one stream come in runs.
Stream* Session::find(std::int32_t id) {
  if (found_ != nullptr && found_->id_ == id) return found_;
  found_ = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
  return found_;
}

void Session::submit_reset(std::int32_t id, ErrorCode why) {
  if (dying_ || gone_) return;
  (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(why));
  flush();
}

void Session::resume(Stream& stream) {
  if (dying_ || gone_) return;
  stream.deferred_ = false;
  (void)nghttp2_session_resume_data(session_, stream.id_);
}

bool Session::peer_may_send() const {
  return dying_ || gone_ || nghttp2_session_get_local_window_size(session_) > 0;
}

void Session::consumed(const Stream& stream, std::size_t bytes) {
  if (dying_ || gone_) return;
  if (!carries_tunnels()) {
    (void)nghttp2_session_consume(session_, stream.id_, bytes);
    return;
  }
  windows_.read(bytes);
  (void)nghttp2_session_consume_stream(session_, stream.id_, bytes);
  open_connection();
}

// --- windows of tunnels

void Session::open_connection() {
  if (const std::size_t bytes = windows_.take_credit(); bytes > 0) {
    (void)nghttp2_session_consume_connection(session_, bytes);
  }
}

// After each receiving.
void Session::measure() {
  if (dying_ || gone_) return;
  open_connection();
  if (std::exchange(probe_answered_, false)) {
    windows_.probe_answered(loop().now());
    grow_windows();
  }
  if (!windows_.probe_due(loop().now())) return;
  windows_.probe_sent(loop().now());
  for (Stream* stream = streams_; stream != nullptr; stream = stream->next_) {
    stream->read_at_probe_ = stream->content_.read_bytes();
  }
  (void)nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, kProbe.data());
}

void Session::grow_windows() {
  for (Stream* stream = streams_; stream != nullptr; stream = stream->next_) {
    if (!stream->tunnel_ || stream->closed_ || stream->released_ || stream->content_.ended()) continue;
    const std::int32_t before = stream->window_bytes_;
    const std::uint64_t read = stream->content_.read_bytes() - stream->read_at_probe_;
    stream->window_bytes_ = windows_.grown(before, read);
    if (stream->window_bytes_ == before) continue;
    (void)nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, stream->id_,
                                                stream->window_bytes_);
  }
}

}  // namespace weir::h2
