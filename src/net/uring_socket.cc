#include "net/uring_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace weir::net {
namespace {

// What may wait unread before the socket receives on demand only. The kernel adds what one turn brings.
constexpr std::size_t kHeldBytesMax = 16UL * 1024;
// A larger write costs more by its copy than by a system call of its own.
constexpr std::size_t kStagedBytesMax = 4096;

std::size_t size_of(const Stream::Slices& slices) {
  std::size_t bytes = 0;
  for (const Slice& slice : slices) bytes += slice.size();
  return bytes;
}

}  // namespace

Result<std::unique_ptr<UringSocket>> UringSocket::create(Loop& loop, UringPoller& poller,
                                                         Descriptor descriptor, bool connecting) {
  return std::unique_ptr<UringSocket>(new UringSocket(loop, poller, std::move(descriptor), connecting));
}

UringSocket::UringSocket(Loop& loop, UringPoller& poller, Descriptor descriptor, bool connecting)
    : Stream(loop),
      poller_(poller),
      descriptor_(std::move(descriptor)),
      slot_(poller.add(*this)),
      writable_(!connecting) {
  if (connecting) {
    poll(Poll::kOut);
  } else {
    receive();
  }
}

UringSocket::~UringSocket() {
  WEIR_CHECK(reader_ == nullptr && writer_ == nullptr);
  if (gone_ != nullptr) *gone_ = true;
  poller_.settle(slot_);
  if (!next_input().empty()) abort();  // as the kernel does for what it has and nobody read
  poller_.remove(slot_);
  if (unsent_.empty() || aborted_ || write_errno_ != 0) {
    poller_.close(std::move(descriptor_));
  } else {
    poller_.send_and_close(std::move(descriptor_), std::move(unsent_));
  }
}

Result<void> UringSocket::shutdown_write() {
  poller_.settle(slot_);
  shut_down_ = true;
  if (!unsent_.empty()) {
    shutdown_pending_ = true;
    return {};
  }
  if (::shutdown(descriptor_.get(), SHUT_WR) != 0) return fail(system_error(errno, "shutdown failed"));
  return {};
}

void UringSocket::abort() {
  aborted_ = true;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  (void)::setsockopt(descriptor_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

// Nothing comes by itself when no receive is under way: then only the kernel knows.
bool UringSocket::has_input() const {
  if (hung_up_ || !next_input().empty()) return true;
  if (receiving_ && !cancelling_) return false;
  std::byte next{};
  return ::recv(descriptor_.get(), &next, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

void UringSocket::watch_hangup(HangupWatch* watch) {
  watch_ = watch;
  if (watch == nullptr) return;
  if (hung_up_) return std::exchange(watch_, nullptr)->on_hangup();
  if (!receiving_ || cancelling_) poll(Poll::kHangup);
}

bool UringSocket::start(StreamOperation& operation) {
  if (operation.kind == StreamOperation::Kind::kWrite) {
    WEIR_CHECK(writer_ == nullptr);
    if (try_write(operation)) return true;
    writer_ = &operation;
    return false;
  }
  WEIR_CHECK(reader_ == nullptr);
  if (try_read(operation)) return true;
  reader_ = &operation;
  await_input();
  return false;
}

void UringSocket::forget(StreamOperation& operation) {
  if (reader_ == &operation) reader_ = nullptr;
  if (writer_ == &operation) writer_ = nullptr;
}

Slice UringSocket::next_input() const { return held_.empty() ? fresh_ : Slice(held_).subspan(held_begin_); }

void UringSocket::consume(std::size_t bytes) {
  if (held_.empty()) {
    fresh_ = fresh_.subspan(bytes);
    return;
  }
  held_begin_ += bytes;
  if (held_begin_ < held_.size()) return;
  held_ = {};  // with its memory: an idle connection has none
  held_begin_ = 0;
}

bool UringSocket::try_read(StreamOperation& operation) {
  const Slice input = next_input();
  if (input.empty() && !ended_) return false;
  if (operation.kind == StreamOperation::Kind::kReadable) return true;
  if (input.empty()) {
    if (read_errno_ != 0) {
      operation.result = fail(system_error(read_errno_, "read failed"));
    } else {
      operation.result = std::size_t{0};
    }
    return true;
  }
  const std::size_t bytes = std::min(input.size(), operation.into.size());
  std::memcpy(operation.into.data(), input.data(), bytes);
  consume(bytes);
  operation.result = bytes;
  return true;
}

void UringSocket::receive() {
  receiving_ = true;
  poller_.receive(slot_, descriptor_.get(), eager_);
}

void UringSocket::cancel_receive() {
  if (!receiving_ || std::exchange(cancelling_, true)) return;
  poller_.cancel_receive(slot_);
}

void UringSocket::poll(Poll what) {
  const auto bit = static_cast<std::uint8_t>(1U << static_cast<unsigned>(what));
  if ((polling_ & bit) != 0) return;
  polling_ |= bit;
  poller_.poll(slot_, descriptor_.get(), what);
}

// Something has to come for the reader: by the receive that is under way, by one that follows the end of a
// cancelled one, or by a new one.
void UringSocket::await_input() {
  if (reader_->kind == StreamOperation::Kind::kRead) splicing_ = false;
  if (receiving_ || ended_) return;
  if (splicing_) {
    poll(Poll::kIn);
  } else {
    receive();
  }
}

void UringSocket::on_end_near() {
  hung_up_ = true;
  reader_knows_ = reader_ != nullptr;
}

void UringSocket::tell_hangup() {
  if (hung_up_ && watch_ != nullptr && reader_ == nullptr && !reader_knows_)
    std::exchange(watch_, nullptr)->on_hangup();
}

void UringSocket::on_received(std::span<const std::byte> bytes, int os_errno, bool more) {
  if (!more) receiving_ = cancelling_ = false;
  const bool passing =
      os_errno == ENOBUFS || os_errno == ECANCELED || os_errno == EAGAIN || os_errno == EINTR;
  if (bytes.empty() && !passing) {
    ended_ = hung_up_ = true;
    read_errno_ = os_errno;
  }
  fresh_ = bytes;
  bool gone = false;
  gone_ = &gone;
  if (reader_ != nullptr && try_read(*reader_)) {
    std::exchange(reader_, nullptr)->resume();
  } else {
    tell_hangup();
  }
  if (gone) return;
  gone_ = nullptr;
  if (!fresh_.empty()) {
    held_.insert(held_.end(), fresh_.begin(), fresh_.end());
    fresh_ = {};
  }
  if (held_.size() - held_begin_ > kHeldBytesMax) {
    eager_ = false;
    cancel_receive();
  }
  if (receiving_ || ended_) return;
  if (eager_) {
    receive();
  } else if (reader_ != nullptr) {
    await_input();
  } else if (watch_ != nullptr) {
    poll(Poll::kHangup);
  }
}

void UringSocket::on_polled(Poll what) {
  polling_ &= static_cast<std::uint8_t>(~(1U << static_cast<unsigned>(what)));
  switch (what) {
    case Poll::kOut: return on_writable();
    case Poll::kIn:
      if (reader_ == nullptr) return;
      if (reader_->kind == StreamOperation::Kind::kReadable) {
        std::exchange(reader_, nullptr)->resume();
      } else {
        await_input();
      }
      return;
    case Poll::kHangup: hung_up_ = true; return tell_hangup();
  }
}

void UringSocket::on_not_sent(std::size_t bytes_sent, int os_errno) {
  write_errno_ = os_errno;
  if (os_errno != 0) return;
  const Slice rest = poller_.staged(slot_).subspan(bytes_sent);
  unsent_.assign(rest.begin(), rest.end());
  writable_ = false;
  poll(Poll::kOut);
}

void UringSocket::on_writable() {
  while (!unsent_.empty()) {
    const auto sent = ::send(descriptor_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return poll(Poll::kOut);
    if (sent < 0) {
      write_errno_ = errno;
      break;
    }
    unsent_.erase(unsent_.begin(), unsent_.begin() + sent);
  }
  unsent_ = {};
  writable_ = true;
  if (std::exchange(shutdown_pending_, false)) (void)::shutdown(descriptor_.get(), SHUT_WR);
  if (eager_ && !receiving_ && !ended_) receive();  // connected
  if (writer_ != nullptr && try_write(*writer_)) std::exchange(writer_, nullptr)->resume();
}

// True: done, with a result.
bool UringSocket::try_write(StreamOperation& operation) {
  poller_.settle(slot_);  // one staged send in a turn: the kernel may refuse it and take the next
  if (write_errno_ != 0) {
    operation.result = fail(system_error(write_errno_, "write failed"));
    return true;
  }
  if (!writable_) return false;
  const std::size_t bytes = size_of(operation.from);
  if (bytes == 0) {
    operation.result = operation.bytes_done;
    return true;
  }
  // A write that is likely to fail shall say so itself.
  const bool stages = bytes <= kStagedBytesMax && !hung_up_ && !shut_down_;
  if (!stages || !poller_.stage(slot_, descriptor_.get(), operation.from, bytes)) {
    return write_now(operation, bytes);
  }
  operation.bytes_done += bytes;
  operation.result = operation.bytes_done;
  return true;
}

bool UringSocket::write_now(StreamOperation& operation, std::size_t bytes) {
  std::array<iovec, StreamOperation::kSlicesMax> vectors{};
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    vectors[i] = {const_cast<std::byte*>(operation.from[i].data()), operation.from[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = vectors.size();
  const auto sent = ::sendmsg(descriptor_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    operation.result = fail(system_error(errno, "write failed"));
    return true;
  }
  auto rest = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  operation.bytes_done += rest;
  if (rest == bytes) {
    operation.result = operation.bytes_done;
    return true;
  }
  for (Slice& slice : operation.from) {
    const std::size_t cut = std::min(rest, slice.size());
    slice = slice.subspan(cut);
    rest -= cut;
  }
  writable_ = false;
  poll(Poll::kOut);
  return false;
}

Result<std::optional<std::size_t>> UringSocket::splice_to_pipe(int pipe, std::size_t bytes) {
  if (const Slice input = next_input(); !input.empty()) {
    const auto moved = ::write(pipe, input.data(), std::min(bytes, input.size()));
    if (moved < 0) return fail(system_error(errno, "write to a pipe failed"));
    consume(static_cast<std::size_t>(moved));
    return static_cast<std::size_t>(moved);
  }
  if (ended_) {
    if (read_errno_ != 0) return fail(system_error(read_errno_, "read failed"));
    return std::size_t{0};
  }
  eager_ = false;
  splicing_ = true;
  cancel_receive();
  if (receiving_) return std::nullopt;  // what it still brings comes first
  const auto moved =
      ::splice(descriptor_.get(), nullptr, pipe, nullptr, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (moved >= 0) return static_cast<std::size_t>(moved);
  if (errno != EAGAIN && errno != EINTR) return fail(system_error(errno, "splice from a socket failed"));
  return std::nullopt;
}

Result<std::optional<std::size_t>> UringSocket::splice_from_pipe(int pipe, std::size_t bytes,
                                                                 bool more_follows) {
  poller_.settle(slot_);
  if (write_errno_ != 0) return fail(system_error(write_errno_, "write failed"));
  if (!writable_) return std::nullopt;
  const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more_follows ? SPLICE_F_MORE : 0U);
  const auto moved = ::splice(pipe, nullptr, descriptor_.get(), nullptr, bytes, flags);
  if (moved >= 0) return static_cast<std::size_t>(moved);
  if (errno != EAGAIN && errno != EINTR) return fail(system_error(errno, "splice to a socket failed"));
  writable_ = false;
  poll(Poll::kOut);
  return std::nullopt;
}

}  // namespace weir::net
