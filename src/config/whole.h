// The whole: what holds between objects and can't be seen in one of them: references, and who claims which
// host. Pure functions over all objects as they would be after a change.
#pragma once

#include <span>
#include <string_view>

#include "config/object.h"
#include "config/violation.h"

namespace weir::config {

// All violations at once, each with its object. Of two objects that claim the same, the later one in the list
// has the violation: put what was there before first.
Violations validate_whole(std::span<const Object* const> objects);

// Who of the objects refers to one that is about to go: nothing may. Says so in the words of a deletion.
Violations validate_deletion(Kind kind, std::string_view name, std::span<const Object* const> objects);

}  // namespace weir::config
