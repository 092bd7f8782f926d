#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/exposition.h"
#include "edge/edge.h"

namespace weir::edge {
namespace {

std::string seconds(std::uint64_t nanoseconds) {
  const std::uint64_t micros = nanoseconds / 1000;
  std::string text = std::to_string(micros / 1'000'000) + '.';
  const std::string rest = std::to_string(micros % 1'000'000);
  return text.append(6 - rest.size(), '0').append(rest);
}

// label: {service="web" without its end.
void write_histogram(Exposition& exposition, const std::string& label,
                     const record::Traffic::Sum::Histogram& sum) {
  std::uint64_t below = 0;
  const record::Traffic::Buckets counts = record::Traffic::buckets_of(sum.counts);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    below += counts[i];
    const bool last = i == record::Traffic::kBuckets.size();
    const auto bound = last ? Duration() : record::Traffic::kBuckets[i];
    exposition.sample(
        below,
        label + ",le=\"" + (last ? "+Inf" : seconds(static_cast<std::uint64_t>(bound.count()))) + "\"}",
        "_bucket");
  }
  exposition.sample(seconds(sum.nanoseconds), label + "}", "_sum");
  exposition.sample(below, label + "}", "_count");
}

// One sort of names, as its metrics tell it.
struct SortKind {
  record::Traffic::Sort sort;
  std::string_view word;
  bool whole_requests;  // their durations are counted
  bool upstream;        // and how long the endpoints take
};
constexpr std::array kSorts{SortKind{record::Traffic::Sort::kLoadBalancer, "load_balancer", true, false},
                            SortKind{record::Traffic::Sort::kService, "service", true, true},
                            SortKind{record::Traffic::Sort::kEndpoint, "endpoint", false, true}};

// {service="web",endpoint="10.0.0.1:80" without its end.
std::string endpoint_label(std::string_view service, std::string_view endpoint) {
  return "{service=\"" + std::string(service) + "\",endpoint=\"" + std::string(endpoint) + '"';
}

std::string label_of(const SortKind& kind, std::string_view name) {
  if (kind.sort != record::Traffic::Sort::kEndpoint) {
    return '{' + std::string(kind.word) + "=\"" + std::string(name) + '"';
  }
  const std::size_t slash = name.find('/');  // none: the endpoints that are counted together
  return endpoint_label(name.substr(0, slash), slash == name.npos ? name : name.substr(slash + 1));
}

// Rate, errors and durations: weir_service_requests_total{service="web",class="2xx"}.
void write_traffic(Exposition& exposition, const SortKind& kind, const record::Traffic::Sums& sums) {
  const std::string prefix = "weir_" + std::string(kind.word);
  const std::string requests = prefix + "_requests_total";
  exposition.family(requests, "counter", "Requests by the first digit of their status; none: not answered.");
  for (const auto& [name, sum] : sums) {
    for (std::size_t digit = 0; digit < sum.responses.size(); ++digit) {
      const std::string value = digit == 0 ? "none" : std::to_string(digit) + "xx";
      exposition.sample(sum.responses[digit], label_of(kind, name) + ",class=\"" + value + "\"}");
    }
  }
  if (kind.whole_requests) {
    const std::string durations = prefix + "_request_duration_seconds";
    exposition.family(durations, "histogram", "From a request's first byte to its response's last.");
    for (const auto& [name, sum] : sums) write_histogram(exposition, label_of(kind, name), sum.durations);
  }
  if (!kind.upstream) return;
  const std::string upstream = prefix + "_upstream_duration_seconds";
  exposition.family(upstream, "histogram", "From the first try of an endpoint to the head of the response.");
  for (const auto& [name, sum] : sums) write_histogram(exposition, label_of(kind, name), sum.upstream);
}

// Connections of TCP and TLS listeners: weir_service_connections_total{service="web"}.
void write_connections(Exposition& exposition, const SortKind& kind, const record::Traffic::Sums& sums) {
  if (!kind.whole_requests) return;
  using Sum = record::Traffic::Sum;
  struct Family {
    std::string_view name;
    std::string_view help;
    std::uint64_t Sum::* value;
  };
  constexpr std::array kFamilies{
      Family{"_connections_total", "Connections of TCP and TLS listeners.", &Sum::connections},
      Family{"_connections_ended_total", "Of those, the ones that have ended.", &Sum::connections_ended},
      Family{"_connections_failed_total", "Of those, the ones that no endpoint took, or that it broke.",
             &Sum::connections_failed},
      Family{"_received_bytes_total", "From clients: contents of requests, and what TCP listeners carry.",
             &Sum::bytes_received},
      Family{"_sent_bytes_total", "To clients: contents of responses, and what TCP listeners carry.",
             &Sum::bytes_sent}};
  for (const Family& family : kFamilies) {
    const std::string name_of_family = "weir_" + std::string(kind.word) + std::string(family.name);
    exposition.family(name_of_family, "counter", family.help);
    for (const auto& [name, sum] : sums) exposition.sample(sum.*family.value, label_of(kind, name) + "}");
  }
}

// A family of which the first kNamesMax samples are told by themselves, and the others as one sum.
class BoundedFamily {
 public:
  explicit BoundedFamily(Exposition& exposition) : exposition_(exposition) {}
  void sample(std::uint64_t value, const std::string& labels) {
    if (shown_ < record::Traffic::kNamesMax) {
      ++shown_;
      exposition_.sample(value, labels);
    } else {
      others_ += value;
      has_others_ = true;
    }
  }
  void finish(const std::string& other_labels) {
    if (has_others_) exposition_.sample(others_, other_labels);
  }

 private:
  Exposition& exposition_;
  std::size_t shown_ = 0;
  std::uint64_t others_ = 0;
  bool has_others_ = false;
};

// A zone is any text.
std::string label_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

// What the endpoints of each zone are given: weir_service_zone_requests_total{service="web",zone="fra"}.
void write_loads(Exposition& exposition, const record::ServiceLoads::Sums& sums) {
  const auto family = [&](std::string_view name, std::string_view type, std::string_view help,
                          auto value_of) {
    exposition.family(name, type, help);
    BoundedFamily bounded(exposition);
    for (const auto& [of, sum] : sums.of) {
      bounded.sample(value_of(sum), "{service=\"" + of.first + "\",zone=\"" + label_text(of.second) + "\"}");
    }
    bounded.finish("{service=\"" + std::string(record::Traffic::kOther) + "\",zone=\"\"}");
  };
  using Sum = record::ServiceLoads::Sum;
  family("weir_service_zone_requests_total", "counter",
         "Requests and connections that endpoints of the zone were given, or that found none in this edge's.",
         [](const Sum& sum) { return sum.requests; });
  family("weir_service_in_flight", "gauge", "Of those, the ones that have not ended.",
         [](const Sum& sum) { return sum.in_flight; });
}

// What happened to the requests of each service beside being answered.
void write_resilience(Exposition& exposition, const Plan& plan) {
  const auto family = [&](std::string_view name, std::string_view help, const std::string& more,
                          auto value_of) {
    if (!help.empty()) exposition.family(name, "counter", help);
    BoundedFamily bounded(exposition);
    for (const upstream::PlannedServicePointer& service : plan.services) {
      bounded.sample(value_of(*service->shared), "{service=\"" + service->name + '"' + more + '}');
    }
    bounded.finish("{service=\"" + std::string(record::Traffic::kOther) + '"' + more + '}');
  };
  family(
      "weir_service_retries_total", "Requests sent to another endpoint after a failure.", "",
      [](const upstream::SharedService& shared) { return shared.retries.load(std::memory_order_relaxed); });
  family(
      "weir_service_ejections_total", "Endpoints ejected by outlier detection.", "",
      [](const upstream::SharedService& shared) { return shared.ejections.load(std::memory_order_relaxed); });
  std::string_view help = "Refusals by a circuit breaker, by its limit.";
  for (std::size_t i = 0; i < lb::kResources; ++i) {
    family("weir_service_overflows_total", std::exchange(help, {}),
           ",limit=\"" + std::string(lb::kResourceNames[i]) + '"',
           [i](const upstream::SharedService& shared) {
             return shared.circuit.refused(static_cast<lb::Resource>(i));
           });
  }
}

void write_handshakes(Exposition& exposition, const std::vector<std::unique_ptr<Worker>>& workers) {
  exposition.family("weir_tls_handshakes_total", "counter", "TLS handshakes with clients by their result.");
  const auto sample = [&](std::string_view result, Counter HandshakeCounters::* counter) {
    std::uint64_t total = 0;
    for (const auto& worker : workers) total += (worker->handshakes().*counter).get();
    exposition.sample(total, "{result=\"" + std::string(result) + "\"}");
  };
  sample("full", &HandshakeCounters::full);
  sample("resumed", &HandshakeCounters::resumed);
  sample("failed", &HandshakeCounters::failed);
}

void write_tcp(Exposition& exposition, const std::vector<std::unique_ptr<Worker>>& workers) {
  const auto sum = [&workers](auto value_of) {
    std::uint64_t total = 0;
    for (const auto& worker : workers) total += value_of(worker->tcp());
    return total;
  };
  exposition.family("weir_tcp_connections", "gauge", "Connections of TCP and TLS listeners that are open.");
  exposition.sample(sum([](const TcpProxy& tcp) { return tcp.open(); }));
  exposition.family("weir_tcp_connections_refused_total", "counter",
                    "Connections that no listener takes, that may not come, or are over a limit.");
  exposition.sample(sum([](const TcpProxy& tcp) { return tcp.counters().refused.get(); }));
  exposition.family("weir_tcp_connections_unreached_total", "counter",
                    "Connections for which no endpoint could be reached.");
  exposition.sample(sum([](const TcpProxy& tcp) { return tcp.counters().failed.get(); }));
}

void write_health(Exposition& exposition, const Plan& plan, const health::Monitor& monitor) {
  exposition.family("weir_health_checks_total", "counter", "Active health checks.");
  exposition.sample(monitor.checks().get());
  exposition.family("weir_health_check_failures_total", "counter", "Active health checks that failed.");
  exposition.sample(monitor.failures().get());
  const auto family = [&](std::string_view name, std::string_view help, auto value_of) {
    exposition.family(name, "gauge", help);
    BoundedFamily bounded(exposition);
    for (const upstream::PlannedServicePointer& service : plan.services) {
      for (const upstream::PlannedHost& host : service->hosts) {
        bounded.sample(value_of(*service, *host.shared) ? 1 : 0,
                       endpoint_label(service->name, host.shared->key) + '}');
      }
    }
    bounded.finish(endpoint_label(record::Traffic::kOther, record::Traffic::kOther) + '}');
  };
  family("weir_endpoint_healthy", "1: may serve, 0: not (unknown or unhealthy); of _other: how many may.",
         [](const upstream::PlannedService& service, const upstream::SharedHost& host) {
           return lb::may_serve(host.verdict(), service.spec.health_check.has_value());
         });
  family("weir_endpoint_ejected", "1: ejected by outlier detection; of _other: how many are.",
         [](const upstream::PlannedService& service, const upstream::SharedHost& host) {
           return service.spec.outlier_detection.enabled && host.outcomes.ejected();
         });
}

}  // namespace

Carried Edge::carried() const {
  const record::Traffic::Sum sum = traffic_total();
  Carried carried{.errors_5xx = sum.responses[5] + sum.connections_failed,
                  .durations = record::Traffic::buckets_of(sum.durations.counts)};
  for (const std::uint64_t responses : sum.responses) carried.requests += responses;
  carried.requests += sum.connections_ended;
  for (const auto& worker : workers_) {
    const auto& counters = worker->server().counters();
    const std::uint64_t closed = counters.connections_closed.get();
    carried.connections += counters.connections.get() - closed;
  }
  return carried;
}

record::Traffic::Sums Edge::traffic(record::Traffic::Sort sort) const {
  record::Traffic::Sums sums;
  for (const auto& worker : workers_) worker->proxy().traffic().add_to(sort, sums);
  if (sort != record::Traffic::Sort::kEndpoint) return sums;
  // All cores count together what an endpoint has in flight.
  for (const upstream::PlannedServicePointer& service : plan_->services) {
    for (const upstream::PlannedHost& host : service->hosts) {
      const auto found = sums.find(service->name + '/' + host.shared->key);
      if (found == sums.end()) continue;
      found->second.under_way = host.shared->active.count.load(std::memory_order_relaxed);
    }
  }
  return sums;
}

record::Traffic::Sum Edge::traffic_total() const {
  record::Traffic::Sum sum;
  for (const auto& worker : workers_) {
    worker->proxy().traffic().add_total(record::Traffic::Sort::kLoadBalancer, sum);
  }
  return sum;
}

record::ServiceLoads::Sums Edge::service_loads() const {
  record::ServiceLoads::Sums sums;
  for (const auto& worker : workers_) worker->proxy().loads().add_to(sums);
  return sums;
}

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
  counter("weir_http2_abuse_ends_total", "HTTP/2 connections that were ended for abuse.",
          [](const Worker& worker) -> const Counter& { return worker.server().counters().ended_for_abuse; });
  write_handshakes(exposition, workers_);
  counter("weir_accept_pauses_total", "Pauses in accepting, for want of file descriptors.",
          [](const Worker& worker) -> const Counter& { return worker.server().counters().accept_pauses; });
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

  write_tcp(exposition, workers_);

  for (const SortKind& kind : kSorts) {
    const record::Traffic::Sums sums = traffic(kind.sort);
    write_traffic(exposition, kind, sums);
    write_connections(exposition, kind, sums);
  }
  write_loads(exposition, service_loads());
  write_resilience(exposition, *plan_);
  if (options_.access_log != nullptr) options_.access_log->write_metrics(out);

  write_health(exposition, *plan_, monitor_);
}

}  // namespace weir::edge
