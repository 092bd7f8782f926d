#include "handover/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.h"
#include "net/core.h"
#include "net/loop.h"

namespace weir::handover {
namespace {

// Too many descriptors of this user are on their way: the other side has not read yet.
constexpr Duration kInFlightPause = std::chrono::milliseconds(10);

constexpr std::size_t kControlBytes = CMSG_SPACE(kEnclosedMax * sizeof(int));
struct Control {
  alignas(cmsghdr) std::array<char, kControlBytes> bytes{};
};

// Nothing: not now. An Error otherwise.
Result<bool> try_send(int socket, const Letter& letter) {
  WEIR_CHECK(letter.enclosed.size() <= kEnclosedMax);
  std::string text = to_text(letter);
  if (text.size() > kLetterBytesMax) return fail(Code::kBodyTooLarge, "the letter is too large");
  iovec part{text.data(), text.size()};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!letter.enclosed.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(letter.enclosed.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(letter.enclosed.size() * sizeof(int));
    for (std::size_t i = 0; i < letter.enclosed.size(); ++i) {
      const int fd = letter.enclosed[i].descriptor.get();
      std::memcpy(CMSG_DATA(header) + (i * sizeof(int)), &fd, sizeof fd);
    }
  }
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == ETOOMANYREFS) return false;
    if (errno == EPIPE || errno == ECONNRESET) return fail(Code::kClosed, "the other process has gone");
    return fail(system_error(errno, "the other process can't be told"));
  }
}

std::vector<net::Descriptor> descriptors_of(msghdr& message) {
  std::vector<net::Descriptor> all;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + (i * sizeof(int)), sizeof fd);
      all.emplace_back(fd);
    }
  }
  return all;
}

Result<std::optional<Letter>> try_receive(int socket) {
  std::string text(kLetterBytesMax, '\0');
  iovec part{text.data(), text.size()};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  for (;;) {
    const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return std::nullopt;
    if (got < 0 && errno != ECONNRESET) return fail(system_error(errno, "the other process can't be heard"));
    if (got <= 0) return fail(Code::kClosed, "the other process has gone");
    auto descriptors = descriptors_of(message);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
      return fail(Code::kNoDescriptors, "not all of a letter could be taken: too few descriptors are left");
    }
    auto letter =
        read_letter(std::string_view(text).substr(0, static_cast<std::size_t>(got)), std::move(descriptors));
    if (!letter) return fail(letter.error());
    return std::optional<Letter>(std::move(*letter));
  }
}

// False: it is too late.
bool wait_for(int socket, short events, net::SystemClock& clock, Instant until) {
  for (;;) {
    const Duration left = std::max(until - clock.now(), Duration::zero());
    pollfd one{.fd = socket, .events = events, .revents = 0};
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int ready = ::poll(&one, 1, static_cast<int>(milliseconds));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

constexpr Error kLate{Code::kTimedOut, Side::kInternal, Retry::kNever, 0, "the other process is silent"};

}  // namespace

Result<Pair> make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(system_error(errno, "cannot make a pair of sockets"));
  }
  return Pair{net::Descriptor(ends[0]), net::Descriptor(ends[1])};
}

Result<Letter> receive_now(const net::Descriptor& socket, Duration timeout) {
  net::SystemClock clock;
  const Instant until = clock.now() + timeout;
  for (;;) {
    auto letter = try_receive(socket.get());
    if (!letter) return fail(letter.error());
    if (*letter) return std::move(**letter);
    if (!wait_for(socket.get(), POLLIN, clock, until)) return fail(kLate);
  }
}

Result<void> send_now(const net::Descriptor& socket, const Letter& letter, Duration timeout) {
  net::SystemClock clock;
  const Instant until = clock.now() + timeout;
  for (;;) {
    const auto sent = try_send(socket.get(), letter);
    if (!sent) return fail(sent.error());
    if (*sent) return {};
    if (!wait_for(socket.get(), POLLOUT, clock, until)) return fail(kLate);
  }
}

class Channel::Wait final : public net::Operation {
 public:
  Wait(Channel& channel, Wait* Channel::* place, Instant deadline)
      : Operation(channel.loop_), channel_(channel), place_(place), deadline_(deadline) {}
  ~Wait() override {
    if (channel_.*place_ == this) channel_.*place_ = nullptr;
  }
  bool await_ready() const { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    WEIR_CHECK(channel_.*place_ == nullptr);
    channel_.*place_ = this;
    return suspend(waiter, deadline_);
  }
  Result<void> await_resume() const { return result_; }

 private:
  void give_up(const Error& why) override {
    channel_.*place_ = nullptr;
    result_ = fail(why.code == Code::kTimedOut ? kLate : why);
  }
  Channel& channel_;
  Wait* Channel::* place_;
  Instant deadline_;
  Result<void> result_;
};

Result<std::unique_ptr<Channel>> Channel::create(net::Loop& loop, net::EpollPoller& poller,
                                                 net::Descriptor socket) {
  std::unique_ptr<Channel> channel(new Channel(loop, poller, std::move(socket)));
  auto added = poller.add(channel->socket_.get(), net::EpollPoller::kStreamEvents, *channel);
  if (!added) return fail(added.error());
  channel->watched_ = true;
  return channel;
}

Channel::~Channel() {
  WEIR_CHECK(reader_ == nullptr && writer_ == nullptr);
  if (watched_) poller_.take_out(socket_.get());
}

void Channel::on_events(std::uint32_t events) {
  constexpr std::uint32_t kGone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  Wait* written = (events & (EPOLLOUT | kGone)) != 0 ? std::exchange(writer_, nullptr) : nullptr;
  Wait* read = (events & (EPOLLIN | kGone)) != 0 ? std::exchange(reader_, nullptr) : nullptr;
  if (written != nullptr) written->resume_soon();
  if (read != nullptr) read->resume_soon();
}

// An event may come between a try and the wait for it only if the loop runs, which it doesn't.
net::Task<Result<Letter>> Channel::receive(Duration timeout) {
  const Instant until = loop_.deadline(timeout);
  for (;;) {
    auto letter = try_receive(socket_.get());
    if (!letter) co_return fail(letter.error());
    if (*letter) co_return std::move(**letter);
    if (auto woken = co_await Wait(*this, &Channel::reader_, until); !woken) co_return fail(woken.error());
  }
}

net::Task<Result<void>> Channel::send(const Letter& letter, Duration timeout) {
  const Instant until = loop_.deadline(timeout);
  for (;;) {
    const auto sent = try_send(socket_.get(), letter);
    if (!sent) co_return fail(sent.error());
    if (*sent) co_return Result<void>{};
    if (loop_.now() >= until) co_return fail(kLate);
    // No event tells of ETOOMANYREFS being over, and none is left for a second letter that waits.
    Result<void> woken;
    if (writer_ == nullptr) {
      woken = co_await Wait(*this, &Channel::writer_, std::min(until, loop_.now() + kInFlightPause));
    } else {
      woken = co_await loop_.sleep(kInFlightPause);
    }
    if (!woken && woken.error().code != Code::kTimedOut) co_return fail(woken.error());
  }
}

Result<net::Descriptor> Channel::duplicate() const {
  return net::duplicate(socket_.get(), "cannot duplicate a socket");
}

bool Channel::is_ours() const {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

}  // namespace weir::handover
