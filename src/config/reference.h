// Reference: what a person reads about the kinds, written from the tables: Markdown for the docs, plain text
// for `weir explain`. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "config/violation.h"

namespace weir::config {

// All kinds with all their fields, as Markdown.
std::string kind_reference();

// "service", "service.spec.health_check", "loadbalancers.spec.routes.match": what is there and below it. A
// path that leads nowhere is refused with the nearest field.
Checked<std::string> explain(std::string_view path);

}  // namespace weir::config
