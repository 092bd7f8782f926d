#include "anycast/serving.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace weir::anycast {
namespace {

std::shared_ptr<const config::LoadBalancer> balancer(std::string name, std::vector<config::Route> routes) {
  config::LoadBalancer made{.name = std::move(name), .spec = {}};
  made.spec.routes = std::move(routes);
  return std::make_shared<const config::LoadBalancer>(std::move(made));
}

config::Route route_to(std::vector<config::Backend> backends) {
  config::Route route;
  route.backends = std::move(backends);
  return route;
}

struct World {
  config::Snapshot snapshot;
  std::set<std::string> healthy;
  std::set<std::string> near;  // of those
  std::vector<std::string> asked;

  std::string why_not(std::string_view balancer, Share share = Share::kAny) {
    asked.clear();
    return why_not_served(&snapshot, balancer, share, [this](const std::string& service, Where where) {
      asked.push_back(service);
      return (where == Where::kNear ? near : healthy).contains(service);
    });
  }
};

TEST_CASE("an address is served while something of what it is for is") {
  World world;
  world.snapshot.load_balancers = {balancer("api", {route_to({{"api", 1}, {"old", 0}})}),
                                   balancer("web", {route_to({{"shop", 1}}), route_to({{"blog", 1}})})};
  CHECK(world.why_not("") == "no endpoint of the load balancers can be used");
  CHECK(world.asked == std::vector<std::string>{"api", "shop", "blog"});
  CHECK(world.why_not("web") == "no endpoint of the load balancer \"web\" can be used");
  world.healthy = {"blog"};
  CHECK(world.why_not("").empty());
  CHECK(world.why_not("web").empty());
  CHECK_FALSE(world.why_not("api").empty());
  world.healthy = {"old"};
  CHECK_FALSE(world.why_not("api").empty());
  world.healthy = {"api", "shop", "blog"};
  CHECK(world.why_not("").empty());
  CHECK(world.asked == std::vector<std::string>{"api"});
}

TEST_CASE("all of what an address is for is served when each route is") {
  World world;
  world.snapshot.load_balancers = {balancer("api", {route_to({{"api", 1}, {"old", 1}})}),
                                   balancer("web", {route_to({{"shop", 1}}), route_to({{"blog", 1}})})};
  world.healthy = {"old", "shop"};
  CHECK(world.why_not("", Share::kAll) == "no endpoint of a route of web can be used yet");
  CHECK(world.why_not("web", Share::kAll) == "no endpoint of a route of web can be used yet");
  CHECK(world.why_not("api", Share::kAll).empty());
  world.healthy = {"old", "shop", "blog"};
  CHECK(world.why_not("", Share::kAll).empty());
  CHECK(world.asked == std::vector<std::string>{"api", "old", "shop", "blog"});
  CHECK(world.why_not("gone", Share::kAll) == "this edge has no load balancer \"gone\"");
}

TEST_CASE("a route that answers by itself needs no endpoint") {
  World world;
  config::Route redirect;
  redirect.redirect.emplace();
  world.snapshot.load_balancers = {balancer("web", {route_to({{"shop", 1}}), redirect})};
  CHECK(world.why_not("web").empty());
}

TEST_CASE("without a configuration or a load balancer nothing is served") {
  World world;
  CHECK(world.why_not("") == "this edge has no load balancer");
  CHECK(world.why_not("web") == "this edge has no load balancer \"web\"");
  CHECK(why_not_served(nullptr, "", Share::kAny, {}) == "this edge has no configuration yet");
}

std::shared_ptr<const config::Service> for_anycast(std::string name) {
  return std::make_shared<const config::Service>(config::Service{.name = std::move(name), .anycast = true});
}

TEST_CASE("a service for anycast has to be served from near, and others need not") {
  World world;
  world.snapshot.services = {for_anycast("shop")};
  world.snapshot.load_balancers = {balancer("api", {route_to({{"api", 1}})}),
                                   balancer("web", {route_to({{"shop", 1}}), route_to({{"blog", 1}})})};
  constexpr auto kMissing = "no endpoint of shop in this edge's region can be used";
  world.healthy = {"shop", "blog"};
  CHECK(world.why_not("web") == kMissing);
  CHECK(world.why_not("") == kMissing);
  CHECK(world.why_not("web", Share::kAll) == "no endpoint of a route of web can be used yet");
  CHECK(world.why_not("api") == "no endpoint of the load balancer \"api\" can be used");
  world.healthy.insert("api");
  CHECK(world.why_not("").empty());  // for that one alone
  CHECK(world.why_not("web") == kMissing);
  world.near = {"shop"};
  CHECK(world.why_not("web").empty());
  CHECK(world.why_not("web", Share::kAll).empty());
  world.healthy.erase("blog");
  CHECK(world.why_not("web").empty());
}

TEST_CASE("of a split, one service for anycast that is near is enough, and another does not count") {
  World world;
  world.snapshot.services = {for_anycast("new"), for_anycast("old"), for_anycast("unused")};
  world.snapshot.load_balancers = {
      balancer("web", {route_to({{"new", 1}, {"old", 9}, {"plain", 1}, {"unused", 0}})})};
  world.healthy = {"new", "old", "plain", "unused"};
  world.near = {"unused"};
  CHECK(world.why_not("web") == "no endpoint of new in this edge's region can be used");
  world.near = {"old"};
  CHECK(world.why_not("web").empty());
}

TEST_CASE("each service for anycast of a load balancer has to be near") {
  World world;
  world.snapshot.services = {for_anycast("api"), for_anycast("shop")};
  world.snapshot.load_balancers = {balancer("web", {route_to({{"api", 1}}), route_to({{"shop", 1}})})};
  world.healthy = {"api", "shop"};
  world.near = {"api"};
  CHECK(world.why_not("web") == "no endpoint of shop in this edge's region can be used");
  world.near = {"api", "shop"};
  CHECK(world.why_not("web").empty());
}

}  // namespace
}  // namespace weir::anycast
