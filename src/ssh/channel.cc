#include "ssh/channel.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "ssh/limits.h"
#include "ssh/session.h"

namespace weir::ssh {
namespace {

// Of content, so that one packet holds it: clients take 32,768 bytes, of which libssh leaves 10 for the head.
constexpr std::size_t kPacketBytes = 32'752;

constexpr Error kGone{Code::kReset, Side::kInternal, Retry::kNever, 0, "the tunnel is gone"};

}  // namespace

struct Channel::Hooks {
  ssh_channel_callbacks_struct callbacks{};
};

Channel::Channel(Session& session, ssh_channel_struct* channel)
    : Stream(session.loop()),
      session_(&session),
      channel_(channel),
      hooks_(std::make_unique<Hooks>()),
      next_(session.all_channels_),
      link_(&session.all_channels_),
      window_bytes_(limits::kWindowBytesMin) {
  if (next_ != nullptr) next_->link_ = &next_;
  *link_ = this;
  ++session.channels_;
  hook();
}

Channel::~Channel() {
  WEIR_CHECK(reader_ == nullptr && writer_ == nullptr && opening_ == nullptr);
  if (session_ != nullptr) session_->release(*this);
}

void Channel::hook() {
  ssh_channel_callbacks_struct& callbacks = hooks_->callbacks;
  callbacks.size = sizeof callbacks;
  callbacks.userdata = this;
  // What is left here is given again with what comes next: the session reads when somebody wants it.
  callbacks.channel_data_function = [](ssh_session, ssh_channel, void*, std::uint32_t bytes, int is_stderr,
                                       void* self) -> int {
    if (is_stderr != 0) return static_cast<int>(bytes);  // a forward has none
    static_cast<Channel*>(self)->on_input(bytes);
    return 0;
  };
  callbacks.channel_eof_function = [](ssh_session, ssh_channel, void* self) {
    static_cast<Channel*>(self)->on_end(false);
  };
  callbacks.channel_close_function = [](ssh_session, ssh_channel, void* self) {
    static_cast<Channel*>(self)->on_end(true);
  };
  (void)ssh_add_channel_callbacks(channel_, &callbacks);
}

void Channel::unhook() { (void)ssh_remove_channel_callbacks(channel_, &hooks_->callbacks); }

// --- opening

Channel::Opening::Opening(Channel& channel, Duration timeout)
    : Operation(channel.loop()), result(channel.answer_), channel_(channel), timeout_(timeout) {
  if (channel.session_ == nullptr) result = fail(kGone);
}

Channel::Opening::~Opening() {
  if (channel_.opening_ == this) channel_.opening_ = nullptr;
}

void Channel::Opening::give_up(const Error& why) {
  channel_.opening_ = nullptr;
  result = fail(Error{why.code, Side::kUpstream, Retry::kSafe, 0, why.text});
}

void Channel::opened(const Result<void>& result) {
  open_ = result.has_value();
  answer_ = result;
  Opening* waiting = std::exchange(opening_, nullptr);
  if (waiting == nullptr) return;
  waiting->result = result;
  waiting->resume_soon();
}

// --- reading

// Called by libssh; what it holds is not touched by others meanwhile.
void Channel::on_input(std::size_t buffered_bytes) {
  session_->hold(static_cast<std::int64_t>(buffered_bytes) - static_cast<std::int64_t>(buffered_));
  buffered_ = buffered_bytes;
  if (buffered_ + kept_.size() > limits::kChannelHeldBytesMax) {
    return session_->finish({Code::kMalformed, Side::kDownstream, Retry::kNever, 0, "more than its window"});
  }
  if (reader_ != nullptr) serve_reader();
}

void Channel::on_end(bool closed) {
  ended_ = true;
  closed_ = closed_ || closed;
  if (closed_) fail_writer();
  if (reader_ != nullptr) return serve_reader();
  if (watch_ != nullptr) session_->hung_up_.push_back(this);
}

void Channel::serve_reader() {
  if (!try_read(*reader_)) return;
  if (session_ != nullptr) session_->served_ = true;
  std::exchange(reader_, nullptr)->resume_soon();
}

bool Channel::start(net::StreamOperation& operation) {
  if (operation.kind != net::StreamOperation::Kind::kWrite) {
    WEIR_CHECK(reader_ == nullptr);
    if (try_read(operation)) return true;
    reader_ = &operation;
    return false;
  }
  WEIR_CHECK(writer_ == nullptr);
  if (session_ == nullptr || closed_ || shut_) {
    operation.result =
        fail(session_ == nullptr ? kGone : Error{Code::kReset, {}, {}, 0, "the stream is closed"});
    return true;
  }
  writer_ = &operation;
  session_->want_write(*this);
  return false;
}

void Channel::forget(net::StreamOperation& operation) {
  if (reader_ == &operation) reader_ = nullptr;
  if (writer_ == &operation) writer_ = nullptr;
}

bool Channel::try_read(net::StreamOperation& operation) {
  const bool some = kept_.size() > kept_begin_ || buffered_ > 0;
  if (!some && session_ == nullptr && !ended_) {
    operation.result = fail(kGone);
    return true;
  }
  if (!some && !ended_) return false;
  if (operation.kind == net::StreamOperation::Kind::kReadable) return true;
  if (!some) {
    operation.result = 0;
  } else {
    operation.result = kept_.size() > kept_begin_ ? take_kept(operation.into) : take(operation.into);
  }
  return true;
}

// libssh opens the window whenever less than half of the least is left of it and somebody reads, however much
// it holds. So it is asked for all that it holds or nothing: what a slow reader makes us keep has a bound.
std::size_t Channel::take(std::span<std::byte> into) {
  if (buffered_ <= into.size()) {
    const std::size_t bytes = fetch(into);
    session_->hold(-static_cast<std::int64_t>(bytes));
    return bytes;
  }
  kept_.resize(buffered_);
  kept_.resize(fetch(kept_));
  kept_begin_ = 0;
  return take_kept(into);
}

std::size_t Channel::take_kept(std::span<std::byte> into) {
  const std::size_t bytes = std::min(into.size(), kept_.size() - kept_begin_);
  std::memcpy(into.data(), kept_.data() + kept_begin_, bytes);
  kept_begin_ += bytes;
  if (kept_begin_ == kept_.size()) {
    kept_ = {};
    kept_begin_ = 0;
  }
  if (session_ != nullptr) session_->hold(-static_cast<std::int64_t>(bytes));
  return bytes;
}

// All that libssh holds. By the count it opens the window as wide as that, and writes no more than it holds.
std::size_t Channel::fetch(std::span<std::byte> into) {
  WEIR_CHECK(buffered_ <= into.size());
  std::size_t count = buffered_;
  consumed_bytes_ += buffered_;
  if (consumed_bytes_ >= window_bytes_ / 2) {
    widen();
    consumed_bytes_ = 0;
    count = std::max(count, window_bytes_);
  }
  const int got = ssh_channel_read_timeout(channel_, into.data(), static_cast<std::uint32_t>(count), 0, 0);
  WEIR_CHECK(got == static_cast<int>(buffered_) || got <= 0);
  buffered_ = 0;
  session_->push();  // the window's opening
  return static_cast<std::size_t>(std::max(got, 0));
}

// A reader that keeps up is given twice as much, while there is something to give.
void Channel::widen() {
  const std::size_t wider = std::min(2 * window_bytes_, limits::kWindowBytesMax);
  if (wider == window_bytes_ || buffered_ > window_bytes_ / 4) return;
  if (session_->grant_window(wider - window_bytes_)) window_bytes_ = wider;
}

bool Channel::has_input() const { return ended_ || buffered_bytes() > 0; }

void Channel::watch_hangup(net::HangupWatch* watch) {
  watch_ = watch;
  if (watch != nullptr && peer_closed()) std::exchange(watch_, nullptr)->on_hangup();
}

// --- writing

void Channel::fail_writer() {
  if (writer_ == nullptr) return;
  writer_->result = fail(Code::kReset, "the stream is closed");
  std::exchange(writer_, nullptr)->resume_soon();
}

bool Channel::has_window() const { return ssh_channel_window_size(channel_) > 0; }

Channel::Wrote Channel::write_some() {
  if (writer_ == nullptr) {
    if (shut_ && !closed_) (void)ssh_channel_send_eof(channel_);
    return Wrote::kDone;
  }
  net::StreamOperation& operation = *writer_;
  std::size_t rest = 0;
  for (const net::Slice slice : operation.from) rest += slice.size();
  const std::size_t window = ssh_channel_window_size(channel_);
  if (window == 0) return Wrote::kNoWindow;
  std::size_t bytes = std::min({rest, kPacketBytes, window});
  if (bytes > 0) {
    // One packet of all slices.
    net::Slice from = *std::ranges::find_if(operation.from, [](net::Slice slice) { return !slice.empty(); });
    net::Buffer gathered;
    if (from.size() < bytes) {
      gathered = net::Buffer::acquire();
      std::size_t at = 0;
      for (const net::Slice slice : operation.from) {
        const std::size_t part = std::min(slice.size(), bytes - at);
        if (part > 0) std::memcpy(gathered.data() + at, slice.data(), part);
        at += part;
      }
      from = net::Slice(gathered.data(), bytes);
    }
    session_->before_write(bytes);
    const int wrote = ssh_channel_write(channel_, from.data(), static_cast<std::uint32_t>(bytes));
    session_->after_write(bytes);
    if (writer_ == nullptr) return Wrote::kDone;  // the client closed it just now
    if (wrote < 0) {
      fail_writer();
      return Wrote::kDone;
    }
    if (wrote == 0) return Wrote::kNotNow;  // keys are being exchanged anew
    bytes = static_cast<std::size_t>(wrote);
  }
  operation.bytes_done += bytes;
  rest -= bytes;
  for (net::Slice& slice : operation.from) {
    const std::size_t cut = std::min(bytes, slice.size());
    slice = slice.subspan(cut);
    bytes -= cut;
  }
  if (rest > 0) return Wrote::kMore;
  operation.result = operation.bytes_done;
  std::exchange(writer_, nullptr)->resume_soon();
  return Wrote::kDone;
}

// Of the connection, which its streams share: TCP knows no streams.
std::size_t Channel::untaken_bytes() const {
  int bytes = 0;
  if (session_ == nullptr || session_->descriptor_ < 0) return 0;
  return ::ioctl(session_->descriptor_, SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

Result<void> Channel::shutdown_write() {
  if (session_ == nullptr || closed_) return fail(Code::kReset, "the stream is closed");
  if (!std::exchange(shut_, true)) session_->want_write(*this);
  return {};
}

void Channel::detach() {
  session_ = nullptr;
  channel_ = nullptr;
  buffered_ = 0;
  if (!open_ && answer_) {
    opened(fail(Error{Code::kConnectFailed, Side::kUpstream, Retry::kSafe, 0, "the tunnel is gone"}));
    open_ = false;
  }
  if (writer_ != nullptr) {
    writer_->result = fail(kGone);
    std::exchange(writer_, nullptr)->resume_soon();
  }
  if (reader_ != nullptr) serve_reader();
  if (watch_ != nullptr) std::exchange(watch_, nullptr)->on_hangup();
}

}  // namespace weir::ssh
