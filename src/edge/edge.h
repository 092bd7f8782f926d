// Edge: the data plane of one machine: a worker per core, the names it resolves and the endpoints it checks.
// Lives on the control loop; applies each Snapshot to all workers without touching what the change does not
// concern.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/snapshot.h"
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
};

class Edge {
 public:
  // One worker for each Env, which is that of another core or (in tests) the control loop's own.
  Edge(net::Env& control, std::span<net::Env* const> workers, const EdgeOptions& options);
  ~Edge();
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  // Where the shared HTTPS listener is to listen; before listen(), none otherwise.
  void set_https(std::optional<net::Address> at) { https_ = at; }
  // Opens the shared listeners on every worker, before their loops run.
  Result<Listening> listen();

  // From the control loop; takes effect on every worker in its next turn.
  void apply(config::SnapshotPointer snapshot);

  // Stops accepting and lets requests finish; returns when nothing is left on any worker.
  net::Task<void> drain();
  // Ends the connections that a drain still waits for.
  void cut();

  // Prometheus text exposition. From the control loop.
  void write_metrics(std::string& out) const;

 private:
  struct Name;
  void rebuild();
  void watch_names();
  void watch_health();
  net::Task<void> follow_name(Name& name);
  net::Task<void> sweep_outliers();
  net::Task<void> renew_certificates();
  static net::Task<void> end_name(std::unique_ptr<Name> name);
  void worker_finished();

  net::Env& control_;
  EdgeOptions options_;
  std::vector<std::unique_ptr<Worker>> workers_;
  config::SnapshotPointer snapshot_;
  std::shared_ptr<lb::RateLimiter> limiter_ = std::make_shared<lb::RateLimiter>();
  std::optional<net::Address> https_;
  Ports ports_;
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
