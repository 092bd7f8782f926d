#include "balance/shares.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "base/random.h"

namespace weir::balance {
namespace {

using Shares = std::vector<std::uint32_t>;

struct Case {
  const char* what;
  std::vector<Provider> providers;
  Terms terms;
  double load;
  Shares shares;
};

const Case kCases[]{
    {"one", {{5, 100}}, {5, 80}, 1000, {1000}},
    {"the cheapest takes all that it can", {{9, 0}, {5, 1000}}, {0, 80}, 800, {0, 1000}},
    {"the rest goes to the next", {{9, 0}, {5, 1000}}, {0, 80}, 1000, {200, 800}},
    {"and to the next but one", {{5, 1000}, {7, 500}, {9, 10'000}}, {0, 80}, 2000, {400, 200, 400}},
    {"each keeps some", {{9, 0}, {5, 0}}, {5, 80}, 1000, {50, 950}},
    {"what some lack, the others give by what they have",
     {{5, 1000}, {6, 500}, {9, 0}},
     {10, 100},
     1400,
     {638, 262, 100}},
    {"equal prices share by capacity", {{5, 300}, {5, 100}}, {5, 80}, 50, {750, 250}},
    {"equal prices without capacities share evenly", {{5, 0}, {5, 0}, {5, 0}}, {5, 80}, 50, {334, 333, 333}},
    {"of equal prices, one without a capacity counts as the greatest",
     {{5, 300}, {5, 0}},
     {5, 100},
     50,
     {500, 500}},
    {"or as all of the load", {{5, 300}, {5, 0}}, {5, 100}, 900, {250, 750}},
    {"all are full", {{5, 300}, {9, 100}}, {5, 80}, 5000, {750, 250}},
    {"all are just full", {{5, 300}, {9, 100}}, {5, 80}, 320, {750, 250}},
    {"no load", {{9, 100}, {5, 100}}, {5, 80}, 0, {50, 950}},
    {"the least is all", {{9, 0}, {5, 0}}, {50, 80}, 700, {500, 500}},
    {"nobody", {}, {5, 80}, 10, {}},
};

TEST_CASE("a load is shared out by price and capacity") {
  for (const Case& one : kCases) {
    CAPTURE(one.what);
    CHECK(shares_of(one.providers, one.terms, one.load) == one.shares);
  }
}

struct Drawn {
  std::vector<Provider> providers;
  Terms terms;
  double load = 0;
};

Drawn drawn(Random& random) {
  const auto below = [&random](std::uint32_t end) { return static_cast<std::uint32_t>(random.below(end)); };
  Drawn one;
  const std::uint32_t count = 1 + below(6);
  for (std::uint32_t i = 0; i < count; ++i) {
    one.providers.push_back(
        {1 + below(5), below(4) == 0 ? 0 : 1 + below(below(2) == 0 ? 10 : 1'000'000'000)});
  }
  one.terms = {below(100 / count + 1), 1 + below(100)};
  one.load = below(8) == 0 ? 0 : below(1000) * (below(2) == 0 ? 0.5 : 1e6);
  return one;
}

TEST_CASE("shares come to all, and each keeps the least") {
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    const Drawn one = drawn(random);
    const Shares shares = shares_of(one.providers, one.terms, one.load);
    REQUIRE(std::accumulate(shares.begin(), shares.end(), 0U) == 1000);
    for (const std::uint32_t share : shares) REQUIRE(share >= 10 * one.terms.share_min_percent);
  }
}

TEST_CASE("who gets cheaper gets no less") {
  Random random(8);
  for (int i = 0; i < 20'000; ++i) {
    Drawn one = drawn(random);
    const Shares before = shares_of(one.providers, one.terms, one.load);
    const std::size_t place = random.below(one.providers.size());
    one.providers[place].price = random.below(one.providers[place].price + 1);
    const Shares after = shares_of(one.providers, one.terms, one.load);
    REQUIRE(after[place] + 1 >= before[place]);  // one is what rounding makes
  }
}

TEST_CASE("nobody is used beyond what it may be while a dearer one has room") {
  Random random(9);
  for (int i = 0; i < 20'000; ++i) {
    Drawn one = drawn(random);
    one.terms.share_min_percent = 0;
    const Shares shares = shares_of(one.providers, one.terms, one.load);
    const double part = one.terms.utilisation_max_percent / 100.0;
    double room = 0;
    for (const Provider& provider : one.providers) {
      room += provider.capacity == 0 ? one.load : provider.capacity * part;
    }
    if (room < one.load) continue;
    for (std::size_t j = 0; j < shares.size(); ++j) {
      const Provider& provider = one.providers[j];
      if (provider.capacity == 0) continue;
      REQUIRE(shares[j] * one.load / 1000 <= provider.capacity * part + one.load / 1000);
      // Cheaper ones are full before it carries anything.
      for (std::size_t k = 0; k < shares.size() && shares[j] > 1; ++k) {
        if (one.providers[k].price >= provider.price) continue;
        REQUIRE(one.providers[k].capacity > 0);
        REQUIRE(shares[k] * one.load / 1000 + one.load / 1000 >= one.providers[k].capacity * part);
      }
    }
  }
}

TEST_CASE("a load beyond all capacities goes to who has no limit") {
  CHECK(shares_of(std::vector<Provider>{{5, 1'000'000'000}, {6, 0}}, {5, 80}, 1e18) == Shares{50, 950});
}

}  // namespace
}  // namespace weir::balance
