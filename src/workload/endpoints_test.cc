#include "workload/endpoints.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::workload {
namespace {

config::Object instance(std::vector<config::ContainerPort> ports) {
  config::Object object;
  object.metadata.name = "web-all-dfw-1";
  config::InstanceSpec spec;
  spec.containers.push_back({.name = "app", .image = "app", .ports = std::move(ports)});
  object.spec = std::move(spec);
  return object;
}

const config::NodeSpec kNode{.region = "us", .address = "10.0.0.1"};

TEST_CASE("each port with a service is an endpoint of it") {
  const auto one = endpoints_of(
      instance({{.port = 80, .host_port = 30001, .service = "web"}, {.port = 81, .host_port = 30002}}),
      kNode);
  REQUIRE(one.size() == 1);
  CHECK(one[0].name == "web-all-dfw-1");
  CHECK(one[0].spec.service == "web");
  CHECK(one[0].spec.address == "10.0.0.1:30001");
  CHECK(one[0].spec.zone == "us");
  CHECK(one[0].spec.instance == "web-all-dfw-1");
  const auto two = endpoints_of(instance({{.port = 81, .host_port = 30002, .service = "admin"},
                                          {.port = 80, .host_port = 30001, .service = "web"}}),
                                kNode);
  REQUIRE(two.size() == 2);
  CHECK(two[0].name == "web-all-dfw-1-80");
  CHECK(two[1].name == "web-all-dfw-1-81");
  CHECK(two[1].spec.address == "10.0.0.1:30002");
}

TEST_CASE("ports of UDP are no endpoints, and addresses of IPv6 have brackets") {
  CHECK(endpoints_of(
            instance({{.port = 53, .host_port = 53, .protocol = config::Transport::kUdp, .service = "dns"}}),
            kNode)
            .empty());
  const config::NodeSpec six{.address = "2001:db8::1"};
  CHECK(endpoints_of(instance({{.port = 80, .host_port = 1, .service = "web"}}), six)[0].spec.address ==
        "[2001:db8::1]:1");
}

TEST_CASE("nobody's instances join a service of somebody else") {
  config::Object service;
  service.metadata.name = "web";
  service.spec = config::ServiceSpec{};
  config::Object one = instance({});
  CHECK(refusal_of(one, nullptr, "web") == "the service web is not there");
  CHECK(refusal_of(one, &service, "web").empty());
  one.metadata.labels["weir/owner"] = "ann";
  CHECK(refusal_of(one, &service, "web").empty());
  service.metadata.labels["weir/owner"] = "bob";
  CHECK(refusal_of(one, &service, "web") == "the service web is somebody else's");
  service.metadata.labels["weir/owner"] = "ann";
  CHECK(refusal_of(one, &service, "web").empty());
}

}  // namespace
}  // namespace weir::workload
