// TunnelRequests: the request log of a tunnel for callers of the API: as it happens, the latest, one with
// what was sent and answered, and one again. On the control loop.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>

#include "api/problem.h"
#include "api/routes.h"
#include "auth/token_table.h"
#include "http/service.h"
#include "insight/edge_ways.h"
#include "insight/request_stream.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::insight {

class TunnelRequests {
 public:
  static constexpr std::size_t kStreamsMax = 64;

  // All outlive it, and it outlives its answers.
  TunnelRequests(net::Env& env, store::Store& store, mirror::Mirror& mirror, EdgeWays ways)
      : env_(env), store_(store), mirror_(mirror), ways_(std::move(ways)) {}
  TunnelRequests(const TunnelRequests&) = delete;
  TunnelRequests& operator=(const TunnelRequests&) = delete;

  // allowed: asked now and then, the caller's token still stands.
  net::Task<api::Answer<http::ResponsePtr>> handle(http::Request& request, const api::Target& target,
                                                   const auth::Identity& caller,
                                                   std::function<bool()> allowed);
  // Ends all streams, and refuses new ones.
  void stop();

  std::size_t streams() const { return streams_.size(); }

 private:
  // One that some edge keeps: what it says of it.
  struct Kept {
    std::string edge;
    std::string request;
  };
  net::Task<api::Answer<http::ResponsePtr>> list(http::Request& request, Origin origin);
  net::Task<api::Answer<Kept>> find(Origin origin, std::string id);
  net::Task<api::Answer<http::ResponsePtr>> replay(http::Request& request, const api::Target& target,
                                                   const auth::Identity& caller, Origin origin);
  api::Answer<http::ResponsePtr> stream(http::Request& request, const api::Target& target, Origin origin,
                                        std::function<bool()> allowed);

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  EdgeWays ways_;
  std::set<RequestStream*> streams_;
  bool stopped_ = false;
};

}  // namespace weir::insight
