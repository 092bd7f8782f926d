#include "grpc/metadata.h"

#include <doctest/doctest.h>

#include "grpc/backoff.h"

namespace weir::grpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("timeouts are read in every unit") {
  CHECK(parse_timeout("1n") == 1ns);
  CHECK(parse_timeout("250u") == 250us);
  CHECK(parse_timeout("100m") == 100ms);
  CHECK(parse_timeout("5S") == 5s);
  CHECK(parse_timeout("3M") == 3min);
  CHECK(parse_timeout("2H") == 2h);
  CHECK(parse_timeout("0S") == 0s);
  CHECK(parse_timeout("99999999H") == Duration::max());
  for (const char* text : {"", "S", "5", "5s", "-1S", "+1S", " 1S", "1.5S", "123456789n", "1 S", "0x1S"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_timeout(text));
  }
}

TEST_CASE("timeouts are written in the finest unit, never shorter than they are") {
  CHECK(format_timeout(5ms) == "5000000n");
  CHECK(format_timeout(1s) == "1000000u");
  CHECK(format_timeout(100s + 1ns) == "100001m");
  CHECK(format_timeout(Duration::max()) == "2562048H");
  CHECK(format_timeout(0s) == "0n");
  CHECK(format_timeout(-5s) == "0n");
  for (const Duration timeout : {Duration(1ns), Duration(99ms), Duration(7777s), Duration(4000h)}) {
    CHECK(*parse_timeout(format_timeout(timeout)) >= timeout);
  }
}

TEST_CASE("waits grow with failures, differ, and begin anew behind a success") {
  Random random(7);
  Backoff backoff({.first = 1s, .longest = 10s});
  Duration expected = 1s;
  for (int i = 0; i < 8; ++i) {
    const Duration wait = backoff.failed(random);
    CHECK(wait >= expected / 5 * 4);
    CHECK(wait <= expected / 5 * 6);
    CHECK(wait != expected);
    expected = std::min<Duration>(expected / 5 * 8, 10s);
  }
  CHECK(expected == 10s);
  backoff.succeeded();
  CHECK(backoff.failed(random) <= 1200ms);
}

}  // namespace
}  // namespace weir::grpc
