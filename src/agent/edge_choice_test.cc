#include "agent/edge_choice.h"

#include <doctest/doctest.h>

#include <chrono>
#include <utility>
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

TEST_CASE("a link anywhere comes before the best place that has failed, or whose site has") {
  auto all = edges();
  all[3].attached = true;
  all[0].failures = 1;
  CHECK(*choose_edge(all, kNow) == 2);  // b is where a is
  all[2].failures = 1;
  CHECK(*choose_edge(all, kNow) == 0);
  all.push_back({"e", "gcp", "eu"});  // beside the one that there is a link to
  CHECK(*choose_edge(all, kNow) == 4);
  all[4].failures = 5;
  CHECK(*choose_edge(all, kNow) == 0);
  all[0].failures = 2;
  CHECK(*choose_edge(all, kNow) == 1);
  CHECK(*better_edge(
            std::vector<Candidate>{
                {"a", "aws", "eu", {}, 9}, {"d", "gcp", "eu", {}, 0, true}, {"e", "gcp", "eu", {}, 0, true}},
            kNow) == 0);
}

TEST_CASE("an edge that is met speaks for its site") {
  auto all = edges();
  all.push_back({});
  for (Candidate& candidate : all) candidate.failures = 3;
  forgive(all, 1);
  std::string left;
  for (const Candidate& candidate : all) left += std::to_string(candidate.failures);
  CHECK(left == "00333");
  forgive(all, 4);
  CHECK(all[4].failures == 0);
  CHECK(all[3].failures == 3);
}

TEST_CASE("edges of which nothing is known share no site") {
  std::vector<Candidate> all(3);
  all[0].attached = true;
  CHECK(*choose_edge(all, kNow) == 1);
}

TEST_CASE(
    "two of one site: another provider is better, then another site, and one that is not known may be") {
  auto all = edges();
  all[0].attached = all[1].attached = true;
  CHECK(*better_edge(all, kNow) == 2);  // the first in the list that shares less
  CHECK(*worse_edge(all, 2) == 1);
  all[2].attached = true;
  all[1].attached = false;  // aws twice
  CHECK(*better_edge(all, kNow) == 3);
  CHECK_FALSE(worse_edge(all, 0));
  all.push_back({});
  std::swap(all[3], all[4]);
  CHECK(*better_edge(all, kNow) == 4);  // of which it is known
  all[4].retry_at = kNow + 1s;
  CHECK(*better_edge(all, kNow) == 3);
  all[3].retry_at = kNow + 1s;
  CHECK_FALSE(better_edge(all, kNow));
  all[4].attached = true;
  CHECK(*worse_edge(all, 4) == 2);
}

TEST_CASE("nothing is better than two providers, nor than all that there is") {
  auto all = edges();
  all[0].attached = all[3].attached = true;
  CHECK_FALSE(better_edge(all, kNow));
  all.push_back({});
  CHECK_FALSE(better_edge(all, kNow));
  std::vector<Candidate> one{{"a", "aws", "eu"}, {"b", "aws", "eu"}, {"c", "aws", "eu"}};
  one[0].attached = one[1].attached = true;
  CHECK_FALSE(better_edge(one, kNow));
  one[2].attached = true;
  CHECK_FALSE(worse_edge(one, 2));
}

}  // namespace
}  // namespace weir::agent
