#include "report/report.h"

#include <weir.pb.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <utility>

#include "xds/resource.h"

namespace weir::report {
namespace {

using Milliseconds = std::chrono::milliseconds;

void write(const Hello& hello, v1::Hello& to) {
  to.set_node(hello.node);
  to.set_version(hello.version);
  to.set_provider(hello.provider);
  to.set_region(hello.region);
  to.set_city(hello.city);
  to.set_address(hello.address);
  to.set_relay(hello.relay);
  for (const auto& [key, value] : hello.labels) (*to.mutable_labels())[key] = value;
  for (const std::string& capability : hello.capabilities) to.add_capabilities(capability);
}

void write(const Load& load, v1::Load& to) {
  to.set_requests(load.requests);
  to.set_errors_5xx(load.errors_5xx);
  to.set_connections(load.connections);
  for (const std::uint64_t count : load.latency_counts) to.add_latency_counts(count);
  to.set_applied_revision(load.applied_revision);
  to.set_milliseconds(static_cast<std::uint64_t>(std::chrono::floor<Milliseconds>(load.span).count()));
  if (!load.services) return;
  to.set_counts_services(true);
  to.set_services_left_out(load.services->left_out);
  for (const ServiceLoad& service : load.services->of) {
    v1::ServiceLoad& one = *to.add_services();
    one.set_service(service.service);
    for (const ZoneLoad& zone : service.zones) {
      v1::ZoneLoad& part = *one.add_zones();
      part.set_zone(zone.zone);
      part.set_requests(zone.requests);
      part.set_in_flight(zone.in_flight);
    }
  }
}

void write(const TunnelSeen& tunnel, v1::TunnelSeen& to) {
  to.set_service(tunnel.service);
  to.set_instance(tunnel.instance);
  to.set_session(tunnel.session);
  to.set_gone(tunnel.gone);
  if (tunnel.gone) return;
  to.set_agent(tunnel.agent);
  to.set_user(tunnel.user);
  to.set_client(tunnel.client);
  to.set_weight(tunnel.weight);
  to.set_priority(tunnel.priority);
  to.set_hostname(tunnel.hostname);
  to.set_type(tunnel.type);
}

bool fit(std::initializer_list<std::string_view> texts) {
  return std::ranges::all_of(texts, [](std::string_view text) { return text.size() <= kReportTextBytesMax; });
}

bool fits(const v1::Hello& hello) {
  return fit({hello.node(), hello.version(), hello.provider(), hello.region(), hello.city(), hello.address(),
              hello.relay()}) &&
         hello.labels().size() <= kReportLabelsMax &&
         static_cast<std::size_t>(hello.capabilities_size()) <= kReportCapabilitiesMax &&
         std::ranges::all_of(hello.labels(),
                             [](const auto& label) { return fit({label.first, label.second}); }) &&
         std::ranges::all_of(hello.capabilities(), [](const std::string& text) { return fit({text}); });
}

Hello read(const v1::Hello& hello) {
  return {.node = hello.node(),
          .version = hello.version(),
          .provider = hello.provider(),
          .region = hello.region(),
          .city = hello.city(),
          .labels = {hello.labels().begin(), hello.labels().end()},
          .capabilities = {hello.capabilities().begin(), hello.capabilities().end()},
          .address = hello.address(),
          .relay = hello.relay()};
}

Load read(const v1::Load& load) {
  constexpr auto kLongest =
      static_cast<std::uint64_t>(std::chrono::floor<Milliseconds>(Duration::max()).count());
  return {.requests = load.requests(),
          .errors_5xx = load.errors_5xx(),
          .connections = load.connections(),
          .latency_counts = {load.latency_counts().begin(), load.latency_counts().end()},
          .applied_revision = load.applied_revision(),
          .span = Milliseconds(std::min(load.milliseconds(), kLongest))};
}

Result<ServiceLoads> read_services(const v1::Load& load) {
  if (static_cast<std::size_t>(load.services_size()) > kReportServicesMax) {
    return fail(Code::kInvalid, "a report tells the load of at most 1000 services");
  }
  ServiceLoads all{.of = {}, .left_out = load.services_left_out()};
  all.of.reserve(static_cast<std::size_t>(load.services_size()));
  for (const v1::ServiceLoad& service : load.services()) {
    if (static_cast<std::size_t>(service.zones_size()) > kReportZonesMax) {
      return fail(Code::kInvalid, "a report tells the load of a service in at most 16 zones");
    }
    ServiceLoad& one = all.of.emplace_back(ServiceLoad{.service = service.service(), .zones = {}});
    bool fits = fit({one.service});
    for (const v1::ZoneLoad& zone : service.zones()) {
      fits &= fit({zone.zone()});
      one.zones.push_back({.zone = zone.zone(), .requests = zone.requests(), .in_flight = zone.in_flight()});
    }
    if (!fits) return fail(Code::kInvalid, "a name of a load is longer than 1024 bytes");
  }
  return all;
}

TunnelSeen read(const v1::TunnelSeen& tunnel) {
  return {.service = tunnel.service(),
          .instance = tunnel.instance(),
          .session = tunnel.session(),
          .gone = tunnel.gone(),
          .agent = tunnel.agent(),
          .user = tunnel.user(),
          .client = tunnel.client(),
          .weight = tunnel.gone() ? 1 : tunnel.weight(),
          .priority = tunnel.priority(),
          .hostname = tunnel.hostname(),
          .type = tunnel.type()};
}

Result<void> read_tunnels(const v1::Report& parsed, std::vector<TunnelSeen>& tunnels) {
  if (static_cast<std::size_t>(parsed.tunnels_size()) > kReportTunnelsMax) {
    return fail(Code::kInvalid, "a report has at most 1000 tunnels");
  }
  tunnels.reserve(static_cast<std::size_t>(parsed.tunnels_size()));
  for (const v1::TunnelSeen& tunnel : parsed.tunnels()) {
    if (!fit({tunnel.service(), tunnel.instance(), tunnel.session(), tunnel.user(), tunnel.client(),
              tunnel.hostname(), tunnel.type()})) {
      return fail(Code::kInvalid, "a text of a tunnel is longer than 1024 bytes");
    }
    tunnels.push_back(read(tunnel));
  }
  return {};
}

Result<std::vector<AnycastSeen>> read_anycast(v1::Report& parsed) {
  if (static_cast<std::size_t>(parsed.anycast_size()) > kReportAnycastMax) {
    return fail(Code::kInvalid, "a report has at most 64 anycast networks");
  }
  std::vector<AnycastSeen> all;
  for (v1::AnycastSeen& seen : *parsed.mutable_anycast()) {
    if (!fit({seen.network(), seen.reason()})) {
      return fail(Code::kInvalid, "a text of an anycast network is longer than 1024 bytes");
    }
    const bool known = v1::AnycastSeen::Route_IsValid(seen.route());
    all.push_back({.network = std::move(*seen.mutable_network()),
                   .route = known ? static_cast<AnycastRoute>(seen.route()) : AnycastRoute::kWithdrawn,
                   .asks = seen.asks(),
                   .reason = std::move(*seen.mutable_reason())});
  }
  return all;
}

void write(const Interval& interval, v1::Interval& to) {
  to.set_run(interval.run);
  to.set_sequence(interval.sequence);
  to.set_milliseconds(static_cast<std::uint64_t>(std::chrono::floor<Milliseconds>(interval.span).count()));
  to.set_age_milliseconds(static_cast<std::uint64_t>(std::chrono::floor<Milliseconds>(interval.age).count()));
  for (const Measured& one : interval.measured) {
    v1::Measured& into = *to.add_measured();
    into.set_sort(static_cast<v1::Measured::Sort>(one.sort));
    into.set_name(one.name);
    into.set_requests(one.requests);
    into.set_errors(one.errors);
    into.set_bytes_in(one.bytes_in);
    into.set_bytes_out(one.bytes_out);
    into.set_in_flight(one.in_flight);
    into.set_connections(one.connections);
    into.set_cpu_milli(one.cpu_milli);
    into.set_memory_bytes(one.memory_bytes);
    into.set_queries(one.queries);
    std::size_t used = one.durations.size();
    while (used > 0 && one.durations[used - 1] == 0) --used;
    for (std::size_t i = 0; i < used; ++i) into.add_durations(one.durations[i]);
  }
}

Result<void> read_intervals(v1::Report& parsed, std::vector<Interval>& intervals) {
  constexpr auto kLongest =
      static_cast<std::uint64_t>(std::chrono::floor<Milliseconds>(kIntervalAgeMax).count());
  if (static_cast<std::size_t>(parsed.intervals_size()) > kIntervalsMax) {
    return fail(Code::kInvalid, "a report has at most 4 intervals");
  }
  for (v1::Interval& interval : *parsed.mutable_intervals()) {
    if (static_cast<std::size_t>(interval.measured_size()) > kMeasuredMax) {
      return fail(Code::kInvalid, "an interval tells of at most 1200 names");
    }
    Interval& to =
        intervals.emplace_back(Interval{.run = interval.run(),
                                        .sequence = interval.sequence(),
                                        .span = Milliseconds(std::min(interval.milliseconds(), kLongest)),
                                        .age = Milliseconds(std::min(interval.age_milliseconds(), kLongest)),
                                        .measured = {}});
    for (v1::Measured& one : *interval.mutable_measured()) {
      if (!v1::Measured::Sort_IsValid(one.sort())) continue;  // of a later version
      if (!fit({one.name()}) || static_cast<std::size_t>(one.durations_size()) > kLatencyBuckets) {
        return fail(Code::kInvalid, "what an interval tells of a name is too long");
      }
      Measured& into = to.measured.emplace_back(Measured{.sort = static_cast<Measured::Sort>(one.sort()),
                                                         .name = std::move(*one.mutable_name()),
                                                         .requests = one.requests(),
                                                         .errors = one.errors(),
                                                         .bytes_in = one.bytes_in(),
                                                         .bytes_out = one.bytes_out(),
                                                         .in_flight = one.in_flight(),
                                                         .connections = one.connections(),
                                                         .cpu_milli = one.cpu_milli(),
                                                         .memory_bytes = one.memory_bytes(),
                                                         .queries = one.queries()});
      std::ranges::copy(one.durations(), into.durations.begin());
    }
  }
  return {};
}

}  // namespace

std::string serialize(const Report& report) {
  v1::Report message;
  if (report.hello) write(*report.hello, *message.mutable_hello());
  for (const EndpointSeen& endpoint : report.endpoints) {
    v1::EndpointSeen& to = *message.add_endpoints();
    to.set_service(endpoint.service);
    to.set_endpoint(endpoint.endpoint);
    to.set_state(static_cast<v1::EndpointSeen::State>(endpoint.state));
    to.set_reason(endpoint.reason);
  }
  for (const TunnelSeen& tunnel : report.tunnels) write(tunnel, *message.add_tunnels());
  if (report.load) write(*report.load, *message.mutable_load());
  message.set_refused_changed(report.refused.has_value());
  if (report.refused) {
    for (const RefusedObject& refused : *report.refused) {
      v1::RefusedObject& to = *message.add_refused();
      to.set_object(refused.object);
      to.set_reason(refused.reason);
    }
  }
  message.set_anycast_changed(report.anycast.has_value());
  if (report.anycast) {
    for (const AnycastSeen& seen : *report.anycast) {
      v1::AnycastSeen& to = *message.add_anycast();
      to.set_network(seen.network);
      to.set_route(static_cast<v1::AnycastSeen::Route>(seen.route));
      to.set_asks(seen.asks);
      to.set_reason(seen.reason);
    }
  }
  for (const Interval& interval : report.intervals) write(interval, *message.add_intervals());
  return xds::serialize(message);
}

Result<Report> parse_report(std::string_view message) {
  v1::Report parsed;
  if (!parsed.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return fail(Code::kInvalid, "what came is no report");
  }
  if (static_cast<std::size_t>(parsed.endpoints_size()) > kReportEndpointsMax) {
    return fail(Code::kInvalid, "a report has at most 1000 endpoints");
  }
  Report report;
  if (parsed.has_hello()) {
    if (!fits(parsed.hello())) return fail(Code::kInvalid, "the edge says too much about itself");
    report.hello = read(parsed.hello());
  }
  report.endpoints.reserve(static_cast<std::size_t>(parsed.endpoints_size()));
  for (v1::EndpointSeen& endpoint : *parsed.mutable_endpoints()) {
    if (!fit({endpoint.service(), endpoint.endpoint(), endpoint.reason()})) {
      return fail(Code::kInvalid, "a text of an endpoint is longer than 1024 bytes");
    }
    const bool known = v1::EndpointSeen::State_IsValid(endpoint.state());
    report.endpoints.push_back(
        {.service = std::move(*endpoint.mutable_service()),
         .endpoint = std::move(*endpoint.mutable_endpoint()),
         .state = known ? static_cast<EndpointState>(endpoint.state()) : EndpointState::kUnknown,
         .reason = std::move(*endpoint.mutable_reason())});
  }
  if (auto taken = read_tunnels(parsed, report.tunnels); !taken) return fail(taken.error());
  if (parsed.has_load()) {
    if (static_cast<std::size_t>(parsed.load().latency_counts_size()) > kReportBucketsMax) {
      return fail(Code::kInvalid, "latencies are counted in at most 64 buckets");
    }
    report.load = read(parsed.load());
    if (parsed.load().counts_services()) {
      auto services = read_services(parsed.load());
      if (!services) return fail(services.error());
      report.load->services = std::move(*services);
    }
  }
  if (auto taken = read_intervals(parsed, report.intervals); !taken) return fail(taken.error());
  if (parsed.anycast_changed()) {
    auto anycast = read_anycast(parsed);
    if (!anycast) return fail(anycast.error());
    report.anycast = std::move(*anycast);
  }
  if (!parsed.refused_changed()) return report;
  if (static_cast<std::size_t>(parsed.refused_size()) > kReportRefusedMax) {
    return fail(Code::kInvalid, "a report has at most 1000 refused objects");
  }
  report.refused.emplace();
  for (v1::RefusedObject& refused : *parsed.mutable_refused()) {
    if (!fit({refused.object(), refused.reason()})) {
      return fail(Code::kInvalid, "a text of a refused object is longer than 1024 bytes");
    }
    report.refused->push_back({std::move(*refused.mutable_object()), std::move(*refused.mutable_reason())});
  }
  return report;
}

std::string serialize(const Reply& reply) {
  v1::ReportReply message;
  message.set_seen(reply.seen);
  message.set_withdraw(reply.withdraw);
  for (const AnycastOthers& one : reply.anycast) {
    v1::AnycastOthers& to = *message.add_anycast();
    to.set_network(one.network);
    to.set_others(one.others);
    to.set_asked(one.asked);
  }
  for (const channel::Open& one : reply.opens) {
    v1::OpenChannel& to = *message.add_open();
    to.set_id(one.id);
    to.set_what(one.what);
  }
  return xds::serialize(message);
}

Result<Reply> parse_reply(std::string_view message) {
  v1::ReportReply parsed;
  if (!parsed.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return fail(Code::kInvalid, "what came is no reply to a report");
  }
  if (static_cast<std::size_t>(parsed.anycast_size()) > kReportAnycastMax) {
    return fail(Code::kInvalid, "a reply has at most 64 anycast networks");
  }
  Reply reply{.seen = parsed.seen(), .anycast = {}, .withdraw = parsed.withdraw(), .opens = {}};
  for (v1::AnycastOthers& one : *parsed.mutable_anycast()) {
    reply.anycast.push_back(
        {.network = std::move(*one.mutable_network()), .others = one.others(), .asked = one.asked()});
  }
  if (static_cast<std::size_t>(parsed.open_size()) > channel::kOpensMax) {
    return fail(Code::kInvalid, "a reply opens at most 64 channels");
  }
  for (v1::OpenChannel& one : *parsed.mutable_open()) {
    if (one.id().empty() || !fit({one.id()}) || one.what().size() > channel::kOpenBytesMax) {
      return fail(Code::kInvalid, "a reply opens a channel that is none");
    }
    reply.opens.push_back({.id = std::move(*one.mutable_id()), .what = std::move(*one.mutable_what())});
  }
  return reply;
}

}  // namespace weir::report
