#include "upstream/planned_service.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "auth/origin.h"
#include "lb/hash.h"

namespace weir::upstream {
namespace {

using HostsByKey = std::unordered_map<std::string_view, std::shared_ptr<SharedHost>>;

// What is known of a host stays known when it gets, loses or changes its address of the other family.
void take_verdicts(SharedHost& host, const SharedHost& before) {
  host.health.store(before.health.load(std::memory_order_relaxed), std::memory_order_relaxed);
  host.condemned.store(before.condemned.load(std::memory_order_relaxed), std::memory_order_relaxed);
  host.serving_since.store(before.serving_since.load(std::memory_order_relaxed), std::memory_order_relaxed);
  host.health_since = before.health_since;
  host.health_reason = before.health_reason;
  host.condemned_since = before.condemned_since;
}

std::shared_ptr<SharedHost> shared_host(const HostsByKey& previous, std::string key, std::string name,
                                        const net::Address& address, const std::optional<net::Address>& other,
                                        const net::Loop& loop) {
  const auto found = previous.find(key);
  if (found != previous.end() && found->second->other == other) return found->second;
  auto host = std::make_shared<SharedHost>();
  host->key = std::move(key);
  host->address = address;
  host->other = other;
  host->name = std::move(name);
  host->serving_since.store(loop.now(), std::memory_order_relaxed);
  host->health_since = loop.clock().wall_now();
  if (found != previous.end()) take_verdicts(*host, *found->second);
  return host;
}

// An endpoint given as a name becomes a host for each of its addresses, each with the endpoint's weight.
// Where it has both families they are taken for two ways to the same machines: a host has one of each.
void add_hosts(std::string_view service, const config::Endpoint& endpoint, const ResolvedNames& names,
               const HostsByKey& previous, const net::Loop& loop, std::vector<PlannedHost>& hosts) {
  const auto add = [&](std::string key, const net::Address& address, std::uint64_t id,
                       const std::optional<net::Address>& other = {}) {
    hosts.push_back(
        {.shared = shared_host(previous, std::move(key), endpoint.address.host, address, other, loop),
         .id = id,
         .weight = endpoint.weight,
         .priority = endpoint.priority,
         .zone = zone_number(endpoint.zone)});
  };
  if (endpoint.address.family == config::Address::Family::kTunnel) {
    add(endpoint.key, auth::origin_address(service, endpoint.address.host), endpoint.id);
    for (const config::TunnelEnd& end : endpoint.tunnels) {
      hosts.back().sessions += std::hash<std::string>()(end.edge + '/' + end.session);
    }
    return;
  }
  if (endpoint.address.family != config::Address::Family::kName) {
    if (const auto address = net::Address::parse_ip(endpoint.address.host, endpoint.address.port)) {
      add(endpoint.key, *address, endpoint.id);
    }
    return;
  }
  const auto resolved = names.find(endpoint.key);
  if (resolved == names.end()) return;
  std::array<std::vector<net::Address>, 2> families;  // IPv4, IPv6
  for (const net::Address& address : resolved->second)
    families.at(address.is_v6() ? 1 : 0).push_back(address);
  for (std::size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i) {
    const bool is_v6 = i >= families[0].size();
    const net::Address& address = families.at(is_v6 ? 1 : 0)[i];
    const std::vector<net::Address>& others = families.at(is_v6 ? 0 : 1);
    const std::string text = address.to_string();
    add(endpoint.key + "/" + text, address, endpoint.id ^ std::hash<std::string>()(text),
        others.empty() ? std::nullopt : std::optional(others[i % others.size()]));
  }
}

// Made here, on the control loop, as it may take milliseconds; the same one as before while nothing that it
// depends on has changed.
lb::HashTablePointer hash_table(const PlannedService& service, const PlannedService* previous) {
  const lb::PolicyKind& kind = lb::kPolicies[static_cast<std::size_t>(service.spec.balance)];
  if (kind.make_table == nullptr) return nullptr;
  if (previous != nullptr && previous->spec.balance == service.spec.balance &&
      previous->hosts == service.hosts) {
    return previous->table;
  }
  std::vector<lb::Host> hosts;
  for (const PlannedHost& host : service.hosts) {
    hosts.push_back(
        {.id = host.id, .index = static_cast<std::uint32_t>(hosts.size()), .weight = host.weight});
  }
  return kind.make_table(hosts);
}

Result<std::shared_ptr<tls::ClientContext>> client_context(const PlannedService& service) {
  const config::UpstreamTls& spec = *service.spec.tls;
  tls::ClientOptions options;
  switch (service.spec.protocol) {
    case config::Protocol::kHttp: options.protocols = {"http/1.1"}; break;
    case config::Protocol::kHttp2: options.protocols = {"h2"}; break;
    case config::Protocol::kTcp: options.protocols = spec.alpn; break;
  }
  if (!spec.insecure_skip_verify) {
    auto authorities = spec.ca.empty() ? tls::TrustStore::system() : tls::TrustStore::parse(spec.ca);
    if (!authorities) return fail(authorities.error());
    options.authorities = std::move(*authorities);
  }
  if (service.tls_shown) {
    auto shown =
        tls::Certificate::load(service.tls_shown->spec.certificate, service.tls_shown->spec.private_key);
    if (!shown) return fail(shown.error());
    options.certificate = std::move(*shown);
  }
  return tls::ClientContext::create(std::move(options));
}

void set_tls(PlannedService& service, const PlannedService* previous, Log& log) {
  if (!service.spec.tls) return;
  if (previous != nullptr && previous->tls && previous->spec.tls == service.spec.tls &&
      previous->spec.protocol == service.spec.protocol && previous->tls_shown == service.tls_shown) {
    service.tls = previous->tls;
    return;
  }
  auto context = client_context(service);
  service.tls_failed = !context;
  if (context) {
    service.tls = std::move(*context);
  } else {
    log.error("no TLS to the endpoints of a service",
              {{"service", service.name}, {"reason", context.error().text}});
  }
}

// Sticky cookies tell of an endpoint without its address, which is nobody's business outside, and can't be
// tried out by whoever has no key. A cookie of one service means nothing to another.
void name_for_cookies(PlannedService& service, const auth::Digest& key) {
  if (!service.spec.sticky) return;
  service.sticky_name = service.spec.sticky->name;
  if (service.sticky_name.empty())
    service.sticky_name.append(config::kStickyCookiePrefix).append(service.name);
  for (PlannedHost& host : service.hosts) {
    const auth::Digest digest = auth::hmac_sha256(
        key, {auth::bytes_of(service.name), auth::bytes_of("/"), auth::bytes_of(host.shared->key)});
    std::memcpy(&host.cookie, digest.data(), sizeof host.cookie);
  }
}

}  // namespace

PlannedServicePointer plan_service(const std::shared_ptr<const config::Service>& service,
                                   const ResolvedNames& names, const PlannedServicePointer& previous,
                                   const config::Snapshot& snapshot, const auth::Digest& cookie_key,
                                   bool same_key, net::Env& env) {
  const auto shown = service->spec.tls ? snapshot.find_certificate(service->spec.tls->certificate) : nullptr;
  if (previous && previous->source == service && !previous->by_name && previous->tls_shown == shown &&
      (same_key || !service->spec.sticky)) {
    return previous;
  }
  HostsByKey kept;
  if (previous) {
    for (const PlannedHost& host : previous->hosts) kept.emplace(host.shared->key, host.shared);
  }
  auto planned = std::make_shared<PlannedService>(service);
  for (const config::Endpoint& endpoint : service->endpoints) {
    planned->by_name |= endpoint.address.family == config::Address::Family::kName;
    add_hosts(service->name, endpoint, names, kept, env.loop, planned->hosts);
  }
  name_for_cookies(*planned, cookie_key);
  planned->shared = previous ? previous->shared : std::make_shared<SharedService>();
  // Endpoints that served without a check go on until the new check has a verdict.
  if (previous && !previous->spec.health_check && planned->spec.health_check) {
    for (const auto& [key, host] : kept) host->health.store(lb::Health::kHealthy, std::memory_order_relaxed);
  }
  planned->tls_shown = shown;
  const bool same = previous && previous->spec == planned->spec && previous->hosts == planned->hosts;
  if (same && previous->tls_shown == planned->tls_shown) return previous;
  set_tls(*planned, previous.get(), env.log);
  planned->table = hash_table(*planned, previous.get());
  return planned;
}

lb::OutlierSettings outlier_settings(const config::OutlierDetection& spec) {
  return {
      .consecutive_5xx = spec.consecutive_5xx,
      .consecutive_local = spec.consecutive_failures,
      .interval = spec.interval,
      .ejection = spec.ejection_time,
      .ejection_max = spec.ejection_time_max,
      .ejected_percent_max = spec.ejected_percent_max,
      .success_rate_stdev_factor = spec.success_rate ? lb::OutlierSettings().success_rate_stdev_factor : 0};
}

std::uint32_t zone_number(std::string_view name) {
  if (name.empty()) return 0;
  return static_cast<std::uint32_t>(lb::hash_bytes(name)) | 1U;
}

}  // namespace weir::upstream
