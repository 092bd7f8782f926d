#include "translation/from_envoy.h"

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cstdlib>

#include "translation/foreign.h"
#include "translation/golden_fixture.h"
#include "translation/supported.h"

namespace weir::translation {
namespace {

Foreign told(const Golden& golden) {
  Translator translator({});
  Foreign foreign;
  for (const xds::Change& change : translator.update(*golden.snapshot, golden.names)) {
    const auto refused = foreign.put(change.type, change.name, change.resource->body);
    CHECK_MESSAGE(!refused.has_value(), change.name, ": ", refused.value_or(""));
  }
  for (const Unsaid& one : translator.unsaid()) {
    CHECK_MESSAGE(one.field.ends_with("proxy_protocol_from"), one.object, ' ', one.field, ": ", one.reason);
  }
  return foreign;
}

template <class Message>
std::string bytes(const std::string& json) {
  Message message;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &message);
  REQUIRE_MESSAGE(parsed.ok(), parsed.ToString());
  return xds::serialize(message);
}

std::string refusal_of_cluster(const std::string& json) {
  const auto read = cluster_from_envoy(bytes<envoy::config::cluster::v3::Cluster>(json));
  return read ? "" : read.error();
}

std::string refusal_of_routes(const std::string& routes) {
  const auto read = routes_from_envoy(bytes<envoy::config::route::v3::RouteConfiguration>(
      R"({"name": "r", "virtual_hosts": [{"name": "h", "domains": ["*"], "routes": [)" + routes + "]}]}"));
  return read ? "" : read.error();
}

TEST_CASE("there and back, what both can say is the same") {
  const Golden golden(read_file(repository() / "src" / "translation" / "golden" / "both.yaml"));
  const auto back = told(golden).snapshot(1);
  REQUIRE(back->services.size() == golden.snapshot->services.size());
  for (std::size_t i = 0; i < back->services.size(); ++i) {
    const config::Service& wanted = *golden.snapshot->services[i];
    config::Object left{{.name = wanted.name}, back->services[i]->spec, ""};
    config::Object right{{.name = wanted.name}, wanted.spec, ""};
    CHECK(config::to_json(left, config::Secrets::kKeep) == config::to_json(right, config::Secrets::kKeep));
    REQUIRE(back->services[i]->endpoints.size() == wanted.endpoints.size());
    for (std::size_t j = 0; j < wanted.endpoints.size(); ++j) {
      const config::Endpoint& one = back->services[i]->endpoints[j];
      CHECK(one.key == wanted.endpoints[j].key);
      CHECK(one.weight == wanted.endpoints[j].weight);
      CHECK(one.priority == wanted.endpoints[j].priority);
      CHECK(one.zone == wanted.endpoints[j].zone);
    }
  }
  REQUIRE(back->load_balancers.size() == golden.snapshot->load_balancers.size());
  for (std::size_t i = 0; i < back->load_balancers.size(); ++i) {
    config::Object left{{.name = "x"}, back->load_balancers[i]->spec, ""};
    config::Object right{{.name = "x"}, golden.snapshot->load_balancers[i]->spec, ""};
    CHECK(config::to_json(left, config::Secrets::kKeep) == config::to_json(right, config::Secrets::kKeep));
  }
  REQUIRE(back->certificates.size() == 1);
  CHECK(back->certificates[0]->spec == golden.snapshot->certificates[0]->spec);
}

TEST_CASE("what leads elsewhere is asked for, and waited for") {
  const Golden golden(read_file(repository() / "src" / "translation" / "golden" / "both.yaml"));
  Foreign foreign = told(golden);
  CHECK(foreign.wanted(xds::Type::kEndpoints) == std::set<std::string>{"plain", "ring"});
  CHECK(foreign.wanted(xds::Type::kRoutes) == std::set<std::string>{"port-18091", "port-18092"});
  CHECK(foreign.wanted(xds::Type::kSecret) == std::set<std::string>{"pair"});
  foreign.remove(xds::Type::kSecret, "pair");
  CHECK(foreign.snapshot(1)->load_balancers.size() == 1);
  CHECK(foreign.snapshot(1)->find_service("secure")->endpoints.empty());
  foreign.remove(xds::Type::kRoutes, "port-18091");
  CHECK(foreign.snapshot(1)->load_balancers.empty());
  foreign.remove(xds::Type::kCluster, "plain");
  CHECK(foreign.snapshot(1)->services.size() == 2);
}

TEST_CASE("a field that is not understood is refused by its path") {
  CHECK(refusal_of_cluster(R"({"name": "a", "type": "STATIC"})").empty());
  CHECK(refusal_of_cluster(R"({"name": "a", "type": "STATIC", "lrs_server": {"self": {}}})") ==
        "lrs_server: is not supported");
  CHECK(refusal_of_cluster(R"({"name": "a", "type": "LOGICAL_DNS"})") ==
        "type: must be EDS, STATIC or STRICT_DNS");
  const auto refusal_of_socket = [](const std::string& type, const std::string& fields) {
    return refusal_of_cluster(R"({"name": "a", "type": "STATIC", "transport_socket": {"name": "t",
        "typed_config": {"@type": "type.googleapis.com/)" +
                              type + "\", " + fields + "}}}");
  };
  CHECK(refusal_of_socket("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                          R"("max_session_keys": 3)") ==
        "transport_socket.typed_config.max_session_keys: is not supported");
  CHECK(refusal_of_socket("google.protobuf.Duration", R"("value": "1s")") ==
        "transport_socket.typed_config: is a google.protobuf.Duration, which is not supported");
  CHECK(refusal_of_routes(R"({"match": {"prefix": "/"}, "route": {"cluster": "a",
        "request_mirror_policies": [{"cluster": "b"}]}})") ==
        "virtual_hosts[0].routes[0].route.request_mirror_policies: is not supported");
  CHECK(refusal_of_routes(R"({"match": {"prefix": "/"}, "route": {"cluster": "a"},
        "response_headers_to_add": [{"header": {"key": "x", "value": "%PROTOCOL%"}}]})")
            .contains("response_headers_to_add[0]: has a command that is not known here"));
  std::string unknown = bytes<envoy::config::cluster::v3::Cluster>(R"({"name": "a", "type": "STATIC"})");
  unknown += "\xc0\x3e\x01";  // field 1000, a number
  CHECK(cluster_from_envoy(unknown).error() == "has a field with the number 1000, which is not known here");
  CHECK(cluster_from_envoy("\x0a\xff").error().contains("can't be read"));
}

TEST_CASE("listeners that take whole connections are refused") {
  const std::string begin =
      R"({"name": "l", "address": {"socket_address": {"address": "::", "port_value": 1}},
      "filter_chains": [{)";
  const auto refusal = [&](const std::string& chain) {
    const auto read =
        listener_from_envoy(bytes<envoy::config::listener::v3::Listener>(begin + chain + "}]}"));
    return read ? "" : read.error();
  };
  CHECK(refusal(R"("filters": [{"name": "t", "typed_config": {"stat_prefix": "t", "cluster": "a",
      "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"}}])") ==
        "filter_chains[0].filters[0].typed_config: is a "
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, "
        "which is not supported");
  CHECK(refusal(R"("filter_chain_match": {"application_protocols": ["h2"]})") ==
        "filter_chains[0].filter_chain_match.application_protocols: is not supported");
}

TEST_CASE("routes must be in the order in which weir tries them") {
  const std::string all = R"({"match": {"prefix": "/"}, "route": {"cluster": "a"}})";
  const std::string some = R"({"match": {"path_separated_prefix": "/some"}, "route": {"cluster": "a"}})";
  const std::string other = R"({"match": {"path_separated_prefix": "/other"}, "route": {"cluster": "a"}})";
  CHECK(refusal_of_routes(some + ',' + other + ',' + all).empty());
  CHECK(refusal_of_routes(all + ',' + some).contains("routes[1]: comes after [0]"));
}

TEST_CASE("what Envoy takes where nothing is said") {
  const auto read =
      cluster_from_envoy(bytes<envoy::config::cluster::v3::Cluster>(R"({"name": "a", "type": "EDS"})"));
  REQUIRE(read.has_value());
  CHECK(read->endpoints == "a");
  CHECK(read->service.spec.connect_timeout == std::chrono::seconds(5));
  CHECK(!read->service.spec.outlier_detection.enabled);
  CHECK(read->service.spec.panic_percent == 50);
  const auto routes = routes_from_envoy(bytes<envoy::config::route::v3::RouteConfiguration>(
      R"({"virtual_hosts": [{"name": "h", "domains": ["*"], "routes": [
          {"match": {"prefix": "/a"}, "route": {"cluster": "a"}}]}]})"));
  REQUIRE(routes.has_value());
  const config::Route& route = routes->hosts[0].routes[0].route;
  CHECK(route.match.regex == "/a.*");  // by bytes, not by segment
  CHECK(route.retries->attempts == 0);
  CHECK(route.stream_duration_max == std::chrono::seconds(15));
}

TEST_CASE("docs/xds.md has the table of what is understood") {
  const std::string text = read_file(repository() / "docs" / "xds.md");
  const std::string wanted = supported_reference();
  const auto begin = text.find("| message | fields |");
  if (std::getenv("WEIR_WRITE_DOCS") != nullptr) {
    std::ofstream(repository() / "docs" / "xds.md", std::ios::binary) << text.substr(0, begin) << wanted;
  }
  const bool current = begin != std::string::npos && text.substr(begin) == wanted;
  CHECK_MESSAGE(current, "docs/xds.md is stale; write its table with WEIR_WRITE_DOCS=1 xds_test");
}

}  // namespace
}  // namespace weir::translation
