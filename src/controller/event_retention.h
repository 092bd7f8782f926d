// EventRetention: keeps the audit bounded: the newest events stay, older ones are deleted, by the one process
// that leads. On the control loop.
#pragma once

#include <cstddef>

#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::controller {

inline constexpr std::size_t kEventsMax = 10'000;  // some days of a busy team; about 20 MB
// Between two looks: meanwhile there may be more events than kept.
inline constexpr Duration kRetentionInterval = std::chrono::minutes(1);

class EventRetention {
 public:
  EventRetention(net::Env& env, store::Store& store, std::size_t events_max = kEventsMax)
      : env_(env), store_(store), events_max_(events_max) {}

  // Until it is cancelled: one sweep now, then one each interval in which the store changed.
  net::Task<void> run();
  // How many were deleted.
  net::Task<Result<std::size_t>> sweep();

 private:
  net::Task<Result<std::size_t>> count();

  net::Env& env_;
  store::Store& store_;
  std::size_t events_max_;
  store::Revision swept_ = 0;  // the store's revision at the end of the last sweep
};

}  // namespace weir::controller
