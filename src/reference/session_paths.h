// What of the API's description is about logging in, by the paths themselves: no kind is behind them. Pure.
#pragma once

#include <string_view>

namespace weir::reference {

// A JSON object: the paths of OpenAPI's document that are about sessions.
std::string_view session_paths();
// The same of the schemas that they refer to.
std::string_view session_schemas();

}  // namespace weir::reference
