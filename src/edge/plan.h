// Plan: a Snapshot made ready to serve from: names resolved to addresses, services with the state that all
// cores share, routes in lookup order. Built on the control loop, immutable, read by every core.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "auth/crypto.h"
#include "config/snapshot.h"
#include "edge/ports.h"
#include "edge/router.h"
#include "net/env.h"
#include "upstream/planned_service.h"

namespace weir::edge {

struct Plan {
  config::SnapshotPointer snapshot;                      // that it was made from
  auth::Digest cookie_key{};                             // the same
  config::NamedList<upstream::PlannedService> services;  // routes refer to them by place
  SharedPorts shared_ports;
  std::shared_ptr<const Router> router;  // the same while no load balancer and no place changes
  std::vector<PlannedPort> ports;        // by number, the shared ones included
};
using PlanPointer = std::shared_ptr<const Plan>;

// previous: whose shared state goes on, and whose parts are the plan's as far as nothing of them changed; may
// be null. ports: keeps the TLS of listeners. cookie_key: see EdgeOptions.
PlanPointer build_plan(const config::SnapshotPointer& snapshot, const upstream::ResolvedNames& names,
                       const Plan* previous, const filter::Common& common, Ports& ports, net::Env& env,
                       const auth::Digest& cookie_key);

}  // namespace weir::edge
