#include "lb/host.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace weir::lb {
namespace {

using enum Health;

std::vector<std::uint32_t> indexes(const std::vector<Host>& hosts) {
  std::vector<std::uint32_t> found;
  for (const Host& host : hosts) found.push_back(host.index);
  return found;
}

Host host(std::uint32_t index, Health health, std::uint32_t weight = 1, std::uint32_t priority = 0,
          bool set_aside = false) {
  return {.id = index,
          .index = index,
          .weight = weight,
          .priority = priority,
          .health = health,
          .set_aside = set_aside};
}

struct Case {
  const char* name;
  std::vector<Host> hosts;
  bool check_configured;
  std::vector<std::uint32_t> want;
};

TEST_CASE("eligible hosts") {
  const std::vector<Case> cases{
      {"none", {}, true, {}},
      {"unknown is not served when there is a check", {host(0, kUnknown), host(1, kHealthy)}, true, {1}},
      {"without a check every endpoint serves", {host(0, kUnknown), host(1, kUnhealthy)}, false, {0, 1}},
      {"unhealthy is not served", {host(0, kHealthy), host(1, kUnhealthy)}, true, {0}},
      {"nothing healthy, nothing served", {host(0, kUnknown), host(1, kUnhealthy)}, true, {}},
      {"weight 0 is drained", {host(0, kHealthy, 0), host(1, kHealthy)}, true, {1}},
      {"only the lowest priority",
       {host(0, kHealthy, 1, 1), host(1, kHealthy), host(2, kHealthy)},
       true,
       {1, 2}},
      {"the next priority when the lowest can't", {host(0, kHealthy, 1, 7), host(1, kUnhealthy)}, true, {0}},
      {"drained hosts don't hold a priority", {host(0, kHealthy, 1, 7), host(1, kHealthy, 0)}, true, {0}},
      {"set aside gives way", {host(0, kHealthy, 1, 0, true), host(1, kHealthy)}, true, {1}},
      {"set aside gives way to the next priority",
       {host(0, kHealthy, 1, 0, true), host(1, kHealthy, 1, 1)},
       true,
       {1}},
      {"all set aside, all serve",
       {host(0, kHealthy, 1, 0, true), host(1, kHealthy, 1, 0, true)},
       true,
       {0, 1}},
      {"all set aside, the lowest priority serves",
       {host(0, kHealthy, 1, 0, true), host(1, kHealthy, 1, 1, true)},
       true,
       {0}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    CHECK(indexes(eligible(one.hosts, one.check_configured)) == one.want);
  }
}

}  // namespace
}  // namespace weir::lb
