// Worlds from seeds: they hold, and they are the same each time.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "sim/world.h"
#include "testing/manual_time.h"

namespace weir::sim {
namespace {

constexpr std::uint64_t kSeeds = 40;  // of them all; a program that looks for more: ./dev sim
constexpr std::array<std::uint64_t, 4> kOnceBroken{140, 196, 706,
                                                   1204};  // beyond those, and by what is mended

std::shared_ptr<const tls::Authority> make_authority() {
  return std::make_shared<const tls::Authority>(
      *tls::Authority::load(*tls::Authority::create("weir", testing::ManualClock::kWallStart)));
}

std::string tail_of(const Outcome& outcome) {
  constexpr std::size_t kLines = 25;
  std::string text;
  const std::size_t from = outcome.lines.size() > kLines ? outcome.lines.size() - kLines : 0;
  for (std::size_t i = from; i < outcome.lines.size(); ++i) text += outcome.lines[i] + "\n";
  return text + outcome.log;
}

TEST_CASE("a small world") {
  Script script{.seed = 1, .controllers = 1, .edges = 1, .origins = 1, .balancers = 1};
  script.steps.push_back(
      {.kind = Step::Kind::kWrite, .a = 0, .b = 3, .bits = 1, .pause = std::chrono::seconds(5)});
  const Outcome outcome = World(script, make_authority()).run();
  CHECK_MESSAGE(outcome.broken.empty(), outcome.broken, ": ", outcome.sentence, "\n", tail_of(outcome));
  CHECK(outcome.acknowledged == 2);
  CHECK(outcome.served > 10);
}

TEST_CASE("a seed gives the same world each time, and another one another") {
  for (const std::uint64_t seed : {3, 4}) {  // without tunnels, and with
    const Outcome first = World(make_script(seed), make_authority()).run();
    const Outcome again = World(make_script(seed), make_authority()).run();
    for (std::size_t i = 0; i < std::min(first.lines.size(), again.lines.size()); ++i) {
      REQUIRE(first.lines[i] == again.lines[i]);
    }
    CHECK(first.digest == again.digest);
    CHECK((first.tunnelled > 0) == (seed == 4));
    CHECK(World(make_script(seed + 1), make_authority()).run().digest != first.digest);
  }
}

TEST_CASE("worlds hold") {
  const auto authority = make_authority();
  std::vector<std::uint64_t> seeds(kSeeds);
  std::iota(seeds.begin(), seeds.end(), 1);
  seeds.insert(seeds.end(), kOnceBroken.begin(), kOnceBroken.end());
  for (const std::uint64_t seed : seeds) {
    const Outcome outcome = World(make_script(seed), authority).run();
    REQUIRE_MESSAGE(outcome.broken.empty(), "./dev sim ", seed, "\n", outcome.broken, ": ", outcome.sentence,
                    "\n", tail_of(outcome));
    CHECK(outcome.served > 0);
    CHECK(outcome.acknowledged > 0);
  }
}

}  // namespace
}  // namespace weir::sim
