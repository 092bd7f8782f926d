#include "metrics/history.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace weir::metrics {
namespace {

using namespace std::chrono_literals;
using report::Interval;
using report::Measured;

constexpr std::int64_t kBegin = 1'796'040'000;  // a whole hour

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

Measured of_service(const std::string& name, std::uint64_t requests, std::uint64_t errors = 0) {
  return {.sort = Sort::kService, .name = name, .requests = requests, .errors = errors};
}

// A History and edges that tell it of every ten seconds.
struct World {
  explicit World(HistoryLimits limits = {}) : history(at(kBegin), limits) {}

  // What an edge counted up to that second of the hour.
  void say(const std::string& edge, std::int64_t end, std::vector<Measured> measured, Duration age = {}) {
    measured.insert(measured.begin(), {.sort = Sort::kMachine, .name = {}, .connections = 7});
    history.take(
        "edges/" + edge,
        {.run = run, .sequence = ++sequences[edge], .span = 10s, .age = age, .measured = std::move(measured)},
        at(kBegin + end) + std::chrono::floor<std::chrono::milliseconds>(age));
  }
  void tick(std::int64_t second) {
    history.tick(at(kBegin + second),
                 [this](std::int64_t slot, const Window& window) { windows.emplace_back(slot, window); });
  }
  // "10 - 0": requests a second in each step.
  std::string requests(std::int64_t from, std::int64_t to, std::int64_t step = 10,
                       const std::string& name = "web", Grouping by = Grouping::kNone,
                       const std::string& source = "edges/", Sort sort = Sort::kService) const {
    std::string text;
    for (const Line& line : history.ask({.sort = sort,
                                         .name = name,
                                         .source = source,
                                         .by = by,
                                         .from = kBegin + from,
                                         .to = kBegin + to,
                                         .step = step})) {
      if (!text.empty()) text += " | ";
      if (!line.label.empty()) text += line.label + ":";
      for (const Bin& bin : line.bins) {
        text += text.empty() || text.ends_with(' ') ? "" : " ";
        std::string number = std::to_string(std::round(bin.requests * 1000) / 1000);
        number.erase(number.find_last_not_of('0') + 1);
        if (number.ends_with('.')) number.pop_back();
        text += bin.known ? number : "-";
      }
    }
    return text;
  }

  std::uint64_t run = 1;
  std::map<std::string, std::uint64_t> sequences;
  std::vector<std::pair<std::int64_t, Window>> windows;
  History history;
};

TEST_CASE("what edges say adds up; where nobody spoke nothing is known, and who is idle is zero") {
  World world;
  world.say("fra", 10, {of_service("web", 100), of_service("other", 5)});
  world.say("ams", 10, {of_service("web", 50)});
  world.say("fra", 20, {});
  world.say("ams", 40, {of_service("web", 20)});
  CHECK(world.requests(0, 50) == "15 0 - 2 -");
  CHECK(world.requests(0, 50, 10, "web", Grouping::kSource) ==
        "edges/ams: 5 - - 2 - | edges/fra: 10 0 - - -");
  CHECK(world.requests(0, 20, 10, "", Grouping::kName) == "other: 0.5 0 | web: 15 0");
  CHECK(world.requests(0, 20, 10, "web", Grouping::kNone, "edges/fra") == "10 0");
  CHECK(world.requests(0, 20, 10, "none") == "0 0");
  // By how long each was heard: 100 in 20 s, and 70 in 20 s.
  CHECK(world.requests(0, 40, 40) == "8.5");
  CHECK(History::settled_at(at(kBegin + 12)) == kBegin);
  CHECK(History::settled_at(at(kBegin + 13)) == kBegin + 10);
}

TEST_CASE("endpoints are told apart within their service, and what there is at a time is a mean") {
  World world;
  world.say("fra", 10,
            {{.sort = Sort::kEndpoint, .name = "web/a:80", .requests = 10, .in_flight = 4},
             {.sort = Sort::kEndpoint, .name = "web-2/b:80", .requests = 20},
             {.sort = Sort::kEndpoint, .name = "web/c:80", .requests = 30}});
  world.say("fra", 20, {{.sort = Sort::kEndpoint, .name = "web/a:80", .requests = 10, .in_flight = 1}});
  CHECK(world.requests(0, 20, 10, "web", Grouping::kName, "edges/", Sort::kEndpoint) ==
        "web/a:80: 1 1 | web/c:80: 3 0");
  const auto lines = world.history.ask(
      {.sort = Sort::kEndpoint, .name = "web/a:80", .from = kBegin, .to = kBegin + 20, .step = 20});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].bins[0].in_flight == 2.5);
  const auto machine = world.history.ask({.from = kBegin, .to = kBegin + 20, .step = 20});
  CHECK(machine[0].bins[0].connections == 7);
}

TEST_CASE("an interval counts once, however often it is told, and a new process begins anew") {
  World world;
  const Interval interval{
      .run = 5, .sequence = 3, .span = 10s, .measured = {Measured{}, of_service("web", 10)}};
  for (int i = 0; i < 3; ++i) world.history.take("edges/fra", interval, at(kBegin + 10));
  CHECK(world.requests(0, 10) == "1");
  Interval before = interval;
  before.sequence = 2;
  world.history.take("edges/fra", before, at(kBegin + 10));
  CHECK(world.requests(0, 10) == "1");
  Interval reborn = interval;
  reborn.run = 6;
  reborn.sequence = 1;
  world.history.take("edges/fra", reborn, at(kBegin + 20));
  CHECK(world.requests(0, 20) == "1 1");
}

TEST_CASE("those that follow each other leave no gap and share no step, whatever moment they came at") {
  World world;
  for (const std::int64_t end : {14, 24, 35, 44, 56, 64}) world.say("fra", end, {of_service("web", 10)});
  CHECK(world.requests(0, 70) == "1 1 1 1 1 1 -");
  // Told late, it stands where it belongs.
  world.say("fra", 74, {of_service("web", 30)}, 4min);
  CHECK(world.requests(60, 80) == "3 -");
}

TEST_CASE("five minutes are added up, and stay for a day when the steps are gone") {
  World world;
  for (std::int64_t end = 10; end <= 600; end += 10) world.say("fra", end, {of_service("web", 20, 10)});
  world.tick(329);
  CHECK(world.windows.empty());
  world.tick(330);
  REQUIRE(world.windows.size() == 1);
  CHECK(world.windows[0].first == kBegin / 300);
  CHECK(world.windows[0].second.heard.at("edges/fra") == Heard{.run = 1, .sequence = 60});
  REQUIRE(world.windows[0].second.entries.size() == 2);
  CHECK(world.windows[0].second.entries[0].point.intervals == 30);
  CHECK(world.windows[0].second.entries[1].point.requests == 600);
  CHECK(world.requests(0, 600, 300) == "2 2");
  // What comes when its window is closed counts there all the same.
  world.history.take(
      "edges/ams",
      {.run = 1, .sequence = 1, .span = 10s, .age = 5min, .measured = {Measured{}, of_service("web", 50)}},
      at(kBegin + 550));
  CHECK(world.requests(240, 260) == "7 2");
  world.tick(630);
  REQUIRE(world.windows.size() == 2);
  CHECK(world.windows[1].second.entries.size() == 4);
  world.tick(3600 + 300);
  CHECK(world.requests(0, 600, 300) == "7 2");
  CHECK(world.requests(300, 320) == "2 2");  // as it was on average
  const std::size_t fine = world.history.bytes();
  world.tick(3600 + 1000);
  CHECK(world.history.bytes() < fine);
  CHECK(world.requests(300, 320) == "2 2");
  world.tick(24 * 3600 + 299);
  CHECK(world.requests(300, 600, 300) == "2");
  world.tick(25 * 3600);
  CHECK(world.history.series() == 0);
  CHECK(world.history.bytes() == 0);
}

TEST_CASE("another process goes on with what one has told, and takes nothing twice") {
  World first;
  for (std::int64_t end = 10; end <= 400; end += 10) first.say("fra", end, {of_service("web", 20)});
  first.tick(330);
  first.history.flush(at(kBegin + 400), [&](std::int64_t slot, const Window& window) {
    first.windows.emplace_back(slot, window);
  });
  REQUIRE(first.windows.size() == 2);

  World second;
  second.history = History(at(kBegin + 420));
  for (const auto& [slot, window] : first.windows) second.history.restore(window, at(kBegin + 420));
  CHECK(second.requests(0, 300, 300) == "2");
  CHECK(second.requests(380, 420) == "2 2 - -");  // nobody was heard in between
  second.sequences["fra"] = 39;
  second.say("fra", 420, {of_service("web", 1000)});  // the fortieth: it was heard before
  CHECK(second.requests(420, 430) == "-");
  second.say("fra", 430, {of_service("web", 30)});
  CHECK(second.requests(380, 440) == "2 2 - - 3 -");
  // What was carried before it began is told to it late: it counts in the step that it was in.
  second.history.take(
      "edges/ams",
      {.run = 1, .sequence = 1, .span = 10s, .age = 30s, .measured = {Measured{}, of_service("web", 60)}},
      at(kBegin + 430));
  CHECK(second.requests(380, 430) == "2 8 - - 3");
  second.tick(630);
  CHECK(second.windows.at(0).second.entries.size() == 4);
  // What is older than a day is no more.
  World third;
  third.history = History(at(kBegin + 90'000));
  third.history.restore(first.windows[0].second, at(kBegin + 90'000));
  CHECK(third.history.series() == 0);
}

TEST_CASE("beyond the limits names are one, machines are passed over, and time gets shorter") {
  World world({.series = 4, .sources = 2, .bytes = 40'000});
  std::vector<Measured> many;
  for (int i = 0; i < 10; ++i) many.push_back(of_service("s" + std::to_string(i), 10));
  world.say("fra", 10, many);
  CHECK(world.history.series() == 5);
  CHECK(world.requests(0, 10, 10, "", Grouping::kName) == "_other: 7 | s0: 1 | s1: 1 | s2: 1");
  world.say("ams", 10, {});
  world.say("lon", 10, {of_service("s0", 10)});
  CHECK(world.history.passed_over() == 1);
  CHECK(world.requests(0, 10, 10, "s0") == "1");
  for (std::int64_t end = 20; end <= 24 * 3600; end += 10) {
    world.say("fra", end, {of_service("s0", 1'000'000), of_service("s1", 1'000'000)});
    if (end % 300 == 0) world.tick(end + 30);
  }
  CHECK(world.history.bytes() <= 40'000);
  CHECK(world.requests(24 * 3600 - 20, 24 * 3600, 10, "s0") == "100000 100000");
  CHECK(world.requests(23 * 3600, 23 * 3600 + 20, 10, "s0") == "100000 100000");  // by the windows
}

TEST_CASE("an answer has so many lines; the others are its last") {
  World world;
  std::vector<Measured> many;
  for (int i = 0; i < 6; ++i) many.push_back(of_service("s" + std::to_string(i), 10));
  world.say("fra", 10, many);
  const auto lines = world.history.ask(
      {.sort = Sort::kService, .by = Grouping::kName, .from = kBegin, .to = kBegin + 10, .lines_max = 3});
  REQUIRE(lines.size() == 3);
  CHECK(lines[1].label == "s1");
  CHECK(lines[2].label == "_other");
  CHECK(lines[2].bins[0].requests == 4);
  CHECK(world.history.ask({.from = kBegin, .to = kBegin}).at(0).bins.empty());
}

}  // namespace
}  // namespace weir::metrics
