// Proxy: the Service that passes a request on to an endpoint of the service that its route names, and tries
// another when that is right. One per core.
#pragma once

#include <array>
#include <memory>

#include "base/metrics.h"
#include "edge/plan.h"
#include "edge/upstream.h"
#include "http/service.h"
#include "net/env.h"

namespace weir::edge {

// What one core serves from now on. Requests under way keep the one that they began with.
struct ActivePlan {
  PlanPointer plan;
  std::vector<std::shared_ptr<Upstream>> upstreams;  // as plan->services
};

struct ProxyCounters {
  Counter retries;
  Counter connects;
  Counter connect_failures;
  Counter no_route;
  Counter no_endpoint;
};

class Proxy final : public http::Service {
 public:
  // connector: how endpoints are reached.
  Proxy(net::Env& env, net::Connector& connector);

  void apply(PlanPointer plan);
  const ActivePlan& active() const { return *active_; }
  void close_idle();
  // Connections that came in by this port belong to the shared listeners.
  void set_shared_port(std::uint16_t port) { shared_port_ = port; }

  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;
  const ProxyCounters& counters() const { return counters_; }

 private:
  net::Task<Result<http::ResponsePtr>> forward(http::Request& request, std::shared_ptr<Upstream> upstream,
                                               Duration response_timeout);
  net::Task<Result<http::ResponsePtr>> attempt(http::Request& request, Upstream& upstream,
                                               std::uint32_t index, net::Slice head,
                                               Duration response_timeout);
  net::Task<Result<http::ClientConnectionPtr>> connect(Upstream& upstream, UpstreamHost& host);

  net::Env& env_;
  net::Connector& connector_;
  std::shared_ptr<const ActivePlan> active_;
  std::uint16_t shared_port_ = 0;
  ProxyCounters counters_;
};

}  // namespace weir::edge
