#include "metrics/point.h"

#include <algorithm>
#include <array>
#include <utility>

namespace weir::metrics {
namespace {

// In the order of their bits.
constexpr std::array kNumbers{&Point::requests,  &Point::errors,      &Point::bytes_in,  &Point::bytes_out,
                              &Point::in_flight, &Point::connections, &Point::cpu_milli, &Point::memory_bytes,
                              &Point::queries,   &Point::intervals,   &Point::steps};
constexpr std::uint64_t kDurationsBit = std::uint64_t{1} << kNumbers.size();

}  // namespace

void Point::add(const Point& more) {
  const std::uint64_t both = steps | more.steps;
  for (const auto number : kNumbers) this->*number += more.*number;
  steps = both;
  for (std::size_t i = 0; i < durations.size(); ++i) durations[i] += more.durations[i];
}

Point point_of(const report::Measured& measured) {
  return {.requests = measured.requests,
          .errors = measured.errors,
          .bytes_in = measured.bytes_in,
          .bytes_out = measured.bytes_out,
          .in_flight = measured.in_flight,
          .connections = measured.connections,
          .cpu_milli = measured.cpu_milli,
          .memory_bytes = measured.memory_bytes,
          .queries = measured.queries,
          .intervals = measured.sort == report::Measured::Sort::kMachine ? std::uint64_t{1} : 0,
          .durations = measured.durations};
}

void put_number(std::string& to, std::uint64_t number) {
  while (number >= 0x80) {
    to += static_cast<char>(number | 0x80U);
    number >>= 7U;
  }
  to += static_cast<char>(number);
}

std::optional<std::uint64_t> take_number(std::string_view& from) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    number |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

void put_text(std::string& to, std::string_view text) {
  put_number(to, text.size());
  to += text;
}

std::optional<std::string_view> take_text(std::string_view& from) {
  const auto size = take_number(from);
  if (!size || *size > from.size()) return std::nullopt;
  const std::string_view text = from.substr(0, *size);
  from.remove_prefix(*size);
  return text;
}

void put_point(std::string& to, const Point& point) {
  const auto used = static_cast<std::uint64_t>(
      std::ranges::count_if(point.durations, [](std::uint64_t count) { return count != 0; }));
  std::uint64_t bits = used != 0 ? kDurationsBit : 0;
  for (std::size_t i = 0; i < kNumbers.size(); ++i) {
    if (point.*kNumbers[i] != 0) bits |= std::uint64_t{1} << i;
  }
  put_number(to, bits);
  for (const auto number : kNumbers) {
    if (point.*number != 0) put_number(to, point.*number);
  }
  if (used == 0) return;
  put_number(to, used);
  std::size_t next = 0;
  for (std::size_t i = 0; i < point.durations.size(); ++i) {
    if (point.durations[i] == 0) continue;
    put_number(to, i - std::exchange(next, i + 1));
    put_number(to, point.durations[i]);
  }
}

std::optional<Point> take_point(std::string_view& from) {
  Point point;
  const auto bits = take_number(from);
  if (!bits || *bits >= kDurationsBit << 1U) return std::nullopt;
  for (std::size_t i = 0; i < kNumbers.size(); ++i) {
    if ((*bits & std::uint64_t{1} << i) == 0) continue;
    const auto number = take_number(from);
    if (!number) return std::nullopt;
    point.*kNumbers[i] = *number;
  }
  if ((*bits & kDurationsBit) == 0) return point;
  const auto used = take_number(from);
  if (!used) return std::nullopt;
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; i < *used; ++i) {
    const auto gap = take_number(from);
    const auto count = take_number(from);
    if (!gap || !count || *gap >= kLatencyBuckets - next) return std::nullopt;
    next += *gap;
    point.durations[next++] = *count;
  }
  return point;
}

void Track::add(std::int64_t slot, const Point& point) {
  if (!chunks_.empty()) slot = std::max(slot, chunks_.back().last);
  const bool full = chunks_.empty() || chunks_.back().bytes.size() >= kChunkBytes ||
                    slot - chunks_.back().first >= kChunkSlots;
  if (full && !chunks_.empty()) {
    bytes_ -= bytes_of(chunks_.back());
    chunks_.back().bytes.shrink_to_fit();
    bytes_ += bytes_of(chunks_.back());
  }
  if (full) {
    chunks_.push_back({.first = slot, .last = slot, .bytes = {}});
    bytes_ += bytes_of(chunks_.back());
  }
  Chunk& chunk = chunks_.back();
  bytes_ -= bytes_of(chunk);
  put_number(chunk.bytes, static_cast<std::uint64_t>(slot - std::exchange(chunk.last, slot)));
  put_point(chunk.bytes, point);
  bytes_ += bytes_of(chunk);
}

void Track::drop_before(std::int64_t slot) {
  const auto first_kept =
      std::ranges::find_if(chunks_, [slot](const Chunk& chunk) { return chunk.last >= slot; });
  for (auto gone = chunks_.begin(); gone != first_kept; ++gone) bytes_ -= bytes_of(*gone);
  chunks_.erase(chunks_.begin(), first_kept);
}

}  // namespace weir::metrics
