// Alarm: sets an event after a while, for a task that waits for something or for the time. Armed on the
// event's loop, and off it again with its own end.
#pragma once

#include "net/loop.h"
#include "net/timer.h"

namespace weir::channel {

class Alarm : public net::Timer {
 public:
  explicit Alarm(net::Event& event)
      : net::Timer([](net::Timer& timer) { static_cast<Alarm&>(timer).event_.set(); }), event_(event) {}

 private:
  net::Event& event_;
};

}  // namespace weir::channel
