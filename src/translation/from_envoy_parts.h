// What the readers of Envoy's messages share. For the .cc files of this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "config/violation.h"
#include "translation/from_envoy.h"

namespace google::protobuf {
class Any;
class Message;
}  // namespace google::protobuf
namespace envoy::config::core::v3 {
class CidrRange;
class DataSource;
}  // namespace envoy::config::core::v3
namespace envoy::config::endpoint::v3 {
class ClusterLoadAssignment;
}
namespace envoy::config::route::v3 {
class Route;
class RouteConfiguration;
}  // namespace envoy::config::route::v3

namespace weir::translation {

// Reads the bytes and refuses every field that is not understood; false: the report says what.
bool parse(std::string_view body, google::protobuf::Message& into, config::Report& report);
// False: it is of another type. What it holds was looked at by check_supported().
bool unpack(const google::protobuf::Any& any, google::protobuf::Message& into);
std::string sentence_of(const config::Violations& violations);

// At the place that the report is at.
std::string read_text(const envoy::config::core::v3::DataSource& from, config::Report& report);
std::string read_network(const envoy::config::core::v3::CidrRange& from);
std::vector<config::Endpoint> read_endpoints(const envoy::config::endpoint::v3::ClusterLoadAssignment& from,
                                             bool names, config::Report& report);
ReadRoutes read_routes(const envoy::config::route::v3::RouteConfiguration& from, config::Report& report);
// What the tables of the kinds say of the values.
void check_routes(const ReadRoutes& routes, config::Report& report);
// Who may come, how often, and which fields are changed.
void read_route_filters(const envoy::config::route::v3::Route& from, config::Route& into,
                        config::Report& report);
// What the tables of the kinds say of the values; with weir's own paths.
void check_spec(const config::Spec& spec, config::Report& report);

}  // namespace weir::translation
