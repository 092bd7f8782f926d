// Precondition: what a client expects the object to be (RFC 9110 section 13): If-Match and If-None-Match. The
// entity tag of an object is its revision, "17". Its status, which moves by itself, is not part of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "http/fields.h"
#include "store/store.h"

namespace weir::api {

struct Precondition {
  bool match_given = false;  // If-Match is there
  bool match_any = false;    // If-Match: *
  std::vector<store::Revision> match;
  bool only_new = false;  // If-None-Match: *

  bool met_by(store::Revision revision) const;
};

Answer<Precondition> precondition_of(const http::Fields& fields);

std::string entity_tag(store::Revision revision);
// If-None-Match of a read: true when the client has this already (weak comparison).
bool none_match_has(const http::Fields& fields, std::string_view tag);

}  // namespace weir::api
