#include "base/spoken_name.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace weir {
namespace {

TEST_CASE("made-up names are spoken, and seldom the same") {
  Random random(1);
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) names.insert(spoken_name(random));
  CHECK(names.size() > 990);
  for (const std::string& name : names) {
    CHECK(std::ranges::count(name, '-') == 2);
    CHECK(name.size() <= 63);
  }
}

}  // namespace
}  // namespace weir
