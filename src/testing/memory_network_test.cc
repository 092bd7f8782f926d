#include "testing/memory_network.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "net/task_group.h"
#include "testing/allocation_count.h"
#include "testing/fake_env.h"
#include "testing/peer.h"

namespace weir::testing {
namespace {

using namespace std::chrono_literals;
using net::Address;
using net::Task;

constexpr const char* kAddress = "10.0.0.1:80";

Address address() { return *Address::parse(kAddress); }

Error connect_error(FakeEnv& fake, Address to, Duration timeout, Duration patience = {}) {
  auto made = fake.run(fake.network.connect(to, timeout), patience);
  if (!made) return {Code::kInternal, Side::kInternal, Retry::kNever, 0, "still waiting"};
  return *made ? Error{Code::kExists, Side::kInternal, Retry::kNever, 0, "connected"} : made->error();
}

TEST_CASE("connecting succeeds, is refused, or hangs until its deadline") {
  FakeEnv fake;
  CHECK(connect_error(fake, address(), 1s).code == Code::kConnectFailed);
  CHECK(connect_error(fake, address(), 1s).side == Side::kUpstream);
  CHECK(connect_error(fake, address(), 1s).retry == Retry::kSafe);
  {
    PeerListener listener(fake, kAddress);
    CHECK(connect_error(fake, address(), 1s).code == Code::kExists);
    fake.network.refuse(address());
    CHECK(connect_error(fake, address(), 1s).code == Code::kConnectFailed);
    fake.network.refuse(address(), false);
    fake.network.blackhole(address());
    CHECK(connect_error(fake, address(), 1s, 999ms).code == Code::kInternal);
    CHECK(connect_error(fake, address(), 1s, 1s).code == Code::kTimedOut);
    fake.network.blackhole(address(), false);
    CHECK(connect_error(fake, address(), 1s).code == Code::kExists);
  }
  CHECK(connect_error(fake, address(), 1s).code == Code::kConnectFailed);
  CHECK(fake.network.connects(address()) == 9);
}

TEST_CASE("listeners of one address take turns; port 0 is a free port; a wildcard takes what has no other") {
  FakeEnv fake;
  PeerListener first(fake, kAddress);
  PeerListener second(fake, kAddress);
  PeerListener wildcard(fake, "0.0.0.0:80");
  std::vector<Peer> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(fake, kAddress);
  clients.emplace_back(fake, "10.9.9.9:80");
  int taken_by_first = 0;
  while (first.accept().connected()) ++taken_by_first;
  int taken_by_second = 0;
  while (second.accept().connected()) ++taken_by_second;
  CHECK(taken_by_first == 2);
  CHECK(taken_by_second == 2);
  CHECK(wildcard.accept().connected());
  CHECK_FALSE(wildcard.accept().connected());

  PeerListener anywhere(fake, "10.0.0.2:0");
  PeerListener elsewhere(fake, "10.0.0.2:0");
  CHECK(anywhere.address().port() != 0);
  CHECK(anywhere.address() != elsewhere.address());
  CHECK(Peer(fake, anywhere.address().to_string()).connected());
}

TEST_CASE("a listener that closes resets what nobody accepted, and accepting can be made to fail") {
  FakeEnv fake;
  auto listener = *fake.network.listen(address());
  Peer waiting(fake, kAddress);
  CHECK(waiting.open());
  fake.network.fail_accepts(address(), {Code::kNoDescriptors}, 1);
  auto refused = fake.run(listener->accept());
  REQUIRE(refused);
  REQUIRE_FALSE(refused->has_value());
  CHECK(refused->error().code == Code::kNoDescriptors);
  Peer second(fake, kAddress);
  auto accepted = fake.run(listener->accept());
  REQUIRE((accepted && *accepted));
  listener.reset();
  CHECK(waiting.open());
  CHECK(second.reset());
}

TEST_CASE("an existing connection can be cut, and one of its directions paused") {
  FakeEnv fake;
  PeerListener listener(fake, kAddress);
  Peer client(fake, kAddress);
  Peer server = listener.accept();
  fake.network.pause(address(), Way::kToListener);
  client.send("lost in the net");
  client.finish();
  server.send("hello");
  CHECK(client.take() == "hello");
  CHECK(server.received().empty());
  CHECK_FALSE(server.ended());
  fake.network.pause(address(), Way::kToListener, false);
  CHECK(server.take() == "lost in the net");
  CHECK(server.ended());
  fake.network.cut(address());
  CHECK(client.reset());
  Peer other(fake, kAddress);
  CHECK(other.open());
}

struct CountingWatch final : net::HangupWatch {
  int told = 0;
  void on_hangup() override { ++told; }
};

TEST_CASE("a watch is told once that the peer has gone, unless somebody reads") {
  enum class Leave : std::uint8_t { kFinish, kClose, kAbort, kCut };
  for (const Leave leave : {Leave::kFinish, Leave::kClose, Leave::kAbort, Leave::kCut}) {
    for (const bool watched_before : {false, true}) {
      CAPTURE(static_cast<int>(leave));
      CAPTURE(watched_before);
      FakeEnv fake;
      PeerListener listener(fake, kAddress);
      auto made = fake.run(fake.network.connect(address(), 1s));
      REQUIRE((made && *made));
      net::Stream& stream = **made.value();
      Peer server = listener.accept();
      CountingWatch watch;
      if (watched_before) stream.watch_hangup(&watch);
      CHECK_FALSE(stream.has_input());
      CHECK_FALSE(stream.peer_closed());
      switch (leave) {
        case Leave::kFinish: server.finish(); break;
        case Leave::kClose: server.close(); break;
        case Leave::kAbort: server.abort(); break;
        case Leave::kCut: fake.network.cut(address()); break;
      }
      fake.run_until_idle();
      if (!watched_before) stream.watch_hangup(&watch);
      CHECK(watch.told == 1);
      CHECK(stream.has_input());
      CHECK(stream.peer_closed());
    }
  }
}

Task<void> read_once(net::Stream& stream, Result<std::size_t>& result) {
  std::array<std::byte, 10> bytes{};
  result = co_await stream.read(bytes, 5s);
}

TEST_CASE("a reader hears of the end itself; a deadline and a cancellation leave the stream usable") {
  FakeEnv fake;
  PeerListener listener(fake, kAddress);
  auto made = fake.run(fake.network.connect(address(), 1s));
  net::Stream& stream = **made.value();
  Peer server = listener.accept();
  Result<std::size_t> result;
  net::TaskGroup group(fake.loop);

  group.spawn(read_once(stream, result));
  fake.advance(4999ms);
  CHECK(group.size() == 1);
  fake.advance(1ms);
  CHECK(result.error().code == Code::kTimedOut);

  {
    net::TaskGroup cancelled(fake.loop);
    cancelled.spawn(read_once(stream, result));
    cancelled.cancel();
    fake.run_until_idle();
    CHECK(result.error().code == Code::kCancelled);
  }
  CountingWatch watch;
  stream.watch_hangup(&watch);
  group.spawn(read_once(stream, result));
  server.close();
  CHECK(result == std::size_t{0});
  CHECK(watch.told == 0);
}

TEST_CASE("the first write after the peer has closed seems to succeed") {
  FakeEnv fake;
  PeerListener listener(fake, kAddress);
  auto made = fake.run(fake.network.connect(address(), 1s));
  net::Stream& stream = **made.value();
  listener.accept().close();
  CHECK(fake.run(stream.write(net::as_slice("into the void"), 1s)) == Result<std::size_t>(13));
  auto second = fake.run(stream.write(net::as_slice("again"), 1s));
  REQUIRE((second && !*second));
  CHECK(second->error().code == Code::kReset);
}

TEST_CASE("names resolve from a table, and their questions are counted") {
  FakeEnv fake;
  const Address one = Address::v4({10, 0, 0, 1}, 0);
  const Address two = Address::v4({10, 0, 0, 2}, 0);
  fake.network.set_name("Origin.example", {one, two}, 30s);
  auto found = fake.run(fake.network.resolve("origin.EXAMPLE", 8080, 1s));
  REQUIRE((found && *found));
  CHECK((*found)->ttl == 30s);
  REQUIRE((*found)->addresses.size() == 2);
  CHECK((*found)->addresses[1] == *Address::parse("10.0.0.2:8080"));
  CHECK(fake.network.resolutions("origin.example") == 1);

  fake.network.mute_name("origin.example");
  found = fake.run(fake.network.resolve("origin.example", 80, 1s), 1s);
  REQUIRE((found && !*found));
  CHECK(found->error().code == Code::kTimedOut);

  fake.network.remove_name("origin.example");
  found = fake.run(fake.network.resolve("origin.example", 80, 1s));
  REQUIRE((found && !*found));
  CHECK(found->error().code == Code::kNotResolved);
  found = fake.run(fake.network.resolve("::1", 80, 1s));
  REQUIRE((found && *found));
  CHECK((*found)->addresses[0].to_string() == "[::1]:80");
}

TEST_CASE("a listener can answer by itself") {
  FakeEnv fake;
  PeerListener origin(fake, kAddress);
  Peer early(fake, kAddress);
  origin.answer("\n", "pong;");
  Peer client(fake, kAddress);
  client.send("ping\nping\npi");
  early.send("ping\n");
  CHECK(client.take() == "pong;pong;");
  CHECK(early.take() == "pong;");
  client.send("ng\n");
  CHECK(client.take() == "pong;");
  CHECK(origin.answered() == 4);
}

TEST_CASE("the log keeps events with their fields") {
  MemoryLog log;
  log.warning("cannot connect", {{"address", "10.0.0.1:80"}, {"reason", "refused"}});
  log.info("listening");
  CHECK(log.text() == "warning cannot connect address=10.0.0.1:80 reason=refused\ninfo listening\n");
  CHECK(log.count("listening") == 1);
  CHECK(log.records()[0].field("reason") == "refused");
  CHECK(log.records()[0].field("other").empty());
  log.clear();
  CHECK(log.records().empty());
}

TEST_CASE("allocations are counted where no sanitizer is") {
  const auto before = allocations();
  if (!before) return;
  auto* made = new std::string(100, 'x');
  CHECK(*allocations() - *before == 2);
  delete made;
  CHECK(*allocations() - *before == 2);
}

Task<void> ping_pong(net::Stream& stream, int rounds, bool first) {
  std::array<std::byte, 100> bytes{};
  for (int i = 0; i < rounds; ++i) {
    if (first && !co_await stream.write(net::as_slice("ping"), 1s)) co_return;
    if (!co_await stream.read(bytes, 1s)) co_return;
    if (!first && !co_await stream.write(net::as_slice("pong"), 1s)) co_return;
  }
}

TEST_CASE("a steady conversation over the memory network allocates nothing") {
  FakeEnv fake;
  auto [left, right] =
      MemoryStream::pair(fake.loop, std::make_shared<MemoryLink>(LinkOptions{}, fake.random));
  std::uint64_t made_first = 0;
  for (int pass = 0; pass < 2; ++pass) {  // the first fills the pools
    net::TaskGroup group(fake.loop);
    const auto before = allocations();
    group.spawn(ping_pong(*right, 1000, false));
    group.spawn(ping_pong(*left, 1000, true));
    fake.run_until_idle();
    CHECK(group.size() == 0);
    if (!before) continue;
    const std::uint64_t made = *allocations() - *before;
    if (pass == 0) made_first = made;
    if (pass == 1) CHECK(made == 0);
  }
  if (allocations()) CHECK(made_first > 0);  // the counter counts
}

}  // namespace
}  // namespace weir::testing
