#include "net/timer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <map>
#include <vector>

#include "base/random.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000h};

std::int64_t ticks_up(Instant at) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::max(at - kStart, Duration::zero())).count();
}
std::int64_t ticks_down(Instant at) {
  return std::chrono::floor<std::chrono::milliseconds>(at - kStart).count();
}

// The wheel beside a plain map, which must agree at every step.
class Model {
 public:
  struct Alarm final : Timer {
    Alarm(Model& owner, std::size_t number) : Timer(&fired), model(owner), id(number) {}
    static void fired(Timer& timer) {
      auto& alarm = static_cast<Alarm&>(timer);
      alarm.model.on_fired(alarm.id);
    }
    Model& model;
    std::size_t id;
  };

  explicit Model(std::uint64_t seed) : random_(seed) {
    for (std::size_t id = 0; id < 100; ++id) alarms_.emplace_back(*this, id);
  }

  void step() {
    switch (random_.below(4)) {
      case 0: advance(random_span()); break;
      case 1: disarm(random_.below(alarms_.size())); break;
      default: arm(random_.below(alarms_.size()), now_ + random_span() - 5ms); break;  // a few in the past
    }
  }

  void advance(Duration by) {
    now_ += by;
    wheel_.advance(now_);
    tick_ = ticks_down(now_);
    for (const auto& [id, tick] : armed_) wrong_ += tick <= tick_ ? 1 : 0;  // should have fired
    check_next();
  }

  // Follows next() until every timer has fired.
  void drain() {
    rearms_ = false;
    for (int steps = 0; !armed_.empty(); ++steps) {
      REQUIRE(steps < 10'000);
      const auto next = wheel_.next();
      REQUIRE(next.has_value());
      advance(std::max(*next - now_, Duration::zero()));
    }
    CHECK_FALSE(wheel_.next().has_value());
  }

  std::size_t wrong() const { return wrong_; }
  std::size_t fired() const { return fired_; }

 private:
  // Every scale of the wheel, and the moments at which a level turns.
  Duration random_span() {
    const unsigned bits = static_cast<unsigned>(random_.below(24));
    const auto ms = static_cast<std::int64_t>(random_.below(std::uint64_t{2} << bits));
    const auto fraction = random_.below(2) == 0 ? 0 : static_cast<std::int64_t>(random_.below(1'000'000));
    return std::chrono::milliseconds(ms) + Duration(fraction);
  }

  void arm(std::size_t id, Instant at) {
    wheel_.arm(alarms_[id], at);
    armed_[id] = std::max(ticks_up(at), tick_);
    wrong_ += alarms_[id].armed() ? 0 : 1;
    check_next();
  }

  void disarm(std::size_t id) {
    alarms_[id].disarm();
    armed_.erase(id);
    wrong_ += alarms_[id].armed() ? 1 : 0;
    check_next();
  }

  void on_fired(std::size_t id) {
    ++fired_;
    const auto found = armed_.find(id);
    if (found == armed_.end()) {
      ++wrong_;
      return;
    }
    const std::int64_t tick = found->second;
    wrong_ += tick > ticks_down(now_) ? 1 : 0;                           // early
    for (const auto& [other, at] : armed_) wrong_ += at < tick ? 1 : 0;  // another was due before
    tick_ = std::max(tick_, tick);
    armed_.erase(found);
    if (!rearms_) return;
    switch (random_.below(6)) {
      case 0: arm(id, now_ + 1ms + random_span()); break;
      case 1: arm(random_.below(alarms_.size()), now_ + 1ms + random_span()); break;
      case 2: disarm(random_.below(alarms_.size())); break;
      case 3: {  // for the very tick that is firing
        const std::size_t other = random_.below(alarms_.size());
        if (!armed_.contains(other) && ++same_tick_ % 3 != 0) arm(other, kStart);
        break;
      }
      default: break;
    }
  }

  // next() is never late and never empty while something is armed.
  void check_next() {
    const auto next = wheel_.next();
    wrong_ += next.has_value() == armed_.empty() ? 1 : 0;
    if (!next) return;
    for (const auto& [id, tick] : armed_) wrong_ += ticks_up(*next) > tick ? 1 : 0;
  }

  Random random_;
  Instant now_ = kStart;
  std::int64_t tick_ = 0;  // that is firing, or fired last
  TimerWheel wheel_{kStart};
  std::deque<Alarm> alarms_;
  std::map<std::size_t, std::int64_t> armed_;  // tick by alarm
  std::size_t wrong_ = 0;
  std::size_t fired_ = 0;
  std::size_t same_tick_ = 0;
  bool rearms_ = true;
};

TEST_CASE("the wheel fires what a plain map would, at every scale") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    Model model(seed);
    for (int i = 0; i < 2000; ++i) model.step();
    model.drain();
    CHECK(model.wrong() == 0);
    CHECK(model.fired() > 100);
  }
}

struct Note final : Timer {
  explicit Note(std::vector<int>& out, int number)
      : Timer([](Timer& timer) {
          auto& note = static_cast<Note&>(timer);
          note.notes.push_back(note.id);
        }),
        notes(out),
        id(number) {}
  std::vector<int>& notes;
  int id;
};

TEST_CASE("never early, at most one tick late") {
  TimerWheel wheel(kStart);
  std::vector<int> fired;
  Note timer(fired, 1);
  wheel.arm(timer, kStart + 10ms + 1ns);
  wheel.advance(kStart + 10ms + 1ns);
  CHECK(fired.empty());
  wheel.advance(kStart + 11ms - 1ns);
  CHECK(fired.empty());
  wheel.advance(kStart + 11ms);
  CHECK(fired.size() == 1);
  CHECK_FALSE(timer.armed());
}

TEST_CASE("a timer armed for the past fires in the next turn, and one armed again moves") {
  TimerWheel wheel(kStart);
  std::vector<int> fired;
  Note past(fired, 1);
  Note moved(fired, 2);
  wheel.advance(kStart + 5s);
  wheel.arm(past, kStart + 1s);
  wheel.arm(moved, kStart + 6s);
  wheel.arm(moved, kStart + 9s);
  CHECK(*wheel.next() <= kStart + 5s);
  wheel.advance(kStart + 5s);
  CHECK(fired == std::vector<int>{1});
  wheel.advance(kStart + 8999ms);
  CHECK(fired == std::vector<int>{1});
  wheel.advance(kStart + 9s);
  CHECK(fired == std::vector<int>{1, 2});
}

TEST_CASE("the end of time can be waited for") {
  TimerWheel wheel(Instant{});
  std::vector<int> fired;
  Note never(fired, 1);
  Note soon(fired, 2);
  wheel.arm(never, Instant::max());
  wheel.arm(soon, Instant(1ms));
  CHECK(wheel.next() == Instant(1ms));
  wheel.advance(Instant(24h));
  CHECK(fired == std::vector<int>{2});
  CHECK(never.armed());
}

TEST_CASE("a timer that is destroyed, and a wheel that is, leave nothing behind") {
  std::vector<int> fired;
  Note outlives(fired, 1);
  {
    TimerWheel wheel(kStart);
    {
      Note first(fired, 2);
      Note second(fired, 3);
      Note third(fired, 4);
      wheel.arm(first, kStart + 1s);
      wheel.arm(second, kStart + 1s);
      wheel.arm(third, kStart + 1s);
      wheel.arm(outlives, kStart + 1s);
      second.disarm();
    }
    CHECK(wheel.next().has_value());
    wheel.advance(kStart + 1s);
    CHECK(fired == std::vector<int>{1});
    CHECK_FALSE(wheel.next().has_value());
    wheel.arm(outlives, kStart + 5s);
  }
  CHECK_FALSE(outlives.armed());
}

}  // namespace
}  // namespace weir::net
