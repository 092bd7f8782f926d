// The part of the API's description that is about seeing things as they happen, over all kinds. A pure
// function.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace weir::reference {

// By path.
nlohmann::ordered_json live_paths();

}  // namespace weir::reference
