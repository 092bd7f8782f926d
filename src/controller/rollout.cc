#include "controller/rollout.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "controller/views.h"
#include "lb/hash.h"

namespace weir::controller {
namespace {

bool has_labels(const config::Labels& labels, const config::Labels& wanted) {
  return std::ranges::all_of(wanted, [&labels](const auto& entry) {
    const auto found = labels.find(entry.first);
    return found != labels.end() && found->second == entry.second;
  });
}

std::string label_of(const EdgeView& edge, std::string_view key) {
  const auto found = edge.labels.find(key);
  return found == edge.labels.end() ? std::string() : found->second;
}

// Name servers do not.
bool carries_requests(const config::Labels& labels) { return !labels.contains(kNoTrafficKey); }

// The same for an edge and a rollout whenever it is asked.
std::uint64_t hash_of(std::string_view salt, std::string_view edge) {
  return lb::mix(lb::hash_bytes(edge, lb::hash_bytes(salt)));
}

// 0 to 99, likewise. Who carries no requests can't tell what a
// change does to them, so it is of no part of a wave but the last.
std::uint64_t place_of(std::string_view salt, std::string_view edge, const config::Labels& labels) {
  return carries_requests(labels) ? hash_of(salt, edge) % 100 : 99;
}

// The edges that the change has reached, and the others.
struct Sides {
  std::vector<const EdgeView*> reached;
  std::vector<const EdgeView*> others;
};

Sides sides_of(const config::RolloutStatus& status, std::string_view salt, std::span<const EdgeView> edges) {
  Sides sides;
  for (const EdgeView& edge : edges) {
    const bool reached = is_reached(status.waves, status.wave, salt, edge.name, edge.labels);
    (reached ? sides.reached : sides.others).push_back(&edge);
  }
  return sides;
}

std::string percent(double value) {
  const double tenths = std::round(value * 10);
  std::string text = std::to_string(static_cast<std::int64_t>(tenths / 10));
  return text + '.' + std::to_string(static_cast<std::int64_t>(tenths) % 10) + " %";
}

std::string milliseconds(Duration duration) {
  return format_duration(std::chrono::round<std::chrono::milliseconds>(duration));
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

Carried sum(const std::vector<const EdgeView*>& edges, Carried EdgeView::* which) {
  Carried total;
  for (const EdgeView* edge : edges) total.add(edge->*which);
  return total;
}

// What failed, in a sentence; empty: nothing.
std::string lost_edges(const config::RolloutGates& gates, const Sides& sides) {
  const auto lost = std::ranges::count_if(
      sides.reached, [](const EdgeView* edge) { return edge->has_it && !edge->attached; });
  if (share(static_cast<std::uint64_t>(lost), sides.reached.size()) <= gates.lost_percent_max) return {};
  const auto* first = *std::ranges::find_if(
      sides.reached, [](const EdgeView* edge) { return edge->has_it && !edge->attached; });
  return "lost: " + std::to_string(lost) + " of " + std::to_string(sides.reached.size()) +
         " edges that have it do not report any more, such as " + first->name;
}

std::string refused(const Sides& sides) {
  for (const EdgeView* edge : sides.reached) {
    if (!edge->refusal.empty()) return "refused: " + edge->name + " can't take it up: " + edge->refusal;
  }
  return {};
}

// What is told of durations, by a few buckets, does not tell less than this apart.
constexpr Duration kLatencyNoise = std::chrono::milliseconds(5);

// How many of so many requests may be longer than the 99th percentile of so many others, although both are of
// one kind: 1 %, and three standard deviations of that. Of 100 requests the one that is slow is the
// percentile.
double slow_by_chance(std::uint64_t requests, std::uint64_t others) {
  constexpr double kShare = 0.01;
  const auto with = static_cast<double>(requests);
  const double deviation = with * std::sqrt(kShare * (1 / with + 1 / static_cast<double>(others)));
  return kShare * with + 3 * deviation;
}

// Against the edges that do not have the change in the same time; when there are none or they carry too
// little, against what the same edges did before.
std::string worse_traffic(const config::RolloutGates& gates, const Sides& sides) {
  const Carried with = sum(sides.reached, &EdgeView::since);
  if (with.requests < gates.requests_min) return {};
  Carried without = sum(sides.others, &EdgeView::since);
  std::string_view who = "of the other edges";
  if (without.requests < gates.requests_min) {
    without = sum(sides.reached, &EdgeView::before);
    who = "before";
  }
  if (with.errors_percent() > without.errors_percent() + gates.errors_percent_max) {
    return "errors: " + percent(with.errors_percent()) + " of the requests of its edges are answered 5xx, " +
           percent(without.errors_percent()) + " " + std::string(who);
  }
  if (without.requests < gates.requests_min) return {};
  const Duration more = without.p99() / 100 * gates.latency_percent_max;
  const Duration bound = without.p99() + std::max<Duration>(more, kLatencyNoise);
  if (with.longer_than(bound) > slow_by_chance(with.requests, without.requests)) {
    return "latency: the 99th percentile of its edges is " + milliseconds(with.p99()) + ", " +
           milliseconds(without.p99()) + " " + std::string(who);
  }
  return {};
}

// Edges that have the change, and whose errors and latency nobody knows: "fra-2 and 3 more"; empty: none.
// all: there is no other one.
std::string uncounted(const Sides& sides, bool& all) {
  std::size_t have = 0;
  std::vector<const EdgeView*> found;
  for (const EdgeView* edge : sides.reached) {
    if (!edge->attached || !edge->has_it || !carries_requests(edge->labels)) continue;
    ++have;
    if (!edge->counts_requests) found.push_back(edge);
  }
  all = found.size() == have;
  if (found.empty()) return {};
  const std::size_t others = found.size() - 1;
  return found.front()->name + (others == 0 ? "" : " and " + std::to_string(others) + " more");
}

std::string worse_health(const config::RolloutGates& gates, const Sides& sides) {
  const auto unhealthy = [](const std::vector<const EdgeView*>& edges) {
    std::uint64_t seen = 0;
    std::uint64_t bad = 0;
    for (const EdgeView* edge : edges) {
      seen += edge->endpoints_seen;
      bad += edge->endpoints_unhealthy;
    }
    return share(bad, seen);
  };
  const double with = unhealthy(sides.reached);
  const double without = unhealthy(sides.others);
  if (with <= without + gates.unhealthy_percent_max) return {};
  return "health: its edges find " + percent(with) + " of their endpoints unhealthy, the others " +
         percent(without);
}

}  // namespace

void Carried::add(const Carried& other) {
  requests += other.requests;
  errors_5xx += other.errors_5xx;
  seconds += other.seconds;
  for (std::size_t i = 0; i < durations.size(); ++i) durations[i] += other.durations[i];
}

Carried Carried::minus(const Carried& earlier) const {
  const auto rest = [](std::uint64_t now, std::uint64_t then) { return now > then ? now - then : 0; };
  Carried left{.requests = rest(requests, earlier.requests),
               .errors_5xx = rest(errors_5xx, earlier.errors_5xx)};
  left.seconds = std::max(0.0, seconds - earlier.seconds);
  for (std::size_t i = 0; i < durations.size(); ++i) {
    left.durations[i] = rest(durations[i], earlier.durations[i]);
  }
  return left;
}

double Carried::errors_percent() const { return share(errors_5xx, requests); }

Duration Carried::p99() const {
  constexpr auto& kBuckets = record::Traffic::kBuckets;
  std::uint64_t all = 0;
  for (const std::uint64_t count : durations) all += count;
  if (all == 0) return Duration{};
  const double wanted = 0.99 * static_cast<double>(all);
  double below = 0;
  for (std::size_t i = 0; i < kBuckets.size(); ++i) {
    const auto here = static_cast<double>(durations[i]);
    if (below + here >= wanted) {
      const Duration from = i == 0 ? Duration{} : kBuckets[i - 1];
      const double part = here == 0 ? 1 : (wanted - below) / here;
      return from +
             Duration(static_cast<std::int64_t>(part * static_cast<double>((kBuckets[i] - from).count())));
    }
    below += here;
  }
  return kBuckets.back();
}

double Carried::longer_than(Duration bound) const {
  constexpr auto& kBuckets = record::Traffic::kBuckets;
  if (bound >= kBuckets.back()) return 0;
  auto longer = static_cast<double>(durations.back());
  Duration from{};
  for (std::size_t i = 0; i < kBuckets.size(); ++i) {
    const auto beyond = static_cast<double>((kBuckets[i] - bound).count());
    const auto width = static_cast<double>((kBuckets[i] - from).count());
    longer += std::clamp(beyond / width, 0.0, 1.0) * static_cast<double>(durations[i]);
    from = kBuckets[i];
  }
  return longer;
}

namespace {

// By place, within it by parts; then whoever is elsewhere, or comes later.
std::vector<config::RolloutWave> waves_by_place(const config::RolloutSpec& spec,
                                                std::span<const EdgeView> edges) {
  std::set<std::pair<std::string, std::string>> places;
  for (const EdgeView& edge : edges) {
    places.emplace(label_of(edge, "provider"), label_of(edge, "region"));
  }
  std::vector<config::RolloutWave> waves;
  for (const auto& [provider, region] : places) {
    config::Labels match;
    if (!provider.empty()) match["provider"] = provider;
    if (!region.empty()) match["region"] = region;
    for (const std::uint32_t part : spec.percents) {
      if (waves.size() + 1 < config::kWavesMax) waves.push_back({match, part, spec.bake, {}});
    }
  }
  const bool is_whole = !waves.empty() && waves.back().match.empty() && waves.back().percent == 100;
  if (!is_whole) waves.push_back({{}, 100, spec.bake, {}});
  return waves;
}

}  // namespace

std::vector<config::RolloutWave> waves_of(const config::RolloutSpec& spec, std::span<const EdgeView> edges) {
  return spec.waves.empty() ? waves_by_place(spec, edges) : spec.waves;
}

std::string first_of(const config::RolloutWave& wave, std::string_view salt,
                     std::span<const EdgeView> edges) {
  const EdgeView* first = nullptr;
  const auto order = [salt](const EdgeView& edge) {
    return std::tuple(!edge.attached, hash_of(salt, edge.name), std::string_view(edge.name));
  };
  for (const EdgeView& edge : edges) {
    if (!has_labels(edge.labels, wave.match) || !carries_requests(edge.labels)) continue;
    if (edge.attached && place_of(salt, edge.name, edge.labels) < wave.percent) return {};
    if (first == nullptr || order(edge) < order(*first)) first = &edge;
  }
  return first == nullptr ? std::string() : first->name;
}

bool is_reached(std::span<const config::RolloutWave> waves, std::size_t begun, std::string_view salt,
                std::string_view edge, const config::Labels& labels) {
  const std::uint64_t place = place_of(salt, edge, labels);
  return std::ranges::any_of(waves.first(std::min(begun, waves.size())), [&](const auto& wave) {
    return has_labels(labels, wave.match) && (place < wave.percent || edge == wave.first);
  });
}

bool all_have_it(const config::RolloutStatus& status, std::string_view salt,
                 std::span<const EdgeView> edges) {
  const Sides sides = sides_of(status, salt, edges);
  return std::ranges::all_of(sides.reached,
                             [](const EdgeView* edge) { return edge->has_it || !edge->attached; });
}

Judgement judge(const config::RolloutSpec& spec, const config::RolloutStatus& status, std::string_view salt,
                std::span<const EdgeView> edges, Duration wave_age, std::optional<Duration> baked) {
  using Step = Judgement::Step;
  const Sides sides = sides_of(status, salt, edges);
  for (std::string failed : {refused(sides), lost_edges(spec.gates, sides), worse_traffic(spec.gates, sides),
                             worse_health(spec.gates, sides)}) {
    if (!failed.empty()) return {Step::kWithdraw, std::move(failed)};
  }
  if (!baked) {
    const auto waiting = std::ranges::find_if(
        sides.reached, [](const EdgeView* edge) { return edge->attached && !edge->has_it; });
    const std::string who = waiting == sides.reached.end() ? "nobody" : (*waiting)->name;
    if (wave_age > spec.gates.apply_timeout) {
      return {Step::kWithdraw, "apply_timeout: " + who + " does not have it after " +
                                   format_duration(spec.gates.apply_timeout)};
    }
    return {Step::kWait, "for " + who + " to have it"};
  }
  if (spec.paused) return {Step::kWait, "it is paused"};
  const Duration bake =
      status.wave == 0 || status.wave > status.waves.size() ? Duration{} : status.waves[status.wave - 1].bake;
  bool all_uncounted = false;
  const std::string who = uncounted(sides, all_uncounted);
  if (*baked < bake) {
    return {Step::kWait, "it bakes for " + format_duration(bake) +
                             (who.empty() ? "" : "; errors and latency of " + who + " are not known")};
  }
  if (!who.empty() && all_uncounted && !spec.gates.allow_uncounted) {
    return {Step::kWait, "errors and latency are not known: " + who +
                             " did not report any requests, and Envoys never do; gates.allow_uncounted lets "
                             "it go on without"};
  }
  return {Step::kNextWave, {}};
}

}  // namespace weir::controller
