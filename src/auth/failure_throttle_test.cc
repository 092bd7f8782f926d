#include "auth/failure_throttle.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::auth {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{std::chrono::hours(1000)};

net::Address at(const std::string& ip) { return *net::Address::parse_ip(ip, 4711); }

void fail_free(FailureThrottle& throttle, const net::Address& from, Instant now) {
  for (int i = 0; i < FailureThrottle::kFree; ++i) throttle.failed(from, now);
}

TEST_CASE("the first failures are free; then each is followed by a longer wait, up to a minute") {
  FailureThrottle throttle;
  const net::Address here = at("192.0.2.1");
  Instant now = kStart;
  for (int i = 0; i < FailureThrottle::kFree; ++i) {
    throttle.failed(here, now);
    CHECK(throttle.wait(here, now) == 0s);
  }
  for (const Duration want : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    throttle.failed(here, now);
    CHECK(throttle.wait(here, now) == want);
    throttle.failed(here, now + want / 2);  // during the wait: does not count
    CHECK(throttle.wait(here, now + want - 1ns) == 1ns);
    now += want;
    CHECK(throttle.wait(here, now) == 0s);
  }
}

TEST_CASE("a success forgives, and so do ten quiet minutes") {
  FailureThrottle throttle;
  const net::Address here = at("192.0.2.1");
  fail_free(throttle, here, kStart);
  throttle.failed(here, kStart);
  CHECK(throttle.wait(here, kStart) == 1s);
  throttle.succeeded(here);
  CHECK(throttle.wait(here, kStart) == 0s);
  throttle.failed(here, kStart);
  CHECK(throttle.wait(here, kStart) == 0s);

  fail_free(throttle, here, kStart);
  CHECK(throttle.wait(here, kStart) == 1s);
  const Instant nearly = kStart + FailureThrottle::kForgetAfter - 1ns;
  throttle.failed(here, nearly);
  CHECK(throttle.wait(here, nearly) == 2s);
  const Instant quiet = nearly + FailureThrottle::kForgetAfter;
  throttle.failed(here, quiet);
  CHECK(throttle.wait(here, quiet) == 0s);
  CHECK(throttle.size() == 1);
}

TEST_CASE("an address is one IPv4 address, or one IPv6 network of 64 bits; ports do not matter") {
  struct Case {
    const char* failing;
    const char* other;
    bool same;
  };
  for (const Case& expected :
       {Case{"192.0.2.1", "192.0.2.1", true}, Case{"192.0.2.1", "192.0.2.2", false},
        Case{"2001:db8::1", "2001:db8::ffff:1", true}, Case{"2001:db8::1", "2001:db8:0:1::1", false},
        Case{"0.0.0.1", "0:0:0:1::", false}}) {
    CAPTURE(expected.other);
    FailureThrottle throttle;
    fail_free(throttle, at(expected.failing), kStart);
    throttle.failed(at(expected.failing), kStart);
    net::Address other = at(expected.other);
    other.set_port(1);
    CHECK((throttle.wait(other, kStart) > 0s) == expected.same);
  }
}

TEST_CASE("of too many addresses, those that failed longest ago are forgotten") {
  FailureThrottle throttle;
  const net::Address first = at("198.51.100.1");
  const net::Address second = at("198.51.100.2");
  for (const auto& address : {first, second}) {
    fail_free(throttle, address, kStart);
    throttle.failed(address, kStart);
  }
  throttle.failed(first, kStart + 1s);  // the second is now the older one
  for (std::size_t i = 0; i < FailureThrottle::kAddressesMax - 1; ++i) {
    throttle.failed(
        net::Address::v4({10, 0, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i % 256)}, 1),
        kStart + 1s);
  }
  CHECK(throttle.size() == FailureThrottle::kAddressesMax);
  CHECK(throttle.wait(first, kStart + 1s) == 2s);
  fail_free(throttle, second, kStart + 1s);
  CHECK(throttle.wait(second, kStart + 1s) == 0s);
}

}  // namespace
}  // namespace weir::auth
