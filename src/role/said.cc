#include "role/said.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace weir::role {
namespace {

// As edges elsewhere report theirs.
constexpr Duration kLoadInterval = std::chrono::seconds(5);

}  // namespace

report::EndpointSeen seen_of(const edge::Finding& finding) {
  report::EndpointSeen seen{.service = std::string(finding.service),
                            .endpoint = std::string(finding.endpoint),
                            .state = report::EndpointState::kGone,
                            .reason = finding.reason};
  if (!finding.health) return seen;
  switch (*finding.health) {
    case lb::Health::kUnknown: seen.state = report::EndpointState::kUnknown; break;
    case lb::Health::kHealthy: seen.state = report::EndpointState::kHealthy; break;
    case lb::Health::kUnhealthy:
    case lb::Health::kNeverHealthy: seen.state = report::EndpointState::kUnhealthy; break;
  }
  return seen;
}

report::Load load_since(const edge::Edge& edge, LoadTold& told) {
  const edge::Carried now = edge.carried();
  const edge::Carried before = std::exchange(told.carried, now);
  report::Load load{.requests = now.requests - before.requests,
                    .errors_5xx = now.errors_5xx - before.errors_5xx,
                    .connections = static_cast<std::uint32_t>(now.connections)};
  for (std::size_t i = 0; i < now.durations.size(); ++i) {
    load.latency_counts.push_back(now.durations[i] - before.durations[i]);
  }
  record::ServiceLoads::Sums services = edge.service_loads();
  load.services = services_since(services, told.services);
  told.services = std::move(services);
  return load;
}

namespace {

using Sum = record::Traffic::Sum;
using report::Measured;

std::uint64_t requests_of(const Sum& sum) {
  std::uint64_t all = sum.connections_ended;
  for (const std::uint64_t responses : sum.responses) all += responses;
  return all;
}

// Of endpoints the time until their answers begin is counted, of all others the whole.
Measured difference(Measured::Sort sort, const std::string& name, const Sum& now, const Sum& before) {
  const bool is_endpoint = sort == Measured::Sort::kEndpoint;
  Measured one{.sort = sort, .name = name};
  one.requests = requests_of(now) - requests_of(before);
  const auto errors = [](const Sum& sum) {
    return sum.responses[5] + sum.responses[0] + sum.connections_failed;
  };
  one.errors = errors(now) - errors(before);
  one.bytes_in = now.bytes_received - before.bytes_received;
  one.bytes_out = now.bytes_sent - before.bytes_sent;
  one.in_flight = now.under_way;
  one.connections = now.connections - std::min(now.connections, now.connections_ended);
  const LatencyCounts& counts = is_endpoint ? now.upstream.counts : now.durations.counts;
  const LatencyCounts& counted = is_endpoint ? before.upstream.counts : before.durations.counts;
  for (std::size_t i = 0; i < counts.size(); ++i) one.durations[i] = counts[i] - counted[i];
  return one;
}

bool has_gone_back(const Sum& now, const Sum& before) {
  for (std::size_t i = 0; i < now.responses.size(); ++i) {
    if (now.responses[i] < before.responses[i]) return true;
  }
  return now.connections < before.connections || now.connections_ended < before.connections_ended ||
         now.connections_failed < before.connections_failed || now.bytes_received < before.bytes_received ||
         now.bytes_sent < before.bytes_sent;
}

}  // namespace

void add_measured(Measured::Sort sort, const record::Traffic::Sums& now, const record::Traffic::Sums& before,
                  std::vector<Measured>& all) {
  for (const auto& [name, sum] : now) {
    const auto known = before.find(name);
    const Sum& since = known == before.end()               ? Sum{}
                       : has_gone_back(sum, known->second) ? sum
                                                           : known->second;
    Measured one = difference(sort, name, sum, since);
    if (one != Measured{.sort = sort, .name = name}) all.push_back(std::move(one));
  }
}

std::vector<Measured> measured_since(const Traffic& traffic, MeasuresTold& told) {
  const edge::Edge& edge = traffic.edge();
  const Sum total = edge.traffic_total();
  std::vector<Measured> all{difference(Measured::Sort::kMachine, {}, total, told.total)};
  all.front().connections += edge.carried().connections;
  all.front().queries = traffic.queries() - std::exchange(told.queries, traffic.queries());
  told.total = total;
  constexpr std::array kSorts{Measured::Sort::kLoadBalancer, Measured::Sort::kService,
                              Measured::Sort::kEndpoint};
  for (std::size_t i = 0; i < kSorts.size(); ++i) {
    record::Traffic::Sums now = edge.traffic(static_cast<record::Traffic::Sort>(i));
    add_measured(kSorts[i], now, told.by_sort[i], all);
    told.by_sort[i] = std::move(now);
  }
  return all;
}

NodeMeasures measured_of(const workload::Roster& roster, const config::Whole& objects) {
  NodeMeasures all;
  for (const auto& [name, node] : roster.nodes()) {
    if (!node.attached) continue;
    std::map<std::string, Measured> workloads;
    std::vector<Measured>& told = all[name];
    told.push_back({.sort = Measured::Sort::kMachine, .name = {}});
    for (const auto& [instance, said] : node.instances) {
      const auto object = objects.find(config::Kind::kInstance, instance);
      if (!object || told.size() + workloads.size() + 2 > report::kMeasuredMax) continue;
      const std::string& workload = std::get<config::InstanceSpec>(object->spec).workload;
      Measured one{.sort = Measured::Sort::kInstance,
                   .name = workload + '/' + instance,
                   .cpu_milli = said.seen.cpu_milli,
                   .memory_bytes = said.seen.memory_bytes};
      Measured& sum = workloads[workload];
      for (Measured* to : {&sum, &told.front()}) {
        to->cpu_milli += one.cpu_milli;
        to->memory_bytes += one.memory_bytes;
      }
      told.push_back(std::move(one));
    }
    for (auto& [workload, sum] : workloads) {
      sum.sort = Measured::Sort::kWorkload;
      sum.name = workload;
      told.push_back(std::move(sum));
    }
  }
  return all;
}

void record(metrics::Recorder& recorder, const Traffic* own, const std::string& own_name,
            controller::Fleet& fleet, const workload::Roster& roster, const config::Whole& objects) {
  using metrics::Recorder;
  const std::string edges(metrics::kEdges);
  fleet.on_intervals(
      [&recorder, edges](const std::string& edge, const std::vector<report::Interval>& intervals) {
        recorder.take(edges + edge, intervals);
      });
  if (own != nullptr) {
    recorder.add([own, name = edges + own_name, told = MeasuresTold{}](Recorder& to) mutable {
      to.say(name, measured_since(*own, told));
    });
  }
  recorder.add([&roster, &objects](Recorder& to) {
    for (auto& [node, measured] : measured_of(roster, objects)) {
      to.say(std::string(metrics::kNodes) + node, std::move(measured));
    }
  });
}

workload::ServiceLoad scaled_by(const report::ServiceRates::Rate& rate) {
  constexpr double kSome = 0.01;
  const double least = rate.requests_per_second > 0 ? kSome : 0;
  return {.requests_per_second = rate.requests_per_second,
          .in_flight = std::max(static_cast<double>(rate.in_flight), least),
          .unknown = rate.unknown};
}

report::Hello hello_of(std::string name, const config::EdgeSpec& edge, std::string relay) {
  return {.node = std::move(name),
          .version = edge.version,
          .provider = edge.provider,
          .region = edge.region,
          .city = edge.city,
          .labels = {},
          .capabilities = edge.capabilities,
          .address = edge.address,
          .relay = std::move(relay)};
}

net::Task<void> tell_load(net::Env& env, const edge::Edge& edge, controller::Fleet& fleet, std::string name,
                          std::function<std::uint64_t()> applied) {
  LoadTold told;
  (void)load_since(edge, told);
  while (co_await env.loop.sleep(kLoadInterval)) {
    report::Load load = load_since(edge, told);
    load.applied_revision = applied();
    load.span = kLoadInterval;
    fleet.report(name, {.load = std::move(load)});
  }
}

workload::LoadOf load_by(const controller::Fleet& fleet) {
  return [&fleet](std::string_view service, std::string_view zone, Duration span) {
    return scaled_by(fleet.service_load(service, zone, span));
  };
}

report::ServiceLoads services_since(const record::ServiceLoads::Sums& now,
                                    const record::ServiceLoads::Sums& before) {
  report::ServiceLoads all{.of = {}, .left_out = !now.all};
  for (const auto& [name, sum] : now.of) {
    const auto known = before.of.find(name);
    // One that had gone begins anew.
    const bool goes_on = known != before.of.end() && known->second.requests <= sum.requests;
    const std::uint64_t requests = sum.requests - (goes_on ? known->second.requests : 0);
    if (requests == 0 && sum.in_flight == 0) continue;
    if (all.of.empty() || all.of.back().service != name.first)
      all.of.push_back({.service = name.first, .zones = {}});
    auto& zones = all.of.back().zones;
    if (zones.size() == report::kReportZonesMax) {
      all.left_out = true;
      continue;
    }
    zones.push_back({.zone = name.second, .requests = requests, .in_flight = sum.in_flight});
  }
  if (all.of.size() <= report::kReportServicesMax) return all;
  all.left_out = true;
  const auto most = [](const report::ServiceLoad& service) {
    std::uint64_t sum = 0;
    for (const report::ZoneLoad& zone : service.zones) sum += zone.requests + zone.in_flight;
    return sum;
  };
  std::ranges::nth_element(all.of, all.of.begin() + report::kReportServicesMax, std::greater(), most);
  all.of.resize(report::kReportServicesMax);
  return all;
}

nodelink::NodeServer::Sink sink_of(workload::Roster& roster) {
  return {.attached = [&roster](const nodelink::Hello& hello, Instant) { roster.attach(hello); },
          .reported = [&roster](const std::string& node, const nodelink::NodeReport& report,
                                Instant) { roster.report(node, report); },
          .heard = [&roster](const std::string& node, Instant) { roster.heard(node); },
          .detached = [&roster](const std::string& node, Instant) { roster.detach(node); }};
}

balance::Loads loads_of(const controller::Fleet& fleet, Duration span) {
  balance::Loads all;
  for (const auto& [provider, one] : fleet.carried_by_provider(span)) {
    all.emplace(provider, balance::ProviderLoad{one.requests_per_second, one.unknown});
  }
  return all;
}

}  // namespace weir::role
