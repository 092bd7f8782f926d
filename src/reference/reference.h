// Reference: what is written of the kinds from their tables: Markdown for the docs, plain text for
// `weir explain`, and the description of the API (OpenAPI 3.1). Pure functions; the cold path.
#pragma once

#include <string>
#include <string_view>

#include "config/violation.h"

namespace weir::reference {

// All kinds with all their fields, as Markdown.
std::string kind_reference();

// "service", "service.spec.health_check", "loadbalancers.spec.routes.match": what is there and below it. A
// path that leads nowhere is refused with the nearest field.
config::Checked<std::string> explain(std::string_view path);

// JSON, indented, with a newline at its end. version: of the program. What is the same for every kind is
// described once in openapi.cc.
std::string openapi(std::string_view version);

}  // namespace weir::reference
