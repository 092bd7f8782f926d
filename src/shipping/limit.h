// Limit: ends the tasks of a group after a while. On the loop that it is armed on.
#pragma once

#include "net/task_group.h"
#include "net/timer.h"

namespace weir::shipping {

struct Limit final : net::Timer {
  explicit Limit(net::TaskGroup& tasks)
      : Timer([](Timer& timer) { static_cast<Limit&>(timer).group.cancel(); }), group(tasks) {}
  net::TaskGroup& group;
};

}  // namespace weir::shipping
