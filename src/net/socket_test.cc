#include "net/socket.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "net/task_group.h"
#include "testing/allocation_count.h"
#include "testing/real_env.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::RealEnv;

std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 31 + i / 251) & 0xff);
  return text;
}

// Until the end, an error, or that many bytes.
Task<std::string> read_text(Stream& stream, std::size_t bytes_max, std::size_t piece_bytes = 4096) {
  std::string text;
  std::vector<std::byte> piece(piece_bytes);
  while (text.size() < bytes_max) {
    const auto got =
        co_await stream.read(std::span(piece).first(std::min(piece_bytes, bytes_max - text.size())), 20s);
    if (!got || *got == 0) break;
    text += as_text(Slice(piece).first(*got));
  }
  co_return text;
}

Code code_of(const std::optional<Result<std::size_t>>& outcome) {
  if (!outcome) return Code::kInternal;  // still waiting
  return *outcome ? Code::kExists : outcome->error().code;
}

TEST_CASE("bytes go both ways, in up to three slices a write") {
  RealEnv real;
  auto [client, server] = real.connection();
  const Stream::Slices slices{as_slice("GET"), as_slice(""), as_slice(" /")};
  CHECK(real.run(client->write(slices, 1s)) == Result<std::size_t>(5));
  CHECK(real.run(read_text(*server, 5)) == "GET /");
  CHECK(real.run(server->write(as_slice("200"), 1s)) == Result<std::size_t>(3));
  CHECK(real.run(read_text(*client, 3, 1)) == "200");
}

TEST_CASE("half-close: the other direction goes on") {
  RealEnv real;
  auto [client, server] = real.connection();
  CHECK(real.run(client->write(as_slice("last"), 1s)) == Result<std::size_t>(4));
  CHECK(client->shutdown_write().has_value());
  CHECK(real.run(read_text(*server, 100)) == "last");
  std::array<std::byte, 1> byte{};
  CHECK(real.run(server->read(byte, 1s)) == Result<std::size_t>(0));
  CHECK(real.run(server->read(byte, 1s)) == Result<std::size_t>(0));  // and again
  CHECK(server->peer_closed());
  CHECK(real.run(server->write(as_slice("answer"), 1s)) == Result<std::size_t>(6));
  CHECK(real.run(read_text(*client, 6)) == "answer");
  CHECK(code_of(real.run(client->write(as_slice("more"), 1s))) == Code::kReset);
  CHECK_FALSE(client->peer_closed());
}

TEST_CASE("abort resets; so does closing with bytes unread; what was sent before is still read") {
  for (const bool aborts : {true, false}) {
    CAPTURE(aborts);
    RealEnv real;
    auto [client, server] = real.connection();
    if (aborts) {
      server->abort();
    } else {
      CHECK(real.run(client->write(as_slice("unread"), 1s)) == Result<std::size_t>(6));
      CHECK(real.run(server->readable(1s)).has_value());
    }
    server.reset();
    std::array<std::byte, 8> bytes{};
    CHECK(code_of(real.run(client->read(bytes, 5s))) == Code::kReset);
    CHECK(client->peer_closed());
    CHECK(code_of(real.run(client->write(as_slice("x"), 5s))) == Code::kReset);
  }
}

TEST_CASE("a deadline and a cancellation end a read and leave the stream usable") {
  RealEnv real;
  auto [client, server] = real.connection();
  std::array<std::byte, 8> bytes{};
  const Instant before = real.clock.now();
  CHECK(code_of(real.run(client->read(bytes, 30ms))) == Code::kTimedOut);
  CHECK(real.clock.now() - before >= 29ms);  // counted from the loop's turn, which began a little before
  CHECK(code_of(real.run(client->readable(1ms))) == Code::kTimedOut);
  Result<std::size_t> result;
  {
    TaskGroup group(real.loop);
    group.spawn([](Stream& stream, std::span<std::byte> into, Result<std::size_t>& out) -> Task<void> {
      out = co_await stream.read(into, 20s);
    }(*client, bytes, result));
    group.cancel();
    CHECK(real.run_until([&] { return group.size() == 0; }));
  }
  CHECK(result.error().code == Code::kCancelled);
  CHECK(real.run(server->write(as_slice("late"), 1s)).has_value());
  CHECK(real.run(read_text(*client, 4)) == "late");
}

TEST_CASE("a large write waits for a slow reader, and its deadline counts") {
  RealEnv real;
  auto [client, server] = real.connection();
  const std::string text = pattern(16UL * 1024 * 1024);
  TaskGroup group(real.loop);
  std::string got;
  group.spawn([](Stream& stream, std::size_t bytes, std::string& out) -> Task<void> {
    out = co_await read_text(stream, bytes, 10'007);
  }(*server, text.size(), got));
  CHECK(real.run(client->write({as_slice(text).first(1000), as_slice(text).subspan(1000), {}}, 20s)) ==
        Result<std::size_t>(text.size()));
  CHECK(real.run_until([&] { return group.size() == 0; }));
  CHECK((got == text));

  const std::string endless(64UL * 1024 * 1024, 'e');  // more than the kernel's buffers
  CHECK(code_of(real.run(client->write(as_slice(endless), 20ms))) == Code::kTimedOut);
  CHECK(code_of(real.run(client->write(Slice{}, 20ms))) == Code::kTimedOut);  // no room
  (void)real.run(read_text(*server, 40UL * 1024 * 1024, 64UL * 1024), 200ms);
  CHECK(real.run(client->write(Slice{}, 20s)) == Result<std::size_t>(0));
}

TEST_CASE("an idle stream has no input, whatever sizes were read before") {
  RealEnv real;
  auto [client, server] = real.connection();
  for (const std::size_t want : {1U, 4U, 5U, 100U}) {  // less than, as much as, and more than there is
    CAPTURE(want);
    CHECK(real.run(server->write(as_slice("12345"), 1s)).has_value());
    CHECK(real.run(read_text(*client, 5, want)) == "12345");
    CHECK_FALSE(client->has_input());
    CHECK_FALSE(client->peer_closed());
  }
  CHECK(real.run(server->write(as_slice("unasked"), 1s)).has_value());
  CHECK(real.run_until([&] { return client->has_input(); }));
  CHECK_FALSE(client->peer_closed());
  CHECK(real.run(read_text(*client, 7)) == "unasked");
  server.reset();
  CHECK(real.run_until([&] { return client->peer_closed(); }));
  CHECK(client->has_input());
}

struct CountingWatch final : HangupWatch {
  int told = 0;
  void on_hangup() override { ++told; }
};

TEST_CASE("a watch is told once when the peer has gone while nobody reads") {
  enum class Leave : std::uint8_t { kFinish, kClose, kAbort };
  for (const Leave leave : {Leave::kFinish, Leave::kClose, Leave::kAbort}) {
    for (const bool watched_before : {false, true}) {
      CAPTURE(static_cast<int>(leave));
      CAPTURE(watched_before);
      RealEnv real;
      auto [client, server] = real.connection();
      CountingWatch watch;
      if (watched_before) server->watch_hangup(&watch);
      real.settle();
      CHECK(watch.told == 0);
      if (leave == Leave::kFinish) CHECK(client->shutdown_write().has_value());
      if (leave == Leave::kAbort) client->abort();
      if (leave != Leave::kFinish) client.reset();
      CHECK(real.run_until([&] { return server->peer_closed(); }));
      if (!watched_before) server->watch_hangup(&watch);
      CHECK(watch.told == 1);
      real.settle();
      CHECK(watch.told == 1);
    }
  }
}

TEST_CASE("who reads hears of the end by itself; the watch is not told, also when bytes came with it") {
  RealEnv real;
  auto [client, server] = real.connection();
  CountingWatch watch;
  server->watch_hangup(&watch);
  std::array<std::byte, 100> bytes{};
  Result<std::size_t> result;
  const auto reads = [](Stream& stream, std::span<std::byte> into, Result<std::size_t>& out) -> Task<void> {
    out = co_await stream.read(into, 20s);
  };
  TaskGroup group(real.loop);
  group.spawn(reads(*server, bytes, result));
  CHECK(real.run(client->write(as_slice("body"), 1s)).has_value());
  client.reset();  // bytes and end reach the reader together
  CHECK(real.run_until([&] { return group.size() == 0; }));
  CHECK(result == std::size_t{4});
  real.settle();
  CHECK(server->peer_closed());
  CHECK(watch.told == 0);

  auto [second_client, second_server] = real.connection();
  CountingWatch second;
  second_server->watch_hangup(&second);
  group.spawn(reads(*second_server, bytes, result));
  real.settle();
  second_client.reset();
  CHECK(real.run_until([&] { return group.size() == 0; }));
  CHECK(result == std::size_t{0});
  real.settle();
  CHECK(second.told == 0);
}

TEST_CASE("reader and writer of one stream are two tasks") {
  RealEnv real;
  auto [client, server] = real.connection();
  const std::string text = pattern(4UL * 1024 * 1024);
  std::array<std::string, 2> got;
  TaskGroup group(real.loop);
  const auto writes = [](Stream& stream, const std::string& from) -> Task<void> {
    (void)co_await stream.write(as_slice(from), 20s);
  };
  const auto reads = [](Stream& stream, std::size_t bytes, std::string& out) -> Task<void> {
    out = co_await read_text(stream, bytes);
  };
  group.spawn(writes(*client, text));
  group.spawn(writes(*server, text));
  group.spawn(reads(*client, text.size(), got[0]));
  group.spawn(reads(*server, text.size(), got[1]));
  CHECK(real.run_until([&] { return group.size() == 0; }));
  CHECK((got[0] == text));
  CHECK((got[1] == text));
}

Task<void> converse(Stream& stream, int rounds, bool begins) {
  std::array<std::byte, 100> bytes{};
  for (int i = 0; i < rounds; ++i) {
    if (begins && !co_await stream.write(as_slice("ping"), 20s)) co_return;
    if (!co_await stream.read(bytes, 20s)) co_return;
    if (!begins && !co_await stream.write(as_slice("pong"), 20s)) co_return;
  }
}

TEST_CASE("a steady conversation over sockets allocates nothing") {
  RealEnv real;
  auto [client, server] = real.connection();
  for (int pass = 0; pass < 2; ++pass) {  // the first fills the pools
    TaskGroup group(real.loop);
    const auto before = testing::allocations();
    group.spawn(converse(*server, 500, false));
    group.spawn(converse(*client, 500, true));
    CHECK(real.run_until([&] { return group.size() == 0; }));
    if (before && pass == 1) CHECK(*testing::allocations() - *before == 0);
  }
}

TEST_CASE("handed over, a descriptor's events are another's, and closing it is too") {
  struct Reader final : EpollPoller::Handler {
    void on_events(std::uint32_t events) override { seen |= events; }
    std::uint32_t seen = 0;
  } reader;
  RealEnv real;
  auto [client, server] = real.connection();
  Socket* socket = server->plain_socket();
  REQUIRE(socket != nullptr);
  auto handed = socket->hand_over(reader);
  server.reset();
  CHECK(real.run(client->write(as_slice("still open"), 1s)) == Result<std::size_t>(10));
  CHECK(real.run_until([&] { return (reader.seen & EPOLLIN) != 0; }));
  CHECK_FALSE(client->peer_closed());
  const int descriptor = handed.descriptor.release();
  CHECK_FALSE(handed.descriptor);
  handed.poller.remove(descriptor);
  ::close(descriptor);
  std::array<std::byte, 1> byte{};
  CHECK(code_of(real.run(client->read(byte, 1s))) == Code::kReset);  // its bytes were not read
}

}  // namespace
}  // namespace weir::net
