#include "controller/views.h"

#include <doctest/doctest.h>

#include <memory>

#include "config/documents.h"
#include "config/object.h"
#include "controller/foresight.h"
#include "translation/own.h"

namespace weir::controller {
namespace {

using config::Kind;

// Objects as YAML, and the views of them.
struct World {
  config::Whole objects;
  Views views{objects};
  std::uint64_t revision = 0;

  config::ObjectPointer read(const std::string& json) {
    auto object = config::parse_object(json, config::Origin::kStore);
    REQUIRE(object);
    object->metadata.revision = revision + 1;
    return std::make_shared<const config::Object>(std::move(*object));
  }
  bool put(const std::string& json) {
    const auto object = read(json);
    const auto before = objects.put(object);
    return views.apply(std::vector{config::ObjectChange{before, object}}, ++revision);
  }
  bool remove(Kind kind, std::string_view name) {
    const auto before = objects.remove(kind, name);
    return views.apply(std::vector{config::ObjectChange{before, nullptr}}, ++revision);
  }
  void put_edge(const std::string& name, const std::string& region, bool revoked = false) {
    put(R"({"kind":"Edge","metadata":{"name":")" + name + R"("},"spec":{"region":")" + region +
        R"(","revoked":)" + (revoked ? "true" : "false") + "}}");
  }
  void put_service(const std::string& name, const std::string& address) {
    put(R"({"kind":"Service","metadata":{"name":")" + name + R"("},"spec":{"endpoints":[{"address":")" +
        address + R"("}]}})");
  }
  static std::string balancer(const std::string& name, const std::string& service, const std::string& match) {
    return R"({"kind":"LoadBalancer","metadata":{"name":")" + name +
           R"("},"spec":{"listeners":[{"protocol":"HTTP","hostnames":[")" + name +
           R"(.example"]}],"routes":[{"backends":[{"service":")" + service + R"("}]}],"edges":{"match":)" +
           match + "}}}";
  }
  bool put_balancer(const std::string& name, const std::string& service, const std::string& match) {
    return put(balancer(name, service, match));
  }

  xds::Catalog* catalog(const std::string& edge, const std::string& agent = "weir 1") {
    return views.catalog_for({.id = edge, .cluster = {}, .user_agent = agent, .metadata = {}});
  }
  // The names that are there, of one type.
  std::set<std::string> told(const xds::Catalog& catalog, xds::Type type = xds::Type::kObject) {
    std::set<std::string> names;
    catalog.present(type).for_each(
        [&](std::uint32_t slot) { names.insert(catalog.resource(type, slot)->name); });
    return names;
  }
};

using Names = std::set<std::string>;

TEST_CASE("an edge is told what its load balancers lead to, and nothing else") {
  World world;
  world.put_service("web", "10.0.0.1:80");
  world.put_service("other", "10.0.0.2:80");
  world.put(
      R"({"kind":"Endpoint","metadata":{"name":"e1"},"spec":{"service":"web","address":"10.0.0.3:80"}})");
  world.put(
      R"({"kind":"Endpoint","metadata":{"name":"e2"},"spec":{"service":"other","address":"10.0.0.4:80"}})");
  world.put_balancer("all", "web", "{}");
  world.put_balancer("eu", "other", R"({"region":"eu"})");
  world.put_edge("us-1", "us");
  world.put_edge("eu-1", "eu");
  xds::Catalog* us = world.catalog("us-1");
  xds::Catalog* eu = world.catalog("eu-1");
  REQUIRE(us != nullptr);
  CHECK(world.told(*us) == Names{"endpoints/e1", "loadbalancers/all", "revision", "services/web"});
  CHECK(world.told(*eu) == Names{"endpoints/e1", "endpoints/e2", "loadbalancers/all", "loadbalancers/eu",
                                 "revision", "services/other", "services/web"});
  const auto web = world.objects.find(Kind::kService, "web");
  const auto other = world.objects.find(Kind::kService, "other");
  CHECK(world.views.carries("us-1", *web));
  CHECK(!world.views.carries("us-1", *other));

  SUBCASE("a load balancer that leads elsewhere brings that, and takes along what it left") {
    world.put_balancer("all", "other", "{}");
    CHECK(world.told(*us) == Names{"endpoints/e2", "loadbalancers/all", "revision", "services/other"});
    world.put_balancer("eu", "web", R"({"region":"eu"})");
    CHECK(world.told(*us) == Names{"endpoints/e2", "loadbalancers/all", "revision", "services/other"});
  }
  SUBCASE("the revision moves only for who has something of the change") {
    const auto revision_of = [&](const xds::Catalog& catalog) {
      const auto slot = catalog.names().slot(xds::Type::kObject, "revision");
      return *translation::read_revision(catalog.resource(xds::Type::kObject, slot)->body);
    };
    const auto before = revision_of(*us);
    world.put_service("other", "10.0.0.9:80");
    CHECK(revision_of(*us) == before);
    CHECK(revision_of(*eu) == world.revision);
  }
  SUBCASE("both views hold the same resource") {
    const auto slot = us->names().slot(xds::Type::kObject, "services/web");
    CHECK(us->resource(xds::Type::kObject, slot) == eu->resource(xds::Type::kObject, slot));
    world.put_service("web", "10.0.0.9:80");
    CHECK(us->resource(xds::Type::kObject, slot) == eu->resource(xds::Type::kObject, slot));
  }
}

TEST_CASE("who answers DNS is told zones and every service, and who does nothing else no load balancer") {
  World world;
  world.put(R"({"kind":"Zone","metadata":{"name":"a.example"},"spec":{"nameservers":["ns1"]}})");
  world.put(R"({"kind":"RecordSet","metadata":{"name":"www"},"spec":{"zone":"a.example","name":"www",
                "type":"A","service":"web"}})");
  world.put(R"({"kind":"DnsWeights","metadata":{"name":"www"},"spec":{"zone":"a.example"}})");
  world.put_service("web", "10.0.0.1:80");
  world.put_service("other", "10.0.0.2:80");
  world.put_balancer("all", "other", "{}");
  world.put_edge("fra-1", "fra");
  const auto catalog = [&](const std::map<std::string, std::string>& said) {
    return world.views.catalog_for({.id = "fra-1", .cluster = {}, .user_agent = "weir 1", .metadata = said});
  };
  const Names traffic{"loadbalancers/all", "services/other"};
  const Names dns{"dnsweights/www", "recordsets/www", "services/other", "services/web", "zones/a.example"};
  const auto with = [](Names names, const Names& more) {
    names.insert("revision");
    names.insert(more.begin(), more.end());
    return names;
  };
  CHECK(world.told(*catalog({})) == with(traffic, {}));
  CHECK(world.told(*catalog({{kAnswersDnsKey, "yes"}})) == with(traffic, dns));
  CHECK(world.told(*catalog({{kAnswersDnsKey, "yes"}, {kNoTrafficKey, "yes"}})) == with(dns, {}));
  CHECK(world.views.carries("fra-1", *world.objects.find(Kind::kZone, "a.example")));
  CHECK(!world.views.carries("fra-1", *world.objects.find(Kind::kLoadBalancer, "all")));

  world.put_service("later", "10.0.0.3:80");
  world.remove(Kind::kRecordSet, "www");
  world.remove(Kind::kDnsWeights, "www");
  CHECK(world.told(*catalog({{kAnswersDnsKey, "yes"}, {kNoTrafficKey, "yes"}})) ==
        Names{"revision", "services/later", "services/other", "services/web", "zones/a.example"});
}

TEST_CASE("certificates go only where they are shown") {
  World world;
  world.put(R"({"kind":"Secret","metadata":{"name":"users"},"spec":{"values":{"ann":"x"}}})");
  world.put_service("web", "10.0.0.1:80");
  world.put_balancer("all", "web", "{}");
  world.put_edge("us-1", "us");
  xds::Catalog* us = world.catalog("us-1");
  CHECK(world.told(*us) == Names{"loadbalancers/all", "revision", "services/web"});
}

TEST_CASE("every edge knows the users, and no password") {
  World world;
  world.put_edge("us-1", "us");
  xds::Catalog* us = world.catalog("us-1");
  const auto put_eve = [&](const std::string& more) {
    world.put(
        R"({"kind":"User","metadata":{"name":"eve"},"spec":{"email":"eve@x","password":"$argon2id$v=19$")" +
        more + "}}");
  };
  put_eve("");
  CHECK(world.told(*us) == Names{"revision", "users/eve"});
  const auto slot = us->names().slot(xds::Type::kObject, "users/eve");
  const std::string body(us->resource(xds::Type::kObject, slot)->body);
  CHECK(body.contains("eve@x"));
  CHECK_FALSE(body.contains("argon2"));
  world.remove(Kind::kUser, "eve");
  CHECK(world.told(*us) == Names{"revision"});
}

TEST_CASE("edges know the tokens by which origins come in, and no other") {
  World world;
  world.put_edge("us-1", "us");
  xds::Catalog* us = world.catalog("us-1");
  const auto put_token = [&](const std::string& name, const std::string& spec) {
    world.put(R"({"kind":"Token","metadata":{"name":")" + name + R"("},"spec":)" + spec + "}");
  };
  world.put(R"({"kind":"User","metadata":{"name":"eve"},"spec":{"email":"eve@x"}})");
  put_token("all", R"({"role":"admin"})");
  put_token("joins", R"({"role":"join"})");
  put_token("laptop", R"({"role":"tunnel","user":"eve"})");
  CHECK(world.told(*us) == Names{"revision", "tokens/laptop", "users/eve"});
  world.put_service("web", "10.0.0.1:80");
  world.put_balancer("eu", "web", R"({"region":"eu"})");
  world.put_edge("eu-1", "eu");  // a view that is made of what there is
  CHECK(world.told(*world.catalog("eu-1")) ==
        Names{"loadbalancers/eu", "revision", "services/web", "tokens/laptop", "users/eve"});
  world.remove(Kind::kToken, "laptop");
  CHECK(world.told(*us) == Names{"revision", "users/eve"});
}

TEST_CASE("an edge that is revoked or unknown has no view; one with other labels gets another") {
  World world;
  world.put_service("web", "10.0.0.1:80");
  world.put_balancer("eu", "web", R"({"region":"eu"})");
  CHECK(world.catalog("eu-1") == nullptr);
  world.put_edge("eu-1", "us");
  xds::Catalog* first = world.catalog("eu-1");
  CHECK(world.told(*first) == Names{"revision"});
  world.put_edge("eu-1", "eu");
  xds::Catalog* second = world.catalog("eu-1");
  CHECK(second != first);
  CHECK(world.told(*second) == Names{"loadbalancers/eu", "revision", "services/web"});
  world.views.tidy({second});
  CHECK(world.views.size() == 1);
  world.put_edge("eu-1", "eu", true);
  CHECK(world.catalog("eu-1") == nullptr);
}

TEST_CASE("a selector that is new or gone is said, so that edges are sorted anew") {
  World world;
  world.put_service("web", "10.0.0.1:80");
  CHECK(!world.put(R"({"kind":"Secret","metadata":{"name":"s"},"spec":{"values":{"a":"b"}}})"));
  CHECK(world.put_balancer("a", "web", "{}"));
  CHECK(!world.put_balancer("b", "web", "{}"));
  CHECK(!world.remove(Kind::kLoadBalancer, "a"));
  CHECK(world.remove(Kind::kLoadBalancer, "b"));
}

TEST_CASE("verdicts go with their service, to weir's edges and to Envoy") {
  World world;
  world.put_service("web", "10.0.0.1:80");
  world.put_balancer("all", "web", "{}");
  world.put_edge("us-1", "us");
  world.put_edge("us-2", "us");
  xds::Catalog* own = world.catalog("us-1");
  xds::Catalog* envoy = world.catalog("us-2", "envoy 1.40");
  REQUIRE(envoy != own);
  CHECK(world.told(*envoy, xds::Type::kCluster) == Names{"web"});
  const auto version = [&] {
    const auto slot = envoy->names().slot(xds::Type::kEndpoints, "web");
    return envoy->resource(xds::Type::kEndpoints, slot)->version;
  };
  const std::string healthy = version();
  world.views.set_unhealthy("web", {"10.0.0.1:80"});
  CHECK(world.told(*own, xds::Type::kHealth) == Names{"web"});
  CHECK(version() != healthy);
  // Who comes later is told, too.
  world.put_edge("us-3", "eu");
  world.put_balancer("eu", "web", R"({"region":"eu"})");
  CHECK(world.told(*world.catalog("us-3"), xds::Type::kHealth) == Names{"web"});
  world.views.set_unhealthy("web", {});
  CHECK(world.told(*own, xds::Type::kHealth).empty());
  CHECK(version() == healthy);
}

TEST_CASE("what a change would come to at each edge, while nothing of what is served is touched") {
  World world;
  world.put_service("web", "10.0.0.1:80");
  world.put_service("site", "10.0.0.2:80");
  world.put_balancer("all", "web", "{}");
  world.put_balancer("eu", "web", R"({"region":"eu"})");
  for (const std::string name : {"us-1", "us-2", "us-3"}) world.put_edge(name, "us");
  world.put_edge("eu-1", "eu");
  const std::vector<xds::Node> nodes{{"us-1", "", "weir 1"},
                                     {"us-2", "", "weir 1"},
                                     {"us-3", "", "envoy 1.40"},
                                     {"eu-1", "", "weir 1"},
                                     {"nobody", "", "weir 1"}};
  const auto foreseen = [&](std::vector<config::ObjectChange> changes) {
    std::string text;
    for (const Views::Foreseen& group : world.views.foresee(nodes, changes)) {
      for (const std::string& edge : group.edges) text += edge + ' ';
      text += group.is_own ? "weir:" : "envoy:";
      for (const Views::Difference& one : group.differences) {
        const bool was = one.before || one.object_before;
        const bool is = one.after || one.object_after;
        text += std::string(was && is ? " ~"
                            : is      ? " +"
                                      : " -") +
                std::string(xds::info_of(one.type).word) + ' ' + one.name;
      }
      text += '\n';
    }
    return text;
  };
  const xds::Catalog* catalog = world.catalog("us-3", "envoy 1.40");
  const auto told = world.told(*catalog, xds::Type::kCluster);
  const std::size_t views = (world.catalog("us-1"), world.catalog("eu-1"), world.views.size());

  const auto all = world.objects.find(Kind::kLoadBalancer, "all");
  const auto moved = world.read(World::balancer("all", "site", "{}"));
  CHECK(foreseen({{all, moved}}) ==
        "eu-1 weir: ~object loadbalancers/all +object services/site\n"
        "us-1 us-2 weir: ~object loadbalancers/all +object services/site -object services/web\n"
        "us-3 envoy: ~routes http\n");
  const auto eu = world.objects.find(Kind::kLoadBalancer, "eu");
  CHECK(foreseen({{eu, nullptr}}) == "eu-1 weir: -object loadbalancers/eu\nus-1 us-2 weir:\nus-3 envoy:\n");
  const auto service = world.read(
      R"({"kind":"Service","metadata":{"name":"new"},"spec":{"endpoints":[{"address":"10.0.0.9:80"}]}})");
  CHECK(foreseen({{nullptr, service}}) ==
        "eu-1 weir:\nus-1 us-2 weir:\nus-3 envoy: +cluster new +endpoints new\n");
  const auto us_only = world.read(World::balancer("new", "site", R"({"region":"us"})"));
  CHECK(foreseen({{nullptr, us_only}}).starts_with("eu-1 weir:\nus-1 us-2 weir: +object loadbalancers/new"));
  const auto token = world.read(R"({"kind":"Secret","metadata":{"name":"s"},"spec":{"values":{"a":"b"}}})");
  CHECK(foreseen({{nullptr, token}}) == "eu-1 weir:\nus-1 us-2 weir:\nus-3 envoy:\n");

  CHECK(world.told(*catalog, xds::Type::kCluster) == told);
  CHECK(world.views.size() == views);
  CHECK(world.catalog("us-3", "envoy 1.40") == catalog);
}

TEST_CASE("what has joined a service comes and goes with it, in what is foreseen too") {
  World world;
  world.put_service("web", "10.0.0.1:80");
  world.put_balancer("all", "web", "{}");
  world.put_edge("us-1", "us");
  world.put(
      R"({"kind":"Endpoint","metadata":{"name":"e"},"spec":{"service":"web","address":"10.0.0.3:80"}})");
  world.put(R"({"kind":"Tunnel","metadata":{"name":"t"},"spec":{"service":"web","instance":"laptop"}})");
  CHECK(world.told(*world.catalog("us-1")) ==
        Names{"endpoints/e", "loadbalancers/all", "revision", "services/web", "tunnels/t"});
  const std::vector<xds::Node> nodes{{"us-1", "", "weir 1"}};
  const auto all = world.objects.find(Kind::kLoadBalancer, "all");
  const auto groups = world.views.foresee(nodes, std::vector<config::ObjectChange>{{all, nullptr}});
  REQUIRE(groups.size() == 1);
  Names gone;
  for (const Views::Difference& one : groups[0].differences) {
    CHECK_FALSE(one.object_after);
    gone.insert(one.name);
  }
  CHECK(gone == Names{"endpoints/e", "loadbalancers/all", "services/web", "tunnels/t"});
}

TEST_CASE("what is foreseen is cut, and the cut said") {
  World world;
  world.put_service("web", "10.0.0.1:80");
  world.put_balancer("all", "web", "{}");
  world.put_edge("us-1", "us");
  const std::vector<xds::Node> nodes{{"us-1", "", "weir 1"}};
  std::vector<config::ObjectChange> changes;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "b" + std::to_string(i);
    changes.push_back({nullptr, world.read(World::balancer(name + std::string(50, 'x'), "web", "{}"))});
  }
  const std::string text = foreseen(world.views, nodes, changes);
  CHECK(text.size() < 2 * kForeseenBytesMax);
  CHECK(text.starts_with(R"([{"edges":["us-1"],"count":1,"data_plane":"weir","resources":[)"
                         R"({"type":"object","name":"loadbalancers/b0x)"));
  CHECK_FALSE(text.contains(R"("more":0)"));
  const auto key =
      world.read(R"({"kind":"Secret","metadata":{"name":"users"},"spec":{"values":{"ann":"hidden-hash"}}})");
  std::string balancer = World::balancer("all", "web", "{}");
  balancer.replace(balancer.find("}]}],"), 5, R"(}],"basic_auth":{"secret":"users"}}],)");
  auto asking = world.read(balancer);
  const std::string secret = foreseen(
      world.views, nodes, std::vector<config::ObjectChange>{{nullptr, key}, {nullptr, std::move(asking)}});
  CHECK(secret.contains("secrets/users"));
  CHECK_FALSE(secret.contains("hidden-hash"));
}

TEST_CASE("an Envoy's view is behind while what is written does not fit together") {
  World world;
  world.put_edge("us-1", "us");
  world.put_service("web", "10.0.0.1:80");
  world.put_balancer("all", "web", "{}");
  const xds::Catalog& envoy = *world.catalog("us-1", "envoy 1.40");
  CHECK(!world.views.is_behind(envoy));
  world.put_balancer("all", "gone", "{}");
  CHECK(world.views.is_behind(envoy));
  world.put_service("gone", "10.0.0.2:80");
  CHECK(!world.views.is_behind(envoy));
}

TEST_CASE("whom a rollout has reached sees its changes, and the others what is written") {
  World world;
  world.put_service("web", "10.0.0.1:80");
  world.put_service("site", "10.0.0.2:80");
  world.put_balancer("all", "web", "{}");
  world.put_edge("us-1", "us");
  world.put_edge("eu-1", "eu");
  std::set<std::string> reached;
  world.views.set_reached([&](const std::string& edge, const config::Labels&) {
    return reached.contains(edge) ? std::vector<std::string>{"move"} : std::vector<std::string>();
  });
  const auto body = [&](const std::string& edge, const std::string& name) {
    xds::Catalog* catalog = world.catalog(edge);
    const auto slot = catalog->names().slot(xds::Type::kObject, name);
    const auto& resource = catalog->resource(xds::Type::kObject, slot);
    return resource ? config::to_json(*translation::read_object(resource->body), config::Secrets::kHide) : "";
  };
  const auto changed = world.read(World::balancer("all", "site", "{}"));
  world.views.set_overlay("move", {{world.objects.find(Kind::kLoadBalancer, "all"), changed}});
  CHECK(body("eu-1", "services/site").empty());
  reached = {"eu-1"};
  xds::Catalog* us = world.catalog("us-1");
  xds::Catalog* eu = world.catalog("eu-1");
  CHECK(world.told(*us) == Names{"loadbalancers/all", "revision", "services/web"});
  CHECK(world.told(*eu) == Names{"loadbalancers/all", "revision", "services/site"});

  SUBCASE("what is written of that it does without for now") {
    const auto all = world.objects.find(Kind::kLoadBalancer, "all");
    const auto web = world.objects.find(Kind::kService, "web");
    CHECK(world.views.is_held_back("eu-1", *all));
    CHECK(world.views.is_held_back("eu-1", *web));  // its load balancer leads elsewhere
    CHECK(!world.views.is_held_back("us-1", *all));
    CHECK(!world.views.is_held_back("eu-1", *world.objects.find(Kind::kService, "site")));
    reached.clear();
    CHECK(!world.views.is_held_back("eu-1", *all));
  }
  SUBCASE("what changes below it comes to both; what it holds itself stays") {
    world.put_service("site", "10.0.0.9:80");
    CHECK(body("eu-1", "services/site").contains("10.0.0.9:80"));
    world.put_service("web", "10.0.0.8:80");
    CHECK(body("us-1", "services/web").contains("10.0.0.8:80"));
    world.put_balancer("all", "web", R"({"region":"us"})");
    CHECK(world.told(*world.catalog("us-1")) == Names{"loadbalancers/all", "revision", "services/web"});
    CHECK(world.told(*eu) == Names{"loadbalancers/all", "revision", "services/site"});
  }
  SUBCASE("withdrawn, all see what is written") {
    world.views.drop_overlay("move");
    CHECK(world.catalog("eu-1") == us);
    world.views.tidy({us});
    CHECK(world.views.size() == 1);
    // Another one of the same name begins anew.
    world.views.set_overlay("move", {{world.objects.find(Kind::kLoadBalancer, "all"), nullptr}});
    CHECK(world.told(*world.catalog("eu-1")) == Names{"revision"});
  }
}

TEST_CASE("a service of a workload for anycast is told with that, and again when the workload changes") {
  World world;
  world.put_service("web", "10.0.0.1:80");
  world.put_balancer("all", "web", "{}");
  world.put_edge("us-1", "us");
  xds::Catalog* us = world.catalog("us-1");
  const auto slot = us->names().slot(xds::Type::kObject, "services/web");
  const auto is_marked = [&] {
    const auto told = translation::read_object(us->resource(xds::Type::kObject, slot)->body);
    REQUIRE(told.has_value());
    return told->metadata.labels.contains("weir/anycast");
  };
  const auto workload = [](const std::string& anycast) {
    return R"({"kind":"Workload","metadata":{"name":"shop"},"spec":{"anycast":)" + anycast +
           R"(,"containers":[{"name":"app","image":"x:1","ports":[{"port":80,"service":"web"}]}],
              "targets":[{"name":"all"}]}})";
  };
  CHECK_FALSE(is_marked());
  world.put(workload("true"));
  CHECK(is_marked());
  CHECK_FALSE(world.told(*us).contains("workloads/shop"));
  world.put(workload("false"));
  CHECK_FALSE(is_marked());
  world.put(workload("true"));
  world.remove(Kind::kWorkload, "shop");
  CHECK_FALSE(is_marked());
}

}  // namespace
}  // namespace weir::controller
