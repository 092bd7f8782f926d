#include "lb/outlier.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <string_view>
#include <thread>
#include <vector>

namespace weir::lb {
namespace {

using std::chrono::seconds;
using enum Outcome;

constexpr Instant kStart = Instant{} + std::chrono::hours(7);

struct Service {
  explicit Service(std::size_t count) : endpoints(count) {
    for (EndpointOutcomes& endpoint : endpoints) all.push_back(&endpoint);
  }
  std::optional<EjectionReason> observe(std::size_t place, Outcome outcome, Instant now = kStart) {
    return detector.observe(endpoints[place], outcome, settings, endpoints.size(), now);
  }
  void answers(std::size_t place, int successes, int failures) {
    for (int i = 0; i < successes; ++i) observe(place, kSuccess);
    for (int i = 0; i < failures; ++i) {
      observe(place, kServerError);
      observe(place, kSuccess);  // never many in a row
    }
  }
  bool fail_row(std::size_t place, Instant now = kStart) {
    for (int i = 0; i < 5; ++i) observe(place, kServerError, now);
    return endpoints[place].ejected();
  }
  auto sweep(Instant now) { return detector.sweep(all, settings, now); }

  OutlierSettings settings;
  std::vector<EndpointOutcomes> endpoints;
  std::vector<EndpointOutcomes*> all;
  OutlierDetector detector;
};

TEST_CASE("so many failures in a row") {
  struct Case {
    std::string_view outcomes;  // + success, 5 server error, L local failure
    std::uint32_t server_errors;
    std::uint32_t local;
    std::string_view want;  // the reason; empty: not ejected
  };
  constexpr Case kCases[] = {
      {"", 3, 3, ""},
      {"55", 3, 3, ""},
      {"555", 3, 3, "consecutive_5xx"},
      {"55+55", 3, 3, ""},
      {"LLL", 3, 3, "consecutive_local"},
      {"LL+LL", 3, 3, ""},
      {"LL5LL", 3, 3, ""},                // an error is an answer: it was reached
      {"55L5", 3, 3, "consecutive_5xx"},  // no answer says nothing about answers
      {"L", 3, 1, "consecutive_local"},
      {"555555555", 0, 3, ""},  // not judged
      {"LLLLLLLLL", 3, 0, ""},
  };
  for (const Case& one : kCases) {
    CAPTURE(one.outcomes);
    Service service(10);
    service.settings.consecutive_5xx = one.server_errors;
    service.settings.consecutive_local = one.local;
    std::optional<EjectionReason> reason;
    for (const char outcome : one.outcomes) {
      CHECK_FALSE(reason.has_value());
      reason = service.observe(0, outcome == '+' ? kSuccess : outcome == '5' ? kServerError : kLocal);
    }
    CHECK((reason ? name_of(*reason) : "") == one.want);
    CHECK(service.endpoints[0].ejected() == reason.has_value());
    CHECK(service.detector.ejected() == (reason ? 1 : 0));
  }
}

TEST_CASE("how many may be out: a share, one at least, never all") {
  struct Case {
    std::size_t endpoints;
    std::uint32_t percent;
    std::size_t want;
  };
  for (const Case& one : {Case{1, 10, 0}, Case{2, 10, 1}, Case{9, 10, 1}, Case{20, 10, 2}, Case{29, 10, 2},
                          Case{10, 100, 9}, Case{10, 0, 1}, Case{3, 50, 1}}) {
    CAPTURE(one.endpoints);
    CAPTURE(one.percent);
    Service service(one.endpoints);
    service.settings.ejected_percent_max = one.percent;
    std::size_t out = 0;
    for (std::size_t i = 0; i < one.endpoints; ++i) out += service.fail_row(i) ? 1 : 0;
    CHECK(out == one.want);
    CHECK(service.detector.ejected() == one.want);
  }
}

TEST_CASE("one for whom there was no room goes when there is, if it still fails") {
  Service service(10);
  CHECK(service.fail_row(0));
  CHECK_FALSE(service.fail_row(1));
  CHECK(service.sweep(kStart + seconds(30)).size() == 1);
  CHECK(service.fail_row(1, kStart + seconds(30)));
}

TEST_CASE("ejections grow longer, and shorter again with quiet intervals") {
  Service service(10);
  Instant now = kStart;
  for (const int want : {30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300}) {
    CAPTURE(want);
    REQUIRE(service.fail_row(0, now));
    CHECK(service.sweep(now + seconds(want) - Duration(1)).empty());
    const auto changes = service.sweep(now + seconds(want));
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].place == 0);
    CHECK_FALSE(changes[0].reason.has_value());
    CHECK_FALSE(service.endpoints[0].ejected());
    CHECK(service.detector.ejected() == 0);
    now += seconds(want);
  }
  for (int i = 0; i < 9; ++i) service.sweep(now += seconds(10));  // 11 - 9 = 2 are remembered
  REQUIRE(service.fail_row(0, now));
  CHECK(service.sweep(now + seconds(89)).empty());
  CHECK(service.sweep(now + seconds(90)).size() == 1);
}

TEST_CASE("an endpoint that is back begins with a clean slate") {
  Service service(10);
  REQUIRE(service.fail_row(0));
  for (int i = 0; i < 4; ++i) service.observe(0, kServerError);  // of requests that were under way
  service.sweep(kStart + seconds(30));
  for (int i = 0; i < 4; ++i) service.observe(0, kServerError);
  CHECK_FALSE(service.endpoints[0].ejected());
  service.observe(0, kServerError);
  CHECK(service.endpoints[0].ejected());
}

TEST_CASE("the success rate of one is far below that of its peers") {
  struct Case {
    std::string_view name;
    std::vector<int> failures;  // of 200 requests, per endpoint
    std::vector<std::size_t> want;
  };
  const std::vector<Case> cases{
      {"all well", {0, 0, 0, 0, 0, 0}, {}},     {"all equally ill", {90, 90, 90, 90, 90, 90}, {}},
      {"one is ill", {1, 2, 0, 90, 1, 2}, {3}}, {"a little worse is no outlier", {1, 2, 3, 4, 5, 6}, {}},
      {"too few peers", {0, 0, 0, 90}, {}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    Service service(one.failures.size());
    for (std::size_t i = 0; i < one.failures.size(); ++i)
      service.answers(i, 200 - 2 * one.failures[i], one.failures[i]);
    std::vector<std::size_t> out;
    for (const auto& change : service.sweep(kStart + seconds(10))) {
      CHECK(change.reason == EjectionReason::kSuccessRate);
      out.push_back(change.place);
    }
    CHECK(out == one.want);
  }
}

TEST_CASE("success rates: who had too few requests is not judged, and no interval sees the one before") {
  Service service(6);
  for (std::size_t i = 0; i < 5; ++i) service.answers(i, 200, 0);
  service.answers(5, 0, 45);
  CHECK(service.sweep(kStart + seconds(10)).empty());  // 90 requests
  service.answers(5, 0, 45);
  CHECK(service.sweep(kStart + seconds(20)).empty());  // nobody else had any
  service.settings.success_rate_stdev_factor = 0;
  for (std::size_t i = 0; i < 5; ++i) service.answers(i, 200, 0);
  service.answers(5, 0, 100);
  CHECK(service.sweep(kStart + seconds(30)).empty());  // not judged
}

TEST_CASE("success rates: the worst go first when there is not room for all") {
  Service service(20);
  for (std::size_t i = 0; i < 17; ++i) service.answers(i, 200, 0);
  service.answers(17, 20, 90);
  service.answers(18, 0, 100);
  service.answers(19, 40, 80);
  const auto changes = service.sweep(kStart + seconds(10));
  REQUIRE(changes.size() == 2);  // 10 % of 20
  CHECK(changes[0].place == 18);
  CHECK(changes[1].place == 17);
}

TEST_CASE("endpoints that go while they are ejected leave room") {
  Service service(10);
  REQUIRE(service.fail_row(0));
  service.all.erase(service.all.begin());
  service.sweep(kStart + seconds(10));
  CHECK(service.detector.ejected() == 0);
  CHECK(service.fail_row(1));
  CHECK(service.detector.sweep({}, service.settings, kStart).empty());
}

TEST_CASE("a check that passes ends an ejection for local failures, and no other") {
  Service service(20);
  CHECK_FALSE(service.detector.check_passed(service.endpoints[0]));
  for (int i = 0; i < 5; ++i) service.observe(0, kLocal);
  REQUIRE(service.endpoints[0].ejected());
  REQUIRE(service.fail_row(1));
  CHECK(service.detector.check_passed(service.endpoints[0]));
  CHECK_FALSE(service.detector.check_passed(service.endpoints[0]));
  CHECK_FALSE(service.endpoints[0].ejected());
  CHECK_FALSE(service.detector.check_passed(service.endpoints[1]));
  CHECK(service.endpoints[1].ejected());
  CHECK(service.detector.ejected() == 1);
}

TEST_CASE("many cores observe while one sweeps") {
  Service service(8);
  std::atomic<int> ejections = 0;
  std::vector<std::thread> cores;
  for (std::size_t core = 0; core < 3; ++core) {
    cores.emplace_back([&, core] {
      for (int i = 0; i < 20'000; ++i) {
        // Two always fail, the others never; only one has room.
        const std::size_t place = (static_cast<std::size_t>(i) + core) % 8;
        if (service.observe(place, place < 2 ? kLocal : kSuccess)) ++ejections;
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    service.sweep(kStart + seconds(1));
    CHECK(service.detector.ejected() <= 1);
  }
  for (std::thread& core : cores) core.join();
  CHECK(ejections == 1);
  CHECK(service.detector.ejected() == 1);
  for (std::size_t i = 2; i < 8; ++i) CHECK_FALSE(service.endpoints[i].ejected());
}

TEST_CASE("no outcome is lost between cores") {
  Service service(6);
  for (std::size_t i = 1; i < 6; ++i) service.answers(i, 8000, 0);
  std::vector<std::thread> cores;
  for (int core = 0; core < 4; ++core) {
    cores.emplace_back([&] { service.answers(0, 0, 1000); });
  }
  for (std::thread& core : cores) core.join();
  service.settings.success_rate_requests_min = 8000;
  const bool out_in_a_row = service.endpoints[0].ejected();  // cores may have met in five errors in a row
  const auto changes = service.sweep(kStart + seconds(10));
  if (!out_in_a_row) CHECK(changes.size() == 1);  // exactly 8000 were counted
}

}  // namespace
}  // namespace weir::lb
