#include "report/announcements.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::report {
namespace {

constexpr const char* kNetwork = "203.0.113.10/32";

AnycastSeen seen(AnycastRoute route, bool asks = false, std::string network = kNetwork) {
  return {.network = std::move(network), .route = route, .asks = asks, .reason = {}};
}
constexpr AnycastRoute kAnnounced = AnycastRoute::kAnnounced;
constexpr AnycastRoute kPrepended = AnycastRoute::kPrepended;
constexpr AnycastRoute kWithdrawn = AnycastRoute::kWithdrawn;

// "2", "2?" when it had asked; of one network.
std::string others(const Announcements& all, const std::string& edge) {
  const auto found = all.others_of(edge);
  if (found.size() != 1) return std::to_string(found.size()) + " networks";
  return std::to_string(found.front().others) + (found.front().asked ? "?" : "");
}

TEST_CASE("an edge hears how many others announce what it does") {
  Announcements all;
  CHECK(others(all, "a") == "0 networks");
  all.take("a", {seen(kAnnounced)});
  CHECK(others(all, "a") == "0");
  all.take("b", {seen(kPrepended)});
  all.take("c", {seen(kWithdrawn)});
  all.take("d", {seen(kAnnounced, false, "198.51.100.1/32")});
  CHECK(others(all, "a") == "1");
  CHECK(others(all, "b") == "1");
  CHECK(others(all, "c") == "2");
  CHECK(others(all, "d") == "0");
  all.take("b", {seen(kWithdrawn)});
  CHECK(others(all, "a") == "0");
  all.forget("a");
  all.forget("a");
  CHECK(others(all, "a") == "0 networks");
  CHECK(others(all, "c") == "0");
}

TEST_CASE("of two that ask to stop, the second is the last") {
  Announcements all;
  all.take("a", {seen(kAnnounced)});
  all.take("b", {seen(kAnnounced)});
  all.take("a", {seen(kAnnounced, true)});
  CHECK(others(all, "a") == "1?");
  all.take("b", {seen(kAnnounced, true)});
  CHECK(others(all, "b") == "0?");
  all.take("a", {seen(kWithdrawn)});
  CHECK(others(all, "b") == "0?");
  all.take("a", {seen(kAnnounced)});
  CHECK(others(all, "b") == "1?");
  CHECK(others(all, "a") == "0");
}

TEST_CASE("each network is counted by itself, and what an edge says no more does not count") {
  Announcements all;
  all.take("a", {seen(kAnnounced), seen(kAnnounced, false, "2001:db8::/48")});
  all.take("b", {seen(kAnnounced, false, "2001:db8::/48")});
  CHECK(all.others_of("a") == std::vector<AnycastOthers>{{kNetwork, 0, false}, {"2001:db8::/48", 1, false}});
  all.take("b", {});
  CHECK(all.others_of("a").back().others == 0);
  CHECK(others(all, "b") == "0 networks");
}

}  // namespace
}  // namespace weir::report
