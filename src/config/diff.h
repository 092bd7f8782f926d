// Diff: what a change would do, field by field, for plan, dry run and the audit. Secrets are never in it.
#pragma once

#include <string>
#include <vector>

#include "config/object.h"

namespace weir::config {

struct Change {
  std::string path;    // "spec.endpoints[1].weight"
  std::string before;  // JSON; empty: not there
  std::string after;
  friend bool operator==(const Change&, const Change&) = default;
};

// Between two states of one object (the same kind). What the server sets (revision, times, status) is left
// out.
std::vector<Change> diff(const Object& before, const Object& after);

}  // namespace weir::config
