// Endpoints: what the services of an instance's ports are told of it while it is ready. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/object.h"
#include "config/specs.h"
#include "config/specs_workload.h"

namespace weir::workload {

struct WantedEndpoint {
  std::string name;
  config::EndpointSpec spec;
};
// Of the ports that have a service: the instance's name, or <instance>-<port> when there are several. By
// name.
std::vector<WantedEndpoint> endpoints_of(const config::Object& instance, const config::NodeSpec& node);

// Why the instance may not be an endpoint of the service; empty: it may. service: null: there is none.
std::string refusal_of(const config::Object& instance, const config::Object* service,
                       std::string_view service_name);

}  // namespace weir::workload
