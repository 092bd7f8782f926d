#include "report/service_rates.h"

#include <algorithm>

namespace weir::report {
namespace {

static_assert(ServiceRates::kStep == std::chrono::seconds(1));
static_assert(ServiceRates::kSpanMax + ServiceRates::kLag <=
              (ServiceRates::kSteps - 1) * ServiceRates::kStep);

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

// Of a name that an edge has told.
constexpr auto service_of = [](const auto& told) -> std::string_view { return told.first->first.first; };

}  // namespace

std::int64_t ServiceRates::step_of(Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
}

// Spread evenly, as far as that is remembered.
void ServiceRates::Given::add(double more, Instant from, Instant to) {
  const std::int64_t last = step_of(to);
  if (last > newest) {
    const std::int64_t steps = std::min<std::int64_t>(last - newest, kSteps);
    for (std::int64_t step = last - steps + 1; step <= last; ++step) {
      requests[static_cast<std::size_t>(step) % kSteps] = 0;
    }
    newest = last;
  }
  const std::int64_t first = std::max(step_of(from), newest - static_cast<std::int64_t>(kSteps) + 1);
  if (from >= to) {
    requests[static_cast<std::size_t>(last) % kSteps] += static_cast<float>(more);
    return;
  }
  for (std::int64_t step = first; step <= last; ++step) {
    const Instant begin(step * kStep);
    const Duration part = std::min(begin + kStep, to) - std::max(begin, from);
    requests[static_cast<std::size_t>(step) % kSteps] +=
        static_cast<float>(more * (seconds(part) / seconds(to - from)));
  }
}

double ServiceRates::Given::within(Instant from, Instant to) const {
  double sum = 0;
  const std::int64_t first = std::max(step_of(from), newest - static_cast<std::int64_t>(kSteps) + 1);
  for (std::int64_t step = first; step <= std::min(step_of(to), newest); ++step) {
    const Instant begin(step * kStep);
    const Duration part = std::min(begin + kStep, to) - std::max(begin, from);
    sum += requests[static_cast<std::size_t>(step) % kSteps] * (seconds(part) / seconds(kStep));
  }
  return sum;
}

bool ServiceRates::Edge::names(std::string_view service) const {
  return std::ranges::binary_search(in_flight, service, {}, service_of);
}

bool ServiceRates::Edge::tells(std::string_view service, std::optional<std::string_view> zone) const {
  if (!left_out) return true;
  const auto told = std::ranges::equal_range(in_flight, service, {}, service_of);
  if (told.size() < kReportZonesMax) return !told.empty();
  return zone && std::ranges::find(told, *zone, [](const auto& one) -> std::string_view {
                   return one.first->first.second;
                 }) != told.end();
}

void ServiceRates::forget(Edge& edge) {
  for (const auto& [name, in_flight] : edge.in_flight) {
    name->second.in_flight -= in_flight;
    --name->second.edges;
  }
  edge.in_flight.clear();
}

void ServiceRates::come(const std::string& name, Instant now) {
  if (!first_) first_ = now;
  Edge& edge = edges_[name];
  forget(edge);
  edge = {.heard = now};
}

void ServiceRates::go(const std::string& name, Instant now) {
  const auto edge = edges_.find(name);
  if (edge != edges_.end()) edge->second.gone = now;
}

void ServiceRates::say(const std::string& name, const Load& load, Instant now) {
  const auto found = edges_.find(name);
  if (found == edges_.end() || found->second.gone) return;
  Edge& edge = found->second;
  edge.heard = now;
  edge.counts = load.services.has_value();
  std::map<Names::iterator, std::uint64_t,
           decltype([](const auto& left, const auto& right) { return left->first < right->first; })>
      said;
  if (edge.counts) edge.left_out = load.services->left_out;
  // Of what was before all that is remembered, nothing is counted.
  const Duration remembered = std::clamp(load.span, Duration::zero(), kSpanMax + kLag);
  const double part = load.span > remembered ? seconds(remembered) / seconds(load.span) : 1;
  for (const ServiceLoad& service : edge.counts ? load.services->of : std::vector<ServiceLoad>()) {
    for (const ZoneLoad& zone : service.zones) {
      auto place = names_.find(Name(service.service, zone.zone));
      if (place == names_.end()) {
        if (names_.size() >= kNamesMax) {
          overflowed_ = now;
          continue;
        }
        place = names_.emplace(Name(service.service, zone.zone), Given{.newest = step_of(now)}).first;
      }
      place->second.add(part * static_cast<double>(zone.requests), now - remembered, now);
      if (!said.emplace(place, zone.in_flight).second) continue;  // it is there twice
      place->second.in_flight += zone.in_flight;
      ++place->second.edges;
    }
  }
  forget(edge);
  edge.in_flight.assign(said.begin(), said.end());
}

void ServiceRates::tidy(Instant now) {
  for (auto edge = edges_.begin(); edge != edges_.end();) {
    const bool stays = !edge->second.gone || now - *edge->second.gone < kGone;
    if (!stays) forget(edge->second);
    edge = stays ? std::next(edge) : edges_.erase(edge);
  }
  if (now - tidied_ < kGone) return;
  tidied_ = now;
  const std::int64_t oldest = step_of(now) - static_cast<std::int64_t>(kSteps);
  std::erase_if(names_,
                [oldest](const auto& one) { return one.second.edges == 0 && one.second.newest <= oldest; });
  if (overflowed_ && now - *overflowed_ > kSpanMax + kLag) overflowed_.reset();
}

std::string ServiceRates::why_unknown(std::string_view service, std::optional<std::string_view> zone,
                                      Instant now) const {
  if (!first_) return "no edge has come so far";
  if (now - *first_ < kSettle) return "edges have only just begun to come";
  bool any = false;
  for (const auto& [name, edge] : edges_) {
    any |= !edge.gone;
    if (edge.gone) {
      if (now - *edge.gone >= kGone || !edge.names(service)) continue;
      return "the edge " + name + ", which carried it, has gone, and may have been cut off only";
    }
    if (now - edge.heard > kStale) return "the edge " + name + " has not said for 15 s what it carries";
    if (!edge.counts) return "the edge " + name + " does not say what it carries of each service";
    if (!edge.tells(service, zone)) return "the edge " + name + " carries more than it can tell of";
  }
  return any ? std::string() : std::string("no edge is there that would say it");
}

ServiceRates::Rate ServiceRates::of(std::string_view service, std::optional<std::string_view> zone,
                                    Duration span, Instant now) const {
  Rate rate{.unknown = why_unknown(service, zone, now)};
  if (!rate.unknown.empty()) return rate;
  const Instant to = now - kLag;
  const Instant from = to - std::clamp(span, kStep, kSpanMax);
  bool known = !zone.has_value() && !overflowed_;
  for (auto one = names_.lower_bound(Name(service, zone.value_or("")));
       one != names_.end() && one->first.first == service; ++one) {
    if (zone && one->first.second != *zone) break;
    known = true;
    rate.requests_per_second += one->second.within(from, to) / seconds(to - from);
    rate.in_flight += one->second.in_flight;
  }
  if (!known && overflowed_) rate.unknown = "edges carry more services than are counted here";
  return rate;
}

}  // namespace weir::report
