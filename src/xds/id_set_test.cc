#include "xds/id_set.h"

#include <doctest/doctest.h>

#include <set>

#include "base/random.h"

namespace weir::xds {
namespace {

TEST_CASE("an IdSet is a set, sparse and dense and between") {
  for (const std::uint32_t bound : {40U, 600U, 20'000U}) {
    Random random(bound);
    IdSet ids;
    std::set<std::uint32_t> model;
    for (int step = 0; step < 20'000; ++step) {
      const auto id = static_cast<std::uint32_t>(random.below(bound));
      if (random.below(100) < (step / 4000 % 2 == 0 ? 70U : 30U)) {
        REQUIRE(ids.insert(id) == model.insert(id).second);
      } else {
        REQUIRE(ids.erase(id) == (model.erase(id) == 1));
      }
      REQUIRE(ids.size() == model.size());
      REQUIRE(ids.contains(id) == model.contains(id));
      if (step % 500 != 0) continue;
      std::vector<std::uint32_t> seen;
      ids.for_each([&seen](std::uint32_t member) { seen.push_back(member); });
      REQUIRE(seen == std::vector<std::uint32_t>(model.begin(), model.end()));
    }
  }
}

TEST_CASE("a dense IdSet takes a bit for each number") {
  IdSet ids;
  for (std::uint32_t id = 0; id < 10'000; ++id) ids.insert(id);
  CHECK(ids.heap_bytes() <= 2048);
  for (std::uint32_t id = 0; id < 9'990; ++id) ids.erase(id);
  CHECK(ids.size() == 10);
  CHECK(ids.heap_bytes() < 512);
}

}  // namespace
}  // namespace weir::xds
