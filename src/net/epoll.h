// EpollPoller: the epoll side of a Loop. Edge-triggered: a descriptor is registered once and remembers by
// itself what it can do, so that a steady connection costs no epoll_ctl. On the core of its loop; wake() from
// any thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "net/loop.h"

namespace weir::net {

// A file descriptor with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// The same once more, for who is to have one of its own. why_not: what the error says.
Result<Descriptor> duplicate(int fd, const char* why_not);

class EpollPoller final : public Poller {
 public:
  static constexpr std::uint32_t kStreamEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

  class Handler {
   public:
    // May destroy the handler.
    virtual void on_events(std::uint32_t events) = 0;

   protected:
    ~Handler() = default;
  };

  static Result<std::unique_ptr<EpollPoller>> create();

  Result<void> add(int fd, std::uint32_t events, Handler& handler);
  // From now on the events of a descriptor that was added are another handler's.
  void hand_over(int fd, Handler& handler) { slots_[static_cast<std::size_t>(fd)].handler = &handler; }
  // Other events for a descriptor that was added.
  Result<void> change(int fd, std::uint32_t events);
  // Before the descriptor is closed; events already found for it are dropped.
  void remove(int fd);
  // The same for one that may stay open elsewhere: closing it would not end its events.
  void take_out(int fd);

  void wait(std::optional<Duration> timeout) override;
  bool dispatch() override;
  void wake() override;

 private:
  struct Slot {
    Handler* handler = nullptr;
    std::uint32_t generation = 0;
    epoll_event event(int fd, std::uint32_t events) const {
      return {.events = events,
              .data = {.u64 = (std::uint64_t{generation} << 32U) | static_cast<std::uint32_t>(fd)}};
    }
  };
  static constexpr std::size_t kEventsPerWait = 256;

  EpollPoller(Descriptor epoll, Descriptor wakeup) : epoll_(std::move(epoll)), wakeup_(std::move(wakeup)) {}

  Descriptor epoll_;
  Descriptor wakeup_;
  std::vector<Slot> slots_;  // by descriptor
  std::array<epoll_event, kEventsPerWait> events_{};
  std::size_t events_found_ = 0;
};

}  // namespace weir::net
