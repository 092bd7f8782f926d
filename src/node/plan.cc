#include "node/plan.h"

#include <algorithm>

#include "isolation/networks.h"
#include "node/labels.h"

namespace weir::node {
namespace {

podman::ContainerSpec spec_of(const Instance& instance, const Container& container, podman::Labels labels) {
  podman::ContainerSpec spec{.name = joined_name(instance.name, container.name),
                             .image = container.image,
                             .entrypoint = container.command,
                             .command = container.args,
                             .env = {},
                             .host_name = instance.name,
                             .user = container.security.user,
                             .network_of = {},
                             .network = isolation::network_of(instance.owner),
                             .labels = std::move(labels),
                             .ports = {},
                             .mounts = {},
                             .capabilities = container.security.capabilities,
                             .read_only_root = container.security.read_only_root,
                             .cpu_milli = config::parse_cpu(container.resources.cpu).value_or(0),
                             .memory_bytes = config::parse_memory(container.resources.memory).value_or(0),
                             .pids_max = container.resources.pids,
                             .log_bytes_max = kLogBytesMax};
  spec.labels.emplace(kContainerLabel, container.name);
  spec.stop_seconds =
      static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(instance.stop_grace).count());
  for (const EnvVariable& one : container.env) spec.env.emplace_back(one.name, one.value);
  for (const VolumeMount& one : container.volume_mounts) {
    spec.mounts.push_back({joined_name(instance.name, one.volume), one.path, one.read_only});
  }
  return spec;
}

}  // namespace

Plan plan_of(const Instance& instance, std::string_view node) {
  Plan plan;
  plan.network = isolation::network_of(instance.owner);
  podman::Labels labels = labels_of_instance(node, instance.name);
  labels.emplace(kDigestLabel, digest_of(instance));
  if (!instance.version.empty()) labels.emplace(kVersionLabel, instance.version);
  for (const Container& container : instance.containers) {
    plan.containers.push_back(spec_of(instance, container, labels));
    if (plan.containers.size() > 1) plan.containers.back().network_of = plan.containers.front().name;
    for (const ContainerPort& port : container.ports) {
      if (port.host_port == 0) continue;
      plan.containers.front().ports.push_back({static_cast<std::uint16_t>(port.port),
                                               static_cast<std::uint16_t>(port.host_port), port.host_address,
                                               port.protocol == Transport::kUdp});
    }
  }
  labels.emplace(kInitLabel, "true");
  for (const Container& container : instance.init_containers) {
    plan.init.push_back(spec_of(instance, container, labels));
  }
  for (const std::string& volume : instance.volumes) {
    plan.volumes.push_back(joined_name(instance.name, volume));
  }
  return plan;
}

Life::Wanted wanted_of(const Instance& instance) {
  const auto any = [&](const std::optional<Probe> Container::* probe) {
    return std::ranges::any_of(instance.containers,
                               [probe](const Container& one) { return (one.*probe).has_value(); });
  };
  return {.digest = digest_of(instance),
          .containers = instance.containers.size(),
          .drain = instance.drain,
          .probed = any(&Container::readiness_probe),
          .slow = any(&Container::startup_probe)};
}

}  // namespace weir::node
