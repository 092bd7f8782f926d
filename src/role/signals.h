// Signals: the process's signals as events of a loop. Made by main before any other thread, so that every
// thread leaves them to it.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "net/epoll.h"

namespace weir::role {

class Signals final : private net::EpollPoller::Handler {
 public:
  using OnSignal = std::function<void(int)>;
  // From here on these signals are blocked for this thread and those it starts, and told on the loop of
  // `poller`.
  static Result<std::unique_ptr<Signals>> create(net::EpollPoller& poller, std::initializer_list<int> signals,
                                                 OnSignal on_signal);
  ~Signals();

 private:
  Signals(net::EpollPoller& poller, net::Descriptor descriptor, OnSignal on_signal)
      : poller_(poller), descriptor_(std::move(descriptor)), on_signal_(std::move(on_signal)) {}
  void on_events(std::uint32_t events) override;

  net::EpollPoller& poller_;
  net::Descriptor descriptor_;
  OnSignal on_signal_;
  bool watched_ = false;
};

}  // namespace weir::role
