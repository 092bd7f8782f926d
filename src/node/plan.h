// What podman is asked for when an instance's containers are made. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "node/instance.h"
#include "node/life.h"
#include "podman/values.h"

namespace weir::node {

// What conmon keeps of each container's output; then it begins its file anew, so that what is kept is the end
// of it.
inline constexpr std::uint64_t kLogBytesMax = std::uint64_t{10} << 20U;

struct Plan {
  std::vector<podman::ContainerSpec> init;
  std::vector<podman::ContainerSpec> containers;  // the first has the network of all
  std::vector<std::string> volumes;
  std::string network;
};
// node: whose labels they get.
Plan plan_of(const Instance& instance, std::string_view node);

// What life is to make of it.
Life::Wanted wanted_of(const Instance& instance);

}  // namespace weir::node
