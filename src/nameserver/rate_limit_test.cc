#include "nameserver/rate_limit.h"

#include <doctest/doctest.h>

#include <map>

namespace weir::nameserver {
namespace {

using namespace std::chrono_literals;
using Verdict = RateLimit::Verdict;

dns::Ip client(std::uint8_t network, std::uint8_t host = 1) {
  return {.octets = {192, 0, network, host}, .size = 4};
}

std::map<Verdict, int> take(RateLimit& limit, const dns::Ip& ip, Instant now, int times,
                            dns::Rcode rcode = dns::Rcode::kNoError) {
  std::map<Verdict, int> counts;
  for (int i = 0; i < times; ++i) ++counts[limit.take(ip, rcode, now)];
  return counts;
}

TEST_CASE("a network gets so many replies a second; beyond, every second one says to come by TCP") {
  RateLimit limit(10, 1);
  const Instant now = Instant(100s);
  CHECK(take(limit, client(2), now, 30) ==
        std::map<Verdict, int>{{Verdict::kSend, 10}, {Verdict::kTruncate, 10}, {Verdict::kDrop, 10}});
  CHECK(take(limit, client(2, 77), now, 2)[Verdict::kSend] == 0);  // the same network
  CHECK(take(limit, client(3), now, 5)[Verdict::kSend] == 5);
  CHECK(take(limit, client(2), now, 5, dns::Rcode::kNxDomain)[Verdict::kSend] == 5);
  CHECK(take(limit, client(2), now, 5, dns::Rcode::kRefused)[Verdict::kSend] == 5);
  CHECK(take(limit, client(2), now + 500ms, 20)[Verdict::kSend] == 5);
  CHECK(take(limit, client(2), now + 100s, 20)[Verdict::kSend] == 10);
}

TEST_CASE("a steady stream below the rate is never limited") {
  RateLimit limit(10, 1);
  Instant now = Instant(100s);
  for (int i = 0; i < 1000; ++i, now += 101ms)
    CHECK(limit.take(client(2), dns::Rcode::kNoError, now) == Verdict::kSend);
}

TEST_CASE("IPv6 is told apart by /56, and 0 is no limit") {
  RateLimit limit(1, 1);
  const Instant now = Instant(100s);
  dns::Ip one{.octets = {0x20, 1, 0xd, 0xb8, 0, 0, 1, 1}, .size = 16};
  dns::Ip same = one;
  same.octets[7] = 9;
  dns::Ip other = one;
  other.octets[6] = 2;
  CHECK(limit.take(one, dns::Rcode::kNoError, now) == Verdict::kSend);
  CHECK(limit.take(same, dns::Rcode::kNoError, now) != Verdict::kSend);
  CHECK(limit.take(other, dns::Rcode::kNoError, now) == Verdict::kSend);
  RateLimit none(0, 1);
  CHECK(take(none, one, now, 5000)[Verdict::kSend] == 5000);
}

}  // namespace
}  // namespace weir::nameserver
