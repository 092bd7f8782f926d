#include "config/kinds.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "base/text.h"
#include "config/formats.h"
#include "config/schema.h"
#include "config/schema_dns.h"
#include "config/schema_kinds.h"
#include "config/schema_load_balancer.h"
#include "config/schema_service.h"
#include "config/schema_status.h"
#include "config/schema_workload.h"
#include "tls/certificate.h"
#include "tls/trust_store.h"

namespace weir::config {
namespace {

constexpr std::size_t kNameBytesMax = 63;

// A bundle that nobody can be verified with is found out when it is written, not at the first handshake.
void check_authorities(std::string_view field_name, const std::string& bundle_pem, Report& report) {
  if (bundle_pem.empty()) return;
  const auto authorities = tls::TrustStore::parse(bundle_pem);
  if (authorities) return;
  const Report::Step field(report, field_name);
  report.add(std::string("can't be used: ") + authorities.error().text);
}

constexpr std::string_view kRolledOutKinds =
    "must be LoadBalancer, Service or Endpoint; a certificate or secret is made under a new name first";

bool is_rolled_out(Kind kind) {
  return kind == Kind::kLoadBalancer || kind == Kind::kService || kind == Kind::kEndpoint;
}

template <class T>
constexpr KindInfo kind_line(Kind kind, std::string_view name, std::string_view plural, std::string_view doc,
                             const Type* status = nullptr, bool client_writes = true) {
  return {kind, name, plural, doc, client_writes, false, &kType<T>, status, [] { return Spec(T{}); }};
}

constexpr KindInfo named_as_domains(KindInfo kind) {
  kind.dotted_names = true;
  return kind;
}

}  // namespace

constinit const std::array<KindInfo, kKindsMax> kKinds{
    kind_line<LoadBalancerSpec>(Kind::kLoadBalancer, "LoadBalancer", "loadbalancers",
                                "listeners for clients, and routes from there to services",
                                &kType<LoadBalancerStatus>),
    kind_line<ServiceSpec>(Kind::kService, "Service", "services",
                           "a pool of endpoints with its balancing policy and health check",
                           &kType<ServiceStatus>),
    kind_line<EndpointSpec>(Kind::kEndpoint, "Endpoint", "endpoints",
                            "one endpoint that joined a service by itself", &kType<EndpointStatus>),
    kind_line<TokenSpec>(Kind::kToken, "Token", "tokens", "lets a program or a person use the API"),
    kind_line<EventSpec>(Kind::kEvent, "Event", "events", "one line of the audit: who changed what and when",
                         nullptr, false),
    kind_line<CertificateSpec>(Kind::kCertificate, "Certificate", "certificates",
                               "a certificate chain and its key, named by HTTPS listeners",
                               &kType<AppliedStatus>),
    kind_line<SecretSpec>(Kind::kSecret, "Secret", "secrets", "texts that are written and never shown",
                          &kType<AppliedStatus>),
    kind_line<EdgeSpec>(Kind::kEdge, "Edge", "edges", "a registered machine that carries traffic",
                        &kType<EdgeStatus>),
    kind_line<RolloutSpec>(Kind::kRollout, "Rollout", "rollouts",
                           "a change that reaches the edges in waves, and goes back by itself",
                           &kType<RolloutStatus>),
    kind_line<TunnelSpec>(Kind::kTunnel, "Tunnel", "tunnels",
                          "a live way to an origin that came to an edge by itself", nullptr, false),
    kind_line<UserSpec>(Kind::kUser, "User", "users",
                        "an account: who owns load balancers, services and tunnels"),
    named_as_domains(kind_line<ZoneSpec>(Kind::kZone, "Zone", "zones",
                                         "a domain that weir's name servers answer for, by its name",
                                         &kType<ZoneStatus>)),
    named_as_domains(kind_line<RecordSetSpec>(
        Kind::kRecordSet, "RecordSet", "recordsets",
        "the records of one name and type in a zone, and which of them a client gets",
        &kType<RecordSetStatus>)),
    kind_line<DnsProviderSpec>(Kind::kDnsProvider, "DnsProvider", "dnsproviders",
                               "somebody else's name servers, to which zones are written",
                               &kType<DnsProviderStatus>),
    kind_line<DnsLedgerSpec>(Kind::kDnsLedger, "DnsLedger", "dnsledgers",
                             "the records that weir has made at a provider in one zone", nullptr, false),
    named_as_domains(
        kind_line<DnsWeightsSpec>(Kind::kDnsWeights, "DnsWeights", "dnsweights",
                                  "the weights that weir has computed for the RecordSet of the same name",
                                  &kType<DnsWeightsStatus>, false)),
    kind_line<WorkloadSpec>(Kind::kWorkload, "Workload", "workloads",
                            "containers, and how many of them run where", &kType<WorkloadStatus>),
    kind_line<NodeSpec>(Kind::kNode, "Node", "nodes", "a registered machine that runs containers",
                        &kType<NodeStatus>),
    kind_line<InstanceSpec>(Kind::kInstance, "Instance", "instances", "one of a workload's, on a node",
                            &kType<InstanceStatus>, false),
    kind_line<OrganizationSpec>(Kind::kOrganization, "Organization", "organizations",
                                "whose objects are apart from everybody else's"),
    kind_line<SessionSpec>(Kind::kSession, "Session", "sessions", "somebody who is logged in",
                           &kType<SessionStatus>, false),
};

const Type& metadata_type() { return kType<Metadata>; }

std::string check_name_of(const KindInfo& kind, std::string_view name) {
  if (kind.dotted_names) return check_dotted_name(name);
  if (name.size() > kNameBytesMax) {
    return "must be at most " + std::to_string(kNameBytesMax) + " bytes long, not " +
           std::to_string(name.size());
  }
  return check_name(name);
}

const KindInfo* find_kind(std::string_view name) {
  const auto* found = std::ranges::find(kKinds, name, &KindInfo::name);
  return found == kKinds.end() ? nullptr : found;
}

const KindInfo* find_plural(std::string_view plural) {
  const auto* found = std::ranges::find(kKinds, plural, &KindInfo::plural);
  return found == kKinds.end() ? nullptr : found;
}

const KindInfo* find_kind_loosely(std::string_view word) {
  const auto* found = std::ranges::find_if(kKinds, [word](const KindInfo& kind) {
    return equal_ignoring_case(kind.name, word) || equal_ignoring_case(kind.plural, word);
  });
  return found == kKinds.end() ? nullptr : found;
}

std::string canonical_match(const RouteMatch& match) {
  std::string text = match.path    ? "path " + *match.path
                     : match.regex ? "path regex " + *match.regex
                                   : "path prefix " + std::string(normal_prefix(match.path_prefix));
  std::vector<std::string> parts;
  for (const std::string& method : match.methods) parts.push_back("method " + method);
  const auto add = [&parts](std::string_view what, const FieldMatch& field, std::string name) {
    std::string part = std::string(what) + std::move(name);
    if (field.exact) part += " = " + *field.exact;
    if (field.regex) part += " ~ " + *field.regex;
    parts.push_back(std::move(part));
  };
  for (const FieldMatch& field : match.headers) add("header ", field, to_lower(field.name));
  for (const FieldMatch& field : match.query) add("query ", field, field.name);
  std::ranges::sort(parts);
  for (const std::string& part : parts) text += ", " + part;
  return text;
}

Precedence precedence_of(const RouteMatch& match) {
  using Path = Precedence::Path;
  return {.path = match.path    ? Path::kExact
                  : match.regex ? Path::kPattern
                                : Path::kPrefix,
          .path_bytes = match.path    ? match.path->size()
                        : match.regex ? match.regex->size()
                                      : match.path_prefix.size(),
          .methods = !match.methods.empty(),
          .headers = match.headers.size(),
          .query = match.query.size()};
}

std::uint32_t shared_or_own_port(const Listener& listener) {
  constexpr std::array<std::uint32_t, 4> kWithout{kSharedHttp, kSharedHttps, kNoPort, kNoPort};
  return listener.port.value_or(kWithout[static_cast<std::size_t>(listener.protocol)]);
}

bool is_of_connections(const LoadBalancerSpec& spec) {
  return !spec.listeners.empty() && is_of_connections(spec.listeners.front().protocol);
}

bool is_passthrough(const Listener& listener) {
  return listener.protocol == ListenerProtocol::kTls && listener.tls &&
         listener.tls->mode == TlsMode::kPassthrough;
}

std::string_view owner_of(const Object& object) {
  const auto owner = object.metadata.labels.find(kOwnerLabel);
  return owner == object.metadata.labels.end() ? std::string_view() : std::string_view(owner->second);
}

const std::string* service_joined_by(const Object& object) {
  if (const auto* endpoint = std::get_if<EndpointSpec>(&object.spec)) return &endpoint->service;
  if (const auto* tunnel = std::get_if<TunnelSpec>(&object.spec)) return &tunnel->service;
  return nullptr;
}

const void* spec_of(const Object& object) {
  return std::visit([](const auto& spec) -> const void* { return &spec; }, object.spec);
}

void* spec_of(Object& object) {
  return std::visit([](auto& spec) -> void* { return &spec; }, object.spec);
}

void Schema<CertificateSpec>::validate(const CertificateSpec& spec, Report& report) {
  if (spec.certificate.empty() || spec.private_key.empty())
    return;  // the key may be that of the stored object
  if (const auto info = tls::inspect(spec.certificate, spec.private_key); !info)
    report.add(info.error().text);
}

void Schema<EndpointSpec>::validate(const EndpointSpec& spec, Report& report) {
  if (spec.address.empty() != spec.tunnel.has_value()) {
    report.add("needs exactly one of address and tunnel");
  }
  refuse_field(spec.tunnel && spec.lease, "lease",
               "is for endpoints with an address; one that comes by a tunnel is there while the tunnel is",
               report);
  const Report::Step list(report, "text");
  std::set<std::string> keys;
  for (std::size_t i = 0; i < spec.text.size(); ++i) {
    if (keys.insert(to_lower(spec.text[i].substr(0, spec.text[i].find('=')))).second) continue;
    const Report::Step item(report, i);
    report.add("has a key that is there already (RFC 6763 section 6.4)");
  }
}

void Schema<HealthCheck>::validate(const HealthCheck& check, Report& report) {
  const int kinds = (check.http ? 1 : 0) + (check.grpc ? 1 : 0) + (check.tcp ? 1 : 0);
  if (kinds > 1) report.add("has more than one of http, grpc and tcp; keep one of them");
  if (kinds == 0) report.add("needs http, grpc or tcp; the shortest are http: {}, grpc: {} and tcp: {}");
}

void Schema<HashOn>::validate(const HashOn& hash_on, Report& report) {
  if (hash_on.header.empty() && hash_on.cookie.empty() && !hash_on.source) {
    report.add("needs header, cookie or source");
  }
  if (hash_on.load_percent_max > 0 && hash_on.load_percent_max < 100) {
    const Report::Step field(report, "load_percent_max");
    report.add("must be 0 or at least 100");
  }
}

void Schema<Retries>::validate(const Retries& retries, Report& report) {
  if (!retries.on_grpc_statuses.empty() && !retries.non_idempotent) {
    const Report::Step field(report, "on_grpc_statuses");
    report.add("needs non_idempotent: true, because every call of gRPC is a POST");
  }
  const Report::Step list(report, "on_statuses");
  for (std::size_t i = 0; i < retries.on_statuses.size(); ++i) {
    if (retries.on_statuses[i].first >= 400) continue;
    const Report::Step item(report, i);
    report.add("must be 400 or above; what went well is not tried again");
  }
}

void Schema<ListenerTls>::validate(const ListenerTls& tls, Report& report) {
  if (tls.client_certificates != ClientCertificates::kNone && tls.client_ca.empty()) {
    const Report::Step field(report, "client_ca");
    report.add("is required to verify client certificates");
  }
  check_authorities("client_ca", tls.client_ca, report);
  if (tls.mode != TlsMode::kPassthrough) return;
  constexpr const char* kEndpointsHaveIt =
      "is without effect in mode PASSTHROUGH: the endpoints have the TLS";
  refuse_field(!tls.certificates.empty(), "certificates", kEndpointsHaveIt, report);
  refuse_field(tls.client_certificates != ClientCertificates::kNone, "client_certificates", kEndpointsHaveIt,
               report);
  refuse_field(!tls.client_ca.empty(), "client_ca", kEndpointsHaveIt, report);
  refuse_field(tls.min_version != TlsVersion::k12, "min_version", kEndpointsHaveIt, report);
}

void Schema<UpstreamTls>::validate(const UpstreamTls& tls, Report& report) {
  check_authorities("ca", tls.ca, report);
  if (parse_address(tls.server_name)) {
    const Report::Step field(report, "server_name");
    report.add("has a port; that belongs to the endpoints");
  }
}

void Schema<Listener>::validate(const Listener& listener, Report& report) {
  using enum ListenerProtocol;
  const bool http = listener.protocol == kHttp;
  const bool https = listener.protocol == kHttps;
  const bool tls = listener.protocol == kTls;
  const bool of_connections = is_of_connections(listener.protocol);
  refuse_field(listener.tls && !https && !tls, "tls", "is for listeners of protocol HTTPS and TLS", report);
  refuse_field(listener.h2c && https, "h2c", "is for listeners of protocol HTTP; HTTPS has HTTP/2 anyway",
               report);
  refuse_field(listener.h2c && of_connections, "h2c", "is for listeners of protocol HTTP", report);
  refuse_field(listener.redirect_to_https && !http, "redirect_to_https", "is for listeners of protocol HTTP",
               report);
  refuse_field(listener.https_port && !listener.redirect_to_https, "https_port",
               "is for listeners with redirect_to_https", report);
  refuse_field(listener.protocol == kTcp && !listener.hostnames.empty(), "hostnames",
               "is not for listeners of protocol TCP: nothing in a connection says which host it is for",
               report);
  refuse_field(of_connections && !listener.trusted_proxies.empty(), "trusted_proxies",
               "is about X-Forwarded-*, which connections of TCP and TLS don't have; see proxy_protocol_from",
               report);
  constexpr const char* kOfConnections = "is for listeners of protocol TCP and TLS";
  refuse_field(!of_connections && listener.connections_max, "connections_max", kOfConnections, report);
  refuse_field(!of_connections && listener.connections_per_source_max, "connections_per_source_max",
               kOfConnections, report);
  if (!https || !listener.tls) return;
  const Report::Step field(report, "tls");
  constexpr const char* kOfTls = "is for listeners of protocol TLS";
  refuse_field(listener.tls->mode != TlsMode::kTerminate, "mode", kOfTls, report);
  refuse_field(!listener.tls->alpn.empty(), "alpn", kOfTls, report);
}

void Schema<FieldMatch>::validate(const FieldMatch& match, Report& report) {
  if (match.exact && match.regex) report.add("has both exact and regex; keep one of them");
}

void Schema<RouteMatch>::validate(const RouteMatch& match, Report& report) {
  const int kinds = (match.path ? 1 : 0) + (match.regex ? 1 : 0) + (match.path_prefix != "/" ? 1 : 0);
  if (kinds > 1) report.add("has more than one of path, path_prefix and path_regex; keep one of them");
}

void Schema<Redirect>::validate(const Redirect& redirect, Report& report) {
  if (redirect.path && redirect.path_prefix) report.add("has both path and path_prefix; keep one of them");
  if (redirect.status > 303 && redirect.status < 307) {
    const Report::Step field(report, "status");
    report.add("must be 301, 302, 303, 307 or 308");
  }
  if (!redirect.scheme.empty() && redirect.scheme != "http" && redirect.scheme != "https") {
    const Report::Step field(report, "scheme");
    report.add("must be http or https");
  }
}

void Schema<Rewrite>::validate(const Rewrite& rewrite, Report& report) {
  if (rewrite.path && rewrite.path_prefix) report.add("has both path and path_prefix; keep one of them");
}

void Schema<VisitorSignIn>::validate(const VisitorSignIn& sign_in, Report& report) {
  if (sign_in.allow_emails.empty() && sign_in.allow_domains.empty()) {
    report.add("must have allow_emails or allow_domains: without them, nobody could come");
  }
}

void Schema<ServiceSpec>::validate(const ServiceSpec& spec, Report& report) {
  if (spec.proxy_protocol != ProxyProtocol::kNone && spec.protocol == Protocol::kHttp2) {
    const Report::Step field(report, "proxy_protocol");
    report.add("is for services of protocol HTTP: a connection of HTTP2 carries many clients");
  }
  const bool tcp = spec.protocol == Protocol::kTcp;
  refuse_field(tcp && spec.sticky, "sticky", "is for services of protocol HTTP and HTTP2", report);
  refuse_field(!tcp && spec.drain_timeout, "drain_timeout", "is for services of protocol TCP", report);
  if (spec.discovery && spec.discovery->type.empty() && tcp) {
    const Report::Step field(report, "discovery");
    refuse_field(true, "type", "is required of protocol TCP: nothing else says what is spoken", report);
  }
  if (tcp && spec.hash_on) {
    const Report::Step field(report, "hash_on");
    constexpr const char* kNoRequests = "is for services of protocol HTTP and HTTP2; of TCP there is source";
    refuse_field(!spec.hash_on->header.empty(), "header", kNoRequests, report);
    refuse_field(!spec.hash_on->cookie.empty(), "cookie", kNoRequests, report);
  }
  if (!tcp && spec.tls && !spec.tls->alpn.empty()) {
    const Report::Step field(report, "tls");
    refuse_field(true, "alpn", "is for services of protocol TCP; of HTTP it follows from the protocol",
                 report);
  }
  if (spec.health_check && spec.health_check->grpc && spec.protocol != Protocol::kHttp2) {
    const Report::Step check(report, "health_check");
    const Report::Step field(report, "grpc");
    report.add("is for services of protocol HTTP2");
  }
  const Report::Step list(report, "endpoints");
  std::set<std::string> seen;
  for (std::size_t i = 0; i < spec.endpoints.size(); ++i) {
    const auto address = parse_address(spec.endpoints[i].address);
    if (!address || seen.insert(to_text(*address)).second) continue;
    const Report::Step item(report, i);
    const Report::Step field(report, "address");
    report.add("is there twice; give it a weight of 2 to send it twice as much");
  }
}

namespace {

// What the edge says of every request; a rule that said something else would be without effect.
void check_request_edits(const HeaderEdits& edits, Report& report) {
  constexpr std::array kOwn{"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
                            "x-forwarded-client-cert", "x-request-id"};
  const Report::Step field(report, "request_headers");
  const auto check = [&](std::string_view list, std::size_t place, bool has_name, const std::string& name) {
    if (std::ranges::find(kOwn, to_lower(name)) == kOwn.end()) return;
    const Report::Step of_list(report, list);
    const Report::Step of_item(report, place);
    std::optional<Report::Step> of_name;
    if (has_name) of_name.emplace(report, "name");
    report.add(
        "is a field that the edge itself writes into every request; trusted_proxies of a listener says "
        "whose X-Forwarded-* are taken over");
  };
  for (std::size_t i = 0; i < edits.remove.size(); ++i) check("remove", i, false, edits.remove[i]);
  for (std::size_t i = 0; i < edits.set.size(); ++i) check("set", i, true, edits.set[i].name);
  for (std::size_t i = 0; i < edits.add.size(); ++i) check("add", i, true, edits.add[i].name);
}

}  // namespace

void Schema<Route>::validate(const Route& route, Report& report) {
  if (route.request_headers) check_request_edits(*route.request_headers, report);
  const int answers = (route.backends.empty() ? 0 : 1) + (route.redirect ? 1 : 0) + (route.respond ? 1 : 0);
  if (answers != 1) {
    const Report::Step field(report, "backends");
    report.add(answers == 0 ? "must have at least 1 in it, unless there is a redirect or respond"
                            : "must be absent beside a redirect or respond, of which there can be one");
    return;
  }
  if (route.match.regex &&
      ((route.rewrite && route.rewrite->path_prefix) || (route.redirect && route.redirect->path_prefix))) {
    report.add("replaces the prefix that matched, but path_regex matches no prefix");
  }
  const Report::Step list(report, "backends");
  std::set<std::string_view> seen;
  bool reachable = route.backends.empty();  // an empty list has its own violation
  for (std::size_t i = 0; i < route.backends.size(); ++i) {
    reachable |= route.backends[i].weight > 0;
    if (route.backends[i].service.empty() || seen.insert(route.backends[i].service).second) continue;
    const Report::Step item(report, i);
    const Report::Step field(report, "service");
    report.add("is there twice; add up the weights");
  }
  if (!reachable) report.add("must have a weight above 0 somewhere");
}

namespace {

// A route of a load balancer that takes connections: most of what a route can do is about requests.
void check_connection_route(const Route& route, Report& report) {
  constexpr const char* kOfRequests = "is about requests, which a load balancer of TCP and TLS doesn't see";
  refuse_field(route.match != RouteMatch{}, "match", kOfRequests, report);
  refuse_field(route.redirect.has_value(), "redirect", kOfRequests, report);
  refuse_field(route.respond.has_value(), "respond", kOfRequests, report);
  refuse_field(route.rewrite.has_value(), "rewrite", kOfRequests, report);
  refuse_field(route.request_headers.has_value(), "request_headers", kOfRequests, report);
  refuse_field(route.response_headers.has_value(), "response_headers", kOfRequests, report);
  refuse_field(route.basic_auth.has_value(), "basic_auth", kOfRequests, report);
  refuse_field(route.sign_in.has_value(), "sign_in", kOfRequests, report);
  refuse_field(route.request_timeout.has_value(), "request_timeout", kOfRequests, report);
  refuse_field(route.request_body_bytes_max.has_value(), "request_body_bytes_max", kOfRequests, report);
  const Report::Step list(report, "rate_limits");
  for (std::size_t i = 0; i < route.rate_limits.size(); ++i) {
    const Report::Step item(report, i);
    refuse_field(!route.rate_limits[i].by_header.empty(), "by_header", kOfRequests, report);
  }
}

void check_protocols(const LoadBalancerSpec& spec, Report& report) {
  const bool of_connections = is_of_connections(spec);
  {
    const Report::Step list(report, "listeners");
    for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
      if (is_of_connections(spec.listeners[i].protocol) == of_connections) continue;
      const Report::Step item(report, i);
      refuse_field(true, "protocol",
                   "can't stand beside one that takes the other kind: TCP and TLS listeners "
                   "take connections, HTTP and HTTPS ones take requests; make two load balancers",
                   report);
      return;
    }
  }
  refuse_field(of_connections && spec.allow_encoded_slashes, "allow_encoded_slashes",
               "is for load balancers of HTTP and HTTPS", report);
  const Report::Step list(report, "routes");
  if (of_connections && spec.routes.size() > 1) {
    report.add("must be one for TCP and TLS: nothing in a connection could choose between them");
  }
  for (std::size_t i = 0; i < spec.routes.size(); ++i) {
    const Report::Step item(report, i);
    if (of_connections) {
      check_connection_route(spec.routes[i], report);
    } else {
      refuse_field(spec.routes[i].half_close_timeout.has_value(), "half_close_timeout",
                   "is for load balancers of TCP and TLS", report);
    }
  }
}

// The way back from the provider is one for the whole load balancer.
void check_sign_ins(const LoadBalancerSpec& spec, Report& report) {
  const Route* first = route_with_sign_in(spec);
  const auto terms = [](const VisitorSignIn& one) {
    return std::tie(one.issuer, one.client_id, one.secret, one.session);
  };
  const Report::Step list(report, "routes");
  for (std::size_t i = 0; i < spec.routes.size(); ++i) {
    if (!spec.routes[i].sign_in || terms(*spec.routes[i].sign_in) == terms(*first->sign_in)) continue;
    const Report::Step item(report, i);
    refuse_field(true, "sign_in",
                 "must have the issuer, client_id, secret and session that an earlier route has: visitors "
                 "sign in once for a load balancer",
                 report);
  }
}

// No two listeners of a port take the same host; of passthrough listeners, not with the same protocol.
void check_hosts(const LoadBalancerSpec& spec, Report& report) {
  std::set<std::tuple<std::string, std::uint32_t, std::string>> taken;  // with the port, 0 for the shared one
  for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
    const Listener& listener = spec.listeners[i];
    if (listener.port == 0U) continue;  // was refused when it was read
    const std::uint32_t port = shared_or_own_port(listener);
    if (port == kNoPort) continue;  // each gets one of its own
    const bool by_protocol = is_passthrough(listener) && !listener.tls->alpn.empty();
    const auto take = [&](const std::string& host) {
      if (!by_protocol) return taken.emplace(host, port, "").second;
      bool is_new = true;
      const std::set<std::string> protocols(listener.tls->alpn.begin(), listener.tls->alpn.end());
      for (const std::string& protocol : protocols) {
        is_new &= taken.emplace(host, port, protocol).second;
      }
      return is_new;
    };
    const Report::Step list(report, "listeners");
    const Report::Step item(report, i);
    if (listener.hostnames.empty() && !take("")) {
      report.add(by_protocol ? "takes a protocol of a port, as an earlier listener does"
                             : "takes all hosts of a port, as an earlier listener does");
    }
    for (std::size_t j = 0; j < listener.hostnames.size(); ++j) {
      if (listener.hostnames[j].empty() || take(to_lower(listener.hostnames[j]))) continue;
      const Report::Step field(report, "hostnames");
      const Report::Step hostname(report, j);
      report.add(by_protocol ? "is there twice for the same port and protocol"
                             : "is there twice for the same port");
    }
  }
}

}  // namespace

const Route* route_with_sign_in(const LoadBalancerSpec& spec) {
  const auto found =
      std::ranges::find_if(spec.routes, [](const Route& route) { return route.sign_in.has_value(); });
  return found == spec.routes.end() ? nullptr : &*found;
}

void Schema<LoadBalancerSpec>::validate(const LoadBalancerSpec& spec, Report& report) {
  check_protocols(spec, report);
  check_sign_ins(spec, report);
  std::set<std::string, std::less<>> matches;
  for (std::size_t i = 0; i < spec.routes.size(); ++i) {
    if (matches.insert(canonical_match(spec.routes[i].match)).second) continue;
    const Report::Step list(report, "routes");
    const Report::Step item(report, i);
    const Report::Step match(report, "match");
    report.add("is taken by an earlier route, which would get every request");
  }
  check_hosts(spec, report);
}

void Schema<RolloutSpec>::validate(const RolloutSpec& spec, Report& report) {
  if (spec.changes.empty() && spec.deletions.empty()) report.add("needs changes or deletions");
  for (std::size_t i = 0; i < spec.deletions.size(); ++i) {
    const auto* kind = find_kind(spec.deletions[i].kind);
    if (kind != nullptr && is_rolled_out(kind->kind)) continue;
    const Report::Step list(report, "deletions");
    const Report::Step item(report, i);
    const Report::Step field(report, "kind");
    report.add(std::string(kRolledOutKinds));
  }
  if (spec.changes.empty()) return;
  const Report::Step field(report, "changes");
  const auto objects = parse_objects(spec.changes, Origin::kClient);
  if (!objects) {
    for (const Violation& one : objects.error()) {
      report.add(one.object + (one.object.empty() ? "" : ": ") + one.field + ' ' + one.message);
    }
    return;
  }
  if (objects->size() > kRolloutObjectsMax) {
    report.add("must have at most " + std::to_string(kRolloutObjectsMax) + " objects");
  }
  for (const Object& object : *objects) {
    if (!is_rolled_out(object.kind())) {
      report.add(reference_of(object) + ": " + std::string(kRolledOutKinds));
    }
    const bool deleted = std::ranges::any_of(spec.deletions, [&object](const DeletedObject& one) {
      return reference_of(object) == one.kind + '/' + one.name;
    });
    if (deleted) report.add(reference_of(object) + ": is to be deleted, too");
  }
}

}  // namespace weir::config
