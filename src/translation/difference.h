// Difference: what has become of a resource of Envoy's API, field by field, for people. Secrets are never in
// it. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/object.h"
#include "xds/resource.h"

namespace weir::translation {

// Elements of lists are known by their names, where all have one: "virtual_hosts[web.example].domains[0]".
std::vector<config::Change> difference(const xds::Resource& before, const xds::Resource& after);
// All of a resource, as JSON. "{}": it is not readable.
std::string shown(const xds::Resource& resource);

}  // namespace weir::translation
