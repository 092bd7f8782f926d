// The translation as a whole: golden/<name>.yaml in, golden/<name>.json out. WEIR_WRITE_GOLDEN=1 writes the
// latter anew; lab/black_box/test_envoy.py has the real Envoy judge them.
#include "translation/to_envoy.h"

#include <envoy/config/listener/v3/listener.pb.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "translation/golden_fixture.h"

namespace weir::translation {
namespace {

using Json = nlohmann::ordered_json;

const EnvoyNode kNode{.address = "127.0.0.1", .http = 18080, .https = 18440, .zone = "here"};

Json to_json(const xds::Resource& resource) {
  google::protobuf::Any any;
  any.set_type_url(std::string(xds::info_of(resource.type).url));
  any.set_value(resource.body);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  REQUIRE(google::protobuf::util::MessageToJsonString(any, &text, options).ok());
  return Json::parse(text);
}

Json to_json(const Unsaid& one) {
  return {{"object", one.object},
          {"field", one.field},
          {"reason", one.reason},
          {"held_back", one.effect == Unsaid::Effect::kHeldBack}};
}

std::string translated(const Golden& golden) {
  Translator translator(kNode);
  Json all{{"resources", Json::array()}, {"unsaid", Json::array()}};
  for (const xds::Change& change : translator.update(*golden.snapshot, golden.names)) {
    all["resources"].push_back(to_json(*change.resource));
  }
  for (const Unsaid& one : translator.unsaid()) all["unsaid"].push_back(to_json(one));
  return all.dump(1) + '\n';
}

// A short world: two load balancers on the shared port, a service each.
const char* const kWorld = R"(
kind: Service
metadata: {name: a}
spec: {endpoints: [{address: "127.0.0.1:1"}]}
---
kind: Service
metadata: {name: b}
spec: {endpoints: [{address: "127.0.0.1:2"}]}
---
kind: LoadBalancer
metadata: {name: a}
spec: {listeners: [{protocol: HTTP, hostnames: [a.example]}], routes: [{backends: [{service: a}]}]}
---
kind: LoadBalancer
metadata: {name: b}
spec:
  listeners: [{protocol: HTTP, hostnames: [b.example], port: 8081}]
  routes: [{backends: [{service: b}]}]
)";

std::set<std::string> words_of(const std::vector<xds::Change>& changes) {
  std::set<std::string> names;
  for (const xds::Change& change : changes) {
    names.insert((change.resource ? "" : "-") + std::string(xds::info_of(change.type).word) + ' ' +
                 change.name);
  }
  return names;
}

using Names = std::set<std::string>;

TEST_CASE("each feature is said as golden/ has it") {
  const auto folder = repository() / "src" / "translation" / "golden";
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    const std::string wanted = translated(Golden(read_file(entry.path())));
    auto path = entry.path();
    path.replace_extension(".json");
    if (std::getenv("WEIR_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << wanted;
    const bool same = read_file(path) == wanted;
    CHECK_MESSAGE(same, path.filename().string(), " is stale; look at WEIR_WRITE_GOLDEN=1 translation_test");
  }
  CHECK(count >= 4);
}

TEST_CASE("where visitors have to sign in, an Envoy lets nobody in") {
  const Golden golden(R"(
kind: Service
metadata: {name: a}
spec: {endpoints: [{address: "127.0.0.1:1"}]}
---
kind: Secret
metadata: {name: id}
---
kind: LoadBalancer
metadata: {name: a}
spec:
  listeners: [{protocol: HTTP, hostnames: [a.example]}]
  routes:
  - backends: [{service: a}]
    sign_in: {issuer: "https://id.example", client_id: weir, secret: id, allow_domains: [b.example]}
)");
  const Json all = Json::parse(translated(golden));
  REQUIRE(all["unsaid"].size() == 1);
  CHECK(all["unsaid"][0]["field"] == "spec.routes[0].sign_in");
  CHECK(all["unsaid"][0]["held_back"] == true);
  CHECK(all["resources"].dump().contains("this can't be served here"));
}

TEST_CASE("the same objects give the same resources, in whatever order they come") {
  const Golden golden(kWorld);
  Translator one(kNode);
  Translator other(kNode);
  (void)one.update(*golden.snapshot, golden.names);
  for (std::size_t i = golden.names.size(); i-- > 0;) {
    (void)other.update(*golden.snapshot, std::span(&golden.names[i], 1));
  }
  REQUIRE(one.resources().size() == other.resources().size());
  for (const auto& [key, resource] : one.resources()) {
    CHECK(other.resources().at(key)->version == resource->version);
  }
}

TEST_CASE("a change changes what depends on it, and nothing else") {
  Golden golden(kWorld);
  Translator translator(kNode);
  CHECK(translator.update(*golden.snapshot, golden.names).size() == 8);
  CHECK(translator.update(*golden.snapshot, golden.names).empty());

  auto& service = std::get<config::ServiceSpec>(golden.objects[0].spec);
  const ObjectName name{config::Kind::kService, "a"};
  const auto changed = [&] {
    golden.build();
    return words_of(translator.update(*golden.snapshot, std::span(&name, 1)));
  };
  service.endpoints.push_back({.address = "127.0.0.1:3"});
  CHECK(changed() == Names{"endpoints a"});
  service.balance = config::Balance{1};
  CHECK(changed() == Names{"cluster a"});
  service.request_timeout = std::chrono::seconds(3);
  CHECK(changed() == Names{"routes http"});
  service.endpoints[0].address = "name.example:1";
  CHECK(changed() == Names{"cluster a", "-endpoints a"});
}

TEST_CASE("what is gone is removed, after what leads elsewhere") {
  Golden golden(kWorld);
  Translator translator(kNode);
  (void)translator.update(*golden.snapshot, golden.names);
  golden.objects.erase(golden.objects.begin() + 3);
  golden.objects.erase(golden.objects.begin() + 1);
  golden.build();
  const std::vector<ObjectName> gone{{config::Kind::kService, "b"}, {config::Kind::kLoadBalancer, "b"}};
  const auto changes = translator.update(*golden.snapshot, gone);
  CHECK(words_of(changes) == Names{"-cluster b", "-endpoints b", "-listener port-8081", "-routes port-8081"});
  CHECK(changes.front().type == xds::Type::kRoutes);
  CHECK(changes.back().type == xds::Type::kCluster);
}

TEST_CASE("an endpoint that moves concerns both services") {
  const auto endpoint = [](std::string service) {
    config::EndpointSpec spec;
    spec.service = std::move(service);
    return std::make_shared<const config::Object>(config::Object{{.name = "e"}, spec, ""});
  };
  const std::vector<config::ObjectChange> changes{{endpoint("a"), endpoint("b")}, {nullptr, endpoint("a")}};
  const std::vector<ObjectName> wanted{{config::Kind::kService, "a"}, {config::Kind::kService, "b"}};
  CHECK(names_of(changes) == wanted);
}

TEST_CASE("listeners bind to where the node says") {
  const Golden golden(kWorld);
  Translator translator({.address = "::", .http = 8080});
  (void)translator.update(*golden.snapshot, golden.names);
  envoy::config::listener::v3::Listener listener;
  REQUIRE(listener.ParseFromString(translator.resources().at({xds::Type::kListener, "http"})->body));
  CHECK(listener.address().socket_address().port_value() == 8080);
  CHECK(listener.address().socket_address().ipv4_compat());
}

TEST_CASE("a verdict changes the endpoints alone") {
  const Golden golden(kWorld);
  Translator translator(kNode);
  (void)translator.update(*golden.snapshot, golden.names);
  const auto verdict = [&](UnhealthyKeys keys) {
    return words_of(translator.update_health(*golden.snapshot, "a", std::move(keys)));
  };
  CHECK(verdict({"127.0.0.1:1"}) == Names{"endpoints a"});
  CHECK(verdict({"127.0.0.1:1"}).empty());
  CHECK(verdict({}) == Names{"endpoints a"});
}

}  // namespace
}  // namespace weir::translation
