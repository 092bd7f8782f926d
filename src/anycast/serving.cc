#include "anycast/serving.h"

#include <algorithm>

namespace weir::anycast {
namespace {

// A service for anycast that the route leads to; null: there is none.
const config::Service* anycast_service(const config::Snapshot& snapshot, const config::Route& route) {
  for (const config::Backend& backend : route.backends) {
    const config::Service* service = backend.weight > 0 ? snapshot.find_service(backend.service) : nullptr;
    if (service != nullptr && service->anycast) return service;
  }
  return nullptr;
}

bool is_served(const config::Snapshot& snapshot, const config::Route& route, const Serves& serves) {
  if (route.backends.empty()) return true;  // it answers by itself
  const bool near = anycast_service(snapshot, route) != nullptr;
  return std::ranges::any_of(route.backends, [&](const config::Backend& backend) {
    if (backend.weight == 0) return false;
    if (!near) return serves(backend.service, Where::kAnywhere);
    const config::Service* service = snapshot.find_service(backend.service);
    return service != nullptr && service->anycast && serves(backend.service, Where::kNear);
  });
}

// Whose clients do better to go to another edge; null: nobody's.
const config::Service* missing_near(const config::Snapshot& snapshot, const config::LoadBalancer& balancer,
                                    const Serves& serves) {
  for (const config::Route& route : balancer.spec.routes) {
    const config::Service* service = anycast_service(snapshot, route);
    if (service != nullptr && !is_served(snapshot, route, serves)) return service;
  }
  return nullptr;
}

}  // namespace

std::string why_not_served(const config::Snapshot* snapshot, std::string_view balancer, Share share,
                           const Serves& serves) {
  if (snapshot == nullptr) return "this edge has no configuration yet";
  const auto serves_route = [&](const config::Route& route) { return is_served(*snapshot, route, serves); };
  bool any = false;
  const config::Service* missing = nullptr;
  for (const auto& one : snapshot->load_balancers) {
    if (!balancer.empty() && one->name != balancer) continue;
    any = true;
    if (share == Share::kAll) {
      if (std::ranges::all_of(one->spec.routes, serves_route)) continue;
      return "no endpoint of a route of " + one->name + " can be used yet";
    }
    const config::Service* service = missing_near(*snapshot, *one, serves);
    if (service == nullptr && std::ranges::any_of(one->spec.routes, serves_route)) return {};
    if (missing == nullptr) missing = service;
  }
  if (any && share == Share::kAll) return {};
  const std::string name = balancer.empty() ? "" : " \"" + std::string(balancer) + "\"";
  if (!any) return "this edge has no load balancer" + name;
  if (missing != nullptr) return "no endpoint of " + missing->name + " in this edge's region can be used";
  return "no endpoint of the load balancer" + (balancer.empty() ? "s" : name) + " can be used";
}

}  // namespace weir::anycast
