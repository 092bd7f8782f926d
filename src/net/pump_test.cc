#include "net/pump.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "net/epoll.h"
#include "net/socket.h"
#include "net/task_group.h"
#include "testing/memory_stream.h"
#include "testing/real_env.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::MemoryLink;
using testing::MemoryStream;
using testing::RealEnv;

constexpr std::uint64_t kUntilEnd = std::numeric_limits<std::uint64_t>::max();

std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 31 + i / 251) & 0xff);
  return text;
}

// More than all buffers on the way hold.
const std::string kEndless(64UL * 1024 * 1024, 'e');

// source ~> from -pump-> to ~> sink. Splice needs a socket on both sides.
enum class Kind : std::uint8_t { kSplice, kSocketToMemory, kMemoryToSocket, kMemory };
constexpr Kind kKinds[] = {Kind::kSplice, Kind::kSocketToMemory, Kind::kMemoryToSocket, Kind::kMemory};

struct Course {
  Course(RealEnv& real, Kind kind) {
    std::tie(source, from) = ends(real, kind == Kind::kSplice || kind == Kind::kSocketToMemory);
    std::tie(to, sink) = ends(real, kind == Kind::kSplice || kind == Kind::kMemoryToSocket);
  }
  static std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> ends(RealEnv& real, bool sockets) {
    if (sockets) {
      auto [client, server] = real.connection();
      return {std::move(client), std::move(server)};
    }
    return MemoryStream::pair(real.loop, std::make_shared<MemoryLink>(testing::LinkOptions{}, real.random));
  }
  std::unique_ptr<Stream> source;
  std::unique_ptr<Stream> from;
  std::unique_ptr<Stream> to;
  std::unique_ptr<Stream> sink;
};

Task<void> write_text(Stream& stream, std::string_view text, bool ends) {
  CHECK(co_await stream.write(as_slice(text), 20s) == text.size());
  if (ends) CHECK(stream.shutdown_write().has_value());
}

Task<void> pump_into(Stream& from, Stream& to, std::uint64_t bytes_max, Duration timeout, Pumped& pumped,
                     bool ends) {
  Patience reading(timeout);
  Patience writing(timeout);
  pumped = co_await pump(from, to, bytes_max, reading, writing);
  if (ends) CHECK(to.shutdown_write().has_value());
}

// Takes a little at a time, and lets others run in between.
Task<void> read_slowly(Stream& stream, std::string& text, std::size_t piece_bytes) {
  std::vector<std::byte> piece(piece_bytes);
  for (;;) {
    const auto got = co_await stream.read(piece, 20s);
    if (!got || *got == 0) co_return;
    text += as_text(Slice(piece).first(*got));
    if (!co_await stream.loop().sleep(0s)) co_return;
  }
}

std::string read_to_end(RealEnv& real, Stream& stream, std::size_t piece_bytes = 20'011) {
  std::string text;
  CHECK(real.run(read_slowly(stream, text, piece_bytes)));
  return text;
}

TEST_CASE("every byte arrives once and in order, whatever the streams, the count and the reader's pace") {
  struct Case {
    std::size_t bytes;
    bool counted;
    std::size_t piece_bytes;
  };
  constexpr Case kCases[] = {{0, true, 100},          {0, false, 100},         {1, true, 100},
                             {32 * 1024, true, 4096}, {100'000, true, 97},     {100'000, false, 4096},
                             {9'000'001, true, 5003}, {9'000'001, false, 5003}};
  for (const Kind kind : kKinds) {
    for (const Case& test : kCases) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(test.bytes);
      CAPTURE(test.counted);
      RealEnv real;
      Course course(real, kind);
      const std::string text = pattern(test.bytes);
      const std::string behind = test.counted ? "next message" : "";
      Pumped pumped;
      TaskGroup group(real.loop);
      group.spawn(
          pump_into(*course.from, *course.to, test.counted ? test.bytes : kUntilEnd, 20s, pumped, true));
      const std::string all = text + behind;
      group.spawn(write_text(*course.source, all, true));
      CHECK((read_to_end(real, *course.sink, test.piece_bytes) == text));
      CHECK(real.run_until([&] { return group.size() == 0; }));
      CHECK(pumped.result.has_value());
      CHECK(pumped.bytes == test.bytes);
      CHECK(read_to_end(real, *course.from) == behind);  // not one byte too many was taken
    }
  }
}

TEST_CASE("an end before the count is an error, and what came is delivered") {
  for (const Kind kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    RealEnv real;
    Course course(real, kind);
    const std::string text = pattern(100'000);
    Pumped pumped;
    TaskGroup group(real.loop);
    group.spawn(pump_into(*course.from, *course.to, 1'000'000, 20s, pumped, true));
    group.spawn(write_text(*course.source, text, true));
    CHECK((read_to_end(real, *course.sink) == text));
    CHECK(real.run_until([&] { return group.size() == 0; }));
    REQUIRE_FALSE(pumped.result.has_value());
    CHECK(pumped.result.error().code == Code::kClosed);
    CHECK(pumped.read_failed);
    CHECK(pumped.bytes == text.size());
  }
}

TEST_CASE("whose fault it was is told: a reset or a silence of the source, or of the sink") {
  enum class Fault : std::uint8_t { kSourceReset, kSinkReset, kSourceSilent, kSinkStuck };
  for (const Kind kind : kKinds) {
    for (const Fault fault :
         {Fault::kSourceReset, Fault::kSinkReset, Fault::kSourceSilent, Fault::kSinkStuck}) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(static_cast<int>(fault));
      RealEnv real;
      Course course(real, kind);
      const bool endless = fault == Fault::kSinkReset || fault == Fault::kSinkStuck;
      const std::string_view text = std::string_view(kEndless).substr(0, endless ? kEndless.size() : 1000);
      const Duration timeout = fault == Fault::kSourceSilent || fault == Fault::kSinkStuck ? 50ms : 20s;
      Pumped pumped;
      TaskGroup pumping(real.loop);
      TaskGroup writing(real.loop);
      pumping.spawn(pump_into(*course.from, *course.to, kUntilEnd, timeout, pumped, false));
      writing.spawn([](Stream& stream, std::string_view from) -> Task<void> {
        (void)co_await stream.write(as_slice(from), 20s);
      }(*course.source, text));
      real.settle();
      if (fault == Fault::kSourceReset) {
        course.source->abort();
        course.source.reset();
      } else if (fault == Fault::kSinkReset) {
        course.sink->abort();
        course.sink.reset();
      }
      CHECK(real.run_until([&] { return pumping.size() == 0; }));
      writing.cancel();
      CHECK(real.run_until([&] { return writing.size() == 0; }));
      REQUIRE_FALSE(pumped.result.has_value());
      CHECK(pumped.read_failed == (fault == Fault::kSourceReset || fault == Fault::kSourceSilent));
      CHECK(pumped.result.error().code == (timeout < 1s ? Code::kTimedOut : Code::kReset));
    }
  }
}

TEST_CASE("a cancelled pump ends, and leaves nothing in the pipe for the next") {
  for (const Kind kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    RealEnv real;
    for (const bool sink_stuck : {true, false}) {
      CAPTURE(sink_stuck);
      Course course(real, kind);
      const std::string_view text = std::string_view(kEndless).substr(0, sink_stuck ? kEndless.size() : 1000);
      Pumped pumped;
      TaskGroup group(real.loop);
      group.spawn(pump_into(*course.from, *course.to, kUntilEnd, 20s, pumped, false));
      group.spawn([](Stream& stream, std::string_view from) -> Task<void> {
        (void)co_await stream.write(as_slice(from), 20s);
      }(*course.source, text));
      (void)real.run_until([] { return false; }, 20ms);  // until every buffer is full
      group.cancel();
      CHECK(real.run_until([&] { return group.size() == 0; }));
      REQUIRE_FALSE(pumped.result.has_value());
      CHECK(pumped.result.error().code == Code::kCancelled);
    }
    Course next(real, kind);
    const std::string text = pattern(300'000);
    Pumped pumped;
    TaskGroup group(real.loop);
    group.spawn(pump_into(*next.from, *next.to, kUntilEnd, 20s, pumped, true));
    group.spawn(write_text(*next.source, text, true));
    CHECK((read_to_end(real, *next.sink) == text));
    CHECK(real.run_until([&] { return group.size() == 0; }));
  }
}

TEST_CASE("a pump that is always busy lets others run") {
  for (const Kind kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    RealEnv real;
    Course course(real, kind);
    const std::string text = pattern(20UL * 1024 * 1024);
    Pumped pumped;
    std::string got;
    TaskGroup group(real.loop);
    group.spawn(write_text(*course.source, text, true));
    group.spawn(pump_into(*course.from, *course.to, kUntilEnd, 20s, pumped, true));
    group.spawn(read_slowly(*course.sink, got, 256UL * 1024));
    int turns = 0;
    bool ticking = true;
    TaskGroup others(real.loop);
    others.spawn([](Loop& loop, const bool& on, int& count) -> Task<void> {
      while (on && co_await loop.sleep(0s)) ++count;
    }(real.loop, ticking, turns));
    CHECK(real.run_until([&] { return group.size() == 0; }));
    ticking = false;
    CHECK(real.run_until([&] { return others.size() == 0; }));
    CHECK((got == text));
    CHECK(turns > 5);
  }
}

// A source that trickles: what it has sent must not wait in the kernel for more (MSG_MORE holds it for 200
// ms).
TEST_CASE("bytes are passed on as they come, although more is to follow") {
  for (const Kind kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    RealEnv real;
    Course course(real, kind);
    Pumped pumped;
    TaskGroup group(real.loop);
    group.spawn(pump_into(*course.from, *course.to, 1'000'000, 20s, pumped, false));
    std::vector<std::byte> bytes(100);
    for (int i = 0; i < 3; ++i) {
      CHECK(real.run(course.source->write(as_slice("tick"), 1s)).has_value());
      CHECK(real.run(course.sink->read(bytes, 100ms)) == Result<std::size_t>(4));
    }
    group.cancel();
    CHECK(real.run_until([&] { return group.size() == 0; }));
    CHECK(pumped.bytes == 12);
  }
}

// near <-> carry <-> far, each a pair of the same sort.
struct Carriage {
  Carriage(RealEnv& real, bool sockets) {
    std::tie(client, near) = Course::ends(real, sockets);
    std::tie(far, server) = Course::ends(real, sockets);
  }
  static Task<void> run(Carriage& carriage, CarryLimits limits) {
    co_await carry(*carriage.near, *carriage.far, limits, carriage.carried);
    if (carriage.carried.end != Carried::End::kEnded) co_return;
    carriage.near.reset();
    carriage.far.reset();
  }
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> near;
  std::unique_ptr<Stream> far;
  std::unique_ptr<Stream> server;
  Carried carried;
};

constexpr CarryLimits kLong{.idle = 20s, .half_closed = 20s};

TEST_CASE("carried streams: every byte of both, at any pace, and the end of each") {
  for (const bool sockets : {true, false}) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{40'000}, std::size_t{9'000'001}}) {
      CAPTURE(sockets);
      CAPTURE(bytes);
      RealEnv real;
      Carriage carriage(real, sockets);
      const std::string up = pattern(bytes);
      const std::string down = pattern(bytes / 2 + 1);
      TaskGroup group(real.loop);
      std::string got_up;
      std::string got_down;
      group.spawn(Carriage::run(carriage, kLong));
      group.spawn(write_text(*carriage.client, up, true));
      group.spawn(write_text(*carriage.server, down, true));
      group.spawn(read_slowly(*carriage.server, got_up, 5003));
      group.spawn(read_slowly(*carriage.client, got_down, 70'001));
      CHECK(real.run_until([&] { return group.size() == 0; }));
      CHECK((got_up == up));
      CHECK((got_down == down));
      CHECK(carriage.carried.end == Carried::End::kEnded);
      CHECK(carriage.carried.to_far_bytes == up.size());
      CHECK(carriage.carried.to_near_bytes == down.size());
    }
  }
}

// Another process, that has been handed the sockets.
void take_over(RealEnv& real, Carriage& carriage) {
  for (auto* side : {&carriage.near, &carriage.far}) {
    auto socket = Socket::create(real.loop, *real.poller, (*side)->plain_socket()->release(), false);
    REQUIRE(socket);
    *side = std::move(*socket);
  }
  carriage.carried.end = Carried::End::kUnderWay;
}

Task<void> run_halted(RealEnv& real, Carriage& carriage, int& halts) {
  for (;; ++halts) {
    co_await Carriage::run(carriage, kLong);
    if (carriage.carried.end != Carried::End::kHalted) co_return;
    take_over(real, carriage);
  }
}

TEST_CASE("carried streams: halted again and again, no byte is lost, and the end of each comes through") {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{40'000}, std::size_t{9'000'001}}) {
    CAPTURE(bytes);
    RealEnv real;
    Carriage carriage(real, true);
    const std::string up = pattern(bytes);
    const std::string down = pattern(bytes / 2 + 1);
    TaskGroup group(real.loop);
    std::string got_up;
    std::string got_down;
    int halts = 0;
    group.spawn(run_halted(real, carriage, halts));
    group.spawn(write_text(*carriage.client, up, true));
    group.spawn(write_text(*carriage.server, down, true));
    group.spawn(read_slowly(*carriage.server, got_up, 5003));
    group.spawn(read_slowly(*carriage.client, got_down, 70'001));
    CHECK(real.run_until([&] {
      if (halts < 500) halt(carriage.carried);
      return group.size() == 0;
    }));
    CHECK((got_up == up));
    CHECK((got_down == down));
    CHECK(halts > 0);
    CHECK(carriage.carried.end == Carried::End::kEnded);
    CHECK(carriage.carried.to_far_bytes == up.size());
    CHECK(carriage.carried.to_near_bytes == down.size());
  }
}

TEST_CASE("carried streams: only what is between sockets, and under way, can be halted") {
  RealEnv real;
  Carriage carriage(real, false);
  CHECK_FALSE(halt(carriage.carried));
  TaskGroup group(real.loop);
  group.spawn(Carriage::run(carriage, kLong));
  CHECK_FALSE(halt(carriage.carried));
  CHECK(real.run(group.stop()));
}

TEST_CASE("carried streams: what breaks or is silent ends both, and it is told which") {
  enum class Fault : std::uint8_t { kClientReset, kServerReset, kSilent, kSilentHalfClosed, kCancelled };
  for (const bool sockets : {true, false}) {
    for (const auto& [fault, end] : {std::pair(Fault::kClientReset, Carried::End::kNearFailed),
                                     std::pair(Fault::kServerReset, Carried::End::kFarFailed),
                                     std::pair(Fault::kSilent, Carried::End::kIdle),
                                     std::pair(Fault::kSilentHalfClosed, Carried::End::kIdle),
                                     std::pair(Fault::kCancelled, Carried::End::kCancelled)}) {
      CAPTURE(sockets);
      CAPTURE(static_cast<int>(fault));
      RealEnv real;
      Carriage carriage(real, sockets);
      TaskGroup group(real.loop);
      group.spawn(Carriage::run(
          carriage, {.idle = fault == Fault::kSilent ? Duration(50ms) : Duration(20s), .half_closed = 50ms}));
      CHECK(real.run(carriage.client->write(as_slice("some"), 1s)).has_value());
      std::vector<std::byte> bytes(100);
      CHECK(real.run(carriage.server->read(bytes, 1s)) == Result<std::size_t>(4));
      if (fault == Fault::kClientReset) {
        carriage.client->abort();
        carriage.client.reset();
      } else if (fault == Fault::kServerReset) {
        carriage.server->abort();
        carriage.server.reset();
      } else if (fault == Fault::kSilentHalfClosed) {
        CHECK(carriage.client->shutdown_write().has_value());
      } else if (fault == Fault::kCancelled) {
        group.cancel();
      }
      CHECK(real.run_until([&] { return group.size() == 0; }));
      CHECK(carriage.carried.end == end);
      CHECK(carriage.carried.to_far_bytes == 4);
      CHECK(carriage.carried.near_ended == (fault == Fault::kSilentHalfClosed));
    }
  }
}

TEST_CASE("carried streams: a side that takes nothing holds up its own direction only") {
  for (const bool sockets : {true, false}) {
    CAPTURE(sockets);
    RealEnv real;
    Carriage carriage(real, sockets);
    TaskGroup group(real.loop);
    TaskGroup stuck(real.loop);
    group.spawn(Carriage::run(carriage, kLong));
    stuck.spawn([](Stream& stream) -> Task<void> {
      (void)co_await stream.write(as_slice(kEndless), 20s);
    }(*carriage.client));
    (void)real.run_until([] { return false; }, 20ms);  // until every buffer is full
    CHECK(real.run(carriage.server->write(as_slice("the other way"), 1s)).has_value());
    std::vector<std::byte> bytes(100);
    CHECK(real.run(carriage.client->read(bytes, 1s)) == Result<std::size_t>(13));
    group.cancel();
    stuck.cancel();
    CHECK(real.run_until([&] { return group.size() + stuck.size() == 0; }));
  }
}

void pump_without_descriptors() {
  RealEnv real;
  Course course(real, Kind::kSplice);
  const std::string text = pattern(300'000);
  Pumped pumped;
  TaskGroup group(real.loop);
  rlimit before{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  {
    const Descriptor next(::open("/dev/null", O_RDONLY | O_CLOEXEC));  // the lowest free number
    none.rlim_cur = static_cast<rlim_t>(next.get());
  }
  CHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  group.spawn(pump_into(*course.from, *course.to, text.size(), 20s, pumped, true));
  group.spawn(write_text(*course.source, text, true));
  const std::string got = read_to_end(real, *course.sink);
  CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK((got == text));
  CHECK(real.run_until([&] { return group.size() == 0; }));
  CHECK(pumped.result.has_value());
}

TEST_CASE("without a descriptor for a pipe, it copies") {
  std::thread(pump_without_descriptors).join();  // a new thread has no pipes at hand
}

}  // namespace
}  // namespace weir::net
