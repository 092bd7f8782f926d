// Said: what an edge tells controllers, made of what it finds and carries; and what they make of it. Pure,
// but for tell_load() and record().
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "balance/balancer.h"
#include "config/whole.h"
#include "controller/fleet.h"
#include "edge/edge.h"
#include "metrics/recorder.h"
#include "net/task.h"
#include "nodelink/node_server.h"
#include "report/interval.h"
#include "report/report.h"
#include "report/service_rates.h"
#include "role/traffic.h"
#include "workload/roster.h"
#include "workload/scaling.h"

namespace weir::role {

report::EndpointSeen seen_of(const edge::Finding& finding);
// What was told last.
struct LoadTold {
  edge::Carried carried;
  record::ServiceLoads::Sums services;
};
// Who the edge of this process is, as others say it in their reports.
report::Hello hello_of(std::string name, const config::EdgeSpec& edge, std::string relay);
// Tells the fleet every few seconds what it carries, as others do, until it is cancelled. applied: the
// revision that it serves now.
net::Task<void> tell_load(net::Env& env, const edge::Edge& edge, controller::Fleet& fleet, std::string name,
                          std::function<std::uint64_t()> applied);
// Since `before`, which becomes what is now.
report::Load load_since(const edge::Edge& edge, LoadTold& before);
// Of the services that carry the most, when they are more than a report holds.
report::ServiceLoads services_since(const record::ServiceLoads::Sums& now,
                                    const record::ServiceLoads::Sums& before);

// What was counted up to the last interval.
struct MeasuresTold {
  record::Traffic::Sum total;
  std::uint64_t queries = 0;
  std::array<record::Traffic::Sums, record::Traffic::kSorts> by_sort;
};
// What an edge has carried since, as an interval tells it; `told` becomes what is now.
std::vector<report::Measured> measured_since(const Traffic& traffic, MeasuresTold& told);
// Of one sort: of each name that is not idle. A name that counts less than before has begun anew in between:
// what it had then is told from the next time on.
void add_measured(report::Measured::Sort sort, const record::Traffic::Sums& now,
                  const record::Traffic::Sums& before, std::vector<report::Measured>& all);
// What each node's instances take, as it has said last.
using NodeMeasures = std::map<std::string, std::vector<report::Measured>>;
NodeMeasures measured_of(const workload::Roster& roster, const config::Whole& objects);

// What goes on at all edges and nodes goes to the recorder from then on. own: the edge of this process; null:
// there is none. All outlive it, or its stop().
void record(metrics::Recorder& recorder, const Traffic* own, const std::string& own_name,
            controller::Fleet& fleet, const workload::Roster& roster, const config::Whole& objects);

// Where something comes now and then, something is in flight, although no edge had it when it reported.
workload::ServiceLoad scaled_by(const report::ServiceRates::Rate& rate);
// That of each service, as edges tell it; the fleet outlives it.
workload::LoadOf load_by(const controller::Fleet& fleet);
// Takes what nodes say; the roster outlives it.
nodelink::NodeServer::Sink sink_of(workload::Roster& roster);
// What each provider's edges carried within that time.
balance::Loads loads_of(const controller::Fleet& fleet, Duration span);

}  // namespace weir::role
