// Telling: what a node is told of the objects that there are: the Instances that are on it, with the values
// of Secrets that their variables name, and the credentials that their images are pulled with. Pure.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>

#include "config/object.h"
#include "config/whole.h"
#include "nodelink/values.h"

namespace weir::nodelink {

// Whose an Instance's room is, apart from everybody else's: its organization's, "organization.acme", or the
// User's whose label it has.
std::string tenant_of(const config::Object& object);

// All that the node of that name is to run; with that revision.
Assignment assignment_of(const config::Whole& objects, std::string_view node, std::uint64_t revision);

// Why its node can't start the Instance, or is not told of it at all, in a sentence; empty: it is told, and
// can.
std::string why_not_told(const config::Whole& objects, const config::Object& instance);

// The nodes whose assignments these changes may change.
std::set<std::string, std::less<>> nodes_touched(const config::Whole& objects,
                                                 std::span<const config::ObjectChange> changes);

}  // namespace weir::nodelink
