// Said: what an edge tells controllers, made of what it finds and carries. Pure.
#pragma once

#include "edge/edge.h"
#include "report/report.h"

namespace weir::role {

report::EndpointSeen seen_of(const edge::Finding& finding);
// Since `before`, which becomes `now`.
report::Load load_since(const edge::Carried& now, edge::Carried& before);

}  // namespace weir::role
