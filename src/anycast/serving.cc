#include "anycast/serving.h"

#include <algorithm>

namespace weir::anycast {
namespace {

using Serves = std::function<bool(const std::string&)>;

bool is_served(const config::Route& route, const Serves& serves) {
  if (route.backends.empty()) return true;  // it answers by itself
  return std::ranges::any_of(route.backends, [&](const config::Backend& backend) {
    return backend.weight > 0 && serves(backend.service);
  });
}

bool is_served(const config::LoadBalancer& balancer, Share share, const Serves& serves) {
  const auto serves_route = [&](const config::Route& route) { return is_served(route, serves); };
  return share == Share::kAll ? std::ranges::all_of(balancer.spec.routes, serves_route)
                              : std::ranges::any_of(balancer.spec.routes, serves_route);
}

}  // namespace

std::string why_not_served(const config::Snapshot* snapshot, std::string_view balancer, Share share,
                           const Serves& serves) {
  if (snapshot == nullptr) return "this edge has no configuration yet";
  bool any = false;
  for (const auto& one : snapshot->load_balancers) {
    if (!balancer.empty() && one->name != balancer) continue;
    any = true;
    const bool served = is_served(*one, share, serves);
    if (served && share == Share::kAny) return {};
    if (!served && share == Share::kAll) return "no endpoint of a route of " + one->name + " can be used yet";
  }
  if (any && share == Share::kAll) return {};
  const std::string name = balancer.empty() ? "" : " \"" + std::string(balancer) + "\"";
  if (!any) return "this edge has no load balancer" + name;
  return "no endpoint of the load balancer" + (balancer.empty() ? "s" : name) + " can be used";
}

}  // namespace weir::anycast
