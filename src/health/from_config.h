// A check as its configuration has it. Pure.
#pragma once

#include <string>

#include "config/specs.h"
#include "health/check.h"

namespace weir::health {

// authority: of the endpoint, where the configuration names none. The way there (transport) is the caller's.
Check check_of(const config::HealthCheck& spec, const std::string& authority);

}  // namespace weir::health
