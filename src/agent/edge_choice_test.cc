#include "agent/edge_choice.h"

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

namespace weir::agent {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{1000h};

std::vector<Candidate> edges() {
  return {{"a", "aws", "eu"}, {"b", "aws", "eu"}, {"c", "aws", "us"}, {"d", "gcp", "eu"}};
}

TEST_CASE("the first of the list comes first, then another provider, another site, and what is left") {
  auto all = edges();
  std::string order;
  while (const auto chosen = choose_edge(all, kNow)) {
    all[*chosen].attached = true;
    order += all[*chosen].name;
  }
  CHECK(order == "adcb");
  CHECK_FALSE(next_try(all));
}

TEST_CASE("an edge that has just failed waits, even if it is the better one") {
  auto all = edges();
  all[0].attached = true;
  all[3].retry_at = kNow + 1s;
  CHECK(*choose_edge(all, kNow) == 2);
  CHECK(*choose_edge(all, kNow + 1s) == 3);
  for (Candidate& candidate : all) candidate.retry_at = kNow + 2s;
  CHECK_FALSE(choose_edge(all, kNow));
  CHECK(*next_try(all) == kNow + 2s);
}

TEST_CASE("edges of which nothing is known share no site") {
  std::vector<Candidate> all(3);
  all[0].attached = true;
  CHECK(*choose_edge(all, kNow) == 1);
}

}  // namespace
}  // namespace weir::agent
