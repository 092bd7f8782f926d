#include "mirror/overlay.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "config/kinds.h"

namespace weir::mirror {
namespace {

using config::Object;

Object parsed(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
  return *object;
}

Object service(const std::string& name, const std::string& spec = "{}") {
  return parsed(R"({"kind":"Service","metadata":{"name":")" + name + R"("},"spec":)" + spec + "}");
}

std::string balancer(const std::string& name, const std::string& to) {
  return R"({"kind":"LoadBalancer","metadata":{"name":")" + name +
         R"("},"spec":{"listeners":[{"protocol":"HTTP","hostnames":["a.example"]}],
         "routes":[{"backends":[{"service":")" +
         to + R"("}]}]}})";
}

struct World {
  config::Whole objects;
  Overlays overlays{objects};

  World() {
    put(service("a"), 7);
    put(service("b"), 8);
  }
  void put(Object object, std::uint64_t revision) {
    object.metadata.revision = revision;
    object.metadata.uid = "uid-" + object.metadata.name;
    objects.put(std::make_shared<const Object>(std::move(object)));
  }
  Object rollout(const std::string& name, const std::string& changes, const std::string& deletions = "") {
    return parsed(R"({"kind":"Rollout","metadata":{"name":")" + name + R"("},"spec":{"changes":[)" + changes +
                  R"(],"deletions":[)" + deletions + "]}}");
  }
  Object begun(Object rollout) {
    std::get<config::RolloutSpec>(rollout.spec).progress =
        config::RolloutProgress{.phase = config::RolloutPhase::kRunning,
                                .wave = 1,
                                .waves = {},
                                .since = {},
                                .bases = overlays.bases(rollout),
                                .reason = {}};
    put(rollout, 10);
    return rollout;
  }
};

const std::string kA = R"({"kind":"Service","metadata":{"name":"a"},"spec":{"balance":"RANDOM"}})";
const std::string kB = R"({"kind":"Service","metadata":{"name":"b"},"spec":{"balance":"RANDOM"}})";

TEST_CASE("changes are put to the objects as they are, the server's fields with them") {
  World world;
  const Object rollout =
      world.rollout("r",
                    kA + ',' + R"({"kind":"Service","metadata":{"name":"new"},"spec":{}})" + ',' +
                        R"({"kind":"Service","metadata":{"name":"c"},"spec":{}})",
                    R"({"kind":"Service","name":"b"})");
  world.put(service("c"), 9);  // is so already
  const auto changes = world.overlays.of(rollout);
  REQUIRE_MESSAGE(changes.has_value(), changes.error());
  REQUIRE(changes->size() == 3);
  CHECK((*changes)[0].before == world.objects.find(config::Kind::kService, "a"));
  CHECK((*changes)[0].after->metadata.uid == "uid-a");
  CHECK((*changes)[0].after->metadata.revision == 7);
  CHECK((*changes)[1].name() == "b");
  CHECK((*changes)[1].after == nullptr);
  CHECK((*changes)[2].before == nullptr);
  const auto again = world.overlays.of(rollout);
  CHECK((*again)[0].after == (*changes)[0].after);  // the very object, while nothing changes
  CHECK(world.overlays.keys(rollout).size() == 4);
}

TEST_CASE("what was changed since it began is no longer there to be changed") {
  World world;
  const Object rollout = world.begun(world.rollout("r", kA + ',' + balancer("lb", "b")));
  CHECK(world.overlays.of(rollout).has_value());
  SUBCASE("changed") {
    world.put(service("a"), 11);
    CHECK(world.overlays.of(rollout).error() == "Service/a was changed since it began, at revision 11");
  }
  SUBCASE("deleted") {
    world.objects.remove(config::Kind::kService, "a");
    CHECK(world.overlays.of(rollout).error() == "Service/a was deleted since it began");
  }
  SUBCASE("made by somebody else") {
    world.put(parsed(balancer("lb", "a")), 12);
    CHECK(world.overlays.of(rollout).error() == "LoadBalancer/lb was changed since it began, at revision 12");
  }
  SUBCASE("what it leads to is gone") {
    world.objects.remove(config::Kind::kService, "b");
    CHECK(world.overlays.of(rollout).error().contains("there is no Service"));
  }
  const std::vector<std::string> names{"r"};
  CHECK(world.overlays.together(names).changes.empty());
}

TEST_CASE("several are put together as far as they fit") {
  World world;
  world.begun(world.rollout("r1", kA));
  world.begun(world.rollout("r2", balancer("lb1", "a")));
  world.begun(world.rollout("r3", balancer("lb2", "a")));  // claims the same host
  world.put(world.rollout("r4", kB), 10);                  // has not begun
  const std::vector<std::string> names{"r1", "r2", "r3", "r4", "gone"};
  const auto together = world.overlays.together(names);
  CHECK(together.changes.size() == 2);
  CHECK(together.rollouts == std::set<std::string, std::less<>>{"r1", "r2"});
}

TEST_CASE("a rollout is refused that another stands in the way of, or that does not fit") {
  World world;
  const auto why = [&world](const Object& rollout, std::span<const config::ObjectChange> along = {}) {
    return config::to_text(world.overlays.check(rollout, along));
  };
  world.begun(world.rollout("r1", kA));
  world.begun(world.rollout("r2", balancer("lb1", "a")));
  CHECK(why(world.rollout("r", kA + ',' + kB)) ==
        "Rollout/r: spec: services/a is in Rollout/r1, which has not ended");
  CHECK(why(world.rollout("r", kB)).empty());
  CHECK(why(world.rollout("r", balancer("lb", "nowhere"))).contains("there is no Service"));
  CHECK(why(world.rollout("r", balancer("lb", "b")))
            .ends_with("(together with other rollouts that have not ended)"));
  CHECK(why(world.rollout("r", "", R"({"kind":"Service","name":"x"})")) ==
        "Rollout/r: spec: there is no Service/x that could be deleted");
  Object ended = world.rollout("r1", kA);
  std::get<config::RolloutSpec>(ended.spec).progress = config::RolloutProgress{
      .phase = config::RolloutPhase::kDone, .waves = {}, .since = {}, .bases = {}, .reason = {}};
  world.put(ended, 11);
  CHECK(why(world.rollout("r", kA)).empty());
  // Along with what it needs.
  const std::vector<config::ObjectChange> along{{nullptr, std::make_shared<const Object>(service("new"))}};
  const Object needs = world.rollout("r", R"({"kind":"Endpoint","metadata":{"name":"e"},
                                              "spec":{"service":"new","address":"192.0.2.1:1"}})");
  CHECK_FALSE(why(needs).empty());
  CHECK(why(needs, along) == "");
}

}  // namespace
}  // namespace weir::mirror
