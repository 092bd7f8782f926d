// PlannedService: a Service made ready to send requests to: names resolved to addresses, each endpoint with
// the state that all cores share. Made on the control loop, immutable, read by every core.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/crypto.h"
#include "config/snapshot.h"
#include "lb/circuit_breaker.h"
#include "lb/hash_table.h"
#include "lb/host.h"
#include "lb/outlier.h"
#include "lb/policies.h"
#include "lb/retry_budget.h"
#include "net/env.h"
#include "net/network.h"
#include "tls/client_context.h"

namespace weir::upstream {

// One address of one endpoint, or one of each family; shared by all cores; lives through every change that
// keeps it.
struct SharedHost {
  std::string key;   // the endpoint's key, and the address when the endpoint is a name
  std::string name;  // host of the endpoint: a name or an IP address, as it is configured
  net::Address address;
  std::optional<net::Address> other;   // of the other family, where the name has both
  std::atomic<bool> by_other = false;  // it was the other one that answered last
  lb::ActiveRequests active;
  lb::EndpointOutcomes outcomes;
  // Written by the control loop: what this edge's own checks say, and whether the controllers say that the
  // other edges find it unhealthy.
  std::atomic<lb::Health> health = lb::Health::kUnknown;
  std::atomic<bool> condemned = false;
  std::atomic<Instant> serving_since{};  // for slow start; written by the control loop
  // --- on the control loop
  WallTime health_since{};     // when `health` became what it is
  Error health_reason{};       // why it is not healthy
  WallTime condemned_since{};  // when `condemned` became true

  // What it is used as: where the own check is good the others' word counts, where it is bad it is enough.
  lb::Health verdict() const {
    const lb::Health own = health.load(std::memory_order_relaxed);
    return overruled(own) ? lb::Health::kUnhealthy : own;
  }
  bool overruled() const { return overruled(health.load(std::memory_order_relaxed)); }

 private:
  bool overruled(lb::Health own) const {
    return own == lb::Health::kHealthy && condemned.load(std::memory_order_relaxed);
  }
};

// What a service keeps over changes of its endpoints.
struct SharedService {
  lb::Rotation rotation;
  lb::CircuitBreaker circuit;
  lb::OutlierDetector outliers;
  lb::RetryBudget retry_budget;
  std::atomic<std::uint64_t> health_epoch = 0;  // counts changes of verdicts
  std::atomic<std::uint64_t> retries = 0;       // since the beginning; for metrics
  std::atomic<std::uint64_t> ejections = 0;     // the same
  Instant swept_at{};                           // on the control loop
};

struct PlannedHost {
  std::shared_ptr<SharedHost> shared;
  std::uint64_t id = 0;
  std::uint64_t cookie = 0;  // what a sticky cookie calls it; 0: the service has none
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::uint32_t zone = 0;  // see zone_number()
  // Of one that comes by tunnels, a number of its sessions: those before have other connections.
  std::uint64_t sessions = 0;
  friend bool operator==(const PlannedHost&, const PlannedHost&) = default;
};

// Immutable; the same object in successive plans when nothing of the service changed.
struct PlannedService {
  explicit PlannedService(std::shared_ptr<const config::Service> from)
      : source(std::move(from)), name(source->name), spec(source->spec), authority(source->name) {}

  std::shared_ptr<const config::Service> source;
  const std::string& name;
  const config::ServiceSpec& spec;
  std::string sticky_name;  // of its cookie; empty: it has none
  std::string authority;    // for requests that came without a Host
  bool by_name = false;     // some of its endpoints are names, whose addresses change by themselves
  std::vector<PlannedHost> hosts;
  std::shared_ptr<SharedService> shared;
  lb::HashTablePointer table;               // of a policy that hashes, shared by all cores; else null
  std::shared_ptr<tls::ClientContext> tls;  // to the endpoints; null: plain, unless tls_failed
  std::shared_ptr<const config::Certificate> tls_shown;  // what the context was made with
  bool tls_failed = false;                               // no connection is better than a plain one
};
using PlannedServicePointer = std::shared_ptr<const PlannedService>;

// What outlier detection goes by.
lb::OutlierSettings outlier_settings(const config::OutlierDetection& spec);

// What balancing calls a zone; 0 for no name.
std::uint32_t zone_number(std::string_view name);

// "name:port" -> addresses; a name that is not there has not been resolved yet and has no hosts.
using ResolvedNames = std::map<std::string, std::vector<net::Address>, std::less<>>;

// previous: the service before, whose shared state goes on, and which is given back when nothing has changed;
// may be null. cookie_key: what sticky cookies are made with; same_key: as it was for the one before.
PlannedServicePointer plan_service(const std::shared_ptr<const config::Service>& service,
                                   const ResolvedNames& names, const PlannedServicePointer& previous,
                                   const config::Snapshot& snapshot, const auth::Digest& cookie_key,
                                   bool same_key, net::Env& env);

}  // namespace weir::upstream
