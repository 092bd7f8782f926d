// By which a node knows its containers and volumes among all that podman has: what lacks them is not touched.
#pragma once

#include <string>
#include <string_view>

#include "podman/values.h"

namespace weir::node {

inline constexpr std::string_view kNodeLabel = "weir.node";
inline constexpr std::string_view kInstanceLabel = "weir.instance";
inline constexpr std::string_view kContainerLabel = "weir.container";  // its name within the instance
inline constexpr std::string_view kDigestLabel = "weir.digest";        // of the instance (digest_of)
inline constexpr std::string_view kVersionLabel = "weir.version";      // of what controllers assigned
inline constexpr std::string_view kInitLabel = "weir.init";            // it runs before the others

inline podman::Labels labels_of_node(std::string_view node) {
  return {{std::string(kNodeLabel), std::string(node)}};
}
inline podman::Labels labels_of_instance(std::string_view node, std::string_view instance) {
  podman::Labels labels = labels_of_node(node);
  labels.emplace(kInstanceLabel, instance);
  return labels;
}
// Empty: it has none of that name.
inline std::string label_of(const podman::Labels& labels, std::string_view key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}
// Podman's names of containers and volumes: the parts are DNS labels and so have no dot.
inline std::string joined_name(std::string_view instance, std::string_view part) {
  return std::string(instance) + '.' + std::string(part);
}
inline std::string_view instance_of(std::string_view joined) { return joined.substr(0, joined.find('.')); }

}  // namespace weir::node
