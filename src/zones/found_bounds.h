// FoundBounds: whether what is found by DNS-SD still fits its sets of records after a write: a set that no
// message holds would have to be left out, so what would make it so large is refused where it is asked for.
// Counted is what may be in a set, whatever its health and weight are now. Pure.
#pragma once

#include <span>
#include <string_view>

#include "config/violation.h"
#include "config/whole.h"

namespace weir::zones {

// What is wrong with changes that make a set too large, or one that is too large already larger. domain: of
// the zone that they are found in, as "weir.example"; empty: there is none.
config::Violations check_found(const config::Whole& world, std::span<const config::ObjectChange> changes,
                               std::string_view domain);

}  // namespace weir::zones
