#include "anycast/decider.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::anycast {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSick = "no endpoint";

// A decider and its time; what it says is one letter: - withdrawn, A announced, P prepended, a and p: kept
// so.
struct World {
  explicit World(Policy with = {.hold = 4s, .drain_wait = 3s}) : policy(with), decider(policy) {}

  char look() {
    decider.look(sight, now);
    const char letter = decider.route() == Route::kWithdrawn   ? '-'
                        : decider.route() == Route::kAnnounced ? 'A'
                                                               : 'P';
    return decider.kept() ? static_cast<char>(letter + 32) : letter;
  }
  char after(Duration time) {
    now += time;
    return look();
  }
  void others(std::uint32_t count, bool answered = true) {
    sight.others = count;
    sight.answered = answered;
  }
  // Sick for a moment, while there are others.
  void fall() {
    others(1);
    sight.why_not = kSick;
    REQUIRE(look() == '-');
    sight.why_not.clear();
  }

  Policy policy;
  Decider decider;
  Sight sight;
  Instant now{};
};

TEST_CASE("it is announced at once when it can be served for the first time") {
  World world;
  world.sight.why_not = kSick;
  CHECK(world.look() == '-');
  CHECK(world.decider.reason() == kSick);
  CHECK_FALSE(world.decider.wake());
  world.sight.why_not.clear();
  CHECK(world.look() == 'A');
  CHECK(world.decider.reason().empty());
}

TEST_CASE("what has begun waits for the rest of what it serves, but not for long") {
  World world;
  world.sight.not_yet = "no endpoint of blog yet";
  CHECK(world.look() == '-');
  CHECK(world.decider.reason() == "no endpoint of blog yet");
  CHECK(world.decider.wake() == world.now + kRestMax);
  World other = world;
  other.sight.not_yet.clear();
  CHECK(other.after(1ms) == 'A');
  CHECK(world.after(kRestMax - 1ms) == '-');
  CHECK(world.after(1ms) == 'A');
  CHECK_FALSE(world.decider.is_new());
  CHECK(world.decider.reason().empty());
}

TEST_CASE("the wait for the rest begins anew when nothing can be served") {
  World world;
  world.sight.not_yet = "no endpoint of blog yet";
  CHECK(world.look() == '-');
  world.sight.why_not = kSick;
  CHECK(world.after(kRestMax) == '-');
  CHECK(world.decider.reason() == kSick);
  world.sight.why_not.clear();
  CHECK(world.look() == '-');
  CHECK(world.after(kRestMax) == 'A');
}

TEST_CASE("once it was announced, the rest does not count") {
  World world;
  CHECK(world.look() == 'A');
  world.sight.not_yet = "no endpoint of blog yet";
  CHECK(world.after(1s) == 'A');
  world.fall();
  CHECK(world.look() == '-');
  CHECK(world.after(world.policy.hold) == 'A');
  World heir;
  heir.decider = Decider(heir.policy, Route::kWithdrawn, heir.now);
  heir.sight.not_yet = "no endpoint of blog yet";
  CHECK_FALSE(heir.decider.is_new());
  CHECK(heir.look() == 'A');
}

TEST_CASE("what can't be served is withdrawn when others announce it") {
  World world;
  CHECK(world.look() == 'A');
  world.sight.why_not = kSick;
  CHECK(world.look() == 'A');  // it asks first
  CHECK(world.decider.asks());
  CHECK(*world.decider.wake() == world.now + kAnswerMax);
  world.others(2);
  CHECK(world.look() == '-');
  CHECK_FALSE(world.decider.asks());
  CHECK(world.decider.reason() == kSick);
}

TEST_CASE("an answer that does not know that it asked is not waited for longer than its time") {
  World world;
  CHECK(world.look() == 'A');
  world.sight.why_not = kSick;
  world.others(1, false);
  CHECK(world.look() == 'A');
  CHECK(world.after(kAnswerMax - 1ms) == 'A');
  CHECK(world.after(1ms) == '-');
}

TEST_CASE("the last of an address stays, as does one that may be the last") {
  enum class Word { kAnswer, kNone, kOld };
  for (const Word word : {Word::kAnswer, Word::kNone, Word::kOld}) {
    for (const bool another_comes : {false, true}) {
      CAPTURE(static_cast<int>(word));
      World world;
      CHECK(world.look() == 'A');
      world.sight.why_not = kSick;
      if (word != Word::kNone) world.others(0, word == Word::kAnswer);
      if (word != Word::kAnswer) {
        CHECK(world.look() == 'A');
        world.now += kAnswerMax;
      }
      CHECK(world.look() == 'a');
      CHECK(world.decider.asks());
      CHECK(world.decider.reason() == kSick);
      CHECK(world.after(1h) == 'a');
      if (another_comes) {
        world.others(1);
        CHECK(world.look() == '-');
        continue;
      }
      world.sight.why_not.clear();  // which is no return
      CHECK(world.look() == 'A');
      CHECK_FALSE(world.decider.asks());
      CHECK(world.decider.hold() == 0s);
    }
  }
}

TEST_CASE("told to, it withdraws the last one, too, and asks nobody") {
  World world({.hold = 4s, .keeps_last = false});
  CHECK(world.look() == 'A');
  world.sight.why_not = kSick;
  CHECK(world.look() == '-');
}

TEST_CASE("it is well again before anybody has answered: nothing has happened") {
  World world;
  CHECK(world.look() == 'A');
  world.sight.why_not = kSick;
  CHECK(world.look() == 'A');
  world.sight.why_not.clear();
  CHECK(world.after(10ms) == 'A');
  CHECK_FALSE(world.decider.asks());
  // The time to answer begins anew.
  world.sight.why_not = kSick;
  world.others(1, false);
  CHECK(world.after(kAnswerMax) == 'A');
}

TEST_CASE("each fall in a row makes the way back twice as long") {
  World world;
  CHECK(world.look() == 'A');
  const Duration holds[] = {4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s};
  for (const Duration hold : holds) {
    CAPTURE(hold.count());
    world.fall();
    CHECK(world.decider.hold() == hold);
    CHECK(world.look() == '-');
    CHECK(*world.decider.wake() == world.now + hold);
    CHECK(world.after(hold - 1ms) == '-');
    CHECK(world.decider.reason().contains("first"));
    CHECK(world.after(1ms) == 'A');
  }
}

TEST_CASE("a break while it waits begins the wait anew, and makes it no longer") {
  World world;
  CHECK(world.look() == 'A');
  world.fall();
  CHECK(world.look() == '-');
  CHECK(world.after(3s) == '-');
  world.sight.why_not = kSick;
  CHECK(world.after(900ms) == '-');
  world.sight.why_not.clear();
  CHECK(world.after(100ms) == '-');
  CHECK(world.after(4s - 1ms) == '-');
  CHECK(world.after(1ms) == 'A');
}

TEST_CASE("one that flaps without an end is away for most of the time") {
  World world({.hold = 1s});
  world.others(1);
  Duration announced{};
  for (int i = 0; i < 36'000; ++i) {  // an hour: sick for a second in every two
    world.sight.why_not = i / 10 % 2 == 0 ? "" : kSick;
    if (world.after(100ms) == 'A') announced += 100ms;
  }
  // It is never well for as long as the second wait.
  CHECK(announced <= 3s);
}

TEST_CASE("what was before is forgotten when it was calm for long enough") {
  World world;
  CHECK(world.look() == 'A');
  for (int i = 0; i < 3; ++i) {
    world.fall();
    CHECK(world.look() == '-');
    CHECK(world.after(world.decider.hold()) == 'A');
  }
  CHECK(world.decider.hold() == 16s);
  CHECK(*world.decider.wake() == world.now + kCalm);
  CHECK(world.after(kCalm - 1ms) == 'A');
  CHECK(world.decider.hold() == 16s);
  CHECK(world.after(1ms) == 'A');
  CHECK(world.decider.hold() == 0s);
  CHECK_FALSE(world.decider.wake());
}

TEST_CASE("at the end it is prepended, then withdrawn, whoever else announces it") {
  World world;
  CHECK(world.look() == 'A');
  world.sight.ending = true;
  CHECK(world.look() == 'P');
  CHECK(*world.decider.wake() == world.now + 3s);
  CHECK(world.after(3s - 1ms) == 'P');
  CHECK(world.after(1ms) == '-');
  CHECK_FALSE(world.decider.reason().empty());
  CHECK(world.after(1h) == '-');
}

TEST_CASE("at the end, what can't be served or must be quick is not prepended for long") {
  World world;
  CHECK(world.look() == 'A');
  world.sight.ending = true;
  SUBCASE("sick") { world.sight.why_not = kSick; }
  SUBCASE("sick behind") {
    CHECK(world.look() == 'P');
    world.sight.why_not = kSick;
  }
  SUBCASE("in a hurry") { world.sight.hurried = true; }
  SUBCASE("in a hurry behind") {
    CHECK(world.look() == 'P');
    world.sight.hurried = true;
  }
  CHECK(world.look() == '-');
}

TEST_CASE("by an order it is prepended, then withdrawn where it is not the last, and comes back at once") {
  World world;
  CHECK(world.look() == 'A');
  world.sight.ordered = true;
  CHECK(world.look() == 'P');
  CHECK_FALSE(world.decider.asks());
  CHECK(world.after(3s) == 'P');
  CHECK(world.decider.asks());
  SUBCASE("not the last") {
    world.others(1);
    CHECK(world.look() == '-');
    CHECK(world.after(1h) == '-');
    world.sight.ordered = false;
    CHECK(world.look() == 'A');
  }
  SUBCASE("the last") {
    world.others(0);
    CHECK(world.look() == 'p');
    world.sight.ordered = false;
    CHECK(world.look() == 'A');
  }
  SUBCASE("the order is taken back") {
    world.sight.ordered = false;
    CHECK(world.look() == 'A');
    world.sight.ordered = true;
    CHECK(world.after(1s) == 'P');
    CHECK(world.after(3s - 1ms) == 'P');
    CHECK_FALSE(world.decider.asks());
  }
  SUBCASE("it ends meanwhile") {
    world.sight.ending = true;
    CHECK(world.look() == '-');
  }
}

TEST_CASE("by an order, what can't be served is withdrawn without a penalty") {
  World world;
  CHECK(world.look() == 'A');
  world.sight.ordered = true;
  world.sight.why_not = kSick;
  world.others(1);
  CHECK(world.look() == '-');
  CHECK(world.decider.hold() == 0s);
}

TEST_CASE("found silent, it is away, and comes back as behind any other fall") {
  World world;
  CHECK(world.look() == 'A');
  world.decider.lost(world.now);
  CHECK(world.decider.route() == Route::kWithdrawn);
  CHECK_FALSE(world.decider.reason().empty());
  CHECK(world.look() == '-');
  CHECK(world.after(4s) == 'A');
  world.sight.why_not = kSick;
  world.others(1);
  CHECK(world.look() == '-');
  const Duration hold = world.decider.hold();
  world.decider.lost(world.now);  // nothing was there to lose
  CHECK(world.decider.hold() == hold);
}

TEST_CASE("what another process has announced goes on") {
  World world;
  world.decider = Decider(world.policy, Route::kAnnounced, world.now);
  CHECK(world.look() == 'A');
  world.decider = Decider(world.policy, Route::kPrepended, world.now);
  CHECK(world.decider.route() == Route::kPrepended);
  world.sight.ordered = true;
  CHECK(world.after(1s) == 'P');
  world.sight.ordered = false;
  CHECK(world.look() == 'A');
  world.decider = Decider(world.policy, Route::kWithdrawn, world.now);
  world.sight.why_not = kSick;
  CHECK(world.look() == '-');
}

}  // namespace
}  // namespace weir::anycast
