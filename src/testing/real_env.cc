#include "testing/real_env.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "net/task_group.h"

namespace weir::testing {
namespace {

std::unique_ptr<net::EpollPoller> make_poller() {
  auto poller = net::EpollPoller::create();
  WEIR_CHECK(poller.has_value());
  return std::move(*poller);
}

// WEIR_TEST_IO=uring: every test of RealEnv then runs on io_uring as well.
std::unique_ptr<net::UringPoller> make_uring(net::EpollPoller& epoll) {
  const char* io = std::getenv("WEIR_TEST_IO");
  if (io == nullptr || std::string_view(io) != "uring") return nullptr;
  auto poller = net::UringPoller::create(epoll);
  WEIR_CHECK(poller.has_value());
  return std::move(*poller);
}

net::Task<void> note_end(net::Task<void> task, bool& ended) {
  co_await task;
  ended = true;
}

}  // namespace

RealEnv::RealEnv()
    : poller(make_poller()),
      uring(make_uring(*poller)),
      loop(clock, uring ? static_cast<net::Poller&>(*uring) : *poller),
      network(loop, *poller, uring.get()) {
  std::signal(SIGPIPE, SIG_IGN);  // splice to a closed socket raises it, as the program's main knows
}

RealEnv::Connection RealEnv::connection() {
  const auto listener = network.listen(net::Address::v4({127, 0, 0, 1}, 0));
  WEIR_CHECK(listener.has_value());
  auto client = run(network.connect((*listener)->address(), kPatience));
  WEIR_CHECK(client && *client);
  auto accepted = run((*listener)->accept());
  WEIR_CHECK(accepted && *accepted);
  return {std::move(**client), std::move((*accepted)->stream)};
}

bool RealEnv::turn(bool is_ready, Instant until) {
  const Instant wake = std::min(until, loop.next_timer().value_or(until));
  return loop.turn(is_ready ? Duration::zero() : std::max(wake - clock.now(), Duration::zero()));
}

void RealEnv::settle() {
  while (loop.turn(Duration::zero())) {
  }
}

bool RealEnv::run_task(net::Task<void> task, std::optional<Duration> patience) {
  bool ended = false;
  net::TaskGroup group(loop);
  group.spawn(note_end(std::move(task), ended));
  const bool in_time = run_until([&] { return ended; }, patience.value_or(kPatience));
  group.cancel();
  WEIR_CHECK(run_until([&] { return ended; }));  // a cancelled task ends
  return in_time;
}

}  // namespace weir::testing
