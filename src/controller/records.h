// Records: how controllers find objects in the store: at "<plural>/<name>", as JSON with their secrets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "config/kinds.h"
#include "config/object.h"
#include "net/env.h"

namespace weir::controller {

std::string prefix_of(config::Kind kind);                      // "edges/"
std::string key_of(config::Kind kind, std::string_view name);  // "edges/fra-1"

// metadata.revision is the entry's own and stands in no value; status is not stored.
// Of an object that a controller makes: with a uid, made now.
config::Metadata new_metadata(std::string name, net::Env& env);

std::string encode(const config::Object& object);
Result<config::Object> decode(std::string_view value, std::uint64_t revision);

}  // namespace weir::controller
