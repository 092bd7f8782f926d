#include "translation/told.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "config/kinds.h"

namespace weir::translation {
namespace {

using Names = std::vector<std::string>;
using Reasons = std::map<std::string, std::string>;

xds::Change put(const std::string& yaml_flow) {
  auto object = config::parse_object(yaml_flow, config::Origin::kStore);
  REQUIRE(object.has_value());
  const auto resource = object_resource(*object);
  return {xds::Type::kObject, resource->name, resource};
}
xds::Change service(const std::string& name, const std::string& address = "10.0.0.1:80") {
  return put(R"({"kind":"Service","metadata":{"name":")" + name + R"("},"spec":{"endpoints":[{"address":")" +
             address + R"("}]}})");
}
xds::Change balancer(const std::string& name, const std::string& to, const std::string& host) {
  return put(R"({"kind":"LoadBalancer","metadata":{"name":")" + name +
             R"("},"spec":{"listeners":[{"protocol":"HTTP","hostnames":[")" + host +
             R"("]}],"routes":[{"backends":[{"service":")" + to + R"("}]}]}})");
}
xds::Change gone(const std::string& name) { return {xds::Type::kObject, name, nullptr}; }
xds::Change revision(std::uint64_t number) {
  return {xds::Type::kObject, std::string(xds::kRevisionName), revision_resource(number)};
}

Names services_of(const Told& told) {
  Names names;
  for (const auto& one : told.snapshot()->services) names.push_back(one->name);
  return names;
}

TEST_CASE("revisions come whole, and what stays is the very same part") {
  Told told(nullptr, {});
  CHECK(told.snapshot()->revision == 0);
  CHECK_FALSE(told.apply({service("a"), service("b"), balancer("web", "a", "a.example"), revision(7)}));
  CHECK(told.snapshot()->revision == 7);
  CHECK(services_of(told) == Names{"a", "b"});
  const config::SnapshotPointer before = told.snapshot();
  CHECK_FALSE(told.apply({service("b", "10.0.0.2:80"), revision(8)}));
  CHECK(told.snapshot()->services[0] == before->services[0]);
  CHECK(told.snapshot()->services[1] != before->services[1]);
  CHECK_FALSE(told.apply({gone("services/b"), gone("services/never"), revision(9)}));
  CHECK(services_of(told) == Names{"a"});
}

TEST_CASE("what does not fit together is refused by name, all stays, and what is mended is taken") {
  Told told(nullptr, {});
  REQUIRE_FALSE(told.apply({service("a"), balancer("web", "a", "a.example"), revision(1)}));
  const config::SnapshotPointer before = told.snapshot();
  CHECK(told.apply({service("b"), balancer("next", "none", "b.example"), revision(2)}) ==
        "loadbalancers/next: spec.routes[0].backends[0].service: there is no Service \"none\"");
  CHECK(told.snapshot() == before);
  CHECK(told.refused() ==
        Reasons{{"loadbalancers/next", "spec.routes[0].backends[0].service: there is no Service \"none\""}});
  CHECK_FALSE(told.apply({service("b"), revision(2)}));
  CHECK(services_of(told) == Names{"a", "b"});
  CHECK(told.refused().size() == 1);  // it is held back still
  CHECK_FALSE(told.apply({balancer("next", "b", "b.example"), revision(3)}));
  CHECK(told.refused().empty());
}

TEST_CASE("a removal that others need is refused, as theirs, until it is possible") {
  Told told(nullptr, {});
  REQUIRE_FALSE(told.apply({service("a"), balancer("web", "a", "a.example"), revision(1)}));
  const auto refused = told.apply({gone("services/a"), revision(2)});
  REQUIRE(refused);
  CHECK(refused->starts_with("loadbalancers/web: "));
  CHECK(services_of(told) == Names{"a"});
  CHECK_FALSE(told.apply({gone("services/a"), gone("loadbalancers/web"), revision(2)}));
  CHECK(told.refused().empty());
  CHECK(services_of(told).empty());
}

TEST_CASE("nonsense is refused under its own name") {
  Told told(nullptr, {});
  const auto wrong = [](std::string name, std::string body) {
    return xds::Change{xds::Type::kObject, name,
                       xds::make_resource(xds::Type::kObject, name, std::move(body), name)};
  };
  CHECK(told.apply({wrong("services/a", "\xff"), revision(1)}) == "services/a: is no weir.v1.Object");
  CHECK(told.apply({wrong("gadgets/a", "x"), revision(1)}) ==
        "gadgets/a: a resource is of a kind that this version does not know");
  CHECK(told.apply({wrong("services/b", service("a").resource->body), revision(1)}) ==
        "services/b: is another object than its name says");
  CHECK(told.apply({wrong("internal/edge", "\xff"), revision(1)}).has_value());
  CHECK(told.apply({wrong("internal/certificates/a.example", "\xff"), revision(1)}).has_value());
  CHECK(told.apply({wrong("revision", "\xff")}).has_value());
  CHECK(told.snapshot()->revision == 0);
  CHECK(told.refused().size() == 6);
}

TEST_CASE("secrets come in one piece or host by host, and stay where nothing is said") {
  Told told(nullptr, {});
  EdgeSecrets secrets{.cookie_key = {}, .domain = "weir.example", .issued = {}};
  secrets.cookie_key.fill(std::byte{1});
  const auto issued = issued_resource("a.example", {"cert", "key"});
  CHECK_FALSE(told.apply({{xds::Type::kObject, issued->name, issued},
                          {xds::Type::kObject, std::string(kEdgeResource), edge_resource(secrets)},
                          revision(1)}));
  secrets.issued["a.example"] = {"cert", "key"};
  CHECK(told.secrets() == secrets);
  CHECK_FALSE(told.apply({gone("internal/certificates/a.example"), gone("internal/edge"), revision(2)}));
  CHECK(told.secrets().issued.empty());
  CHECK(told.secrets().domain == "weir.example");
}

TEST_CASE("it begins with what is on the disk, and says what that is") {
  Told first(nullptr, {});
  REQUIRE_FALSE(first.apply({service("a"), balancer("web", "a", "a.example"), revision(7)}));
  const auto kept = config::read_snapshot(config::snapshot_text(*first.snapshot()));
  REQUIRE(kept.has_value());
  Told told(*kept, {.cookie_key = {}, .domain = {}, .issued = {{"a.example", {"cert", "key"}}}});
  CHECK(told.snapshot()->revision == 7);
  Names names = told.names();
  std::ranges::sort(names);
  CHECK(names == Names{"internal/certificates/a.example", "loadbalancers/web", "services/a"});
  // Its parts are those of before where nothing has changed.
  CHECK_FALSE(told.apply({service("a"), service("c"), revision(8)}));
  CHECK(told.snapshot()->services[0] == (*kept)->services[0]);
  CHECK(services_of(told) == Names{"a", "c"});
  CHECK(told.snapshot()->load_balancers[0] == (*kept)->load_balancers[0]);
}

}  // namespace
}  // namespace weir::translation
