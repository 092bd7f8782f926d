#include "tunnel/crossing.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "net/core.h"
#include "net/task_group.h"
#include "testing/fake_env.h"
#include "testing/memory_log.h"

namespace weir::tunnel {
namespace {

using namespace std::chrono_literals;
using net::as_slice;
using net::as_text;
using net::Buffer;
using net::Core;
using net::HangupWatch;
using net::Loop;
using net::Slice;
using net::Stream;
using net::Task;
using net::TaskGroup;
using testing::FakeEnv;

struct Pipe {
  FakeEnv fake;
  Crossing::Pair ends = Crossing::make(fake.loop, fake.loop);
  std::unique_ptr<Crossing>& near = ends.first;
  std::unique_ptr<Crossing>& far = ends.second;

  std::string read_far(std::size_t bytes) {
    std::vector<std::byte> into(bytes);
    const auto count = fake.run(far->read(into, 1s), 2s);
    if (!count || !*count) return "error";
    return std::string(as_text(Slice(into).first(**count)));
  }
};

struct Watch final : HangupWatch {
  void on_hangup() override { ++times; }
  int times = 0;
};

TEST_CASE("what is written to one end is read from the other, then its end") {
  Pipe pipe;
  CHECK(pipe.fake.run(pipe.near->write(as_slice("hello"), 1s)) == Result<std::size_t>(5));
  CHECK(pipe.near->untaken_bytes() == 5);
  CHECK(pipe.far->has_input());
  CHECK(pipe.read_far(3) == "hel");
  CHECK(pipe.near->shutdown_write().has_value());
  CHECK(pipe.far->peer_closed());
  CHECK(pipe.read_far(8) == "lo");
  CHECK(pipe.read_far(8).empty());
  CHECK(pipe.fake.run(pipe.near->write(as_slice("x"), 1s)).has_value());
  // The other direction goes on.
  CHECK(pipe.fake.run(pipe.far->write(as_slice("back"), 1s)) == Result<std::size_t>(4));
  std::array<std::byte, 8> into{};
  CHECK(pipe.fake.run(pipe.near->read(into, 1s)) == Result<std::size_t>(4));
}

TEST_CASE("a writer waits for room, a reader for bytes, both with a deadline") {
  Pipe pipe;
  const std::string much(Buffer::kBytes + 10, 'm');
  std::array<std::byte, 4> into{};
  const auto late = pipe.fake.run(pipe.far->read(into, 1s), 2s);
  REQUIRE(late.has_value());
  CHECK(late->error().code == Code::kTimedOut);
  const auto stuck = pipe.fake.run(pipe.near->write(as_slice(much), 1s), 2s);
  REQUIRE(stuck.has_value());
  CHECK(stuck->error().code == Code::kTimedOut);
  CHECK(pipe.near->untaken_bytes() == Buffer::kBytes);
  std::string got;
  TaskGroup group(pipe.fake.loop);
  const auto drain = [](Crossing& far, std::string& into) -> Task<void> {
    std::array<std::byte, 999> some{};
    for (;;) {
      const auto count = co_await far.read(some, 1s);
      if (!count || *count == 0) co_return;
      into += as_text(Slice(some).first(*count));
    }
  };
  group.spawn(drain(*pipe.far, got));
  CHECK(pipe.fake.run(pipe.near->write(as_slice("tail"), 1s)) == Result<std::size_t>(4));
  CHECK(pipe.near->shutdown_write().has_value());
  CHECK(pipe.fake.run(group.join(), 2s));
  CHECK(got == much.substr(0, Buffer::kBytes) + "tail");
}

TEST_CASE("an end that goes is an end or a reset for the other, which is told") {
  for (const bool cut : {false, true}) {
    CAPTURE(cut);
    Pipe pipe;
    Watch watch;
    pipe.far->watch_hangup(&watch);
    if (cut) pipe.near->abort();
    pipe.near.reset();
    pipe.fake.run_until_idle();
    CHECK(watch.times == 1);
    std::array<std::byte, 4> into{};
    const auto read = pipe.fake.run(pipe.far->read(into, 1s));
    REQUIRE(read.has_value());
    CHECK(read->has_value() == !cut);
    const auto written = pipe.fake.run(pipe.far->write(as_slice("x"), 1s));
    REQUIRE(written.has_value());
    CHECK(written->error().code == Code::kReset);
  }
  Pipe unread;  // what was not read makes it a reset
  CHECK(unread.fake.run(unread.far->write(as_slice("x"), 1s)).has_value());
  unread.near.reset();
  CHECK(unread.read_far(1) == "error");
}

Task<void> send_all(Stream& to, std::size_t bytes) {
  const std::string piece(7919, 'p');
  for (std::size_t sent = 0; sent < bytes;) {
    const std::size_t size = std::min(piece.size(), bytes - sent);
    if (!co_await to.write(as_slice(std::string_view(piece).substr(0, size)), 20s)) co_return;
    sent += size;
  }
  (void)to.shutdown_write();
}

Task<void> count_all(Stream& from, std::size_t& bytes) {
  std::array<std::byte, 5000> into{};
  for (;;) {
    const auto count = co_await from.read(into, 20s);
    if (!count || *count == 0) co_return;
    bytes += *count;
  }
}

// Both directions at once, and the end that counts last is destroyed on its own loop.
Task<void> exchange(std::unique_ptr<Crossing> stream, Loop& loop, std::size_t bytes, std::size_t& received,
                    std::promise<void>& done) {
  TaskGroup group(loop);
  group.spawn(send_all(*stream, bytes));
  group.spawn(count_all(*stream, received));
  co_await group.join();
  stream.reset();
  done.set_value();
}

TEST_CASE("megabytes cross between two threads, both ways at once, and none is lost") {
  constexpr std::size_t kBytes = 3'000'001;
  testing::MemoryLog log;
  auto first = Core::create(log);
  auto second = Core::create(log);
  REQUIRE((first && second));
  Core& one = **first;
  Core& other = **second;
  TaskGroup tasks_of_one(one.loop());
  TaskGroup tasks_of_other(other.loop());
  one.start("one");
  other.start("other");
  std::array<std::size_t, 2> received{};
  std::array<std::promise<void>, 2> done;
  auto ends = std::make_shared<Crossing::Pair>(Crossing::make(one.loop(), other.loop()));
  one.loop().post([&] {
    tasks_of_one.spawn(exchange(std::move(ends->first), one.loop(), kBytes, received[0], done[0]));
  });
  other.loop().post([&] {
    tasks_of_other.spawn(exchange(std::move(ends->second), other.loop(), kBytes, received[1], done[1]));
  });
  for (auto& each : done) REQUIRE(each.get_future().wait_for(20s) == std::future_status::ready);
  CHECK(received == std::array{kBytes, kBytes});
  one.stop();
  other.stop();
}

}  // namespace
}  // namespace weir::tunnel
