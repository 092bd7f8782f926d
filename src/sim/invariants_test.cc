// Each invariant holds for a history in which nothing is wrong, and breaks for one that was doctored.
#include "sim/invariants.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace weir::sim {
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
}  // namespace weir::sim
