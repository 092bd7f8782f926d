// What weir's own edges get by discovery: each object as it is written, under its key ("services/web"); the
// revision that all of it belongs to, which is sent last; and the verdicts on the endpoints of a service.
// weir.v1.Object and weir.v1.ServiceHealth on the wire (xds/weir.proto). Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/object.h"
#include "config/violation.h"
#include "xds/resource.h"

namespace weir::translation {

// "services/web": the name of its resource.
std::string key_of(config::Kind kind, std::string_view name);

// With its secrets; without status.
xds::ResourcePtr object_resource(const config::Object& object);
xds::ResourcePtr revision_resource(std::uint64_t revision);
// unhealthy: keys of endpoints.
xds::ResourcePtr health_resource(const std::string& service, const std::set<std::string>& unhealthy);

// The key, read back: kInvalid when it is none of a kind.
struct ObjectKey {
  config::Kind kind{};
  std::string name;
};
Result<ObjectKey> parse_key(std::string_view key);
// The bodies, read back.
config::Checked<config::Object> read_object(std::string_view body);
Result<std::uint64_t> read_revision(std::string_view body);
Result<std::set<std::string>> read_health(std::string_view body);

}  // namespace weir::translation
