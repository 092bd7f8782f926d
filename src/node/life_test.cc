#include "node/life.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

namespace weir::node {
namespace {

using namespace std::chrono_literals;

// A life, told what its steps came to as podman would.
struct Lived {
  Life life;
  Instant now{1h};
  std::vector<Seen> seen;

  void want(std::string digest, bool probed = false, bool slow = false, Duration drain = 5s) {
    life.want(
        Life::Wanted{
            .digest = std::move(digest), .containers = 1, .drain = drain, .probed = probed, .slow = slow},
        now);
  }
  void see(std::vector<Seen> what) {
    seen = std::move(what);
    life.see(seen, now);
  }
  Step step() { return life.next(now).step; }
  State state() const { return life.state(now); }
  void runs(std::string digest = "d") {
    see({{.name = "app", .digest = std::move(digest), .running = true}});
  }
  void ended(int code = 1) {
    see({{.name = "app", .digest = seen.at(0).digest, .running = false, .exit_code = code}});
  }
};

TEST_CASE("what is wanted is started, and is ready when it runs") {
  Lived one;
  one.want("d");
  CHECK(one.state() == State::kPending);
  CHECK(one.step() == Step::kStart);
  one.life.begin_start();
  CHECK(one.state() == State::kStarting);
  one.life.end_start();
  one.runs();
  CHECK(one.state() == State::kReady);
  CHECK(one.life.next(one.now) == Decision{Step::kWait, std::nullopt});
  CHECK(one.life.reason().empty());
}

TEST_CASE("with probes it is started, then running, then ready, and may fall back") {
  Lived one;
  one.want("d", true, true);
  one.runs();
  CHECK(one.state() == State::kStarting);
  one.life.set_ready(true, "");  // too early
  CHECK(one.state() == State::kStarting);
  one.life.passed_startup();
  CHECK(one.state() == State::kRunning);
  one.life.set_ready(true, "");
  CHECK(one.state() == State::kReady);
  one.life.set_ready(false, "it says 500");
  CHECK(one.state() == State::kRunning);
  CHECK(one.life.reason() == "it says 500");
  CHECK(one.step() == Step::kWait);
}

TEST_CASE("who ends comes back at once, then later and later, and has a fresh start after a steady time") {
  Lived one;
  one.want("d");
  one.runs();
  const Duration pauses[] = {0s, 1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s};
  std::uint64_t restarts = 0;
  for (const Duration pause : pauses) {
    CAPTURE(pause.count());
    one.now += 1s;
    one.ended(3);
    CHECK(one.life.restarts() == ++restarts);
    CHECK(one.life.reason() == "the container app ended with exit code 3");
    if (pause > 0s) {
      CHECK(one.state() == State::kBackingOff);
      CHECK(one.life.next(one.now) == Decision{Step::kWait, one.now + pause});
      one.now += pause;
    }
    CHECK(one.step() == Step::kStart);
    one.runs();
    CHECK(one.state() == State::kReady);
  }
  one.now += Life::kSteady;
  one.ended();
  CHECK(one.step() == Step::kStart);
}

TEST_CASE("who ends before it was seen running has ended all the same") {
  Lived one;
  one.want("d");
  for (const Duration pause : {0s, 1s, 2s}) {
    CHECK(one.step() == Step::kStart);
    one.life.begin_start();
    one.life.launched(one.now);
    one.want("d", false, false, 7s);  // which shows nothing new
    one.see({{.name = "app", .digest = "d", .running = false, .exit_code = 7}});
    CHECK(one.life.reason() == "the container app ended with exit code 7");
    if (pause > 0s) CHECK(one.life.next(one.now) == Decision{Step::kWait, one.now + pause});
    one.now += pause;
  }
  CHECK(one.life.restarts() == 3);
}

TEST_CASE("pauses") {
  CHECK(pause_after(0) == 0s);
  CHECK(pause_after(1) == 0s);
  CHECK(pause_after(2) == 1s);
  CHECK(pause_after(7) == 32s);
  CHECK(pause_after(8) == 60s);
  CHECK(pause_after(4'000'000'000U) == 60s);
}

TEST_CASE("what can't be started is tried again, and says why meanwhile") {
  Lived one;
  one.want("d");
  for (const Duration pause : {1s, 2s, 4s}) {
    one.life.begin_start();
    one.life.start_failed("the image x is not there", one.now);
    CHECK(one.state() == State::kFailed);
    CHECK(one.life.reason() == "the image x is not there");
    CHECK(one.life.next(one.now) == Decision{Step::kWait, one.now + pause});
    one.now += pause;
    CHECK(one.step() == Step::kStart);
  }
  SUBCASE("it comes") {
    one.runs();
    CHECK(one.state() == State::kReady);
    CHECK(one.life.reason().empty());
  }
  SUBCASE("another one is wanted: at once") {
    one.life.start_failed("the image x is not there", one.now);
    one.want("e");
    CHECK(one.state() == State::kPending);
    CHECK(one.step() == Step::kStart);
  }
  SUBCASE("nobody wants it any more") {
    one.life.want(std::nullopt, one.now);
    CHECK(one.step() == Step::kLeave);
  }
}

TEST_CASE("a port that podman still holds for what it could not start is not why") {
  Lived one;
  one.want("d");
  one.life.start_failed("the command x is not in the image", one.now);
  one.life.start_failed("the port 80 is taken", one.now);
  CHECK(one.life.reason() == "the command x is not in the image");
  one.life.start_failed("the image x is not there", one.now);
  CHECK(one.life.reason() == "the image x is not there");
  one.want("e");
  one.life.start_failed("the port 80 is taken", one.now);
  CHECK(one.life.reason() == "the port 80 is taken");
}

TEST_CASE("who goes is not ready first, then stopped, then removed") {
  Lived one;
  one.want("d");
  one.runs();
  SUBCASE("it is not wanted") { one.life.want(std::nullopt, one.now); }
  SUBCASE("another one is wanted in its place") { one.want("e"); }
  CHECK(one.state() == State::kStopping);
  CHECK(one.life.next(one.now) == Decision{Step::kWait, one.now + 5s});
  one.now += 5s;
  CHECK(one.step() == Step::kStop);
  one.ended(0);
  CHECK(one.life.next(one.now) == Decision{Step::kWait, one.now + Life::kLinger});
  CHECK(one.state() == State::kStopping);
  one.now += Life::kLinger;
  CHECK(one.step() == Step::kRemove);
  CHECK(one.life.restarts() == 0);
}

TEST_CASE("who was never ready has nobody to wait for") {
  Lived one;
  one.want("d", true);
  one.life.begin_start();
  one.life.launched(one.now);
  one.runs();
  one.life.want(std::nullopt, one.now);
  CHECK(one.step() == Step::kStop);
}

TEST_CASE("who ran already when it was seen first may have been ready") {
  Lived one;
  SUBCASE("it is not wanted") { one.runs(); }
  SUBCASE("another one is wanted") {
    one.want("e", true);
    one.runs();
  }
  SUBCASE("it is wanted, for now") {
    one.want("d", true);
    one.runs();
    one.life.want(std::nullopt, one.now);
  }
  CHECK(one.life.next(one.now) == Decision{Step::kWait, one.now + 5s});
  one.now += 5s;
  CHECK(one.step() == Step::kStop);
}

TEST_CASE("what stood in the way of a start is away: it is tried at once") {
  Lived one;
  one.want("d");
  one.life.start_failed("the secret keys does not exist", one.now);
  one.now += 1h;
  for (int i = 0; i < 9; ++i) one.life.start_failed("the secret keys does not exist", one.now);
  CHECK(one.step() == Step::kWait);
  one.life.retry(one.now);
  CHECK(one.step() == Step::kStart);
  for (int i = 0; i < 2; ++i) {
    one.runs();
    one.ended(1);
  }
  one.life.retry(one.now);  // that is not what it waits for
  CHECK(one.state() == State::kBackingOff);
}

TEST_CASE("who is wanted again while it drains stays") {
  Lived one;
  one.want("d");
  one.runs();
  one.life.want(std::nullopt, one.now);
  CHECK(one.step() == Step::kWait);
  one.now += 3s;
  one.want("d");
  CHECK(one.state() == State::kReady);
  one.now += 1h;
  CHECK(one.step() == Step::kWait);
  one.life.want(std::nullopt, one.now);
  CHECK(one.life.next(one.now).until == one.now + 5s);
}

TEST_CASE("a liveness probe that fails starts it anew, with a pause when that goes on") {
  Lived one;
  one.want("d");
  one.runs();
  for (const Duration pause : {0s, 1s}) {
    one.life.must_restart("it hangs");
    CHECK(one.state() == State::kRunning);
    CHECK(one.step() == Step::kStop);
    one.ended(137);
    CHECK(one.life.reason() == "it hangs");
    one.now += pause;
    CHECK(one.step() == Step::kStart);
    one.runs();
    CHECK(one.state() == State::kReady);
  }
  CHECK(one.life.restarts() == 2);
}

TEST_CASE("what runs is taken over, and what does not is started") {
  SUBCASE("it runs") {
    Lived one;
    one.want("d");
    one.runs();
    CHECK(one.step() == Step::kWait);
  }
  SUBCASE("it has ended meanwhile") {
    Lived one;
    one.want("d");
    one.see({{.name = "app", .digest = "d", .running = false}});
    CHECK(one.step() == Step::kStart);
    CHECK(one.life.restarts() == 0);
  }
  SUBCASE("another one runs") {
    Lived one;
    one.want("d");
    one.runs("c");
    CHECK(one.step() == Step::kWait);
    one.now += 5s;
    CHECK(one.step() == Step::kStop);
  }
  SUBCASE("it is not wanted") {
    Lived one;
    one.life.want(std::nullopt, one.now);
    one.runs();
    CHECK(one.step() == Step::kWait);
    one.now += 5s;
    CHECK(one.step() == Step::kStop);
    one.ended(0);
    one.now += Life::kLinger;
    CHECK(one.step() == Step::kRemove);
    one.see({});
    CHECK(one.step() == Step::kLeave);
  }
}

TEST_CASE("containers of an instance are started and stopped together") {
  Lived one;
  one.life.want(Life::Wanted{.digest = "d", .containers = 2}, one.now);
  one.runs();
  CHECK(one.step() == Step::kStop);  // the other lacks: all anew
  one.see({{.name = "app", .digest = "d"}});
  CHECK(one.step() == Step::kStart);
  one.see({{.name = "app", .digest = "d", .running = true}, {.name = "b", .digest = "d", .running = true}});
  CHECK(one.state() == State::kReady);
  one.see({{.name = "app", .digest = "d", .running = true}, {.name = "b", .digest = "d", .exit_code = 9}});
  CHECK(one.life.reason() == "the container b ended with exit code 9");
  CHECK(one.step() == Step::kStop);
}

TEST_CASE("a container that somebody removed is made anew") {
  Lived one;
  one.want("d");
  one.runs();
  one.see({});
  CHECK(one.life.reason() == "a container is gone");
  CHECK(one.step() == Step::kStart);
}

TEST_CASE("probes that are added or taken away while it runs") {
  Lived one;
  one.want("d", true);
  one.runs();
  CHECK(one.state() == State::kRunning);
  one.want("d", false);
  CHECK(one.state() == State::kReady);
}

}  // namespace
}  // namespace weir::node
