// Proxy: the Service that passes a request on to an endpoint of the service that its route names, and tries
// another when that is right. One per core.
#pragma once

#include <memory>

#include "auth/failure_throttle.h"
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
  // connector: how endpoints are reached. zone: of this edge; see zone_number().
  Proxy(net::Env& env, net::Connector& connector, std::uint32_t zone);

  void apply(PlanPointer plan);
  const ActivePlan& active() const { return *active_; }
  void close_idle();
  // Connections that came in by these ports belong to the shared listeners; 0: there is none.
  void set_shared_ports(std::uint16_t http, std::uint16_t https) {
    shared_http_ = http;
    shared_https_ = https;
  }

  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;
  const ProxyCounters& counters() const { return counters_; }

 private:
  std::uint32_t port_of(const http::Request& request) const;
  net::Task<Result<http::ResponsePtr>> answer(http::Request& request, const ActivePlan& active,
                                              const Route& route);
  net::Task<Result<http::ResponsePtr>> forward(http::Request& request, std::shared_ptr<Upstream> upstream,
                                               const Route& route);
  net::Task<Result<http::ResponsePtr>> attempt(http::Request& request, Upstream& upstream,
                                               std::uint32_t index, net::Slice head,
                                               Duration response_timeout, Instant ends);
  net::Task<Result<http::ClientConnectionPtr>> connect(Upstream& upstream, UpstreamHost& host, Instant ends);

  net::Env& env_;
  net::Connector& connector_;
  std::uint32_t zone_;
  std::shared_ptr<const ActivePlan> active_;
  std::uint16_t shared_http_ = 0;
  std::uint16_t shared_https_ = 0;
  auth::FailureThrottle throttle_;
  ProxyCounters counters_;
};

}  // namespace weir::edge
