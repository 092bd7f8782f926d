// The path /v1/metrics, as openapi() describes it. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace weir::reference {

nlohmann::ordered_json graphs_path();

}  // namespace weir::reference
