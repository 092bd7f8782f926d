#include "xds/resource.h"

#include <doctest/doctest.h>
#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/secret.pb.h>
#include <weir.pb.h>

#include <string>

namespace weir::xds {

TEST_CASE("each type has the URL of its message, in its place of the table") {
  const std::array messages{
      envoy::config::cluster::v3::Cluster::descriptor(),
      envoy::config::endpoint::v3::ClusterLoadAssignment::descriptor(),
      envoy::config::listener::v3::Listener::descriptor(),
      envoy::config::route::v3::RouteConfiguration::descriptor(),
      envoy::extensions::transport_sockets::tls::v3::Secret::descriptor(),
      weir::v1::Object::descriptor(),
      weir::v1::ServiceHealth::descriptor(),
  };
  REQUIRE(messages.size() == kTypes.size());
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    CHECK(static_cast<std::size_t>(kTypes[i].type) == i);
    CHECK(kTypes[i].url == "type.googleapis.com/" + messages[i]->full_name());
    CHECK(find_type(kTypes[i].url) == &kTypes[i]);
  }
  CHECK(find_type("type.googleapis.com/envoy.service.runtime.v3.Runtime") == nullptr);
}

TEST_CASE("the version is of the content alone") {
  const ResourcePtr web = make_resource(Type::kCluster, "web", "body", "services/web");
  CHECK(web->version.size() == 16);
  CHECK(web->version == make_resource(Type::kCluster, "other", "body", "services/other")->version);
  CHECK(web->version != make_resource(Type::kCluster, "web", "Body", "services/web")->version);
}

TEST_CASE("equal messages give equal bytes, in whatever order a map was filled") {
  envoy::config::route::v3::RouteConfiguration up;
  envoy::config::route::v3::RouteConfiguration down;
  for (int i = 0; i < 100; ++i) {
    (*up.mutable_typed_per_filter_config())["filter-" + std::to_string(i)].set_value("x");
    (*down.mutable_typed_per_filter_config())["filter-" + std::to_string(99 - i)].set_value("x");
  }
  CHECK(serialize(up) == serialize(down));
  CHECK(up.ParseFromString(serialize(up)));
}

}  // namespace weir::xds
