// Edge: the data plane of one machine: a worker per core, the names it resolves and the endpoints it checks.
// Lives on the control loop; applies each Snapshot to all workers without touching what the change does not
// concern.
#pragma once

#include <atomic>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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
  record::AccessLog* access_log = nullptr;  // outlives the edge; null: none is written
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

  // Stops accepting and lets requests finish; returns when nothing is left on any worker.
  net::Task<void> drain();
  // Ends the connections that a drain still waits for.
  void cut();

  // What was decided for a request, or would be (see Proxy), as JSON; an error says why not in a sentence.
  // From the control loop, and answered there, some turns later; never, once all workers have ended.
  using Explained = std::function<void(std::expected<std::string, std::string>)>;
  void explain(std::string request_id, Explained done);
  void explain_request(SupposedRequest supposed, Explained done);

  // Prometheus text exposition. From the control loop.
  void write_metrics(std::string& out) const;

  // What is seen here of an object's parts. From the control loop.
  config::ServiceStatus status_of(std::string_view service) const;
  config::EndpointStatus status_of(const config::EndpointSpec& joined) const;
  config::LoadBalancerStatus status_of(const config::LoadBalancerSpec& balancer) const;

 private:
  struct Name;
  void rebuild();
  void watch_names(const config::Snapshot& before);
  void watch_health(const Plan& before);
  void watch_health_of(const PlannedService& service);
  net::Task<void> follow_name(Name& name);
  net::Task<void> sweep_outliers();
  net::Task<void> renew_certificates();
  static net::Task<void> end_name(std::unique_ptr<Name> name);
  void worker_finished();
  void on_port_failures(const Worker& worker, Worker::PortFailures failures);
  void post_to_worker(Worker& worker, bool whole_plan);
  void watch_ports();
  net::Task<void> claim_ports();
  config::ListenerStatus status_of(const config::Listener& listener) const;
  PlannedServicePointer find_planned(std::string_view name) const;  // null: none

  net::Env& control_;
  EdgeOptions options_;
  std::vector<std::unique_ptr<Worker>> workers_;
  config::SnapshotPointer snapshot_;
  filter::Common common_;
  Listening listening_;
  Ports ports_;
  std::map<const Worker*, Worker::PortFailures> port_failures_;  // of those that have any
  bool claiming_ports_ = false;                                  // the task that tries again runs
  PlanPointer plan_;
  ResolvedNames resolved_;
  std::map<std::string, std::unique_ptr<Name>, std::less<>> names_;
  health::Monitor monitor_;
  net::TaskGroup sweeping_;  // what is done from time to time
  net::TaskGroup ending_;
  net::Event all_finished_;
  std::size_t finished_ = 0;
  bool draining_ = false;
};

}  // namespace weir::edge
