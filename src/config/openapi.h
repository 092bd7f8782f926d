// OpenAPI: the description of the API (OpenAPI 3.1), written from the tables of kinds.h. What is the same for
// every kind is described once here. Pure functions; the cold path.
#pragma once

#include <string>
#include <string_view>

namespace weir::config {

// JSON, indented, with a newline at its end. version: of the program.
std::string openapi(std::string_view version);

}  // namespace weir::config
