#include "grpc/metadata.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>

namespace weir::grpc {
namespace {

constexpr std::size_t kDigitsMax = 8;
constexpr std::int64_t kValueMax = 99'999'999;

struct Unit {
  char letter;
  Duration duration;
};
// From the finest on.
constexpr std::array<Unit, 6> kUnits = {{{'n', std::chrono::nanoseconds(1)},
                                         {'u', std::chrono::microseconds(1)},
                                         {'m', std::chrono::milliseconds(1)},
                                         {'S', std::chrono::seconds(1)},
                                         {'M', std::chrono::minutes(1)},
                                         {'H', std::chrono::hours(1)}}};

}  // namespace

std::optional<Duration> parse_timeout(std::string_view text) {
  if (text.size() < 2 || text.size() > kDigitsMax + 1) return std::nullopt;
  std::int64_t value = 0;
  const char* end = text.data() + text.size() - 1;
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || value < 0) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (unit.letter != text.back()) continue;
    return value > Duration::max() / unit.duration ? Duration::max() : value * unit.duration;
  }
  return std::nullopt;
}

std::string format_timeout(Duration timeout) {
  if (timeout <= Duration::zero()) return "0n";
  for (const Unit& unit : kUnits) {
    const std::int64_t value = (timeout - Duration(1)) / unit.duration + 1;
    if (value <= kValueMax) return std::to_string(value) + unit.letter;
  }
  return std::to_string(kValueMax) + kUnits.back().letter;
}

}  // namespace weir::grpc
