#include "net/socket.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace weir::net {

Result<std::unique_ptr<Socket>> Socket::create(Loop& loop, EpollPoller& poller, Descriptor descriptor,
                                               bool connecting) {
  const int fd = descriptor.get();
  std::unique_ptr<Socket> socket(new Socket(loop, poller, std::move(descriptor), connecting));
  if (auto added = poller.add(fd, EpollPoller::kStreamEvents, *socket); !added) return fail(added.error());
  return socket;
}

Socket::~Socket() {
  WEIR_CHECK(reader_ == nullptr && writer_ == nullptr);
  if (descriptor_) poller_.remove(descriptor_.get());
}

void Socket::set_liveness(const Liveness& liveness) {
  constexpr int kProbes = 3;  // that go unanswered
  const auto set = [this](int level, int name, std::int64_t value) {
    const auto number = static_cast<int>(value);
    (void)::setsockopt(descriptor_.get(), level, name, &number, sizeof number);
  };
  if (liveness.keepalive) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*liveness.keepalive).count();
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set(IPPROTO_TCP, TCP_KEEPINTVL, std::max<std::int64_t>(1, seconds / kProbes));
    set(IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  }
  if (liveness.user_timeout) {
    set(IPPROTO_TCP, TCP_USER_TIMEOUT,
        std::chrono::ceil<std::chrono::milliseconds>(*liveness.user_timeout).count());
  }
}

Socket::HandedOver Socket::hand_over(EpollPoller::Handler& next) {
  WEIR_CHECK(reader_ == nullptr && writer_ == nullptr && watch_ == nullptr);
  poller_.hand_over(descriptor_.get(), next);
  return {poller_, std::move(descriptor_)};
}

Descriptor Socket::release() {
  WEIR_CHECK(reader_ == nullptr && writer_ == nullptr && watch_ == nullptr);
  poller_.take_out(descriptor_.get());
  return std::move(descriptor_);
}

// Of TCP: what the peer has not acknowledged, sent or not.
std::size_t Socket::untaken_bytes() const {
  int bytes = 0;
  return ::ioctl(descriptor_.get(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

int Socket::take_error() {
  if (!hung_up_) return 0;
  int os_errno = 0;
  socklen_t bytes = sizeof os_errno;
  return ::getsockopt(descriptor_.get(), SOL_SOCKET, SO_ERROR, &os_errno, &bytes) == 0 ? os_errno : errno;
}

Result<void> Socket::shutdown_write() {
  if (::shutdown(descriptor_.get(), SHUT_WR) != 0) return fail(system_error(errno, "shutdown failed"));
  return {};
}

void Socket::abort() {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  (void)::setsockopt(descriptor_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

// After a read that filled its buffer exactly, only the kernel knows.
bool Socket::has_input() const {
  if (hung_up_ || !readable_) return hung_up_;
  std::byte next{};
  if (::recv(descriptor_.get(), &next, 1, MSG_PEEK) < 0 && errno == EAGAIN) readable_ = false;
  return readable_;
}

void Socket::watch_hangup(HangupWatch* watch) {
  watch_ = watch;
  if (hung_up_ && watch != nullptr) std::exchange(watch_, nullptr)->on_hangup();
}

bool Socket::start(StreamOperation& operation) {
  if (operation.kind == StreamOperation::Kind::kWrite) {
    WEIR_CHECK(writer_ == nullptr);
    if (try_write(operation)) return true;
    writer_ = &operation;
    return false;
  }
  WEIR_CHECK(reader_ == nullptr);
  if (try_read(operation)) return true;
  reader_ = &operation;
  return false;
}

void Socket::forget(StreamOperation& operation) {
  if (reader_ == &operation) reader_ = nullptr;
  if (writer_ == &operation) writer_ = nullptr;
}

// True: done, with a result. A read shorter than its room has emptied the socket: the next waits for an
// event.
bool Socket::try_read(StreamOperation& operation) {
  if (!readable_ && !hung_up_) return false;
  if (operation.kind == StreamOperation::Kind::kReadable) return true;
  const auto got = ::recv(descriptor_.get(), operation.into.data(), operation.into.size(), 0);
  if (got >= 0) {
    operation.result = static_cast<std::size_t>(got);
    if (static_cast<std::size_t>(got) < operation.into.size()) readable_ = false;
    return true;
  }
  if (errno == EAGAIN || errno == EINTR) {
    readable_ = false;
    hung_up_ = false;  // an event, if there is one, says so again
    return false;
  }
  operation.result = fail(system_error(errno, "read failed"));
  return true;
}

bool Socket::try_write(StreamOperation& operation) {
  std::array<iovec, StreamOperation::kSlicesMax> vectors{};
  while (writable_) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (const Slice& slice : operation.from) {
      if (slice.empty()) continue;
      vectors[count++] = {const_cast<std::byte*>(slice.data()), slice.size()};
      bytes += slice.size();
    }
    if (count == 0) {
      operation.result = operation.bytes_done;
      return true;
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const auto sent = count == 1 ? ::send(descriptor_.get(), vectors[0].iov_base, bytes, MSG_NOSIGNAL)
                                 : ::sendmsg(descriptor_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {
        writable_ = false;
        return false;
      }
      operation.result = fail(system_error(errno, "write failed"));
      return true;
    }
    auto rest = static_cast<std::size_t>(sent);
    operation.bytes_done += rest;
    if (rest == bytes) {
      operation.result = operation.bytes_done;
      return true;
    }
    writable_ = false;  // a short write has filled the socket
    for (Slice& slice : operation.from) {
      const std::size_t cut = std::min(rest, slice.size());
      slice = slice.subspan(cut);
      rest -= cut;
    }
  }
  return false;
}

void Socket::on_events(std::uint32_t events) {
  constexpr std::uint32_t kGone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & kGone) != 0) hung_up_ = true;
  if ((events & (EPOLLIN | kGone)) != 0) readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;

  StreamOperation* written = nullptr;
  StreamOperation* read = nullptr;
  if (writer_ != nullptr && try_write(*writer_)) written = std::exchange(writer_, nullptr);
  if (reader_ != nullptr && try_read(*reader_)) {
    read = std::exchange(reader_, nullptr);
  } else if (hung_up_ && watch_ != nullptr && reader_ == nullptr) {
    std::exchange(watch_, nullptr)->on_hangup();
  }
  // A resumed task may destroy this socket: it comes last, and only one is resumed from here.
  if (written != nullptr && read != nullptr) written->resume_soon();
  if (read != nullptr) {
    read->resume();
  } else if (written != nullptr) {
    written->resume();
  }
}

Result<std::optional<std::size_t>> Socket::splice_to_pipe(int pipe, std::size_t bytes) {
  if (!readable_ && !hung_up_) return std::nullopt;
  const auto moved =
      ::splice(descriptor_.get(), nullptr, pipe, nullptr, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (moved >= 0) return static_cast<std::size_t>(moved);
  if (errno != EAGAIN && errno != EINTR) return fail(system_error(errno, "splice from a socket failed"));
  readable_ = false;
  return std::nullopt;
}

Result<std::optional<std::size_t>> Socket::splice_from_pipe(int pipe, std::size_t bytes, bool more_follows) {
  if (!writable_) return std::nullopt;
  const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more_follows ? SPLICE_F_MORE : 0U);
  const auto moved = ::splice(pipe, nullptr, descriptor_.get(), nullptr, bytes, flags);
  if (moved >= 0) return static_cast<std::size_t>(moved);
  if (errno != EAGAIN && errno != EINTR) return fail(system_error(errno, "splice to a socket failed"));
  writable_ = false;
  return std::nullopt;
}

}  // namespace weir::net
