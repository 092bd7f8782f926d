#include "record/live_requests.h"

#include <fmt/format.h>

#include <algorithm>

#include "record/access_lines.h"

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

LiveRequests::Told told_of(const Decision& decision, const http::Request& request, WallTime now) {
  LiveRequests::Told told{.id = std::string(decision.id.view()), .line = {}, .exchange = {}};
  AccessLines::write(told.line, format_rfc3339(AccessLines::began(now, decision.took)), decision, request);
  return told;
}

LiveRequests::Told told_of(const Connection& connection, WallTime now) {
  LiveRequests::Told told{.id = std::string(connection.id.view()), .line = {}, .exchange = {}};
  AccessLines::write(told.line, format_rfc3339(AccessLines::began(now, connection.took)), connection);
  return told;
}

}  // namespace

bool LiveRequests::Watch::is_full(WallTime now) {
  const auto this_second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  if (second != this_second) {
    second = this_second;
    taken = 0;
  }
  if (taken < (inspects() ? kToldPerSecondMax : kLinesPerSecondMax)) {
    ++taken;
    return false;
  }
  ++passed_over;
  return true;
}

void LiveRequests::Watch::post(std::string line) {
  if (const std::size_t more = std::exchange(passed_over, 0)) {
    line = "(" + std::to_string(more) + " more)\n" + line;
  }
  loop.post([show = std::get<0>(who), line = std::move(line)] { (*show)(line); });
}

void LiveRequests::Watch::post(Told told) {
  told.passed_over = std::exchange(passed_over, 0);
  loop.post([tell = std::get<1>(who), told = std::move(told)]() mutable { (*tell)(std::move(told)); });
}

std::uint64_t LiveRequests::watch(std::string_view service, std::string_view endpoint, net::Loop& loop,
                                  Show show) {
  return add_watch(service, endpoint,
                   Watch{.number = 0, .loop = loop, .who = std::make_shared<const Show>(std::move(show))});
}

std::uint64_t LiveRequests::inspect(std::string_view service, std::string_view endpoint, net::Loop& loop,
                                    Tell tell) {
  return add_watch(service, endpoint,
                   Watch{.number = 0, .loop = loop, .who = std::make_shared<const Tell>(std::move(tell))});
}

std::uint64_t LiveRequests::add_watch(std::string_view service, std::string_view endpoint, Watch watch) {
  const std::lock_guard lock(mutex_);
  watch.number = ++last_;
  by_endpoint_.emplace(Key(service, endpoint), std::move(watch));
  count();
  return last_;
}

void LiveRequests::end(std::uint64_t watch) {
  const std::lock_guard lock(mutex_);
  std::erase_if(by_endpoint_, [watch](const auto& entry) { return entry.second.number == watch; });
  count();
}

void LiveRequests::count() {
  watches_.store(by_endpoint_.size(), std::memory_order_relaxed);
  const auto inspections =
      std::ranges::count_if(by_endpoint_, [](const auto& entry) { return entry.second.inspects(); });
  inspections_.store(static_cast<std::size_t>(inspections), std::memory_order_relaxed);
}

bool LiveRequests::finds_inspection(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  for (auto entry = by_endpoint_.lower_bound(Key(service, ""));
       entry != by_endpoint_.end() && entry->first.first == service; ++entry) {
    if (entry->second.inspects()) return true;
  }
  return false;
}

template <class LineOf, class ToldOf>
void LiveRequests::tell(std::string_view service, std::string_view endpoint, WallTime now,
                        const LineOf& line_of, const ToldOf& told_of) {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = by_endpoint_.equal_range(Key(service, endpoint));
  for (auto entry = begin; entry != end; ++entry) {
    Watch& watch = entry->second;
    if (watch.is_full(now)) continue;
    if (watch.inspects()) {
      watch.post(told_of());
    } else {
      watch.post(line_of());
    }
  }
}

void LiveRequests::add(const Decision& decision, const http::Request& request,
                       std::shared_ptr<const capture::Exchange> exchange, WallTime now) {
  if (decision.tries_made == 0) return;
  tell(
      decision.service, decision.last_try().endpoint.view(), now, [&] { return line_of(decision, now); },
      [&] {
        Told told = told_of(decision, request, now);
        told.exchange = exchange;
        return told;
      });
}

void LiveRequests::tell(const Connection& connection, WallTime now) {
  if (connection.tries == 0) return;
  tell(
      connection.service.view(), connection.endpoint.view(), now, [&] { return line_of(connection, now); },
      [&] { return told_of(connection, now); });
}

}  // namespace weir::record
