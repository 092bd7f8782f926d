// Edge: the data plane of one machine: a worker per core, the names it resolves and the endpoints it checks.
// Lives on the control loop; applies each Snapshot to all workers without touching what the change does not
// concern.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "config/status.h"
#include "edge/plan.h"
#include "edge/worker.h"
#include "health/monitor.h"
#include "http/server.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task_group.h"

namespace weir::edge {

struct EdgeOptions {
  net::Address http;  // the shared listeners; port 0: one that is free
  http::ServerOptions server;
  std::string zone = {};                  // this edge's region; its endpoints are preferred
  std::string domain = "weir.localhost";  // what the shared HTTPS listener serves by itself
  std::shared_ptr<const tls::Authority> authority = nullptr;  // for host names without a Certificate
  auth::Digest cookie_key{};  // a secret that sticky cookies are made with, the same on all edges
  record::AccessLog* access_log = nullptr;   // outlives the edge; null: none is written
  record::LiveRequests* live = nullptr;      // the same; null: nobody looks on
  const record::Tracing* tracing = nullptr;  // the same; null: no traces are told
  bool carries_traffic = true;               // false: it listens nowhere; it knows the health of endpoints
};

// What an edge gets from those who have the authority of its weir, when it has not got that itself.
struct EdgeSecrets {
  auth::Digest cookie_key{};                   // as EdgeOptions
  std::string domain;                          // the same
  std::map<std::string, tls::PemPair> issued;  // by host name, where there is no Certificate
  friend bool operator==(const EdgeSecrets&, const EdgeSecrets&) = default;
};

// How this edge's own checks find an endpoint.
struct Finding {
  std::string_view service;
  std::string_view endpoint;         // its key; of a name: with the address
  std::optional<lb::Health> health;  // none: it is not checked any more
  std::string reason;                // why it is not healthy
};

// What was carried since the beginning: requests that a load balancer had, and how long those took. A
// connection of a TCP or TLS listener counts as one request, when it has ended.
struct Carried {
  std::uint64_t requests = 0;
  std::uint64_t errors_5xx = 0;   // and connections that no endpoint took, or that it broke
  std::uint64_t connections = 0;  // open now
  std::array<std::uint64_t, record::Traffic::kBuckets.size() + 1> durations{};
};

class Edge {
 public:
  // One worker for each Env, which is that of another core or (in tests) the control loop's own.
  Edge(net::Env& control, std::span<net::Env* const> workers, const EdgeOptions& options);
  ~Edge();
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  // Where the shared HTTPS listener is to listen; before listen(), none otherwise.
  void set_https(std::optional<net::Address> at) { listening_.https = at; }
  // To be told which loop checks passwords.
  auth::PasswordChecker& passwords() { return *common_.passwords; }
  // Opens the shared listeners on every worker, before their loops run.
  Result<Listening> listen();

  // From the control loop; takes effect on every worker in its next turn.
  void apply(config::SnapshotPointer snapshot);
  // Called there when every worker has done what was posted to its loop before.
  void when_taken(std::function<void()> then);

  // Before apply(), with which it takes effect. In the place of what the options say.
  void set_secrets(const EdgeSecrets& secrets);

  // From the control loop, at once: endpoints of the service that other edges find unhealthy, by key. They
  // are used like those that fail this edge's own checks, which a service without checks has none of.
  void set_verdict(const std::string& service, std::set<std::string> unhealthy);
  // Whether verdicts count: whoever gives them may have fallen silent.
  void heed_verdicts(bool heed);

  // Told on the control loop: every endpoint that is checked, each change, and its end. Before listen().
  using Found = std::function<void(const Finding&)>;
  void on_finding(Found found) { found_ = std::move(found); }
  // Told on the control loop, with the name of a service: what status_of() says of its endpoints may be
  // another by now, but for ejections, which are decided on the workers: see health_epoch(). Before listen().
  using HealthTold = std::function<void(const std::string& service)>;
  void on_health(HealthTold told) { health_told_ = std::move(told); }

  // Stops accepting and lets requests finish; returns when nothing is left on any worker.
  net::Task<void> drain();
  // The same without hurry, for whom another process takes over from; see Worker.
  net::Task<void> leave(std::optional<Duration> limit, Heir heir);
  // What another process has handed over: a MovedConnection, or an http::Incoming that is idle. On the loop
  // of that worker, whose sockets they are on.
  template <class Moved>
  void adopt(std::size_t worker, Moved moved) {
    workers_[worker]->adopt(std::move(moved));
  }
  std::size_t workers() const { return workers_.size(); }
  // That is to end now, as drain() would have it.
  void hurry();
  // Ends the connections that a drain still waits for.
  void cut();

  // What was decided for a request, or would be (see Proxy), as JSON; an error says why not in a sentence.
  // From the control loop, and answered there, some turns later; never, once all workers have ended.
  using Explained = std::function<void(std::expected<std::string, std::string>)>;
  void explain(std::string request_id, Explained done);
  void explain_request(SupposedRequest supposed, Explained done);

  // A request again. From the control loop, and answered there, as what is explained.
  void replay(Replay wanted, ReplayDone done);

  // Prometheus text exposition. From the control loop.
  void write_metrics(std::string& out) const;
  Carried carried() const;
  // The same of each service, in each zone where it has endpoints.
  record::ServiceLoads::Sums service_loads() const;
  // What was counted since the beginning, by name; and of all load balancers together, which never becomes
  // less.
  record::Traffic::Sums traffic(record::Traffic::Sort sort) const;
  record::Traffic::Sum traffic_total() const;

  // What is known of endpoints, for the edge that takes the place of this one: its addresses and its health.
  std::string remembered() const;
  // Before the first snapshot; what can't be read of it is passed over.
  void recall(std::string_view remembered);

  // What is seen here of an object's parts. From the control loop.
  config::ServiceStatus status_of(std::string_view service) const;
  config::EndpointStatus status_of(const config::EndpointSpec& joined) const;
  // Whether some endpoint of it may be used that is in this edge's own zone.
  bool serves_near(std::string_view service) const;
  // Another number than before: the health of its endpoints may have changed, ejections included.
  std::uint64_t health_epoch(std::string_view service) const;
  config::LoadBalancerStatus status_of(const config::LoadBalancerSpec& balancer) const;
  // What of the snapshot this edge can't do.
  struct Unmet {
    std::string load_balancer;
    std::string reason;
  };
  std::vector<Unmet> unmet() const;

 private:
  struct Name;
  void rebuild();
  void watch_names(const config::Snapshot& before);
  void watch_health(const Plan& before);
  void watch_health_of(const upstream::PlannedService& service);
  void judge(const upstream::PlannedService& service);
  void tell_findings(const upstream::PlannedService* before, const upstream::PlannedService* after) const;
  void tell_finding(std::string_view service, const upstream::SharedHost& host) const;
  void health_changed(const std::shared_ptr<upstream::SharedService>& service, bool for_worse);
  net::Task<void> follow_name(Name& name);
  net::Task<void> sweep_outliers();
  net::Task<void> join_workers();
  void apply_recalled();
  net::Task<void> renew_certificates();
  static net::Task<void> end_name(std::unique_ptr<Name> name);
  void worker_finished();
  void on_open_ports(const Worker& worker, Worker::OpenPorts ports);
  bool any_port_failed() const;
  void post_to_worker(Worker& worker, bool whole_plan);
  void watch_ports();
  net::Task<void> claim_ports();
  config::ListenerStatus status_of(const config::Listener& listener) const;
  upstream::PlannedServicePointer find_planned(std::string_view name) const;  // null: none

  net::Env& control_;
  EdgeOptions options_;
  std::vector<std::unique_ptr<Worker>> workers_;
  config::SnapshotPointer snapshot_;
  filter::Common common_;
  Listening listening_;
  Ports ports_;
  std::map<const Worker*, Worker::OpenPorts> open_ports_;  // as they last told
  bool claiming_ports_ = false;                            // the task that tries again runs
  PlanPointer plan_;
  upstream::ResolvedNames resolved_;
  std::map<std::string, std::unique_ptr<Name>, std::less<>> names_;
  health::Monitor monitor_;
  Found found_;                                                         // null: nobody is told
  HealthTold health_told_;                                              // the same
  std::map<std::string, std::set<std::string>, std::less<>> verdicts_;  // by service; none is empty
  bool heeding_ = true;
  std::map<std::string, lb::Health, std::less<>> recalled_;  // by service and endpoint; until it has begun
  net::TaskGroup sweeping_;                                  // what is done from time to time
  net::TaskGroup ending_;
  net::Event all_finished_;
  std::size_t finished_ = 0;
  bool draining_ = false;
};

}  // namespace weir::edge
