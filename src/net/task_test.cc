#include "net/task_group.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/task.h"
#include "testing/fake_env.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using Notes = std::vector<std::string>;

Task<int> number(int value) { co_return value; }
Task<std::unique_ptr<int>> boxed(int value) { co_return std::make_unique<int>(value); }
Task<Result<std::unique_ptr<int>>> boxed_or_not(bool works) {
  if (!works) co_return fail(Code::kNotFound, "nothing");
  co_return std::make_unique<int>(7);
}

Task<void> nested_values(bool& passed) {
  const int sum = co_await number(1) + co_await number(2);
  const auto box = co_await boxed(sum);
  const auto none = co_await boxed_or_not(false);
  auto some = co_await boxed_or_not(true);
  passed = *box == 3 && !none && none.error().code == Code::kNotFound && some && **some == 7;
}

Task<int> depth(int levels) {
  if (levels == 0) co_return 0;
  co_return 1 + co_await depth(levels - 1);
}

Task<void> many_awaits(int& sum) {
  for (int i = 0; i < 200'000; ++i) sum += co_await number(1);
}

TEST_CASE("a task gives its value to the one that awaits it, in constant stack") {
  FakeEnv fake;
  bool passed = false;
  CHECK(fake.run(nested_values(passed)));
  CHECK(passed);
  CHECK(fake.run(depth(100'000)) == 100'000);  // a frame each, but no stack
  int sum = 0;
  CHECK(fake.run(many_awaits(sum)));
  CHECK(sum == 200'000);
}

TEST_CASE("a task that nobody awaits does nothing, and frees what it holds") {
  auto held = std::make_shared<int>(1);
  {
    const auto task = [](std::shared_ptr<int> by_value) -> Task<void> {
      ++*by_value;
      co_return;
    }(held);
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
  CHECK(*held == 1);
}

Task<void> note_turns(FakeEnv& fake, Notes& notes, std::string name, int turns) {
  for (int i = 0; i < turns; ++i) {
    notes.push_back(name + std::to_string(i));
    if (!co_await fake.loop.sleep(0s)) co_return;
  }
  notes.push_back(name + "!");
}

TEST_CASE("spawn runs until the first suspension; who yields comes after who is ready") {
  FakeEnv fake;
  Notes notes;
  TaskGroup group(fake.loop);
  group.spawn(note_turns(fake, notes, "a", 2));
  CHECK(notes == Notes{"a0"});
  group.spawn(note_turns(fake, notes, "b", 2));
  group.spawn(note_turns(fake, notes, "c", 0));
  CHECK(notes == Notes{"a0", "b0", "c!"});
  CHECK(group.size() == 2);
  fake.loop.turn(0s);
  CHECK(notes == Notes{"a0", "b0", "c!", "a1", "b1"});
  fake.loop.turn(0s);
  CHECK(notes == Notes{"a0", "b0", "c!", "a1", "b1", "a!", "b!"});
  CHECK(group.size() == 0);
}

// Sleeps, then tries to sleep again; notes what came of each.
Task<void> two_sleeps(FakeEnv& fake, Notes& notes, Duration first) {
  for (const Duration duration : {first, Duration(1h)}) {
    const auto slept = co_await fake.loop.sleep(duration);
    notes.push_back(slept ? "slept" : std::string(name_of(slept.error().code)));
  }
  notes.push_back((co_await current_context()).cancelled() ? "told to stop" : "free");
}

Task<void> outer(FakeEnv& fake, Notes& notes) {
  co_await two_sleeps(fake, notes, 1h);
  notes.push_back("outer");
}

TEST_CASE("cancelling ends the current await in a later turn, and the following ones at once") {
  FakeEnv fake;
  Notes notes;
  TaskGroup group(fake.loop);
  group.spawn(outer(fake, notes));
  group.cancel();
  CHECK(notes.empty());  // nothing runs inside cancel()
  fake.loop.turn(0s);
  CHECK(notes == Notes{"cancelled", "cancelled", "told to stop", "outer"});
  CHECK(group.size() == 0);
  CHECK_FALSE(fake.loop.next_timer().has_value());  // the sleep's timer went with it
}

TEST_CASE("what was complete when the cancellation came keeps its result") {
  FakeEnv fake;
  Notes notes;
  TaskGroup group(fake.loop);
  group.spawn(two_sleeps(fake, notes, 0s));  // queued to resume
  group.cancel();
  group.cancel();
  fake.run_until_idle();
  CHECK(notes == Notes{"slept", "cancelled", "told to stop"});
}

TEST_CASE("under a stopped group a task starts cancelled") {
  FakeEnv fake;
  Notes notes;
  TaskGroup group(fake.loop);
  group.cancel();
  group.spawn(two_sleeps(fake, notes, 0s));
  CHECK(notes == Notes{"cancelled", "cancelled", "told to stop"});
  CHECK(group.size() == 0);
}

Task<void> stop_group(TaskGroup& group, Notes& notes) {
  co_await group.stop();
  notes.push_back("joined");
}
Task<void> join_group(TaskGroup& group, Notes& notes) {
  co_await group.join();
  notes.push_back("joined");
}
// Needs a while to end, whatever it is told.
Task<void> lingers(FakeEnv& fake, Notes& notes, Event& may_end) {
  (void)co_await fake.loop.sleep(1h);
  TaskGroup inner(fake.loop);
  inner.spawn(
      [](FakeEnv& env, Event& event) -> Task<void> { (void)co_await event.wait(env.loop); }(fake, may_end));
  co_await inner.join();
  notes.push_back("ended");
}

TEST_CASE("stop cancels and joins; join waits, whoever cancels the joiner") {
  FakeEnv fake;
  Notes notes;
  Event may_end;
  TaskGroup members(fake.loop);
  TaskGroup joiners(fake.loop);
  members.spawn(lingers(fake, notes, may_end));
  joiners.spawn(stop_group(members, notes));
  joiners.cancel();
  fake.run_until_idle();
  CHECK(notes.empty());
  may_end.set();
  fake.run_until_idle();
  CHECK(notes == Notes{"ended", "joined"});
  CHECK(joiners.size() == 0);

  notes.clear();
  joiners.spawn(join_group(members, notes));  // an empty group: at once
  CHECK(notes == Notes{"joined"});
}

Task<void> spawns(FakeEnv& fake, TaskGroup& group, Notes& notes, int generations) {
  if (generations > 0) group.spawn(spawns(fake, group, notes, generations - 1));
  const auto slept = co_await fake.loop.sleep(std::chrono::seconds(generations));
  notes.push_back(std::to_string(generations) + (slept ? "" : " cancelled"));
  if (!slept) group.spawn(note_turns(fake, notes, "late", 1));
}

TEST_CASE("a member may spawn beside itself, also while the group stops") {
  FakeEnv fake;
  Notes notes;
  TaskGroup group(fake.loop);
  group.spawn(spawns(fake, group, notes, 3));
  CHECK(group.size() == 4);
  fake.advance(1s);
  CHECK(notes == Notes{"0", "1"});
  group.cancel();
  fake.run_until_idle();
  CHECK(group.size() == 0);
  CHECK(notes.size() == 2 + 2 + 2);
  CHECK(std::ranges::count(notes, "late0") == 2);
  CHECK(std::ranges::count(notes, "late!") == 0);  // its first await failed
}

Task<void> cancels_group(FakeEnv& fake, TaskGroup& group, Notes& notes) {
  group.cancel();  // itself too
  const auto slept = co_await fake.loop.sleep(1s);
  notes.push_back(slept ? "slept" : "cancelled");
}

TEST_CASE("a member may stop the group that it is in") {
  FakeEnv fake;
  Notes notes;
  TaskGroup group(fake.loop);
  group.spawn(two_sleeps(fake, notes, 1h));
  group.spawn(cancels_group(fake, group, notes));
  fake.run_until_idle();
  CHECK(group.size() == 0);
  CHECK(notes == Notes{"cancelled", "cancelled", "cancelled", "told to stop"});
}

TEST_CASE("an interrupt ends one await and no other") {
  FakeEnv fake;
  Notes notes;
  TaskGroup group(fake.loop);
  Context* context = nullptr;
  group.spawn([](FakeEnv& env, Notes& out, Context*& own) -> Task<void> {
    own = &co_await current_context();
    co_await two_sleeps(env, out, 1h);
  }(fake, notes, context));
  context->interrupt();
  fake.run_until_idle();
  CHECK(notes == Notes{"cancelled"});
  fake.advance(1h);
  CHECK(notes == Notes{"cancelled", "slept", "free"});
}

TEST_CASE("an event wakes its waiter once, and stays set") {
  FakeEnv fake;
  Event event;
  CHECK_FALSE(fake.run(event.wait(fake.loop)).has_value());
  event.set();
  CHECK(event.is_set());
  CHECK(fake.run(event.wait(fake.loop)) == Result<void>{});
  CHECK(fake.run(event.wait(fake.loop)) == Result<void>{});
  event.reset();
  CHECK_FALSE(fake.run(event.wait(fake.loop)).has_value());
}

}  // namespace
}  // namespace weir::net
