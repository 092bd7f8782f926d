// Tenancy: what holds between organizations and what is theirs, and can't be seen in one object: whose a new
// object may be, and how many of a kind one has. Pure; on any core. References, host names and zones across
// organizations are config::Whole's.
#pragma once

#include <span>
#include <string>

#include "config/violation.h"
#include "config/whole.h"

namespace weir::mirror {

// What is wrong with whose the written objects are, and with what an organization's may not be.
config::Violations check_organizations(const config::Whole& objects,
                                       std::span<const config::ObjectChange> changes);
// What deleted organizations still would have, in the words of a deletion.
config::Violations check_emptied(const config::Whole& objects, std::span<const config::ObjectChange> changes);
// Which quota would be exceeded, in a sentence; empty: none.
std::string exceeded_quota(const config::Whole& objects, std::span<const config::ObjectChange> changes);
// Whether any of it is an organization's, or is one.
bool concerns_organizations(std::span<const config::ObjectChange> changes);

}  // namespace weir::mirror
