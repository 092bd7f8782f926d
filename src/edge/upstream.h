// Upstream: one service as one core sees it: its hosts with this core's connections to them, the policy over
// those that may serve now. A change of the service makes a new Upstream that takes over
// the hosts it keeps; requests under way hold the old one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "edge/affinity.h"
#include "edge/plan.h"
#include "http/client.h"
#include "lb/backoff.h"
#include "lb/policies.h"
#include "net/env.h"

namespace weir::edge {

struct UpstreamHost {
  explicit UpstreamHost(std::shared_ptr<SharedHost> host, bool count_active)
      : shared(std::move(host)),
        pool(std::make_shared<http::ClientPool>(count_active ? &shared->active.count : nullptr)) {}
  ~UpstreamHost() { pool->retire(); }
  std::shared_ptr<SharedHost> shared;
  std::shared_ptr<http::ClientPool> pool;
  lb::Backoff backoff;
};

class Upstream {
 public:
  // previous: the same service before the change, on this core; may be null. zone: of this edge.
  Upstream(PlannedServicePointer planned, const Upstream* previous, net::Env& env, std::uint32_t zone);

  const PlannedService& service() const { return *planned_; }
  UpstreamHost& host(std::uint32_t index) { return *hosts_[index]; }

  // The place of the host that takes the next request; nothing when none can. affinity: as affinity() told.
  std::optional<std::uint32_t> pick(const Affinity& affinity, std::span<const std::uint32_t> tried);
  // No connection could be made, or the connection broke before an answer: others are preferred for a while.
  void failed(std::uint32_t index);
  void succeeded(std::uint32_t index) { hosts_[index]->backoff.succeeded(); }
  // What became of an exchange, for outlier detection.
  void observe(std::uint32_t index, lb::Outcome outcome);
  // A place among those that the service's circuit breakers allow; false: there is none.
  lb::Permit acquire(lb::Resource resource) {
    return planned_->shared->circuit.try_acquire(resource, limits_);
  }

  void count_request() { planned_->shared->retry_budget.count_request(env_.loop.now()); }
  // A retry out of the budget, which is this share of the service's requests; false: it is spent.
  bool take_retry(std::uint32_t budget_percent);

  // Closes connections that have been idle longer than the service allows.
  void close_idle();

 private:
  void refresh();

  net::Env& env_;
  std::uint32_t zone_;
  lb::OutlierSettings outliers_;
  lb::CircuitLimits limits_;
  PlannedServicePointer planned_;
  std::vector<std::shared_ptr<UpstreamHost>> hosts_;
  std::unique_ptr<lb::Policy> policy_;
  std::vector<std::uint32_t> serving_;   // indexes of the hosts that policy_ may pick, ascending
  std::uint64_t health_epoch_ = 0;       // that policy_ was made for
  Instant refresh_at_ = Instant::max();  // a host comes back from being set aside
  bool stale_ = true;
};

}  // namespace weir::edge
