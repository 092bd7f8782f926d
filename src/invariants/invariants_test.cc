// Each invariant holds for a history in which nothing is wrong, and breaks for one that was doctored.
#include "invariants/invariants.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace weir::invariants {
namespace {

using namespace std::chrono_literals;
using Kind = Event::Kind;

const Edges kEdges{{"e1", "r1"}};

Event committed(Duration at, std::string key, std::uint64_t revision, std::string text,
                std::string mark = {}) {
  return {.kind = Kind::kCommitted,
          .at = at,
          .key = std::move(key),
          .text = std::move(text),
          .mark = std::move(mark),
          .revision = revision};
}
Event applied(Duration at, std::uint64_t revision, Event::Held held) {
  return {.kind = Kind::kApplied, .at = at, .node = "e1", .revision = revision, .held = std::move(held)};
}
Event acknowledged(std::uint64_t revision, std::string text, std::string mark) {
  return {.kind = Kind::kAcknowledged,
          .node = "client",
          .key = "services/l1",
          .text = std::move(text),
          .mark = std::move(mark),
          .revision = revision};
}
Event served(Duration at, std::string origin) {
  return {.kind = Kind::kServed, .at = at, .node = "e1", .key = "l1", .text = std::move(origin)};
}
Event of_node(Kind kind, Duration at, std::string node) {
  return {.kind = kind, .at = at, .node = std::move(node)};
}

const Event kEnd{.kind = Kind::kEnd, .at = 100s};
// One load balancer with one endpoint, at the edge.
const std::vector<Event> kBegin{committed(1s, "services/l1", 2, "a", "w1"),
                                committed(1s, "loadbalancers/l1", 2, "l1", "w1"),
                                applied(1s, 2, {{"services/l1", "a"}, {"loadbalancers/l1", "l1"}})};

// The first sentence; empty: it holds.
std::string judged(std::unique_ptr<Invariant> (*make)(const Edges&), const std::vector<Event>& events) {
  const auto invariant = make(kEdges);
  for (const std::vector<Event>* part : {&kBegin, &events}) {
    for (const Event& event : *part) {
      if (auto sentence = invariant->see(event)) return *sentence;
    }
  }
  return {};
}

TEST_CASE("an edge that stays behind is found") {
  CHECK(judged(revision_reached, {kEnd}).empty());
  const Event next = committed(2s, "services/l1", 3, "b");
  CHECK(judged(revision_reached,
               {next, applied(3s, 3, {{"services/l1", "b"}, {"loadbalancers/l1", "l1"}}), kEnd})
            .empty());
  CHECK(judged(revision_reached, {next, kEnd}) ==
        "e1 is at revision 2, and not at 3, 23 s after all fell quiet");
}

TEST_CASE("an edge that has something else than its revision is found") {
  const Event next = committed(2s, "services/l1", 3, "b");
  const std::string begin = "e1 serves revision 3 with something else than that has: ";
  CHECK(judged(revision_whole, {next, applied(3s, 3, {{"services/l1", "b"}, {"loadbalancers/l1", "l1"}})})
            .empty());
  CHECK(judged(revision_whole, {next, applied(3s, 3, {{"services/l1", "a"}, {"loadbalancers/l1", "l1"}})}) ==
        begin + "services/l1 is \"a\", and not \"b\"");
  CHECK(judged(revision_whole, {next, applied(3s, 3, {})}) == begin + "loadbalancers/l1 is not there");
  CHECK(judged(revision_whole, {next, applied(3s, 4, {})}) ==
        "e1 serves revision 4, which nobody has committed");
  const Event gone = committed(2s, "loadbalancers/l1", 3, "");
  CHECK(judged(revision_whole, {gone, applied(3s, 3, {})}).empty());
  CHECK_FALSE(judged(revision_whole, {gone, applied(3s, 2, {})}).empty());
  CHECK(judged(revision_whole, {gone, applied(3s, 3, {{"services/l1", "a"}})}) ==
        begin + "services/l1 is there");
  const Event moved = committed(2s, "loadbalancers/l1", 3, "l1 @r2");
  CHECK(judged(revision_whole, {moved, applied(3s, 3, {})}).empty());
}

TEST_CASE("traffic to what is dead is found, after its time") {
  const Event sick = of_node(Kind::kSick, 10s, "a");
  CHECK(judged(traffic_bound, {served(9s, "a"), sick, served(13s, "a")}).empty());
  CHECK(judged(traffic_bound, {sick, served(15s, "a")}) ==
        "e1 sends a request for l1 to a, which has been failing its checks for 5.0 s");
  CHECK(judged(traffic_bound, {sick, of_node(Kind::kWell, 14s, "a"), served(15s, "a")}).empty());
  const Event troubled = of_node(Kind::kTroubled, 11s, "e1");
  const Event calm = of_node(Kind::kCalm, 20s, "e1");
  CHECK_FALSE(judged(traffic_bound, {sick, troubled, served(19s, "a")}).empty());  // it checks by itself
  const Event started = of_node(Kind::kStarted, 20s, "e1");
  CHECK(judged(traffic_bound, {sick, troubled, started, calm, served(23s, "a")}).empty());
  CHECK_FALSE(judged(traffic_bound, {sick, troubled, started, calm, served(25s, "a")}).empty());
}

TEST_CASE("traffic to what was taken out is found, after its time") {
  const Event drained = committed(30s, "services/l1", 3, "b");
  CHECK(judged(traffic_bound, {drained, served(34s, "a"), served(50s, "b")}).empty());
  CHECK(judged(traffic_bound, {drained, served(36s, "a")}) ==
        "e1 sends a request for l1 to a, which was taken out 6.0 s ago");
  CHECK(judged(traffic_bound, {drained, committed(33s, "services/l1", 4, "b a"), served(50s, "a")}).empty());
  CHECK_FALSE(judged(traffic_bound, {committed(30s, "loadbalancers/l1", 3, ""), served(50s, "a")}).empty());
}

TEST_CASE("a request that fails in calm, where an origin is well, is found") {
  const auto failed = [](Duration at) {
    return Event{.kind = Kind::kFailed, .at = at, .node = "e1", .key = "l1", .text = "503"};
  };
  const std::string sentence = "e1 answers a request for l1 with 503, and a is well";
  CHECK(judged(answered, {failed(20s)}).empty());  // soon after the world began
  CHECK(judged(answered, {failed(60s)}) == sentence);
  CHECK(judged(answered, {of_node(Kind::kSick, 10s, "a"), failed(60s)}).empty());
  const Event well = of_node(Kind::kWell, 50s, "a");
  CHECK(judged(answered, {of_node(Kind::kSick, 10s, "a"), well, failed(55s)}).empty());
  CHECK(judged(answered, {of_node(Kind::kSick, 10s, "a"), well, failed(60s)}) == sentence);
  const Event troubled = of_node(Kind::kTroubled, 30s, "e2");  // its verdict counts here too
  CHECK(judged(answered, {troubled, failed(60s)}).empty());
  const Event calm = of_node(Kind::kCalm, 40s, "e2");
  CHECK(judged(answered, {troubled, calm, failed(60s)}).empty());
  CHECK(judged(answered, {troubled, calm, failed(70s)}) == sentence);
  CHECK(judged(answered, {committed(55s, "services/l1", 3, "a b"), failed(60s)}).empty());
  CHECK(judged(answered, {committed(30s, "loadbalancers/l1", 3, "l1 @r2"), failed(60s)}).empty());
}

TEST_CASE("what comes back is found") {
  const Event gone = committed(2s, "loadbalancers/l1", 3, "");
  const Event::Held old{{"loadbalancers/l1", "l1"}};
  CHECK(judged(no_resurrection, {gone, applied(3s, 3, {})}).empty());
  CHECK(judged(no_resurrection, {gone, applied(3s, 3, {}), applied(4s, 2, old)}) ==
        "e1 has served revision 3, and goes back to 2");
  CHECK(judged(no_resurrection, {gone, applied(3s, 3, {}), applied(4s, 3, old)}) ==
        "e1 serves revision 3, and has loadbalancers/l1 again, which was removed in 3");
  CHECK(judged(no_resurrection,
               {gone, applied(3s, 3, {}), of_node(Kind::kForgot, 4s, "e1"), applied(4s, 2, old)})
            .empty());
  CHECK(judged(no_resurrection,
               {gone, applied(3s, 3, {}), committed(4s, "loadbalancers/l1", 4, "l1"), applied(5s, 4, old)})
            .empty());
}

// --- of tunnels: t1 is u1's, an origin of it is attached to e1 and e2, and both know

const Edges kTwo{{"e1", "r1"}, {"e2", "r1"}};
const Event::Held kHeld{{"loadbalancers/t1", "t1"}, {"services/t1", "of u1"}, {"tunnels/t1", "i1@e1 i1@e2"}};

Event applied_by(std::string edge, Duration at, std::uint64_t revision, Event::Held held) {
  Event event = applied(at, revision, std::move(held));
  event.node = std::move(edge);
  return event;
}
Event came(Duration at, std::string session, std::string account) {
  return {.kind = Kind::kCame,
          .at = at,
          .node = std::move(session),
          .key = "t1",
          .text = "i1",
          .mark = std::move(account)};
}
Event attached(Duration at, std::string session, std::string edge) {
  return {
      .kind = Kind::kAttached, .at = at, .node = std::move(session), .key = "t1", .text = std::move(edge)};
}
Event detached(Duration at, std::string session, std::string edge, std::string why = {}) {
  return {.kind = Kind::kDetached,
          .at = at,
          .node = std::move(session),
          .key = "t1",
          .text = std::move(edge),
          .mark = std::move(why)};
}
Event reached(Duration at, std::string session, std::string service = "t1") {
  return {.kind = Kind::kReached,
          .at = at,
          .node = std::move(session),
          .key = std::move(service),
          .text = "e1",
          .since = at};
}
Event missed(Duration since) {
  return {.kind = Kind::kMissed, .at = since + 1s, .node = "e1", .key = "t1", .text = "503", .since = since};
}
Event between(Kind kind, Duration at, std::string one, std::string other) {
  return {.kind = kind, .at = at, .node = std::move(one), .key = std::move(other)};
}

std::string judged_tunnels(std::unique_ptr<Invariant> (*make)(const Edges&), std::vector<Event> events) {
  const std::vector<Event> begin{came(0s, "a1.1", "u1"),
                                 attached(1s, "a1.1", "e1"),
                                 attached(1s, "a1.1", "e2"),
                                 committed(1s, "services/t1", 2, "of u1"),
                                 committed(1s, "loadbalancers/t1", 2, "t1"),
                                 committed(1s, "tunnels/t1-1", 2, "t1 i1@e1 u1"),
                                 committed(1s, "tunnels/t1-2", 2, "t1 i1@e2 u1"),
                                 applied_by("e1", 1s, 2, kHeld),
                                 applied_by("e2", 1s, 2, kHeld)};
  const auto invariant = make(kTwo);
  events.insert(events.begin(), begin.begin(), begin.end());
  for (const Event& event : events) {
    if (auto sentence = invariant->see(event)) return *sentence;
  }
  return {};
}

TEST_CASE("tunnels are a part of what an edge is to have") {
  CHECK(judged_tunnels(revision_whole, {}).empty());
  CHECK(judged_tunnels(revision_reached, {kEnd}).empty());
  const Event gone = committed(2s, "tunnels/t1-2", 3, "");
  CHECK(judged_tunnels(revision_whole, {gone, applied_by("e1", 3s, 3, kHeld)})
            .ends_with("tunnels/t1 is \"i1@e1 i1@e2\", and not \"i1@e1\""));
  const Event others = committed(2s, "tunnels/t1-3", 3, "t1 i2@e1 u2");
  CHECK(judged_tunnels(revision_whole, {others, applied_by("e1", 3s, 3, kHeld)}).empty());
}

TEST_CASE("a request that comes to another one's origin is found") {
  CHECK(judged_tunnels(own_origin, {reached(2s, "a1.1")}).empty());
  CHECK(judged_tunnels(own_origin, {reached(2s, "a1.1", "t2")}) ==
        "e1 sends a request for t2 to a1.1, which is of t1");
  CHECK_FALSE(judged_tunnels(own_origin, {reached(2s, "a9.9")}).empty());
  CHECK(judged_tunnels(own_origin, {came(2s, "a2.1", "u2"), reached(3s, "a2.1")}) ==
        "e1 sends a request for t1 to a2.1, which is u2's; the service is \"of u1\"");
  // The name comes to another one, which the edge does not know yet.
  const Event moved = committed(2s, "services/t1", 3, "of u2");
  CHECK(judged_tunnels(own_origin, {came(2s, "a2.1", "u2"), moved, reached(3s, "a2.1")}).empty());
  CHECK(judged_tunnels(own_origin, {moved, reached(3s, "a1.1")}).empty());
  Event::Held held = kHeld;
  held["services/t1"] = "of u2";
  CHECK_FALSE(
      judged_tunnels(own_origin, {moved, applied_by("e1", 3s, 3, held), reached(4s, "a1.1")}).empty());
  CHECK(judged_tunnels(own_origin, {committed(2s, "services/happy-fox-1234", 3, "of u1")}) ==
        "there is services/happy-fox-1234, which nobody has asked for");
}

TEST_CASE("a request to a session that has left is found") {
  const Event left = detached(2s, "a1.1", "e1");
  const Event over = detached(2s, "a1.1", "e2", "a newer session of yours has taken the place of this one");
  CHECK(judged_tunnels(left_alone, {left, reached(9s, "a1.1")}).empty());
  CHECK(judged_tunnels(left_alone, {left, over, reached(2500ms, "a1.1")}).empty());
  CHECK(judged_tunnels(left_alone, {left, over, reached(9s, "a1.1")}) ==
        "e1 sends a request for t1 to a1.1, which left its last edge 7.0 s before");
  CHECK(judged_tunnels(left_alone, {between(Kind::kParted, 1s, "a1", "e2"), left, over, reached(9s, "a1.1")})
            .empty());
}

TEST_CASE("a request that fails although there was a way is found") {
  const std::string sentence = "e1 answers a request for t1 with 503, and a1.1 is attached to e1";
  CHECK(judged_tunnels(found_a_way, {missed(20s)}) == sentence);
  CHECK(judged_tunnels(found_a_way, {detached(20s, "a1.1", "e1"), missed(20s)})
            .ends_with("and a1.1 is attached to e2"));
  CHECK(judged_tunnels(found_a_way, {detached(20s, "a1.1", "e1"), detached(20s, "a1.1", "e2"), missed(20s)})
            .empty());
  const Event parted = between(Kind::kParted, 10s, "a1", "e1");
  const Event apart = between(Kind::kParted, 10s, "e1", "e2");
  CHECK_FALSE(judged_tunnels(found_a_way, {parted, missed(20s)}).empty());  // by the other edge
  CHECK(judged_tunnels(found_a_way, {parted, apart, missed(20s)}).empty());
  const Event joined = between(Kind::kJoined, 15s, "a1", "e1");
  CHECK(judged_tunnels(found_a_way, {parted, apart, joined, missed(20s)}).empty());
  CHECK(judged_tunnels(found_a_way, {parted, apart, joined, missed(22s)}) == sentence);
  CHECK(judged_tunnels(found_a_way, {between(Kind::kParted, 9s, "e1", "visitors"), missed(20s)}).empty());
  CHECK(judged_tunnels(found_a_way, {of_node(Kind::kStarted, 21s, "e1"), missed(20s)}).empty());
  CHECK(judged_tunnels(found_a_way, {of_node(Kind::kForgot, 11s, "e1"), missed(20s)}).empty());
  Event::Held none = kHeld;
  none.erase("loadbalancers/t1");
  CHECK(judged_tunnels(found_a_way, {applied_by("e1", 3s, 3, none), missed(20s)}).empty());
}

TEST_CASE("agents and the store that are not of one mind in the end are found") {
  CHECK(judged_tunnels(of_one_mind, {kEnd}).empty());
  CHECK(judged_tunnels(of_one_mind, {detached(3s, "a1.1", "e2"), kEnd}) ==
        "a1.1 is attached to 1 edges when all has been quiet");
  CHECK(judged_tunnels(of_one_mind, {detached(3s, "a1.1", "e2", "taken over"), kEnd}) ==
        "there is a Tunnel t1 i1@e2 u1, and no session");
  CHECK(judged_tunnels(of_one_mind, {committed(3s, "tunnels/t1-2", 3, ""), kEnd}) ==
        "t1 i1@e2 u1 is attached, and no Tunnel says so");
  CHECK(judged_tunnels(of_one_mind, {of_node(Kind::kWent, 3s, "a1.1"), kEnd}) ==
        "there is a Tunnel t1 i1@e1 u1, and no session");
}

TEST_CASE("an acknowledged write that is not there is found") {
  CHECK(judged(acknowledged_kept, {acknowledged(2, "a", "w1")}).empty());
  CHECK(judged(acknowledged_kept, {acknowledged(3, "a", "w1")}).contains("w1 of services/l1"));
  CHECK(judged(acknowledged_kept, {acknowledged(2, "b", "w2")}) ==
        "client was told that w2 of services/l1 is done at revision 2, and there it is \"a\" by w1");
  const Event next = committed(2s, "services/l1", 3, "b", "w2");
  CHECK(judged(acknowledged_kept, {next, acknowledged(2, "a", "w1"), acknowledged(3, "b", "w2")}).empty());
  CHECK(judged(acknowledged_kept, {next, acknowledged(3, "b", "w2"), acknowledged(2, "a", "w1")})
            .contains("before its earlier one at 3"));
  CHECK(judged(acknowledged_kept, {committed(2s, "services/l1", 2, "b", "w2")}) ==
        "services/l1 is written at revision 2, after 2");
}

}  // namespace
}  // namespace weir::invariants
