// Gate: lets so many tasks at once do what is heavy, and the others wait in order. On one loop.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>

#include "net/loop.h"
#include "net/task.h"

namespace weir::podman {

class Gate {
 public:
  Gate(net::Loop& loop, std::size_t places) : loop_(loop), free_(places) {}

  // False: told to stop; there is nothing to leave then.
  net::Task<bool> enter() {
    if (free_ > 0) {
      --free_;
      co_return true;
    }
    net::Event turn;
    waiting_.push_back(&turn);
    if (co_await turn.wait(loop_)) co_return true;
    if (turn.is_set()) {  // a place came at the same time
      leave();
    } else {
      std::erase(waiting_, &turn);
    }
    co_return false;
  }
  void leave() {
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    net::Event* next = waiting_.front();
    waiting_.pop_front();
    next->set();
  }

 private:
  net::Loop& loop_;
  std::size_t free_;
  std::deque<net::Event*> waiting_;
};

}  // namespace weir::podman
