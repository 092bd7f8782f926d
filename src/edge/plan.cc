#include "edge/plan.h"

#include <algorithm>
#include <utility>

namespace weir::edge {
namespace {

// Whether routes that lead to places of one list lead to the same services in the other.
bool same_places(const Plan& one, const Plan& other) {
  return std::ranges::equal(one.services, other.services, [](const auto& left, const auto& right) {
    return left == right || left->name == right->name;
  });
}

std::shared_ptr<const Router> make_router(const Plan& plan, const Plan* previous,
                                          const filter::Common& common) {
  const config::Snapshot& snapshot = *plan.snapshot;
  if (previous != nullptr && previous->snapshot->load_balancers == snapshot.load_balancers &&
      previous->snapshot->secrets == snapshot.secrets && previous->shared_ports == plan.shared_ports &&
      same_places(*previous, plan)) {
    return previous->router;
  }
  Router::ServicePlaces places;
  for (const auto& service : plan.services) {
    places.emplace(service->name, static_cast<std::uint32_t>(places.size()));
  }
  return std::make_shared<const Router>(
      snapshot, places, common, previous == nullptr ? nullptr : previous->router.get(), plan.shared_ports);
}

}  // namespace

PlanPointer build_plan(const config::SnapshotPointer& snapshot, const upstream::ResolvedNames& names,
                       const Plan* previous, const filter::Common& common, Ports& ports, net::Env& env,
                       const auth::Digest& cookie_key) {
  auto plan = std::make_shared<Plan>();
  plan->snapshot = snapshot;
  plan->cookie_key = cookie_key;
  const bool same_key = previous != nullptr && previous->cookie_key == cookie_key;
  plan->shared_ports = ports.shared();
  plan->services.reserve(snapshot->services.size());
  const config::NamedList<upstream::PlannedService> none;
  const auto& before = previous == nullptr ? none : previous->services;  // both are in order
  auto old = before.begin();
  for (const auto& service : snapshot->services) {
    while (old != before.end() && (*old)->name < service->name) ++old;
    const bool known = old != before.end() && (*old)->name == service->name;
    plan->services.push_back(
        upstream::plan_service(service, names, known ? *old : nullptr, *snapshot, cookie_key, same_key, env));
  }
  plan->router = make_router(*plan, previous, common);
  plan->ports = ports.plan(snapshot, common);
  return plan;
}

}  // namespace weir::edge
