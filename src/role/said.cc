#include "role/said.h"

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

report::Load load_since(const edge::Carried& now, edge::Carried& before) {
  report::Load load{.requests = now.requests - before.requests,
                    .errors_5xx = now.errors_5xx - before.errors_5xx,
                    .connections = static_cast<std::uint32_t>(now.connections)};
  for (std::size_t i = 0; i < now.durations.size(); ++i) {
    load.latency_counts.push_back(now.durations[i] - before.durations[i]);
  }
  before = now;
  return load;
}

}  // namespace weir::role
