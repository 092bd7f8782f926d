#include "net/loop.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "net/task_group.h"
#include "testing/fake_env.h"
#include "testing/peer.h"
#include "testing/real_env.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using testing::RealEnv;

TEST_CASE("posted work runs in order, in the next turn") {
  FakeEnv fake;
  std::vector<int> ran;
  fake.loop.post([&] {
    ran.push_back(1);
    fake.loop.post([&] { ran.push_back(3); });
  });
  fake.loop.post([&] { ran.push_back(2); });
  CHECK(ran.empty());
  CHECK(fake.loop.turn(0s));
  CHECK(ran == std::vector<int>{1, 2});
  CHECK(fake.loop.turn(0s));
  CHECK(ran == std::vector<int>{1, 2, 3});
  CHECK_FALSE(fake.loop.turn(0s));
}

TEST_CASE("other threads post to a loop that sleeps in epoll, and one of them stops it") {
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  RealEnv real;
  std::vector<int> last(kThreads, -1);  // touched on the loop only
  int out_of_order = 0;
  int ended = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kPosts; ++i) {
        real.loop.post([&, thread, i] {
          out_of_order += std::exchange(last[static_cast<std::size_t>(thread)], i) == i - 1 ? 0 : 1;
        });
      }
      real.loop.post([&] {
        if (++ended == kThreads) real.loop.stop();
      });
    });
  }
  real.loop.run();
  for (std::thread& thread : threads) thread.join();
  CHECK(out_of_order == 0);
  CHECK(last == std::vector<int>(kThreads, kPosts - 1));
}

TEST_CASE("stop() from another thread ends a loop that has nothing to do") {
  RealEnv real;
  std::thread other([&] { real.loop.stop(); });
  real.loop.run();
  other.join();
}

TEST_CASE("a loop on a manual clock can wait for a real thread") {
  FakeEnv fake;
  int answer = 0;
  std::thread worker([&] { fake.loop.post([&] { answer = 42; }); });
  CHECK(fake.run_with_threads(20s, [&] { return answer != 0; }));
  worker.join();
  CHECK(answer == 42);
}

Task<void> sleep_and_stop(Loop& loop, Duration duration, Duration& slept) {
  const Instant before = loop.clock().now();
  (void)co_await loop.sleep(duration);
  slept = loop.clock().now() - before;
  loop.stop();
}

TEST_CASE("run() sleeps until the next timer, not less") {
  RealEnv real;
  TaskGroup group(real.loop);
  Duration slept{};
  group.spawn(sleep_and_stop(real.loop, 20ms, slept));
  real.loop.run();
  CHECK(slept >= 20ms);
  CHECK(slept < 10s);
}

Task<void> yield_until(Loop& loop, const bool& done, int& turns) {
  while (!done) {
    if (!co_await loop.sleep(0s)) co_return;
    ++turns;
  }
}

Task<void> set_after(Loop& loop, Duration duration, bool& done) {
  (void)co_await loop.sleep(duration);
  done = true;
}

TEST_CASE("a task that yields without end starves neither timers, posts, sockets nor its like") {
  RealEnv real;
  auto listener = real.network.listen(Address::v4({127, 0, 0, 1}, 0));
  REQUIRE(listener.has_value());
  bool done = false;
  int first = 0;
  int second = 0;
  TaskGroup group(real.loop);
  group.spawn(yield_until(real.loop, done, first));
  group.spawn(yield_until(real.loop, done, second));
  auto connected = real.run(real.network.connect((*listener)->address(), 10s));  // by epoll
  REQUIRE(connected.has_value());
  CHECK(connected->has_value());
  bool posted = false;
  real.loop.post([&] { posted = true; });
  CHECK(real.run_until([&] { return posted; }));
  group.spawn(set_after(real.loop, 1ms, done));
  CHECK(real.run_until([&] { return group.size() == 0; }));
  CHECK(first > 0);
  CHECK(std::abs(first - second) <= 1);
}

Task<void> read_into(Stream& stream, std::span<std::byte> into, Result<std::size_t>& result) {
  result = co_await stream.read(into, 1s);
}

Task<void> yield_then_write(Stream& stream) {
  (void)co_await stream.loop().sleep(0s);
  (void)co_await stream.write(as_slice("x"), 1s);
}

TEST_CASE("what arrives in the turn of its deadline has arrived") {
  for (const bool by_yielding_task : {false, true}) {
    CAPTURE(by_yielding_task);
    FakeEnv fake;
    auto [reading, writing] = testing::MemoryStream::pair(
        fake.loop, std::make_shared<testing::MemoryLink>(testing::LinkOptions{}, fake.random));
    std::array<std::byte, 8> bytes{};
    Result<std::size_t> result;
    TaskGroup group(fake.loop);
    group.spawn(read_into(*reading, bytes, result));
    if (by_yielding_task) group.spawn(yield_then_write(*writing));  // runs in that turn, before the timers
    fake.clock.advance(1s);  // the loop has not looked at the clock yet
    if (!by_yielding_task) CHECK(fake.run(writing->write(as_slice("x"), 1s)).has_value());
    fake.run_until_idle();
    CHECK(result == std::size_t{1});
    CHECK(group.size() == 0);
  }
}

TEST_CASE("no deadline is too far") {
  FakeEnv fake;
  testing::PeerListener listener(fake, "10.0.0.1:80");
  auto made = fake.run(fake.network.connect(listener.address(), Duration::max()));
  REQUIRE((made && *made));
  std::array<std::byte, 8> bytes{};
  CHECK_FALSE(fake.run((**made)->read(bytes, Duration::max()), 24h).has_value());
  CHECK_FALSE(fake.run(fake.loop.sleep(Duration::max()), 24h).has_value());
}

}  // namespace
}  // namespace weir::net
