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

TEST_CASE("what is wrong is told with its place") {
  CHECK(wrong("") == "must be one document, with edges and services");
  CHECK(wrong("edges: [a:1]\nservices: []").starts_with("services: must have at least 1"));
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
