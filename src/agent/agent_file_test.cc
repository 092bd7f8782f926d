#include "agent/agent_file.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::agent {
namespace {

using namespace std::chrono_literals;

std::string wrong(std::string_view text) {
  const auto file = parse_file(text);
  return file ? "" : config::to_text(file.error());
}

TEST_CASE("a file names edges and what is brought") {
  const auto file = parse_file(R"(
edges: [edge-1.example:8444, "[2001:db8::1]:8444"]
instance: attic
token_file: /etc/weir/tunnel.token
services:
  - name: web
    target: localhost:8000
    health_check: {http: {path: /healthz}, interval: 1s}
  - {name: shop, target: "127.0.0.1:8443", type: https, weight: 3, priority: 1, hostname: shop.example}
)");
  REQUIRE(file);
  CHECK(file->edges == std::vector<std::string>{"edge-1.example:8444", "[2001:db8::1]:8444"});
  CHECK(file->links == 2);
  CHECK(file->instance == "attic");
  REQUIRE(file->services.size() == 2);
  CHECK(file->services[0].health_check->interval == 1s);
  CHECK(file->services[0].type == OriginType::kHttp);
  CHECK(file->services[1].type == OriginType::kHttps);
  CHECK(file->services[1].weight == 3);
  CHECK(file->services[1].hostname == "shop.example");
}

TEST_CASE("a file names what joins, with or without edges") {
  const auto file = parse_file(R"(
join:
  apis: ["https://ctl-1.example:8480", "https://ctl-2.example:8480"]
  token_file: /etc/weir/member.token
  lease: 10s
  services:
    - {name: web, port: 8000, health_check: {http: {path: /healthz}, interval: 1s}}
    - {name: web, port: 8001, address: "2001:db8::1", endpoint: web-2, instance: "The second", priority: 1,
       weight: 3, zone: fra, text: [k=v, flag], version: 1.4.2, type: _http._tcp}
)");
  REQUIRE(file);
  REQUIRE(file->join);
  CHECK(file->edges.empty());
  CHECK(file->join->apis.size() == 2);
  CHECK(file->join->lease == 10s);
  REQUIRE(file->join->services.size() == 2);
  CHECK(file->join->services[0].health_check->interval == 1s);
  const FileMember& second = file->join->services[1];
  CHECK(second.address == "2001:db8::1");
  CHECK(second.endpoint == "web-2");
  CHECK(second.text == std::vector<std::string>{"k=v", "flag"});
  CHECK(second.weight == 3);
}

TEST_CASE("what is wrong with what joins is told with its place") {
  const auto wrong_join = [](const std::string& services) {
    return wrong("join: {apis: ['http://a:1'], token_file: t, services: [" + services + "]}");
  };
  CHECK(wrong_join("{name: a, port: 1}").empty());
  CHECK(wrong("join: {apis: [], token_file: t, services: [{name: a, port: 1}]}").starts_with("join.apis: "));
  CHECK(
      wrong("join: {apis: ['http://a:1'], services: [{name: a, port: 1}]}").starts_with("join.token_file: "));
  CHECK(wrong_join("").starts_with("join.services: must have at least 1"));
  CHECK(wrong_join("{name: a}").starts_with("join.services[0].port: is required"));
  CHECK(wrong_join("{name: a, port: 65536}").starts_with("join.services[0].port: "));
  CHECK(wrong_join("{name: a, port: 1, text: ['=v']}").starts_with("join.services[0].text[0]: "));
  CHECK(wrong_join("{name: a, port: 1, address: 'a:1'}") ==
        "join.services[0].address: must be an IP address or a DNS name, without a port");
  CHECK(wrong_join("{name: a, port: 1}, {name: b, port: 1}").empty());
  CHECK(wrong_join("{name: a, port: 1}, {name: a, port: 1}") == "join.services[1].port: is there twice");
  CHECK(wrong_join("{name: a, port: 1, endpoint: x}, {name: a, port: 1, endpoint: x}") ==
        "join.services[1].endpoint: is there twice");
}

TEST_CASE("what is wrong is told with its place") {
  CHECK(wrong("") == "must be one document, with edges and services, or join");
  CHECK(wrong("links: 2") == "needs edges and services, or join");
  CHECK(wrong("edges: [\"a:1\"]\nservices: []").starts_with("services: must have at least 1"));
  CHECK(wrong("services: [{name: a, target: \"a:1\"}]").starts_with("edges: must have at least 1"));
  CHECK(wrong("edges: [a]\nservices: [{name: a, target: \"a:1\"}]").starts_with("edges[0]: "));
  CHECK(wrong("edges: [\"a:1\"]\nservices: [{name: a, target: \"b:1\"}, {name: a, target: \"b:2\"}]") ==
        "services[1].name: is there twice");
  CHECK(wrong("edges: [\"a:1\"]\nservices: [{name: a, target: \"b:1\", ca_file: x}]") ==
        "services[0].ca_file: goes with type https");
  CHECK(wrong("edges: [\"a:1\"]\nservice: []").contains("did you mean \"services\"?"));
  CHECK(wrong(std::string(kFileBytesMax + 1, ' ')) == "must have at most 1 MiB");
}

}  // namespace
}  // namespace weir::agent
