#include "testing/fake_env.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/task_group.h"

namespace weir::testing {
namespace {

// A test that needs more turns than this at one moment has a task that runs in circles.
constexpr std::size_t kTurnsMax = 10'000'000;

net::Task<void> note_end(net::Task<void> task, bool& ended) {
  co_await task;
  ended = true;
}

}  // namespace

void FakeEnv::run_until_idle() {
  for (std::size_t turns = 0; loop.turn(Duration::zero()); ++turns) WEIR_CHECK(turns < kTurnsMax);
}

void FakeEnv::advance(Duration by) {
  const Instant until = clock.now() + by;
  run_until_idle();
  while (clock.now() < until) {
    const Instant next = std::min(until, loop.next_timer().value_or(until));
    clock.advance(std::max(next - clock.now(), Duration::zero()));
    run_until_idle();
  }
}

bool FakeEnv::run_task(net::Task<void> task, std::optional<Duration> patience) {
  const Instant until = clock.now() + patience.value_or(Duration::zero());
  bool ended = false;
  net::TaskGroup group(loop);
  group.spawn(note_end(std::move(task), ended));
  run_until_idle();
  while (!ended && clock.now() < until) {
    const auto next = loop.next_timer();
    advance(next ? std::clamp(*next - clock.now(), Duration::zero(), until - clock.now())
                 : until - clock.now());
  }
  const bool in_time = ended;
  group.cancel();
  run_until_idle();
  WEIR_CHECK(ended);  // a cancelled task ends; one that doesn't would keep this group alive
  return in_time;
}

}  // namespace weir::testing
