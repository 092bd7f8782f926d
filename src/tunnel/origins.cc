#include "tunnel/origins.h"

#include <utility>

#include "auth/origin.h"

namespace weir::tunnel {
namespace {

using ServicePointer = std::shared_ptr<const config::Service>;

template <class Visit>
void each_origin(const ServicePointer& service, const Visit& visit) {
  if (!service) return;
  for (const config::Endpoint& endpoint : service->endpoints) {
    if (endpoint.tunnels.empty()) continue;
    visit(auth::origin_address(service->name, endpoint.address.host), endpoint);
  }
}

}  // namespace

void Origins::apply(const config::SnapshotPointer& snapshot) {
  static const config::Snapshot kNone;
  std::vector<net::Address> gone;
  std::vector<std::pair<net::Address, Place>> come;
  config::each_difference(
      (snapshot_ ? *snapshot_ : kNone).services, snapshot->services,
      [&](const ServicePointer& before, const ServicePointer& after) {
        each_origin(before, [&](const net::Address& origin, const auto&) { gone.push_back(origin); });
        each_origin(after, [&](const net::Address& origin, const config::Endpoint& endpoint) {
          come.emplace_back(origin, Place{after, &endpoint});
        });
      });
  {
    const std::lock_guard lock(mutex_);
    for (const net::Address& origin : gone) places_.erase(origin);
    for (auto& [origin, place] : come) places_.insert_or_assign(origin, std::move(place));
  }
  snapshot_ = snapshot;
}

std::optional<Origins::Place> Origins::find(const net::Address& origin) const {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(origin);
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

}  // namespace weir::tunnel
