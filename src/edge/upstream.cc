#include "edge/upstream.h"

#include <algorithm>
#include <utility>

#include "lb/slow_start.h"
#include "lb/spread.h"

namespace weir::edge {

Upstream::Upstream(PlannedServicePointer planned, const Upstream* previous, net::Env& env, std::uint32_t zone)
    : env_(env),
      zone_(zone),
      outliers_(outlier_settings(planned->spec.outlier_detection)),
      limits_{.connections = planned->spec.circuit_breakers.connections_max,
              .pending = planned->spec.circuit_breakers.pending_max,
              .requests = planned->spec.circuit_breakers.requests_max,
              .retries = planned->spec.circuit_breakers.retries_max},
      planned_(std::move(planned)) {
  const bool count_active =
      lb::kPolicies[static_cast<std::size_t>(planned_->spec.balance)].make == lb::make_least_request;
  // A connection is what the settings of its making were: one without TLS serves nobody who asks for TLS.
  const bool reuse = previous != nullptr && previous->planned_->spec.balance == planned_->spec.balance &&
                     previous->planned_->spec.tls == planned_->spec.tls &&
                     previous->planned_->tls_shown == planned_->tls_shown;
  for (const PlannedHost& planned_host : planned_->hosts) {
    std::shared_ptr<UpstreamHost> host;
    if (reuse) {
      const auto kept = std::ranges::find_if(previous->hosts_, [&planned_host](const auto& candidate) {
        return candidate->shared == planned_host.shared;
      });
      if (kept != previous->hosts_.end()) host = *kept;
    }
    if (!host) host = std::make_shared<UpstreamHost>(planned_host.shared, count_active);
    hosts_.push_back(std::move(host));
  }
}

void Upstream::refresh() {
  const Instant now = env_.loop.now();
  health_epoch_ = planned_->shared->health_epoch.load(std::memory_order_acquire);
  refresh_at_ = Instant::max();
  stale_ = false;
  const lb::SlowStart slow{.window = planned_->spec.slow_start.value_or(Duration::zero())};
  std::vector<lb::Host> hosts;
  for (const PlannedHost& planned : planned_->hosts) {
    const auto index = static_cast<std::uint32_t>(hosts.size());
    const lb::Backoff& backoff = hosts_[index]->backoff;
    const bool set_aside = backoff.set_aside(now);
    if (set_aside) refresh_at_ = std::min(refresh_at_, backoff.until());
    std::uint32_t ramp = lb::kRampFull;
    if (slow.window > Duration::zero()) {
      const Instant since = planned.shared->serving_since.load(std::memory_order_relaxed);
      ramp = lb::ramp(slow, since, now);
      refresh_at_ = std::min(refresh_at_, lb::ramp_changes_at(slow, since, now));
    }
    hosts.push_back(
        {.id = planned.id,
         .index = index,
         .weight = planned.weight,
         .priority = planned.priority,
         .health = planned.shared->health.load(std::memory_order_relaxed),
         .set_aside = set_aside,
         .ejected = planned_->spec.outlier_detection.enabled && planned.shared->outcomes.ejected(),
         .zone = planned.zone,
         .ramp = ramp,
         .active = &planned.shared->active});
  }
  const lb::Spread spread = lb::spread(hosts, {.check_configured = planned_->spec.health_check.has_value(),
                                               .panic_percent = planned_->spec.panic_percent,
                                               .zone = zone_});
  serving_.clear();
  for (const lb::Host& host : spread.hosts) serving_.push_back(host.index);
  policy_ = spread.hosts.empty() ? nullptr
                                 : lb::kPolicies[static_cast<std::size_t>(planned_->spec.balance)].make(
                                       spread.hosts, {.table = planned_->table});
}

std::optional<std::uint32_t> Upstream::pick(const Affinity& affinity, std::span<const std::uint32_t> tried) {
  if (stale_ || env_.loop.now() >= refresh_at_ ||
      planned_->shared->health_epoch.load(std::memory_order_acquire) != health_epoch_) {
    refresh();
  }
  if (!policy_) return std::nullopt;
  if (affinity.endpoint != 0 && tried.empty()) {
    for (const std::uint32_t index : serving_) {
      if (planned_->hosts[index].id == affinity.endpoint) return index;
    }
  }
  return policy_->pick({planned_->shared->rotation, env_.random, tried, affinity.hash});
}

void Upstream::observe(std::uint32_t index, lb::Outcome outcome) {
  if (!planned_->spec.outlier_detection.enabled) return;
  SharedService& shared = *planned_->shared;
  const auto ejected = shared.outliers.observe(hosts_[index]->shared->outcomes, outcome, outliers_,
                                               hosts_.size(), env_.loop.now());
  if (!ejected) return;
  shared.health_epoch.fetch_add(1, std::memory_order_release);
  env_.log.warning("endpoint ejected", {{"service", planned_->name},
                                        {"endpoint", hosts_[index]->shared->key},
                                        {"reason", std::string(lb::name_of(*ejected))}});
}

bool Upstream::take_retry() {
  SharedService& shared = *planned_->shared;
  return shared.retry_budget.take_retry(env_.loop.now(), shared.circuit.used(lb::Resource::kRequests),
                                        {.percent = planned_->spec.retries.budget_percent});
}

void Upstream::failed(std::uint32_t index) {
  hosts_[index]->backoff.failed(env_.loop.now());
  hosts_[index]->pool->close_all();  // what broke one connection has probably broken the others
  stale_ = true;
}

void Upstream::close_idle() {
  const Instant before = env_.loop.now() - planned_->spec.idle_timeout;
  for (const auto& host : hosts_) host->pool->close_idle_since(before);
}

}  // namespace weir::edge
