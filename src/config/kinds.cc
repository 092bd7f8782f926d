#include "config/kinds.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "base/text.h"

namespace weir::config {

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

const void* spec_of(const Object& object) {
  return std::visit([](const auto& spec) -> const void* { return &spec; }, object.spec);
}

void* spec_of(Object& object) {
  return std::visit([](auto& spec) -> void* { return &spec; }, object.spec);
}

void Schema<HealthCheck>::validate(const HealthCheck& check, Report& report) {
  if (check.http && check.tcp) report.add("has both http and tcp; keep one of them");
  if (!check.http && !check.tcp) report.add("needs http or tcp; the shortest are http: {} and tcp: {}");
}

void Schema<ServiceSpec>::validate(const ServiceSpec& spec, Report& report) {
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

void Schema<Route>::validate(const Route& route, Report& report) {
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

void Schema<LoadBalancerSpec>::validate(const LoadBalancerSpec& spec, Report& report) {
  std::set<std::string, std::less<>> prefixes;
  for (std::size_t i = 0; i < spec.routes.size(); ++i) {
    if (prefixes.emplace(normal_prefix(spec.routes[i].match.path_prefix)).second) continue;
    const Report::Step list(report, "routes");
    const Report::Step item(report, i);
    const Report::Step match(report, "match");
    const Report::Step field(report, "path_prefix");
    report.add("is taken by an earlier route, which would get every request");
  }
  std::set<std::pair<std::string, std::uint32_t>> hosts;  // with the port, 0 for the shared one
  for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
    const Listener& listener = spec.listeners[i];
    if (listener.port == 0U) continue;  // was refused when it was read
    const std::uint32_t port = listener.port.value_or(0);
    const Report::Step list(report, "listeners");
    const Report::Step item(report, i);
    if (listener.hostnames.empty() && !hosts.emplace("", port).second) {
      report.add("takes all hosts of a port, as an earlier listener does");
    }
    for (std::size_t j = 0; j < listener.hostnames.size(); ++j) {
      if (listener.hostnames[j].empty() || hosts.emplace(to_lower(listener.hostnames[j]), port).second)
        continue;
      const Report::Step field(report, "hostnames");
      const Report::Step hostname(report, j);
      report.add("is there twice for the same port");
    }
  }
}

}  // namespace weir::config
