// Upstream: one service as one core sees it: its hosts with this core's connections to them, the policy over
// those that may serve now. A change of the service makes a new Upstream that takes over
// the hosts it keeps; requests under way hold the old one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "h2/client.h"
#include "http/client.h"
#include "lb/backoff.h"
#include "lb/policies.h"
#include "lb/spread.h"
#include "net/env.h"
#include "net/task_group.h"
#include "record/service_loads.h"
#include "record/traffic.h"
#include "upstream/affinity.h"
#include "upstream/planned_service.h"
#include "upstream/upstream_head.h"

namespace weir::upstream {

// A connection to a host, in the version of HTTP that its service speaks: one of the two.
struct UpstreamConnection {
  http::ClientConnectionPtr h1;
  h2::ClientConnectionPtr h2;
  explicit operator bool() const { return h1 || h2; }
};

// What all upstreams of a core share. Outlives them.
struct UpstreamShare {
  record::Traffic& traffic;
  record::ServiceLoads& loads;
  net::TaskGroup& connections;  // runs those of HTTP/2
  Duration write_timeout;       // an origin takes some bytes
  std::string_view zone;        // of this edge; empty: not known
};

class UpstreamHost;

// A request that a host was given, and that waits for its answer: in the host's list from wait_at() to
// end_wait().
class Waiting {
 public:
  Waiting() = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 protected:
  ~Waiting() { end_wait(); }
  void wait_at(UpstreamHost& host);
  void end_wait();
  // The host is found to be down, and there are others.
  virtual void host_is_down() = 0;

 private:
  friend class UpstreamHost;
  Waiting* next_ = nullptr;
  Waiting** link_ = nullptr;  // what points to it; null: it does not wait
};

class UpstreamHost {
 public:
  UpstreamHost(std::shared_ptr<SharedHost> host, const PlannedService& service, net::Loop& loop,
               const UpstreamShare& share);
  UpstreamHost(const UpstreamHost&) = delete;
  UpstreamHost& operator=(const UpstreamHost&) = delete;
  ~UpstreamHost();

  // One that is open and can take a request; false: another is to be opened.
  // client: whose connections alone are meant; default: those that carry anybody's.
  UpstreamConnection take(const net::Address& client);
  // Opens one, or waits for one that is being opened and has room for more.
  net::Task<Result<UpstreamConnection>> connect(h2::Opener& opener, Duration timeout, net::Address client);
  net::Task<Result<http::ResponsePtr>> exchange(UpstreamConnection connection, const UpstreamHead& head,
                                                http::Request& request, http::ExchangeOptions options);
  void close_idle_since(Instant before);
  void close_all();
  void tell_waiting();  // that it is down

  std::shared_ptr<SharedHost> shared;
  record::Traffic::CountsPointer counts;
  lb::Backoff backoff;

 private:
  friend class Waiting;
  Waiting* waiting_ = nullptr;  // the latest first
  // Of what the service speaks; of TCP neither: such connections are nobody's but their client's.
  std::shared_ptr<http::ClientPool> h1_;
  std::unique_ptr<h2::ClientPool> h2_;
};

class Upstream {
 public:
  // previous: the same service before the change, on this core; may be null.
  Upstream(PlannedServicePointer planned, const Upstream* previous, net::Env& env,
           const UpstreamShare& share);

  const PlannedService& service() const { return *planned_; }
  UpstreamHost& host(std::uint32_t index) { return *hosts_[index]; }
  record::Traffic::Counts& counts() const { return *counts_; }
  // Of the service's endpoints in the zone of that host.
  record::ServiceLoads::Counts& load(std::uint32_t index) const { return *loads_[index]; }
  // No endpoint can take a request: whoever runs too few has to hear of it in this edge's own zone.
  void count_unserved() { unserved_->requests.add(); }

  // Whether an endpoint of this service that a sticky cookie names may be given requests.
  bool serves(std::uint64_t cookie);
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
  // Keeps alive what permits refer to. Counted by this core alone, unlike service()'s own owners.
  std::shared_ptr<const void> keeper() const { return keeper_; }

  void count_request() { planned_->shared->retry_budget.count_request(env_.loop.now()); }
  // A retry out of the budget, which is this share of the service's requests; false: it is spent.
  bool take_retry(std::uint32_t budget_percent);

  // What a pick rests on: every host as it is now, and how the load is laid over them.
  struct Survey {
    std::vector<lb::Host> hosts;
    lb::Spread spread;
    Instant until = Instant::max();  // nothing changes by itself before
  };
  Survey survey(Instant now) const;

  // After health has changed: requests that wait at hosts which are down now go elsewhere, as far as there is
  // another host.
  void leave_hosts_down();
  // Closes connections that have been idle longer than the service allows.
  void close_idle();

 private:
  void refresh();
  void refresh_if_due();
  std::optional<std::uint32_t> serving_by_cookie(std::uint64_t cookie) const;

  net::Env& env_;
  std::uint32_t zone_;
  lb::OutlierSettings outliers_;
  lb::CircuitLimits limits_;
  PlannedServicePointer planned_;
  record::Traffic::CountsPointer counts_;
  std::shared_ptr<const PlannedServicePointer> keeper_;
  std::vector<std::shared_ptr<UpstreamHost>> hosts_;
  std::vector<record::ServiceLoads::CountsPointer> loads_;  // of each host
  record::ServiceLoads::CountsPointer unserved_;
  std::unique_ptr<lb::Policy> policy_;
  std::vector<std::uint32_t> serving_;   // indexes of the hosts that policy_ may pick, ascending
  std::uint64_t health_epoch_ = 0;       // that policy_ was made for
  Instant refresh_at_ = Instant::max();  // a host comes back from being set aside
  bool stale_ = true;
};

}  // namespace weir::upstream
