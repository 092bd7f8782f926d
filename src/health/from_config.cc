#include "health/from_config.h"

namespace weir::health {

Check check_of(const config::HealthCheck& spec, const std::string& authority) {
  Check check{.interval = spec.interval,
              .timeout = spec.timeout,
              .unhealthy_threshold = spec.unhealthy_threshold,
              .healthy_threshold = spec.healthy_threshold,
              .http = std::nullopt,
              .grpc = std::nullopt,
              .transport = {}};
  if (spec.grpc) check.grpc = GrpcCheck{.service = spec.grpc->service, .host = authority};
  if (spec.http) {
    check.http = HttpCheck{.path = spec.http->path,
                           .host = spec.http->host.empty() ? authority : spec.http->host,
                           .expected_statuses = {}};
    for (const config::StatusRange& range : spec.http->expected_statuses) {
      check.http->expected_statuses.emplace_back(range.first, range.last);
    }
  }
  return check;
}

}  // namespace weir::health
