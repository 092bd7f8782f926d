// Said: what an edge tells controllers, made of what it finds and carries; and what they make of it. Pure.
#pragma once

#include "balance/balancer.h"
#include "controller/fleet.h"
#include "edge/edge.h"
#include "nodelink/node_server.h"
#include "report/report.h"
#include "report/service_rates.h"
#include "workload/roster.h"
#include "workload/scaling.h"

namespace weir::role {

report::EndpointSeen seen_of(const edge::Finding& finding);
// What was told last.
struct LoadTold {
  edge::Carried carried;
  record::ServiceLoads::Sums services;
};
// Since `before`, which becomes what is now.
report::Load load_since(const edge::Edge& edge, LoadTold& before);
// Of the services that carry the most, when they are more than a report holds.
report::ServiceLoads services_since(const record::ServiceLoads::Sums& now,
                                    const record::ServiceLoads::Sums& before);

// Where something comes now and then, something is in flight, although no edge had it when it reported.
workload::ServiceLoad scaled_by(const report::ServiceRates::Rate& rate);
// That of each service, as edges tell it; the fleet outlives it.
workload::LoadOf load_by(const controller::Fleet& fleet);
// Takes what nodes say; the roster outlives it.
nodelink::NodeServer::Sink sink_of(workload::Roster& roster);
// What each provider's edges carried within that time.
balance::Loads loads_of(const controller::Fleet& fleet, Duration span);

}  // namespace weir::role
