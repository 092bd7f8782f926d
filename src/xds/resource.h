// Resource: one thing that discovery sends, serialised once and shared by all streams. Immutable, so any core
// may read it. Its version is made of its content alone: two servers that say the same give it the same one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace google::protobuf {
class MessageLite;
}

namespace weir::xds {

// In the order in which additions are sent, so that nothing is named before it is known; removals go the
// other way. kObject and kHealth are for weir's own edges.
enum class Type : std::uint8_t { kCluster, kEndpoints, kListener, kRoutes, kSecret, kObject, kHealth };

struct TypeInfo {
  Type type;
  std::string_view url;   // of google.protobuf.Any
  std::string_view word;  // for people and metrics
  // State of the world: a response has all there is, so what is missing in it is gone. The others' responses
  // may be a part, and say nothing of what is gone.
  bool whole;
  // Who never names any resource on a stream gets all of them.
  bool all_unless_named;
};

inline constexpr std::array kTypes{
    TypeInfo{Type::kCluster, "type.googleapis.com/envoy.config.cluster.v3.Cluster", "cluster", true, true},
    TypeInfo{Type::kEndpoints, "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
             "endpoints", false, false},
    TypeInfo{Type::kListener, "type.googleapis.com/envoy.config.listener.v3.Listener", "listener", true,
             true},
    TypeInfo{Type::kRoutes, "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "routes", false,
             false},
    TypeInfo{Type::kSecret, "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "secret",
             false, false},
    TypeInfo{Type::kObject, "type.googleapis.com/weir.v1.Object", "object", true, true},
    TypeInfo{Type::kHealth, "type.googleapis.com/weir.v1.ServiceHealth", "health", true, true},
};

constexpr const TypeInfo& info_of(Type type) { return kTypes[static_cast<std::size_t>(type)]; }
const TypeInfo* find_type(std::string_view url);  // null: not one of ours

// Of kObject: the resource that ends a whole. It is sent after every other change of its type.
inline constexpr std::string_view kRevisionName = "revision";

struct Resource {
  Type type{};
  std::string name;
  std::string version;  // 16 hex digits of a hash of body
  std::string body;     // the serialised message: Any.value
  std::string object;   // "services/web": what caused it, for who is told of a refusal
};
using ResourcePtr = std::shared_ptr<const Resource>;

struct Change {
  Type type{};
  std::string name;
  ResourcePtr resource;  // null: it is gone
};

ResourcePtr make_resource(Type type, std::string name, std::string body, std::string object);

// Equal messages give equal bytes, which protobuf alone doesn't promise of maps.
std::string serialize(const google::protobuf::MessageLite& message);

}  // namespace weir::xds
