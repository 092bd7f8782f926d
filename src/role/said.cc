#include "role/said.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace weir::role {

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

workload::ServiceLoad scaled_by(const report::ServiceRates::Rate& rate) {
  constexpr double kSome = 0.01;
  const double least = rate.requests_per_second > 0 ? kSome : 0;
  return {.requests_per_second = rate.requests_per_second,
          .in_flight = std::max(static_cast<double>(rate.in_flight), least),
          .unknown = rate.unknown};
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
