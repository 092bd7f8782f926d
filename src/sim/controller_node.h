// ControllerNode: a controller of the simulated world: API, reconcilers and discovery as `weir controller`
// has them (role::ControlPlane), on the memory network, without TLS, over a database that all controllers
// share. On the loop of the world.
#pragma once

#include <memory>
#include <string>

#include "api/api.h"
#include "auth/token_table.h"
#include "controller/controller.h"
#include "controller/fleet.h"
#include "controller/rollouts.h"
#include "controller/shown_rollouts.h"
#include "controller/tunnels.h"
#include "controller/views.h"
#include "http/server.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task_group.h"
#include "role/discovery.h"
#include "sim/distant_store.h"

namespace weir::sim {

inline constexpr std::uint16_t kApiPort = 8480;
inline constexpr std::uint16_t kDiscoveryPort = 18000;

class ControllerNode {
 public:
  struct Options {
    std::string ip;  // and what it is called
    store::Engine& engine;
    const StoreFaults& faults;
    std::function<bool()> leads;
    std::shared_ptr<const tls::Authority> authority;
  };
  ControllerNode(net::Env& env, Options options);

  // To be awaited before it is destroyed; its connections are cut by then, or end here.
  net::Task<void> stop();
  const controller::Views& views() const { return views_; }
  const role::Discovery& discovery() const { return discovery_; }

 private:
  void changed(std::span<const config::ObjectChange> changes, store::Revision revision);
  void settled(store::Revision revision);

  net::Env& env_;
  net::Address api_at_;
  DistantStore store_;
  mirror::Mirror mirror_;
  controller::Views views_;
  controller::Fleet fleet_;
  controller::ShownRollouts shown_;
  controller::Rollouts rollouts_;
  controller::Tunnels tunnels_;
  auth::TokenTable tokens_;
  api::Api api_;
  controller::Controller controller_;
  role::Discovery discovery_;
  http::Server api_server_;
  net::TaskGroup tasks_;
  bool stopping_ = false;
};

}  // namespace weir::sim
