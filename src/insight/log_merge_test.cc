#include "insight/log_merge.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::insight {
namespace {

using namespace std::chrono_literals;

// Sources 1, 2, ... that are followed, or not.
struct Merge {
  explicit Merge(bool following, LogMerge::Source sources) : merge(following) {
    for (LogMerge::Source i = 1; i <= sources; ++i) merge.begin(i, now);
  }
  // One that is heard of, and has told an old line.
  void settle(LogMerge::Source source) {
    merge.opened(source, now);
    put(source, 0, "");
  }
  void put(LogMerge::Source source, int ms, const std::string& text) {
    merge.put(source,
              {.container = {}, .err = false, .time = WallTime(std::chrono::milliseconds(ms)), .text = text},
              now);
  }
  std::string take() {
    std::string all;
    while (auto given = merge.take(now)) all += given->second.text + std::to_string(given->first) + ' ';
    return all;
  }
  Instant now{std::chrono::hours(1000)};
  LogMerge merge;
};

TEST_CASE("lines are given in the order of their times, of equal ones in that of their sources") {
  Merge world(true, 2);
  world.put(2, 10, "a");
  world.put(1, 20, "c");
  world.put(1, 30, "d");
  world.put(2, 20, "b");
  CHECK(world.take() == "a2 c1 b2 ");  // d waits for what 2 may still have
  world.put(2, 40, "e");
  CHECK(world.take() == "d1 ");
  world.merge.end(1);
  CHECK(world.take() == "e2 ");
  CHECK_FALSE(world.merge.at_end());
  world.merge.end(2);
  CHECK(world.merge.at_end());
  CHECK_FALSE(world.merge.due());
}

TEST_CASE("a line waits half a second for sources that are silent") {
  Merge world(true, 2);
  world.settle(1);
  world.settle(2);
  world.now += LogMerge::kPatience;
  CHECK(world.take() == "1 2 ");
  CHECK_FALSE(world.merge.due());
  world.put(1, 10, "a");
  world.now += 100ms;
  world.put(1, 20, "b");
  CHECK(world.take().empty());
  CHECK(world.merge.due() == world.now - 100ms + LogMerge::kPatience);
  world.now += 400ms;
  CHECK(world.take() == "a1 ");
  CHECK(world.merge.due() == world.now + 100ms);
  world.now += 100ms;
  CHECK(world.take() == "b1 ");
  world.put(2, 5, "late");
  CHECK(world.take().empty());
  world.now += LogMerge::kPatience;
  CHECK(world.take() == "late2 ");
}

TEST_CASE("a source that has not been heard of is waited for longer, and then not") {
  Merge world(true, 2);
  world.settle(1);
  world.now += 2900ms;
  CHECK(world.take().empty());
  SUBCASE("it never comes") {
    world.now += 100ms;
    CHECK(world.take() == "1 ");
  }
  SUBCASE("it comes, and is silent") {
    world.merge.opened(2, world.now);
    world.now += 900ms;
    CHECK(world.take().empty());
    world.now += 100ms;
    CHECK(world.take() == "1 ");
  }
  SUBCASE("it comes and goes") {
    world.merge.end(2);
    CHECK(world.take() == "1 ");
  }
}

TEST_CASE("what comes to an end by itself is waited for") {
  Merge world(false, 2);
  world.merge.opened(2, world.now);
  world.put(1, 10, "a");
  world.now += 14s;
  CHECK(world.take().empty());
  world.put(2, 5, "b");
  CHECK(world.take() == "b2 ");
  world.merge.end(1);
  CHECK(world.take().empty());
  world.merge.end(2);
  CHECK(world.take() == "a1 ");
  CHECK(world.merge.at_end());
}

TEST_CASE("but not for ever") {
  Merge world(false, 2);
  world.put(1, 10, "a");
  world.now += LogMerge::kWholePatience;
  CHECK(world.take() == "a1 ");
}

TEST_CASE("a source is full when much of it waits") {
  Merge world(true, 2);
  world.put(1, 10, std::string(LogMerge::kSourceBytesMax - 1, 'x'));
  CHECK_FALSE(world.merge.is_full(1));
  world.put(1, 20, "y");
  CHECK(world.merge.is_full(1));
  CHECK_FALSE(world.merge.is_full(2));
  world.merge.end(2);
  (void)world.merge.take(world.now);
  CHECK_FALSE(world.merge.is_full(1));
}

TEST_CASE("who has ended or never begun tells nothing") {
  Merge world(true, 1);
  world.put(7, 10, "stranger");
  world.merge.end(7);
  world.merge.opened(7, world.now);
  CHECK_FALSE(world.merge.is_full(7));
  world.put(1, 10, "a");
  world.merge.end(1);
  world.put(1, 20, "late");
  CHECK(world.take() == "a1 ");
  CHECK(world.merge.at_end());
}

}  // namespace
}  // namespace weir::insight
