#include "workload/roster.h"

#include <doctest/doctest.h>

#include <string>

#include "testing/fake_env.h"

namespace weir::workload {
namespace {

using namespace std::chrono_literals;
using nodelink::State;
using Presence = Roster::Presence;

struct Room {
  Room() {
    roster.on_change([this] { ++told; });
    roster.start();
  }
  ~Room() { CHECK(fake.run(end())); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  net::Task<void> end() { co_await roster.stop(); }

  void attach(const std::string& name) { roster.attach({.node = name}); }
  void say(const std::string& name, State state, const std::string& version = "v1") {
    nodelink::NodeReport report;
    report.instances.push_back({.name = name, .version = version, .state = state});
    roster.report("a", report);
  }
  // Seconds in which the node a is heard.
  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      fake.advance(1s);
      roster.heard("a");
    }
  }

  testing::FakeEnv fake;
  Roster roster{fake.env};
  int told = 0;
};

TEST_CASE("who is silent for 8 s is lost, whether its stream has ended or not") {
  Room room;
  CHECK(room.roster.presence("a") == Presence::kUnknown);
  room.attach("a");
  CHECK(room.roster.presence("a") == Presence::kHere);
  room.pass(20);
  room.roster.detach("a");
  CHECK_FALSE(room.roster.find("a")->attached);
  room.fake.advance(7s);
  CHECK(room.roster.presence("a") == Presence::kHere);
  const int told = room.told;
  room.fake.advance(1s);
  CHECK(room.roster.presence("a") == Presence::kLost);
  CHECK(room.told == told + 1);
  room.attach("a");
  CHECK(room.roster.presence("a") == Presence::kHere);
  CHECK(room.roster.find("a")->attached);
}

TEST_CASE("nobody is lost before nodes have had the time to come") {
  Room room;
  room.attach("a");
  room.fake.advance(kStartTime - 1s);
  CHECK_FALSE(room.roster.settled());
  CHECK(room.roster.presence("a") == Presence::kUnknown);
  CHECK(room.roster.presence("never") == Presence::kUnknown);
  const int told = room.told;
  room.fake.advance(1s);
  CHECK(room.told > told);
  CHECK(room.roster.presence("a") == Presence::kLost);
  CHECK(room.roster.presence("never") == Presence::kLost);
  room.roster.settle_anew();
  CHECK(room.roster.presence("a") == Presence::kUnknown);
}

TEST_CASE("a process that stood still waits for nodes anew") {
  Room room;
  room.attach("a");
  room.pass(20);
  room.fake.clock.advance(30s);
  room.fake.run_until_idle();
  CHECK(room.roster.presence("a") == Presence::kUnknown);
  CHECK(room.fake.log.count("the process stood still: nodes have the time to report anew") == 1);
  room.fake.advance(10s);
  CHECK(room.roster.presence("a") == Presence::kLost);
}

TEST_CASE("what a node says of an instance, and since when") {
  Room room;
  CHECK(room.roster.said("a", "web-1") == nullptr);
  room.say("web-1", State::kReady);  // of a node that never came
  CHECK(room.roster.said("a", "web-1") == nullptr);
  room.attach("a");
  room.say("web-1", State::kStarting);
  room.pass(5);
  room.say("web-1", State::kReady);
  const Instant ready = room.fake.loop.now();
  room.pass(5);
  const int told = room.told;
  room.say("web-1", State::kReady);  // with other numbers, maybe
  CHECK(room.told == told);
  const Roster::Said* said = room.roster.said("a", "web-1");
  REQUIRE(said);
  CHECK(said->since == ready);
  CHECK(said->ready_changed == ready);
  room.pass(5);
  room.say("web-1", State::kRunning);
  CHECK(room.told == told + 1);
  CHECK(said->ready_longest == 10s);
  CHECK(said->ready_changed == room.fake.loop.now());
  const Instant unready = said->ready_changed;
  room.pass(2);
  room.say("web-1", State::kBackingOff);
  CHECK(said->ready_changed == unready);
  CHECK(said->since == room.fake.loop.now());
  room.say("web-1", State::kReady, "v2");
  CHECK(said->ready_longest == 0s);
  room.roster.report("a", {.gone = {"web-1", "web-7"}});
  CHECK(room.roster.said("a", "web-1") == nullptr);
}

TEST_CASE("a node that comes again says all anew, and what it does not say is gone") {
  Room room;
  room.attach("a");
  room.say("web-1", State::kReady);
  room.say("web-2", State::kReady);
  room.roster.report("a", {.complete = true});
  CHECK(room.roster.find("a")->complete);
  room.attach("a");
  CHECK(room.roster.said("a", "web-2") != nullptr);
  room.say("web-1", State::kReady);
  CHECK(room.roster.said("a", "web-2") != nullptr);
  const int told = room.told;
  room.roster.report("a", {.complete = true});
  CHECK(room.told == told + 1);
  CHECK(room.roster.said("a", "web-1") != nullptr);
  CHECK(room.roster.said("a", "web-2") == nullptr);
}

TEST_CASE("what nodes say is bounded") {
  Room room;
  room.attach("a");
  nodelink::NodeReport report;
  for (std::size_t i = 0; i < kSaidOfNodeMax + 10; ++i) {
    report.instances.push_back({.name = "web-" + std::to_string(i)});
  }
  report.instances[0].reason = std::string(kSaidTextBytesMax, 'x') + "yy";
  report.instances[1].reason = "two\nlines\x7f";
  report.instances[2].reason = std::string(kSaidTextBytesMax - 1, 'x') + "\xc3\xa4";
  room.roster.report("a", report);
  CHECK(room.roster.find("a")->instances.size() == kSaidOfNodeMax);
  CHECK(room.fake.log.count("a node speaks of too many instances") == 1);
  CHECK(room.roster.said("a", "web-0")->seen.reason.size() == kSaidTextBytesMax);
  CHECK(room.roster.said("a", "web-1")->seen.reason == "two lines ");
  CHECK(room.roster.said("a", "web-2")->seen.reason.size() == kSaidTextBytesMax - 1);
  room.fake.advance(1s);
  for (std::size_t i = 1; i < kRosterNodesMax + 5; ++i) room.attach("n" + std::to_string(i));
  CHECK(room.roster.nodes().size() == kRosterNodesMax);
  CHECK(room.fake.log.count("a node is not counted: there are too many") == 1);
}

TEST_CASE("nodes that are nobody's any more are forgotten, but for those that are attached") {
  Room room;
  room.attach("a");
  room.attach("b");
  room.attach("c");
  room.roster.detach("b");
  room.roster.detach("c");
  room.roster.keep_only({"c"});
  CHECK(room.roster.find("a") != nullptr);
  CHECK(room.roster.find("b") == nullptr);
  CHECK(room.roster.find("c") != nullptr);
  room.roster.detach("b");  // nothing
  room.roster.heard("b");
}

}  // namespace
}  // namespace weir::workload
