// Resources of a control plane that nobody vouches for: never a crash; what is refused says why; what is
// taken makes a Snapshot that can be said in Envoy's API again. The first byte chooses the type.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "translation/foreign.h"
#include "translation/translator.h"

namespace {

using namespace weir::translation;

std::vector<ObjectName> all_of(const weir::config::Snapshot& snapshot) {
  std::vector<ObjectName> names;
  for (const auto& one : snapshot.services) names.push_back({weir::config::Kind::kService, one->name});
  for (const auto& one : snapshot.load_balancers) {
    names.push_back({weir::config::Kind::kLoadBalancer, one->name});
  }
  return names;
}

// A listener on port 8080 with the routes "r": what virtual hosts need in order to become load balancers.
std::string listener_of_routes() {
  weir::config::Snapshot snapshot;
  weir::config::LoadBalancer balancer{.name = "l", .spec = {}};
  balancer.spec.listeners.emplace_back().port = 8080;
  balancer.spec.routes.emplace_back().respond.emplace();
  const weir::config::LoadBalancer* const one = &balancer;
  return to_envoy(8080, std::span(&one, 1), snapshot, {}).resources.front()->body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string listener = listener_of_routes();
  if (size == 0) return 0;
  const auto type = static_cast<weir::xds::Type>(data[0] % 5);
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  Foreign foreign;
  WEIR_CHECK(!foreign.put(weir::xds::Type::kListener, "l", listener).has_value());
  const std::string name = type == weir::xds::Type::kRoutes ? "port-8080" : "fuzzed";
  if (const auto refused = foreign.put(type, name, body)) {
    WEIR_CHECK(!refused->empty());
    return 0;
  }
  (void)foreign.wanted(weir::xds::Type::kSecret);
  const auto snapshot = foreign.snapshot(1);
  const auto names = all_of(*snapshot);
  Translator one({});
  Translator other({});
  (void)one.update(*snapshot, names);
  (void)other.update(*snapshot, names);
  WEIR_CHECK(one.resources().size() == other.resources().size());
  for (const auto& [key, resource] : one.resources()) {
    WEIR_CHECK(other.resources().at(key)->version == resource->version);
  }
  return 0;
}
