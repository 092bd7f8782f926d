#include "testing/fake_env.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "net/task_group.h"
#include "testing/allocation_count.h"
#include "testing/peer.h"

namespace weir::testing {
namespace {

using namespace std::chrono_literals;
using net::Address;
using net::Task;

constexpr const char* kAddress = "10.0.0.1:80";

Address address() { return *Address::parse(kAddress); }

Task<void> note_times(FakeEnv& fake, Duration step, std::vector<std::string>& notes) {
  for (int i = 0; i < 3; ++i) {
    if (!co_await fake.loop.sleep(step)) co_return;
    notes.push_back(format_duration(fake.loop.now() - ManualClock::kStart));
  }
}

TEST_CASE("time passes timer by timer, each at its own moment") {
  FakeEnv fake;
  net::TaskGroup group(fake.loop);
  std::vector<std::string> notes;
  group.spawn(note_times(fake, 100ms, notes));
  group.spawn(note_times(fake, 1h, notes));
  fake.advance(99ms);
  CHECK(notes.empty());
  fake.advance(1ms);
  CHECK(notes == std::vector<std::string>{"100ms"});
  fake.advance(3h);
  CHECK(notes == std::vector<std::string>{"100ms", "200ms", "300ms", "1h", "2h", "3h"});
  CHECK(fake.clock.now() - ManualClock::kStart == 3h + 100ms);
  CHECK(format_rfc3339(fake.clock.wall_now()) == "2026-01-01T03:00:00.100Z");
  CHECK(group.size() == 0);
}

Task<void> wait_out(FakeEnv& fake, Duration duration) { (void)co_await fake.loop.sleep(duration); }
Task<int> answer_after(FakeEnv& fake, Duration duration) {
  (void)co_await fake.loop.sleep(duration);
  co_return 42;
}

TEST_CASE("a task that still waits is told from one that has ended") {
  FakeEnv fake;
  CHECK(fake.run(wait_out(fake, 0s)));
  CHECK_FALSE(fake.run(wait_out(fake, 1s)));
  CHECK_FALSE(fake.run(wait_out(fake, 1s), 999ms));
  CHECK(fake.run(wait_out(fake, 1s), 1s));
  CHECK(fake.run(answer_after(fake, 0s)) == 42);
  CHECK_FALSE(fake.run(answer_after(fake, 1s)).has_value());
  const Instant before = fake.clock.now();
  CHECK(fake.run(answer_after(fake, 1s), 1min) == 42);
  CHECK(fake.clock.now() - before == 1s);  // not the whole patience
}

TEST_CASE("what is written is read by the other side, and an end and a reset are told apart") {
  FakeEnv fake;
  PeerListener listener(fake, kAddress);
  Peer client(fake, kAddress);
  REQUIRE(client.connected());
  Peer server = listener.accept();
  REQUIRE(server.connected());
  CHECK(listener.last_peer() == *Address::parse("127.0.0.1:40000"));
  CHECK_FALSE(listener.accept().connected());
  CHECK(fake.network.connected(address()) == 1);

  client.send("one\ntwo\n");
  CHECK(server.take_until("\n") == "one\n");
  CHECK(server.take() == "two\n");
  client.finish();
  CHECK(server.ended());
  CHECK(client.open());
  server.send("still");
  CHECK(client.take() == "still");
  server.close();
  CHECK(client.ended());
  CHECK_FALSE(client.reset());
  CHECK(fake.network.connected(address()) == 0);

  Peer second(fake, kAddress);
  listener.accept().abort();
  CHECK(second.reset());
  CHECK_FALSE(second.ended());
}

TEST_CASE("closing with bytes unread is a reset, after what was sent") {
  FakeEnv fake;
  PeerListener listener(fake, kAddress);
  Peer client(fake, kAddress);
  Peer server = listener.accept();
  server.stop_reading();
  client.send("never read");
  server.send("last words");
  server.close();
  CHECK(client.take() == "last words");
  CHECK(client.reset());
}

TEST_CASE("a full buffer holds the writer until the reader takes from it") {
  FakeEnv fake;
  fake.network.link_options.buffer_bytes = 1000;
  PeerListener listener(fake, kAddress);
  Peer client(fake, kAddress);
  Peer server = listener.accept();
  server.stop_reading();
  std::string text(100'000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 26);
  client.send(text);
  CHECK(client.unsent_bytes() == text.size());  // not even the first piece of 4096 went
  server.read_again();
  CHECK(client.unsent_bytes() == 0);
  CHECK((server.received() == text));
}

TEST_CASE("segments arrive one turn at a time, whole and in order") {
  for (const bool random : {false, true}) {
    for (const std::size_t bytes_max : {1U, 2U, 7U, 64U}) {
      CAPTURE(random);
      CAPTURE(bytes_max);
      FakeEnv fake(bytes_max);
      fake.network.link_options = {
          .buffer_bytes = 100, .segment_bytes_max = bytes_max, .random_segments = random};
      PeerListener listener(fake, kAddress);
      auto made = fake.run(fake.network.connect(address(), 1s));
      REQUIRE((made && *made));
      Peer server = listener.accept();
      server.send("a message of some length");
      server.close();
      std::string text;
      bool ended = false;
      while (!ended) {
        std::array<std::byte, 100> bytes{};
        auto got = fake.run((**made)->read(bytes, 1s));
        REQUIRE((got && *got));
        CHECK(**got <= bytes_max);
        ended = **got == 0;
        text += net::as_text(net::Slice(bytes).first(**got));
      }
      CHECK(text == "a message of some length");
    }
  }
}

}  // namespace
}  // namespace weir::testing
