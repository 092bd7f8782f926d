// Insight: logs of workloads and instances, commands in instances, requests of tunnels, and graphs, for
// callers of the API (see api::Api::set_insight): who may, what is put down, and the answer. On the control
// loop.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>

#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"
#include "auth/token_table.h"
#include "channel/channels.h"
#include "http/service.h"
#include "insight/graphs.h"
#include "insight/log_stream.h"
#include "insight/tunnel_requests.h"
#include "metrics/history.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::insight {

class Insight {
 public:
  static constexpr std::size_t kLogStreamsMax = 64;
  static constexpr std::size_t kGraphStreamsMax = 256;
  // Refused commands that become Events in a minute; beyond that they are refused alone.
  static constexpr int kAuditedPerMinute = 60;

  // All outlive it, and it outlives its answers.
  Insight(net::Env& env, store::Store& store, mirror::Mirror& mirror, channel::Channels& channels,
          EdgeWays edges, const metrics::History& history)
      : env_(env),
        store_(store),
        mirror_(mirror),
        channels_(channels),
        requests_(env, store, mirror, std::move(edges)),
        history_(history) {}
  Insight(const Insight&) = delete;
  Insight& operator=(const Insight&) = delete;

  // allowed: asked now and then, the caller's token still stands.
  net::Task<api::Answer<http::ResponsePtr>> handle(http::Request& request, const api::Target& target,
                                                   const auth::Identity& caller,
                                                   std::function<bool()> allowed);
  // Ends all streams of logs, requests and graphs, and refuses new ones.
  void stop();

  std::size_t log_streams() const { return streams_.size(); }
  std::size_t graph_streams() const { return graphs_.size(); }

 private:
  struct Try {  // of a command
    std::string instance;
    std::string container;
    api::VisitQuestion asked;
    auth::Identity caller;
    std::string from;
  };
  net::Task<api::Answer<http::ResponsePtr>> logs(http::Request& request, const api::Target& target,
                                                 std::function<bool()> allowed);
  net::Task<api::Answer<http::ResponsePtr>> exec(http::Request& request, const api::Target& target,
                                                 const auth::Identity& caller, std::function<bool()> allowed);
  net::Task<api::Answer<http::ResponsePtr>> graphs(http::Request& request, const auth::Identity& caller,
                                                   std::function<bool()> allowed);
  net::Task<api::Answer<std::unique_ptr<channel::Channel>>> begin(Try& one);
  net::Task<Result<void>> put_down(const Try& one, std::string reason);
  bool may_put_down();

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  channel::Channels& channels_;
  TunnelRequests requests_;
  const metrics::History& history_;
  std::set<LogStream*> streams_;
  std::set<GraphStream*> graphs_;
  bool stopped_ = false;
  Instant minute_ = Instant::min();  // when the minute that is counted began
  int refused_ = 0;                  // within it
};

}  // namespace weir::insight
