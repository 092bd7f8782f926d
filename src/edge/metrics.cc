#include <string>
#include <string_view>

#include "edge/edge.h"

namespace weir::edge {
namespace {

// Prometheus text exposition format, version 0.0.4.
class Exposition {
 public:
  explicit Exposition(std::string& out) : out_(out) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  // labels: complete, like {service="web"}; their values are names that need no escaping.
  void sample(std::uint64_t value, std::string_view labels = {}) {
    out_.append(name_).append(labels).append(" ").append(std::to_string(value)).append("\n");
  }

 private:
  std::string& out_;
  std::string_view name_;
};

}  // namespace

void Edge::write_metrics(std::string& out) const {
  Exposition exposition(out);
  const auto sum = [this](auto counter_of) {
    std::uint64_t total = 0;
    for (const auto& worker : workers_) total += counter_of(*worker).get();
    return total;
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto counter_of) {
    exposition.family(name, "counter", help);
    exposition.sample(sum(counter_of));
  };
  counter("weir_downstream_connections_total", "Connections accepted from clients.",
          [](const Worker& worker) -> const Counter& { return worker.server().counters().connections; });
  const std::uint64_t accepted =
      sum([](const Worker& w) -> const Counter& { return w.server().counters().connections; });
  const std::uint64_t closed =
      sum([](const Worker& w) -> const Counter& { return w.server().counters().connections_closed; });
  exposition.family("weir_downstream_connections", "gauge", "Connections open to clients.");
  exposition.sample(accepted > closed ? accepted - closed : 0);
  counter("weir_requests_total", "Requests read from clients.",
          [](const Worker& worker) -> const Counter& { return worker.server().counters().requests; });
  counter("weir_requests_refused_total",
          "Requests answered before any service saw them: malformed, too large, slow.",
          [](const Worker& worker) -> const Counter& { return worker.server().counters().refused; });
  exposition.family("weir_responses_total", "counter", "Responses by the first digit of their status.");
  for (std::size_t digit = 1; digit < 6; ++digit) {
    const std::string labels = "{class=\"" + std::to_string(digit) + "xx\"}";
    exposition.sample(
        sum([digit](const Worker& w) -> const Counter& { return w.server().counters().responses[digit]; }),
        labels);
  }
  counter("weir_accept_pauses_total", "Pauses in accepting, for want of file descriptors.",
          [](const Worker& worker) -> const Counter& { return worker.server().counters().accept_pauses; });
  counter("weir_downstream_abuse_total", "Connections ended because of what their clients did.",
          [](const Worker& worker) -> const Counter& { return worker.server().counters().abusive; });
  counter("weir_upstream_connects_total", "Connections opened to endpoints.",
          [](const Worker& worker) -> const Counter& { return worker.proxy().counters().connects; });
  counter("weir_upstream_connect_failures_total", "Connections to endpoints that failed.",
          [](const Worker& worker) -> const Counter& { return worker.proxy().counters().connect_failures; });
  counter("weir_upstream_retries_total", "Requests sent to another endpoint after a failure.",
          [](const Worker& worker) -> const Counter& { return worker.proxy().counters().retries; });
  counter("weir_no_route_total", "Requests that no load balancer serves.",
          [](const Worker& worker) -> const Counter& { return worker.proxy().counters().no_route; });
  counter("weir_no_endpoint_total", "Requests that no endpoint could take.",
          [](const Worker& worker) -> const Counter& { return worker.proxy().counters().no_endpoint; });

  exposition.family("weir_health_checks_total", "counter", "Active health checks.");
  exposition.sample(monitor_.checks().get());
  exposition.family("weir_health_check_failures_total", "counter", "Active health checks that failed.");
  exposition.sample(monitor_.failures().get());
  exposition.family("weir_endpoint_healthy", "gauge", "1: may serve, 0: not (unknown or unhealthy).");
  for (const PlannedServicePointer& service : plan_->services) {
    for (const PlannedHost& host : service->hosts) {
      const bool serves = lb::may_serve(host.shared->health.load(std::memory_order_relaxed),
                                        service->spec.health_check.has_value());
      exposition.sample(serves ? 1 : 0,
                        "{service=\"" + service->name + "\",endpoint=\"" + host.shared->key + "\"}");
    }
  }
}

}  // namespace weir::edge
