#include "net/epoll.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/check.h"

namespace weir::net {

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Descriptor> duplicate(int fd, const char* why_not) {
  Descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail(system_error(errno, why_not));
  return copy;
}

Result<std::unique_ptr<EpollPoller>> EpollPoller::create() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail(system_error(errno, "cannot make an epoll"));
  Descriptor wakeup(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wakeup) return fail(system_error(errno, "cannot make an eventfd"));
  epoll_event event{.events = EPOLLIN, .data = {.u64 = std::numeric_limits<std::uint64_t>::max()}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wakeup.get(), &event) != 0) {
    return fail(system_error(errno, "cannot watch an eventfd"));
  }
  return std::unique_ptr<EpollPoller>(new EpollPoller(std::move(epoll), std::move(wakeup)));
}

Result<void> EpollPoller::add(int fd, std::uint32_t events, Handler& handler) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= slots_.size()) slots_.resize(index + 64);
  Slot& slot = slots_[index];
  WEIR_CHECK(slot.handler == nullptr);
  epoll_event event = slot.event(fd, events);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail(system_error(errno, "cannot watch a descriptor"));
  }
  slot.handler = &handler;
  return {};
}

Result<void> EpollPoller::change(int fd, std::uint32_t events) {
  epoll_event event = slots_[static_cast<std::size_t>(fd)].event(fd, events);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
    return fail(system_error(errno, "cannot watch a descriptor"));
  }
  return {};
}

// No epoll_ctl: closing the descriptor, which follows, takes it out of the epoll.
void EpollPoller::remove(int fd) {
  Slot& slot = slots_[static_cast<std::size_t>(fd)];
  slot.handler = nullptr;
  ++slot.generation;
}

void EpollPoller::take_out(int fd) {
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);  // fails for what is not there
  remove(fd);
}

void EpollPoller::wait(std::optional<Duration> timeout) {
  int milliseconds = -1;
  if (timeout) {
    const auto up = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    milliseconds = static_cast<int>(std::min<std::int64_t>(up, std::numeric_limits<int>::max()));
  }
  const int found =
      ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), milliseconds);
  WEIR_CHECK(found >= 0 || errno == EINTR);
  events_found_ = found > 0 ? static_cast<std::size_t>(found) : 0;
}

bool EpollPoller::dispatch() {
  for (std::size_t i = 0; i < events_found_; ++i) {
    const std::uint64_t data = events_[i].data.u64;
    if (data == std::numeric_limits<std::uint64_t>::max()) {
      std::uint64_t count = 0;
      (void)!::read(wakeup_.get(), &count, sizeof count);
      continue;
    }
    // The next one is on its way to the cache meanwhile. (Behind the last, events_ has an old one or zero.)
    if (i + 1 < events_.size()) {
      const auto next = static_cast<std::uint32_t>(events_[i + 1].data.u64);
      if (next < slots_.size()) __builtin_prefetch(slots_[next].handler);
    }
    const Slot slot = slots_[static_cast<std::uint32_t>(data)];
    if (slot.handler != nullptr && slot.generation == data >> 32U) slot.handler->on_events(events_[i].events);
  }
  return std::exchange(events_found_, 0) > 0;
}

void EpollPoller::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wakeup_.get(), &one, sizeof one);
}

}  // namespace weir::net
