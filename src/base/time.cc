#include "base/time.h"

#include <array>
#include <cstdio>
#include <limits>

namespace weir {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
// Longest first, so that formatting takes the largest unit that fits.
constexpr std::array kUnits{Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000}, Unit{"s", 1'000'000'000},
                            Unit{"ms", 1'000'000},        Unit{"us", 1'000},         Unit{"ns", 1}};

}  // namespace

std::string format_rfc3339(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 40> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

Result<Duration> parse_duration(std::string_view text) {
  constexpr auto kBad = "not a duration; write it like 250ms, 5s or 1m30s";
  if (text.empty()) return fail(Code::kInvalid, kBad);
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      if (__builtin_mul_overflow(number, 10, &number) ||
          __builtin_add_overflow(number, text[digits] - '0', &number)) {
        return fail(Code::kInvalid, "a duration too long to count");
      }
      ++digits;
    }
    if (digits == 0) return fail(Code::kInvalid, kBad);
    text.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const std::string_view name = text.substr(0, letters);
    text.remove_prefix(letters);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (candidate.name == name) unit = &candidate;
    }
    if (unit == nullptr) return fail(Code::kInvalid, kBad);
    if (__builtin_mul_overflow(number, unit->nanoseconds, &number) ||
        __builtin_add_overflow(total, number, &total)) {
      return fail(Code::kInvalid, "a duration too long to count");
    }
  }
  return Duration{total};
}

std::string format_duration(Duration duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string text;
  if (rest < 0) {
    text = "-";
    rest = -rest;
  }
  for (const Unit& unit : kUnits) {
    if (const std::int64_t number = rest / unit.nanoseconds; number > 0) {
      text += std::to_string(number);
      text += unit.name;
      rest %= unit.nanoseconds;
    }
  }
  return text;
}

}  // namespace weir
