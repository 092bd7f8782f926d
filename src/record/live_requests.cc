#include "record/live_requests.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::record {
namespace {

// What a client sent must not write on anybody's screen but as text.
std::string printable(std::string_view text) {
  std::string shown(text);
  std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return shown;
}

std::string time_of_day(WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) % std::chrono::days(1);
  const std::chrono::hh_mm_ss clock(second);
  return fmt::format("{:02}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

double milliseconds(Duration took) { return std::chrono::duration<double, std::milli>(took).count(); }

std::string line_of(const Decision& decision, WallTime now) {
  return fmt::format("{} {} {} {}{} {} {:.1f} ms", time_of_day(now), decision.peer.ip(),
                     printable(decision.method()), printable(decision.target.view()),
                     decision.target.cut() ? "..." : "", decision.status, milliseconds(decision.took));
}

std::string line_of(const Connection& connection, WallTime now) {
  return fmt::format("{} {} {} received {} sent {} {:.1f} ms", time_of_day(now), connection.peer.ip(),
                     connection.mode, connection.bytes_received, connection.bytes_sent,
                     milliseconds(connection.took));
}

}  // namespace

std::uint64_t LiveRequests::watch(std::string_view service, std::string_view endpoint, net::Loop& loop,
                                  Show show) {
  const std::lock_guard lock(mutex_);
  by_endpoint_.emplace(
      Key(service, endpoint),
      Watch{.number = ++last_, .loop = loop, .show = std::make_shared<Show>(std::move(show))});
  watches_.store(by_endpoint_.size(), std::memory_order_relaxed);
  return last_;
}

void LiveRequests::end(std::uint64_t watch) {
  const std::lock_guard lock(mutex_);
  std::erase_if(by_endpoint_, [watch](const auto& entry) { return entry.second.number == watch; });
  watches_.store(by_endpoint_.size(), std::memory_order_relaxed);
}

template <class LineOf>
void LiveRequests::tell(std::string_view service, std::string_view endpoint, WallTime now,
                        const LineOf& line_of) {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = by_endpoint_.equal_range(Key(service, endpoint));
  const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  for (auto entry = begin; entry != end; ++entry) {
    Watch& watch = entry->second;
    if (watch.second != second) {
      watch.second = second;
      watch.lines = 0;
    }
    if (watch.lines == kLinesPerSecondMax) {
      ++watch.passed_over;
      continue;
    }
    ++watch.lines;
    std::string line = line_of();
    if (const std::size_t more = std::exchange(watch.passed_over, 0)) {
      line = "(" + std::to_string(more) + " more)\n" + line;
    }
    watch.loop.post([show = watch.show, line = std::move(line)] { (*show)(line); });
  }
}

void LiveRequests::tell(const Decision& decision, WallTime now) {
  if (decision.tries_made == 0) return;
  tell(decision.service, decision.last_try().endpoint.view(), now, [&] { return line_of(decision, now); });
}

void LiveRequests::tell(const Connection& connection, WallTime now) {
  if (connection.tries == 0) return;
  tell(connection.service.view(), connection.endpoint.view(), now, [&] { return line_of(connection, now); });
}

}  // namespace weir::record
