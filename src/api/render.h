// Render: answers as JSON text. Pure functions. A secret is in the text only where it was just made.
#pragma once

#include <string>
#include <string_view>

#include "api/objects.h"
#include "api/writer.h"

namespace weir::api {

// {"items": [...], "revision": 42, "continue": "..."}
std::string list_json(const Listing& listing);

// The object as it stands after the write; with "secret" when one was made for it.
std::string object_json(const Planned& planned, const StatusSource& status);

// {"revision": 42, "results": [{"kind", "name", "result", "revision", "diff"?, "object"?, "secret"?}]}.
// Of a dry run: with "dry_run": true, the diff of what would be updated and the object that would be created.
// edges: JSON, what of it edges would see; empty: nobody asked.
std::string results_json(const Written& written, std::string_view edges = {});

// Takes out of an answer of /v1/explain what is not there for who asks. False: nothing is left.
bool leave_theirs(const mirror::Sight& sight, const config::Whole& objects, std::string& explained);

// What this is and where things are.
std::string front_json(std::string_view version);
// GET /v1
std::string kinds_json();

}  // namespace weir::api
