#include "workload/endpoints.h"

#include <algorithm>
#include <utility>

#include "base/host_port.h"
#include "workload/views.h"

namespace weir::workload {

std::vector<WantedEndpoint> endpoints_of(const config::Object& instance, const config::NodeSpec& node) {
  const auto& spec = std::get<config::InstanceSpec>(instance.spec);
  std::vector<const config::ContainerPort*> ports;
  for (const config::Container& container : spec.containers) {
    for (const config::ContainerPort& port : container.ports) {
      if (!port.service.empty() && port.protocol == config::Transport::kTcp) ports.push_back(&port);
    }
  }
  std::vector<WantedEndpoint> all;
  for (const config::ContainerPort* port : ports) {
    const std::string& name = instance.metadata.name;
    WantedEndpoint one{
        .name = ports.size() == 1 ? name : name + '-' + std::to_string(port->port),
        .spec = {.service = port->service, .address = with_port(node.address, port->host_port)}};
    one.spec.zone = node.region;
    one.spec.instance = name;
    all.push_back(std::move(one));
  }
  std::ranges::sort(all, {}, &WantedEndpoint::name);
  return all;
}

std::string refusal_of(const config::Object& instance, const config::Object* service,
                       std::string_view service_name) {
  const std::string name(service_name);
  if (service == nullptr) return "the service " + name + " is not there";
  if (service->metadata.organization != instance.metadata.organization) {
    return "the service " + name + " is not there";
  }
  const std::string_view owner = config::owner_of(*service);
  const std::string_view own = config::owner_of(instance);
  if (!owner.empty() && !own.empty() && owner != own) return "the service " + name + " is somebody else's";
  return {};
}

}  // namespace weir::workload
