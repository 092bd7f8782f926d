// Signals: the process's signals as events of a loop. Made by main before any other thread, so that every
// thread leaves them to it.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "net/epoll.h"

namespace weir::net {

class Signals final : private EpollPoller::Handler {
 public:
  using OnSignal = std::function<void(int)>;
  // From here on these signals are blocked for this thread and those it starts, and told on the loop of
  // `poller`.
  static Result<std::unique_ptr<Signals>> create(EpollPoller& poller, std::initializer_list<int> signals,
                                                 OnSignal on_signal);
  ~Signals();

 private:
  Signals(EpollPoller& poller, Descriptor descriptor, OnSignal on_signal)
      : poller_(poller), descriptor_(std::move(descriptor)), on_signal_(std::move(on_signal)) {}
  void on_events(std::uint32_t events) override;

  EpollPoller& poller_;
  Descriptor descriptor_;
  OnSignal on_signal_;
  bool watched_ = false;
};

}  // namespace weir::net
