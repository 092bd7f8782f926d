#include "node/meter.h"

#include <doctest/doctest.h>

namespace weir::node {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST_CASE("what an instance uses is what its containers used between two times") {
  Meter meter;
  const Instant begin = Instant() + 100s;
  meter.take({{.container = "web-0.app", .cpu_nanoseconds = 7 * kSecond, .memory_bytes = 100},
              {.container = "web-0.side", .cpu_nanoseconds = kSecond, .memory_bytes = 20},
              {.container = "web-1.app", .cpu_nanoseconds = kSecond, .memory_bytes = 3},
              {.container = "foreign", .cpu_nanoseconds = kSecond, .memory_bytes = 3}},
             begin);
  CHECK(meter.of("web-0") == Meter::Used{0, 120});
  meter.take({{.container = "web-0.app", .cpu_nanoseconds = 8 * kSecond, .memory_bytes = 90},
              {.container = "web-0.side", .cpu_nanoseconds = kSecond * 3 / 2, .memory_bytes = 20},
              {.container = "web-1.app", .cpu_nanoseconds = kSecond / 2, .memory_bytes = 5}},
             begin + 5s);
  CHECK(meter.of("web-0") == Meter::Used{300, 110});
  CHECK(meter.of("web-1") == Meter::Used{0, 5});  // it was started anew
  CHECK(meter.of("foreign") == Meter::Used{});
  CHECK(meter.all().size() == 3);
  meter.take({}, begin + 10s);
  CHECK(meter.of("web-0") == Meter::Used{});
}

}  // namespace
}  // namespace weir::node
