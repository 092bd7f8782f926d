#include "record/service_loads.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

namespace weir::record {
namespace {

using namespace std::chrono_literals;
using Sum = ServiceLoads::Sum;

ServiceLoads::Sums sums_of(const ServiceLoads& loads) {
  ServiceLoads::Sums sums;
  loads.add_to(sums);
  return sums;
}

TEST_CASE("a request is in flight where it was given last") {
  ServiceLoads loads;
  const auto fra = loads.join("web", "fra");
  const auto ams = loads.join("web", "ams");
  CHECK(loads.join("web", "fra") == fra);
  ServiceLoads::Counts* at = nullptr;
  ServiceLoads::give(at, *fra);
  ServiceLoads::give(at, *ams);
  auto sums = sums_of(loads);
  CHECK(sums.of[{"web", "fra"}] == Sum{.requests = 1, .in_flight = 0});
  CHECK(sums.of[{"web", "ams"}] == Sum{.requests = 1, .in_flight = 1});
  ServiceLoads::give(at, *ams);  // another try
  CHECK(sums_of(loads).of[{"web", "ams"}] == Sum{.requests = 2, .in_flight = 1});
  ServiceLoads::move(at, nullptr);
  CHECK(at == nullptr);
  CHECK(sums_of(loads).of[{"web", "ams"}] == Sum{.requests = 2, .in_flight = 0});
  ServiceLoads::move(at, ams.get());  // that another process was given
  CHECK(sums_of(loads).of[{"web", "ams"}] == Sum{.requests = 2, .in_flight = 1});
}

TEST_CASE("cores are added up") {
  ServiceLoads one;
  ServiceLoads other;
  ServiceLoads::Counts* at = nullptr;
  ServiceLoads::Counts* at_other = nullptr;
  ServiceLoads::give(at, *one.join("web", "fra"));
  ServiceLoads::give(at_other, *other.join("web", "fra"));
  ServiceLoads::Sums sums;
  one.add_to(sums);
  other.add_to(sums);
  CHECK(sums.of[{"web", "fra"}] == Sum{.requests = 2, .in_flight = 2});
  CHECK(sums.all);
}

TEST_CASE("what nobody holds is forgotten a minute later, when nothing of it is in flight") {
  ServiceLoads loads;
  const Instant begin{1h};
  ServiceLoads::Counts* at = nullptr;
  ServiceLoads::give(at, *loads.join("web", "fra"));
  const auto held = loads.join("api", "fra");
  loads.join("old", "fra");
  loads.join("back", "fra");
  loads.drop_unused(begin);
  const auto back = loads.join("back", "fra");
  loads.drop_unused(begin + 59s);
  CHECK(sums_of(loads).of.size() == 4);
  loads.drop_unused(begin + 60s);
  CHECK(sums_of(loads).of.size() == 3);
  CHECK_FALSE(sums_of(loads).of.contains({"old", "fra"}));
  ServiceLoads::move(at, nullptr);
  loads.drop_unused(begin + 2min);
  CHECK(sums_of(loads).of.size() == 3);
  loads.drop_unused(begin + 3min);
  CHECK(sums_of(loads).of.size() == 2);
}

TEST_CASE("beyond the bound nothing is counted, and that is told") {
  ServiceLoads loads;
  for (std::size_t i = 0; i < ServiceLoads::kNamesMax; ++i) loads.join(std::to_string(i), "");
  CHECK(sums_of(loads).all);
  auto more = loads.join("more", "");
  ServiceLoads::Counts* at = nullptr;
  ServiceLoads::give(at, *more);
  auto sums = sums_of(loads);
  CHECK(sums.of.size() == ServiceLoads::kNamesMax);
  CHECK_FALSE(sums.all);
  more.reset();
  loads.drop_unused(Instant{});
  CHECK_FALSE(sums_of(loads).all);
  ServiceLoads::move(at, nullptr);
  loads.drop_unused(Instant{});
  CHECK(sums_of(loads).all);
}

}  // namespace
}  // namespace weir::record
