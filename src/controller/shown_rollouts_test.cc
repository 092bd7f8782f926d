#include "controller/shown_rollouts.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "translation/own.h"

namespace weir::controller {
namespace {

using config::Kind;

struct World {
  config::Whole objects;
  Views views{objects};
  ShownRollouts rollouts{objects, views};
  std::uint64_t revision = 0;

  World() {
    put(R"({"kind":"Edge","metadata":{"name":"a"},"spec":{"provider":"acme"}})");
    put(R"({"kind":"Edge","metadata":{"name":"b"},"spec":{"provider":"bolt"}})");
    put(web("192.0.2.1:80"));
    put(R"({"kind":"LoadBalancer","metadata":{"name":"lb"},"spec":{"listeners":[{"protocol":"HTTP"}],
            "routes":[{"backends":[{"service":"web"}]}]}})");
  }
  static std::string web(const std::string& address) {
    return R"({"kind":"Service","metadata":{"name":"web"},"spec":{"endpoints":[{"address":")" + address +
           R"("}]}})";
  }
  bool put(const std::string& json) {
    auto object = config::parse_object(json, config::Origin::kStore);
    REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
    return put(std::move(*object));
  }
  bool put(config::Object object) {
    object.metadata.revision = ++revision;
    const auto after = std::make_shared<const config::Object>(std::move(object));
    const auto before = objects.put(after);
    views.apply(std::vector{config::ObjectChange{before, after}}, revision);
    return rollouts.update();
  }
  // Under way, with that many of its two waves begun.
  bool put_rollout(std::uint32_t wave, config::RolloutPhase phase = config::RolloutPhase::kRunning) {
    auto object =
        config::parse_object(R"({"kind":"Rollout","metadata":{"name":"r","uid":"u"},"spec":{"changes":[)" +
                                 web("192.0.2.2:80") + "]}}",
                             config::Origin::kStore);
    REQUIRE(object.has_value());
    const auto base = objects.find(Kind::kService, "web");
    auto& progress = std::get<config::RolloutSpec>(object->spec).progress.emplace();
    progress.phase = phase;
    progress.wave = wave;
    progress.waves = {{{{"provider", "acme"}}, 100, {}, {}}, {{}, 100, {}, {}}};
    progress.bases = {{"services/web", base->metadata.revision}};
    return put(std::move(*object));
  }
  xds::Catalog& catalog(const std::string& edge) {
    auto* catalog = views.catalog_for({.id = edge, .cluster = {}, .user_agent = "weir 1", .metadata = {}});
    REQUIRE(catalog != nullptr);
    return *catalog;
  }
  std::string body(const std::string& edge, std::string_view name) {
    xds::Catalog& of = catalog(edge);
    const auto& resource = of.resource(xds::Type::kObject, of.names().slot(xds::Type::kObject, name));
    return resource ? resource->body : std::string();
  }
  bool has_it(const std::string& edge) { return body(edge, "services/web").contains("192.0.2.2:80"); }
  std::uint64_t told(const std::string& edge) {
    return *translation::read_revision(body(edge, xds::kRevisionName));
  }
};

TEST_CASE("each step gives the edges that it has reached the change, and a revision not below it") {
  World world;
  CHECK_FALSE(world.rollouts.update());
  CHECK(world.put_rollout(1));
  CHECK(world.has_it("a"));
  CHECK_FALSE(world.has_it("b"));
  CHECK(world.told("a") >= world.revision);
  CHECK_FALSE(world.rollouts.update());
  CHECK(world.put_rollout(2));
  for (const char* edge : {"a", "b"}) {
    CHECK(world.has_it(edge));
    CHECK(world.told(edge) >= world.revision);
  }
  CHECK(world.put_rollout(2, config::RolloutPhase::kWithdrawn));
  CHECK_FALSE(world.has_it("a"));
  CHECK_FALSE(world.has_it("b"));
}

TEST_CASE("an object that somebody changes meanwhile is as they made it, everywhere at once") {
  World world;
  CHECK(world.put_rollout(1));
  CHECK_FALSE(world.put(R"({"kind":"Service","metadata":{"name":"other"},"spec":{}})"));
  CHECK(world.has_it("a"));
  CHECK(world.put(World::web("192.0.2.3:80")));
  CHECK(world.body("a", "services/web").contains("192.0.2.3:80"));
  CHECK(world.body("b", "services/web").contains("192.0.2.3:80"));
}

}  // namespace
}  // namespace weir::controller
