// Proxy: the Service that passes a request on to an endpoint of the service that its route names, and tries
// another when that is right. One per core.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/failure_throttle.h"
#include "base/metrics.h"
#include "capture/captures.h"
#include "edge/plan.h"
#include "edge/replay.h"
#include "http/service.h"
#include "net/env.h"
#include "net/task_group.h"
#include "oidc/provider.h"
#include "record/access_lines.h"
#include "record/journal.h"
#include "record/live_requests.h"
#include "record/service_loads.h"
#include "record/tracer.h"
#include "record/traffic.h"
#include "upstream/retrying.h"
#include "upstream/upstream.h"

namespace weir::edge {

// What one core serves from now on. Requests under way keep the one that they began with.
struct ActivePlan {
  PlanPointer plan;
  std::vector<std::shared_ptr<upstream::Upstream>> upstreams;        // as plan->services
  std::vector<record::Traffic::CountsPointer> load_balancer_counts;  // as plan->router.load_balancers()
};

struct ProxyCounters {
  Counter retries;
  Counter connects;
  Counter connect_failures;
  Counter no_route;
  Counter no_endpoint;
};

// Of one worker, beside what its connections go by.
struct WorkerOptions {
  std::string zone = {};                     // of this edge; empty: not known
  record::AccessLog* access_log = nullptr;   // outlives the worker; null: none is written
  record::LiveRequests* live = nullptr;      // the same; null: nobody looks on
  const record::Tracing* tracing = nullptr;  // the same; null: no traces are told
};

// A request that nobody has sent.
struct SupposedRequest {
  std::string line;                 // "GET http://web.example/a"; without a method: GET
  std::vector<std::string> fields;  // "Cookie: a=b"
  std::string peer;                 // the client's IP address; empty: 127.0.0.1
};

class Proxy final : public http::Service {
 public:
  // connector: how endpoints are reached.
  Proxy(net::Env& env, net::Connector& connector, const WorkerOptions& options);

  void apply(PlanPointer plan);
  const ActivePlan& active() const { return *active_; }
  std::shared_ptr<const ActivePlan> active_pointer() const { return active_; }
  // Of a load balancer of the plan; null: it is not there. Valid while they are counted in as under way.
  record::Traffic::Counts* counts_of(std::string_view load_balancer) const;
  void close_idle();
  // Some endpoint of the service is down, which requests may wait for.
  void leave_hosts_down(const upstream::SharedService& service);
  // Connections that came in by these ports belong to the shared listeners; 0: there is none.
  void set_shared_ports(std::uint16_t http, std::uint16_t https) {
    shared_http_ = http;
    shared_https_ = https;
  }

  // Ends the connections to endpoints that nobody's request runs; before the end.
  net::Task<void> stop();

  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;
  void refused(http::Request& request, const Error& error) override;
  void ended(http::Request& request, const http::RequestEnd& end) override;
  // Hands over what was written of the access log, and spans.
  void flush_access_log();

  // To its end, also of the answer's content.
  net::Task<void> replay(Replay wanted, ReplayDone done);

  // What was decided for the request of that id, as JSON; empty: not seen on this core, or no longer kept.
  std::string explain(std::string_view id) const;
  // What would be done with a request, as JSON; nothing is sent, and nothing is counted. The error says what
  // is wrong with its texts.
  std::expected<std::string, std::string> explain_request(const SupposedRequest& supposed) const;

  const record::Traffic& traffic() const { return traffic_; }
  const record::ServiceLoads& loads() const { return loads_; }
  const ProxyCounters& counters() const { return counters_; }

 private:
  std::uint32_t port_of(std::uint16_t local_port) const;
  // Of these, only forward() and what filters do have a frame: each costs a request's memory and time.
  net::Task<Result<http::ResponsePtr>> answer_filtered(http::Request& request,
                                                       std::shared_ptr<const ActivePlan> active,
                                                       const Route& route);
  net::Task<Result<http::ResponsePtr>> answer(http::Request& request,
                                              std::shared_ptr<const ActivePlan> active, const Route& route);
  net::Task<Result<http::ResponsePtr>> forward(http::Request& request,
                                               std::shared_ptr<const ActivePlan> active, std::uint32_t place,
                                               const Route& route);
  net::Task<Result<http::ResponsePtr>> forward_captured(http::Request& request,
                                                        std::shared_ptr<const ActivePlan> active,
                                                        std::uint32_t place, const Route& route);
  net::Task<void> send_again(http::Request& request, upstream::Upstream& upstream, std::uint32_t index,
                             const ReplayDone& done);
  net::Task<Result<http::ResponsePtr>> attempt(http::Request& request, upstream::Upstream& upstream,
                                               std::uint32_t index, const upstream::UpstreamHead& head,
                                               http::ExchangeOptions options, upstream::Retrying& retrying,
                                               Instant ends);
  net::Task<Result<upstream::UpstreamConnection>> connect(upstream::Upstream& upstream,
                                                          upstream::UpstreamHost& host,
                                                          const http::Request& request, Instant ends);
  net::Task<Result<h2::Opener::Opened>> open(upstream::Upstream& upstream, upstream::UpstreamHost& host,
                                             const http::Request& request, Instant ends);

  struct HostOpener;

  net::Env& env_;
  net::Connector& connector_;
  std::string zone_;
  net::TaskGroup connections_;  // of HTTP/2, to endpoints
  std::shared_ptr<const ActivePlan> active_;
  std::uint16_t shared_http_ = 0;
  std::uint16_t shared_https_ = 0;
  auth::FailureThrottle throttle_;
  oidc::Providers providers_;
  ProxyCounters counters_;
  record::Traffic traffic_;
  record::ServiceLoads loads_;
  record::Journal journal_;
  std::optional<record::AccessLines> access_lines_;
  std::optional<record::Tracer> tracer_;
  record::LiveRequests* live_;  // null: nobody looks on
  capture::Captures captures_;
};

}  // namespace weir::edge
