// Verdicts: what other edges find of endpoints, as the controllers say it, and what this edge finds, as they
// are told; and what the edge that takes the place of this one begins with. The parts of Edge that speak
// about health to those outside; which is weighed how: SharedHost.
#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "edge/edge.h"

namespace weir::edge {
namespace {

// The next word of a line of remembered(); empty: there is none.
std::string_view next_word(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

}  // namespace

// Lines: "name KEY ADDRESS...", "health NUMBER SERVICE/ENDPOINT".
std::string Edge::remembered() const {
  std::string text;
  for (const auto& [name, addresses] : resolved_) {
    text.append("name ").append(name);
    for (const net::Address& address : addresses) text.append(" ").append(address.to_string());
    text += '\n';
  }
  for (const auto& service : plan_->services) {
    if (!service->spec.health_check) continue;
    for (const upstream::PlannedHost& host : service->hosts) {
      const auto health = static_cast<unsigned>(host.shared->health.load(std::memory_order_relaxed));
      text.append("health ").append(std::to_string(health)).append(" ");
      text.append(service->name).append("/").append(host.shared->key).append("\n");
    }
  }
  return text;
}

void Edge::recall(std::string_view remembered) {
  while (!remembered.empty()) {
    const std::size_t end = std::min(remembered.find('\n'), remembered.size());
    std::string_view line = remembered.substr(0, end);
    remembered.remove_prefix(std::min(end + 1, remembered.size()));
    const std::string_view what = next_word(line);
    if (what == "name") {
      const std::string name(next_word(line));
      std::vector<net::Address> addresses;
      while (!line.empty()) {
        if (auto address = net::Address::parse(next_word(line))) addresses.push_back(*address);
      }
      if (!addresses.empty()) resolved_.insert_or_assign(name, std::move(addresses));
    } else if (what == "health") {
      const auto health = parse_decimal(next_word(line));
      constexpr auto kLast = static_cast<std::uint64_t>(lb::Health::kNeverHealthy);
      if (health && *health <= kLast) recalled_.emplace(line, static_cast<lb::Health>(*health));
    }
  }
}

// Of what is not known better by now.
void Edge::apply_recalled() {
  for (const auto& service : plan_->services) {
    if (!service->spec.health_check) continue;
    for (const upstream::PlannedHost& host : service->hosts) {
      const auto known = recalled_.find(service->name + "/" + host.shared->key);
      lb::Health unknown = lb::Health::kUnknown;
      if (known != recalled_.end()) host.shared->health.compare_exchange_strong(unknown, known->second);
    }
  }
  recalled_.clear();
}

void Edge::set_verdict(const std::string& service, std::set<std::string> unhealthy) {
  if (unhealthy.empty()) {
    verdicts_.erase(service);
  } else {
    verdicts_.insert_or_assign(service, std::move(unhealthy));
  }
  if (const upstream::PlannedServicePointer planned = find_planned(service)) judge(*planned);
}

void Edge::heed_verdicts(bool heed) {
  if (std::exchange(heeding_, heed) == heed) return;
  for (const auto& [service, unhealthy] : verdicts_) {
    if (const upstream::PlannedServicePointer planned = find_planned(service)) judge(*planned);
  }
}

void Edge::judge(const upstream::PlannedService& service) {
  const auto verdict = heeding_ ? verdicts_.find(service.name) : verdicts_.end();
  bool changed = false;
  bool for_worse = false;
  for (const upstream::PlannedHost& planned : service.hosts) {
    upstream::SharedHost& host = *planned.shared;
    const bool condemned = verdict != verdicts_.end() && verdict->second.contains(host.key);
    if (host.condemned.load(std::memory_order_relaxed) == condemned) continue;
    if (condemned) {
      host.condemned_since = control_.loop.clock().wall_now();
    } else {
      host.serving_since.store(control_.loop.now(), std::memory_order_relaxed);
    }
    host.condemned.store(condemned, std::memory_order_relaxed);
    changed = true;
    for_worse |= condemned;
    control_.log.info(condemned ? "endpoint found unhealthy by the other edges"
                                : "endpoint no longer found unhealthy by the other edges",
                      {{"service", service.name}, {"endpoint", host.key}});
  }
  if (!changed) return;
  health_changed(service.shared, for_worse);
  if (health_told_) health_told_(service.name);
}

void Edge::tell_finding(std::string_view service, const upstream::SharedHost& host) const {
  const lb::Health health = host.health.load(std::memory_order_relaxed);
  const bool unhealthy = health == lb::Health::kUnhealthy || health == lb::Health::kNeverHealthy;
  found_({service, host.key, health, unhealthy ? sentence_of(host.health_reason) : std::string()});
}

// Those that come into the care of the checks, and those that leave it.
void Edge::tell_findings(const upstream::PlannedService* before,
                         const upstream::PlannedService* after) const {
  if (!found_) return;
  const auto checked = [](const upstream::PlannedService* service) {
    std::set<const upstream::SharedHost*> hosts;
    if (service == nullptr || !service->spec.health_check) return hosts;
    for (const upstream::PlannedHost& host : service->hosts) hosts.insert(host.shared.get());
    return hosts;
  };
  const auto old = checked(before);
  const auto now = checked(after);
  for (const upstream::SharedHost* host : old) {
    if (!now.contains(host)) found_({before->name, host->key, std::nullopt, {}});
  }
  for (const upstream::SharedHost* host : now) {
    if (!old.contains(host)) tell_finding(after->name, *host);
  }
}

}  // namespace weir::edge
