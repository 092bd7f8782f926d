// Foresight: what changes to the objects would come to at each edge that is attached, before they are made,
// as JSON for whoever plans them. Bounded: edges that would see the same are one group, and what is cut off
// is counted. Secrets are not in it.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "config/whole.h"
#include "controller/views.h"
#include "xds/discovery.h"

namespace weir::controller {

// --- of the text; beyond them things are counted only
inline constexpr std::size_t kForeseenBytesMax = std::size_t{256} << 10U;  // of the differences, together
inline constexpr std::size_t kForeseenEdgesNamed = 20;                     // of each group
inline constexpr std::size_t kForeseenValueBytesMax = 2000;                // each

// [{"edges": ["fra-1"], "count": 1, "data_plane": "envoy", "resources": [{"type": "endpoints", "name": "web",
//   "result": "updated", "diff": [{"field", "before", "after"}]}], "more": 0}]
// before and after: JSON as text, cut where it is long; a resource that is created or deleted has no diff.
std::string foreseen(Views& views, std::span<const xds::Node> nodes,
                     std::span<const config::ObjectChange> changes);

}  // namespace weir::controller
