#include "net/patience.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "net/task_group.h"
#include "testing/fake_env.h"
#include "testing/memory_stream.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using testing::MemoryLink;
using testing::MemoryStream;

TEST_CASE("without a rate each wait may last as long as the limit") {
  Patience patience(30s);
  for (int i = 0; i < 5; ++i) {
    patience.spend(29s);
    CHECK(patience.left() == 30s);
  }
  CHECK_FALSE(patience.over(29s));
  CHECK(patience.over(30s));
}

TEST_CASE("with a rate all waits together may, and bytes give time back, up to the limit") {
  Patience patience(30s, 240);
  patience.give_back(1'000'000);
  CHECK(patience.left() == 30s);
  patience.spend(20s);
  CHECK(patience.left() == 10s);
  patience.give_back(480);
  CHECK(patience.left() == 12s);
  patience.spend(15s);
  CHECK(patience.left() == 0s);
  CHECK(patience.over(0s));
  patience.give_back(~std::uint64_t{0});
  CHECK(patience.left() == 30s);
  CHECK_FALSE(patience.over(1h));
}

TEST_CASE("who keeps to the rate is waited for without end, who sends a byte now and then is not") {
  for (const std::uint64_t bytes : {1U, 239U, 240U, 1000U}) {
    CAPTURE(bytes);
    Patience patience(30s, 240);
    int seconds = 0;
    for (; seconds < 100'000 && !patience.over(0s); ++seconds) {
      patience.spend(1s);
      if (!patience.over(0s)) patience.give_back(bytes);
    }
    CHECK((seconds == 100'000) == (bytes >= 240));
    if (bytes == 1) CHECK(seconds == 31);
  }
}

TEST_CASE("while writing it counts what the kernel gives away, not what it takes") {
  Patience patience(30s, 240);
  CHECK(patience.until_look() == 5s);
  patience.wrote(10'000);
  patience.spend(3s);
  CHECK(patience.until_look() == 2s);
  patience.spend(2s);
  CHECK(patience.until_look() == 0s);
  CHECK_FALSE(patience.look(10'000));
  CHECK(patience.left() == 25s);
  CHECK(patience.until_look() == 5s);
  patience.wrote(50'000);  // it has made room by itself
  patience.spend(5s);
  CHECK_FALSE(patience.look(60'000));
  CHECK(patience.left() == 20s);
  patience.spend(5s);
  CHECK(patience.look(58'800));
  CHECK(patience.left() == 20s);
}

TEST_CASE("no limit is none, at any rate") {
  Patience patience(Duration::max(), 240);
  patience.spend(24h * 10000);
  CHECK(patience.left() > 24h * 10000);
  CHECK_FALSE(patience.over(24h * 10000));
}

// One write of 1000 bytes over a pipe of 64, whose reader takes `bytes` each second.
struct SlowReader {
  SlowReader(Patience patience_with_it, std::size_t bytes) : patience(patience_with_it), into(bytes, '\0') {
    group.spawn(write());
  }
  ~SlowReader() { (void)fake.run(group.stop(), 1s); }
  Task<void> write() { result = co_await near.write(as_slice(content), patience); }
  // Seconds until the write has ended; 500: it has not.
  int run() {
    for (int second = 0; second < 500; ++second) {
      fake.run_until_idle();
      if (group.size() == 0) return second;
      if (!into.empty()) (void)fake.run(far.read(std::as_writable_bytes(std::span(into)), 1s));
      fake.advance(1s);
    }
    return 500;
  }
  FakeEnv fake;
  MemoryStream::Pair ends = MemoryStream::pair(
      fake.loop, std::make_shared<MemoryLink>(testing::LinkOptions{.buffer_bytes = 64}, fake.random));
  MemoryStream& near = *ends.first;
  MemoryStream& far = *ends.second;
  Patience patience;
  std::string into;
  std::string content = std::string(1000, 'x');
  Result<std::size_t> result;
  TaskGroup group{fake.loop};
};

TEST_CASE("a write goes on while the peer takes bytes fast enough, however long it lasts") {
  SlowReader reader(Patience(30s, 10), 10);
  CHECK(reader.run() == 94);
  CHECK(reader.result == Result<std::size_t>(1000));
}

TEST_CASE("a write ends for a peer that takes bytes too slowly, and for one that takes none") {
  SlowReader slow(Patience(30s, 10), 1);
  const int seconds = slow.run();
  CHECK(seconds > 30);
  CHECK(seconds < 45);
  REQUIRE_FALSE(slow.result.has_value());
  CHECK(slow.result.error().code == Code::kTooSlow);

  SlowReader silent(Patience(30s, 10), 0);
  CHECK(silent.run() == 30);
  REQUIRE_FALSE(silent.result.has_value());
  CHECK(silent.result.error().code == Code::kTimedOut);

  SlowReader without_rate(Patience(30s), 1);
  CHECK(without_rate.run() == 30);  // a write of one wait
  CHECK(without_rate.result.error().code == Code::kTimedOut);
}

TEST_CASE("patience that is replaced during a wait is asked when that would end") {
  FakeEnv fake;
  auto ends =
      MemoryStream::pair(fake.loop, std::make_shared<MemoryLink>(testing::LinkOptions{}, fake.random));
  for (const std::uint64_t rate : {0U, 240U}) {
    Patience patience(30s, rate);
    std::array<std::byte, 4> into{};
    Result<std::size_t> got;
    TaskGroup group(fake.loop);
    const auto read = [](Stream& from, Patience& with, std::span<std::byte> room,
                         Result<std::size_t>& result) -> Task<void> {
      result = co_await from.read(room, with);
    };
    group.spawn(read(*ends.second, patience, into, got));
    fake.advance(29s);
    patience = Patience(Duration::max());
    fake.advance(10h);
    CHECK(group.size() == 1);
    CHECK(fake.run(ends.first->write(as_slice("abc"), 1s)).has_value());
    fake.run_until_idle();
    CHECK(got == Result<std::size_t>(3));
  }
}

}  // namespace
}  // namespace weir::net
