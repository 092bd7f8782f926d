// Records: how objects stand in the store: at "<plural>/<name>", as JSON with their secrets.
// metadata.revision is the entry's own and stands in no value; status is not stored.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "config/kinds.h"
#include "config/object.h"
#include "net/env.h"
#include "store/store.h"

namespace weir::mirror {

std::string prefix_of(config::Kind kind);                      // "edges/"
std::string key_of(config::Kind kind, std::string_view name);  // "edges/fra-1"

std::string encode(const config::Object& object);
// Whose an encoded object is, without reading it all; empty: the platform's. None: it was not encoded so.
std::optional<std::string_view> organization_in(std::string_view value);
// kInternal: this version can't read it.
Result<config::Object> decode(std::string_view value, store::Revision revision);

// Of an object that the server makes: with a uid, made now.
config::Metadata new_metadata(std::string name, net::Env& env);

}  // namespace weir::mirror
