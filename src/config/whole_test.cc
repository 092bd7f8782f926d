#include "config/whole.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "config/documents.h"
#include "config/snapshot.h"

namespace weir::config {
namespace {

Whole world_of(std::string_view yaml) {
  Whole world;
  const auto documents = read_yaml(yaml);
  REQUIRE(documents.has_value());
  for (const Document& document : *documents) {
    auto object = parse_object(document.json, Origin::kStore);
    REQUIRE_MESSAGE(object.has_value(), to_text(object.error()));
    world.put(std::make_shared<const Object>(std::move(*object)));
  }
  return world;
}

template <class T>
bool same(const NamedList<T>& left, const NamedList<T>& right) {
  return std::ranges::equal(left, right, [](const auto& one, const auto& other) { return *one == *other; });
}

std::string balancer(const std::string& name, const std::string& listener, const std::string& prefix = "/",
                     const std::string& edges = "{}") {
  return "---\n{kind: LoadBalancer, metadata: {name: " + name + "}, spec: {listeners: [" + listener +
         "], routes: [{match: {path_prefix: " + prefix +
         "}, backends: [{service: web}]}], edges: {match: " + edges + "}}}\n";
}
const std::string kWeb = "---\n{kind: Service, metadata: {name: web}}\n";

TEST_CASE("references must exist") {
  const Whole world = world_of(
      "{kind: LoadBalancer, metadata: {name: a}, spec: {listeners: [{protocol: HTTP}],\n"
      " routes: [{backends: [{service: web}, {service: wbe}]}]}}\n" +
      kWeb +
      "---\n{kind: Endpoint, metadata: {name: e}, spec: {service: other, address: 'a:1'}}\n"
      "---\n{kind: Endpoint, metadata: {name: f}, spec: {service: web, address: 'a:1'}}\n"
      "---\n{kind: Token, metadata: {name: wbe}}\n");
  CHECK(to_text(world.violations()) ==
        "LoadBalancer/a: spec.routes[0].backends[1].service: there is no Service \"wbe\"\n"
        "Endpoint/e: spec.service: there is no Service \"other\"");
}

std::string tcp_balancer(const std::string& name, const std::string& listener) {
  return "---\n{kind: LoadBalancer, metadata: {name: " + name + "}, spec: {listeners: [" + listener +
         "], routes: [{backends: [{service: db}]}]}}\n";
}
const std::string kDb = "---\n{kind: Service, metadata: {name: db}, spec: {protocol: TCP}}\n";

TEST_CASE("connections lead to services of TCP, and requests never do") {
  Whole world = world_of(kDb + kWeb + tcp_balancer("a", "{protocol: TCP, port: 5432}") +
                         balancer("b", "{protocol: HTTP}"));
  CHECK(world.holds());
  CHECK(world.violations().empty());
  const auto as = [&world](std::string_view name, Protocol protocol) {
    auto changed = std::make_shared<Object>(*world.find(Kind::kService, name));
    std::get<ServiceSpec>(changed->spec).protocol = protocol;
    return ObjectChange{world.find(Kind::kService, name), std::move(changed)};
  };
  CHECK(to_text(world.check(std::vector{as("db", Protocol::kHttp)})) ==
        "Service/db: spec.protocol: is not what LoadBalancer/a needs, which leads to it");
  CHECK(to_text(world.check(std::vector{as("web", Protocol::kTcp)})) ==
        "Service/web: spec.protocol: is not what LoadBalancer/b needs, which leads to it");
  world.put(as("db", Protocol::kHttp2).after);
  world.put(as("web", Protocol::kTcp).after);
  CHECK_FALSE(world.holds());
  CHECK(
      to_text(world.violations()) ==
      "LoadBalancer/a: spec.routes[0].backends[0].service: leads to a Service that speaks HTTP; for TCP and "
      "TLS listeners it needs protocol: TCP\n"
      "LoadBalancer/b: spec.routes[0].backends[0].service: leads to a Service of protocol TCP, which speaks "
      "no HTTP");
  world.put(as("db", Protocol::kTcp).after);
  world.put(as("web", Protocol::kHttp).after);
  CHECK(world.holds());
}

TEST_CASE("who shares a port with TCP and TLS listeners") {
  const auto violations = [](const std::string& yaml) {
    const Whole world = world_of(kDb + kWeb + yaml);
    const std::string text = to_text(world.violations());
    CHECK(world.holds() == text.empty());
    return text;
  };
  const std::string tls = "{protocol: TLS, port: 8443, hostnames: [a.example]}";
  CHECK(violations(tcp_balancer("a", tls) +
                   balancer("b", "{protocol: HTTPS, port: 8443, hostnames: [b.example]}")) == "");
  CHECK(violations(tcp_balancer("a", "{protocol: TCP, port: 5432}") +
                   tcp_balancer("b", "{protocol: TCP, port: 5432}")) ==
        "LoadBalancer/b: spec.listeners[0]: takes all of its port, which is taken by LoadBalancer/a");
  CHECK(violations(tcp_balancer("a", "{protocol: TCP, port: 8443}") + tcp_balancer("b", tls)) ==
        "LoadBalancer/b: spec.listeners[0]: wants another protocol on its port than LoadBalancer/a");
  CHECK(violations(tcp_balancer("a", tls) +
                   balancer("b", "{protocol: HTTPS, port: 8443, hostnames: [A.example]}", "/b")) ==
        "LoadBalancer/b: spec.listeners[0]: wants another protocol for the same host on the same port than "
        "LoadBalancer/a");
  const auto passthrough = [](const std::string& alpn) {
    return "{protocol: TLS, port: 8443, hostnames: [a.example], tls: {mode: PASSTHROUGH, alpn: [" + alpn +
           "]}}";
  };
  CHECK(violations(tcp_balancer("a", passthrough("h2")) + tcp_balancer("b", passthrough("x"))) == "");
  CHECK(violations(tcp_balancer("a", passthrough("h2, y")) + tcp_balancer("b", passthrough("x, y"))) ==
        "LoadBalancer/b: spec.listeners[0].hostnames[0]: is taken by LoadBalancer/a");
  CHECK(violations(tcp_balancer("a", "{protocol: TCP}")) ==
        "LoadBalancer/a: spec.listeners[0].port: is required: none can be handed out here");
}

TEST_CASE("an e-mail address and a key for SSH are those of one user") {
  const std::string key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq";
  Whole world =
      world_of("{kind: User, metadata: {name: bob}, spec: {email: bob@x, ssh_keys: ['" + key +
               " one']}}\n---\n{kind: User, metadata: {name: eve}, spec: {email: BOB@X, ssh_keys: ['" + key +
               "']}}\n");
  CHECK(to_text(world.violations()) ==
        "User/eve: spec.email: is taken by User/bob\nUser/eve: spec.ssh_keys[0]: is taken by User/bob");
  CHECK_FALSE(world.holds());
  CHECK(world.user_of_email("Bob@x")->metadata.name == "bob");
  const auto eve = world.remove(Kind::kUser, "eve");
  CHECK(world.holds());
  CHECK(to_text(world.check(std::vector<ObjectChange>{{nullptr, eve}})) ==
        "User/eve: spec.email: is taken by User/bob\nUser/eve: spec.ssh_keys[0]: is taken by User/bob");
  // Who goes makes room for who comes.
  const auto bob = world.find(Kind::kUser, "bob");
  CHECK(world.check(std::vector<ObjectChange>{{nullptr, eve}, {bob, nullptr}}).empty());
  world.remove(Kind::kUser, "bob");
  CHECK(world.user_of_email("bob@x") == nullptr);
}

TEST_CASE("an authority may speak for several users, and for each principal only for one of them") {
  const std::string key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq";
  const auto user = [](const std::string& name, const std::string& lines) {
    return "---\n{kind: User, metadata: {name: " + name + "}, spec: {email: " + name + "@x, ssh_keys: [" +
           lines + "]}}\n";
  };
  const std::string plain = "'" + key + "'";
  const std::string own = "'cert-authority " + key + "'";
  const auto for_principals = [&](const std::string& list) {
    return "'cert-authority,principals=\"" + list + "\" " + key + "'";
  };
  // The key by itself is somebody else than the authority.
  CHECK(world_of(user("ada", own) + user("bob", plain) + user("eve", for_principals("Ada,ada@laptop")) +
                 user("zoe", own))
            .violations()
            .empty());
  Whole world = world_of(user("ada", own + ", " + plain) + user("bob", for_principals("bob,ada,zoe")) +
                         user("zoe", own + ", " + plain));
  CHECK(to_text(world.violations()) ==
        "User/bob: spec.ssh_keys[0]: is taken by User/ada for the principal \"ada\"\n"
        "User/zoe: spec.ssh_keys[0]: is taken by User/bob for the principal \"zoe\"\n"
        "User/zoe: spec.ssh_keys[1]: is taken by User/ada");
  CHECK_FALSE(world.holds());
  world.remove(Kind::kUser, "bob");
  CHECK_FALSE(world.holds());
  world.remove(Kind::kUser, "ada");
  CHECK(world.holds());
}

TEST_CASE("what is in use can't be deleted") {
  const Whole world =
      world_of(kWeb + "---\n{kind: Service, metadata: {name: free}}\n" + balancer("a", "{protocol: HTTP}") +
               "---\n{kind: Endpoint, metadata: {name: e}, spec: {service: web, address: 'a:1'}}\n");
  const auto deletion = [&world](Kind kind, std::string_view name) {
    const auto object = world.find(kind, name);
    return to_text(world.check_deletions(std::vector<ObjectChange>{{object, nullptr}}));
  };
  CHECK(deletion(Kind::kService, "web") ==
        "LoadBalancer/a: spec.routes[0].backends[0].service: still names Service \"web\", which is to be "
        "deleted\n"
        "Endpoint/e: spec.service: still names Service \"web\", which is to be deleted");
  CHECK(deletion(Kind::kService, "free").empty());
  CHECK(deletion(Kind::kLoadBalancer, "a").empty());
}

TEST_CASE("two load balancers can't claim the same host, port and path prefix") {
  const std::string host = "{protocol: HTTP, hostnames: [x.example, a.example]}";
  const std::string taken =
      "LoadBalancer/b: spec.listeners[0].hostnames[1]: is taken by LoadBalancer/a for the path prefix /";
  const struct {
    const char* name;
    std::string second;
    std::string problem;
  } cases[] = {
      {"the same", balancer("b", "{protocol: HTTP, hostnames: [y.example, A.Example]}"), taken},
      {"another host", balancer("b", "{protocol: HTTP, hostnames: [b.example]}"), ""},
      {"a wildcard gives way to the exact name", balancer("b", "{protocol: HTTP, hostnames: ['*.example']}"),
       ""},
      {"all hosts give way to the exact name", balancer("b", "{protocol: HTTP}"), ""},
      {"another port", balancer("b", "{protocol: HTTP, hostnames: [a.example], port: 81}"), ""},
      {"another prefix", balancer("b", host, "/api"), ""},
      {"edges that can't be the same", balancer("b", host, "/", "{region: us}"), ""},
      {"edges that could be the same",
       balancer("b", "{protocol: HTTP, hostnames: [b.example, a.example]}", "/", "{city: fra}"), taken},
  };
  for (const auto& one : cases) {
    CAPTURE(one.name);
    const Whole world = world_of(kWeb + balancer("a", host, "/", "{region: eu}") + one.second);
    CHECK(to_text(world.violations()) == one.problem);
  }
  const Whole world = world_of(kWeb + balancer("a", "{protocol: HTTP}") + balancer("b", "{protocol: HTTP}"));
  CHECK(to_text(world.violations()) ==
        "LoadBalancer/b: spec.listeners[0]: takes all hosts, which are taken by LoadBalancer/a for the path "
        "prefix /");
}

const std::string kWorld =
    "{kind: Service, metadata: {name: web}, spec: {endpoints: [{address: 'A.example:80', weight: 3}, "
    "{address: '10.0.0.1:80'}]}}\n"
    "---\n{kind: Service, metadata: {name: api}}\n"
    "---\n{kind: Endpoint, metadata: {name: z}, spec: {service: web, address: '[0::1]:80', priority: 1}}\n"
    "---\n{kind: Endpoint, metadata: {name: b}, spec: {service: web, address: '10.0.0.1:80', weight: 9}}\n"
    "---\n{kind: Endpoint, metadata: {name: c}, spec: {service: web, address: '10.0.0.1:80', weight: 5}}\n"
    "---\n{kind: Token, metadata: {name: t}, spec: {hash: abcdef}}\n" +
    balancer("y", "{protocol: HTTP, hostnames: [Web.Example]}", "/a/", "{region: eu}") +
    balancer("x", "{protocol: HTTP, hostnames: [web.example]}");

TEST_CASE("a snapshot is sorted, canonical, and merges static and joined endpoints") {
  const Whole world = world_of(kWorld);
  const auto built = build_snapshot(42, world);
  REQUIRE_MESSAGE(built.has_value(), to_text(built.error()));
  const Snapshot& snapshot = **built;
  CHECK(snapshot.revision == 42);
  REQUIRE(snapshot.load_balancers.size() == 2);
  CHECK(snapshot.load_balancers[0]->name == "x");
  CHECK(snapshot.load_balancers[1]->spec.listeners[0].hostnames[0] == "web.example");
  CHECK(snapshot.load_balancers[1]->spec.routes[0].match.path_prefix == "/a");
  REQUIRE(snapshot.services.size() == 2);
  CHECK(snapshot.find_service("nothing") == nullptr);
  CHECK(snapshot.find_service("api")->endpoints.empty());
  const auto web = snapshot.find_service("web");
  REQUIRE(web != nullptr);
  CHECK(web->spec.endpoints.empty());
  REQUIRE(web->endpoints.size() == 3);
  CHECK(web->endpoints[0].key == "a.example:80");
  CHECK(web->endpoints[0].weight == 3);
  CHECK(web->endpoints[0].object.empty());
  CHECK(web->endpoints[1].key ==
        "10.0.0.1:80");  // the joined one takes the place of the static one; the first of them
  CHECK(web->endpoints[1].weight == 9);
  CHECK(web->endpoints[1].object == "b");
  CHECK(web->endpoints[2].key == "[::1]:80");
  CHECK(web->endpoints[2].priority == 1);
  CHECK(web->endpoints[0].id != web->endpoints[1].id);
  CHECK(web->endpoints[1].id == 468978021470009891U);
}

TEST_CASE("two endpoints can't wait for tunnels at the same port") {
  const auto slot = [](const std::string& name) {
    return "---\n{kind: Endpoint, metadata: {name: " + name +
           "}, spec: {service: web, tunnel: {port: 2201}}}\n";
  };
  Whole world = world_of(kWeb + slot("b"));
  CHECK(world.holds());
  const auto taken = parse_object(
      R"({"kind": "Endpoint", "metadata": {"name": "a"}, "spec": {"service": "web",
          "tunnel": {"port": 2201}}})",
      Origin::kStore);
  REQUIRE(taken.has_value());
  const auto other = std::make_shared<const Object>(*taken);
  CHECK(to_text(world.check(std::vector<ObjectChange>{{nullptr, other}})) ==
        "Endpoint/a: spec.tunnel.port: is taken by Endpoint/b");
  const auto owner = world.find(Kind::kEndpoint, "b");
  CHECK(world.check(std::vector<ObjectChange>{{owner, nullptr}, {nullptr, other}}).empty());
  world.put(other);
  CHECK_FALSE(world.holds());
  world.remove(Kind::kEndpoint, "b");
  CHECK(world.holds());
}

TEST_CASE("the tunnels of one instance are one endpoint, and a snapshot keeps them, slots and owners") {
  const auto tunnel = [](const std::string& name, const std::string& instance, const std::string& edge) {
    return "---\n{kind: Tunnel, metadata: {name: " + name + "}, spec: {service: web, instance: " + instance +
           ", edge: " + edge + ", provider: aws, zone: " + edge + "-1, relay: '" + edge +
           ".example:8444', session: s1, weight: 2}}\n";
  };
  const Whole world = world_of(
      "{kind: Service, metadata: {name: web, labels: {weir/owner: ada}}}\n"
      "---\n{kind: Endpoint, metadata: {name: laptop}, spec: {service: web, tunnel: {port: 2201}, weight: "
      "2}}\n" +
      tunnel("web-desk-fra", "desk", "fra") + tunnel("web-laptop-ams", "laptop", "ams") +
      tunnel("web-laptop-fra", "laptop", "fra"));
  const auto built = build_snapshot(1, world);
  REQUIRE_MESSAGE(built.has_value(), to_text(built.error()));
  const Service& web = *(*built)->find_service("web");
  CHECK(web.owner == "ada");
  REQUIRE(web.slots.size() == 1);
  CHECK(web.slots[0].object == "laptop");
  CHECK(web.slots[0].port == 2201);
  REQUIRE(web.endpoints.size() == 2);
  CHECK(web.endpoints[0].key == "tunnel:desk");
  CHECK(web.endpoints[1].key == "tunnel:laptop");
  CHECK(web.endpoints[1].weight == 2);
  REQUIRE(web.endpoints[1].tunnels.size() == 2);
  CHECK(web.endpoints[1].tunnels[0].edge == "ams");
  CHECK(web.endpoints[1].tunnels[1].relay == "fra.example:8444");
  CHECK(web.endpoints[1].tunnels[1].provider == "aws");
  CHECK(web.endpoints[1].tunnels[1].zone == "fra-1");
  const auto back = read_snapshot(snapshot_text(**built));
  REQUIRE_MESSAGE(back.has_value(), to_text(back.error()));
  CHECK(same((*back)->services, (*built)->services));
}

TEST_CASE("what discovery tells of an endpoint is in the snapshot, and its lease is not") {
  const auto joined = [](const std::string& until, const std::string& version) {
    return "{kind: Service, metadata: {name: web}}\n---\n{kind: Endpoint, metadata: {name: a, revision: 7}, "
           "spec: {service: web, address: '10.0.0.1:80', instance: 'Das große, rote.', version: '" +
           version + "', text: ['path=/x', flag], lease: 30s, expires_at: '" + until + "'}}\n";
  };
  const auto first = build_snapshot(1, world_of(joined("2027-01-01T00:00:00Z", "1.4.2")));
  REQUIRE_MESSAGE(first.has_value(), to_text(first.error()));
  const Endpoint& one = (*first)->services.front()->endpoints.front();
  CHECK(one.instance == "Das große, rote.");
  CHECK(one.version == "1.4.2");
  CHECK(one.text == std::vector<std::string>{"path=/x", "flag"});
  const auto renewed =
      build_snapshot(2, world_of(joined("2027-01-01T00:00:10Z", "1.4.2")), nullptr, first->get());
  REQUIRE(renewed);
  CHECK((*renewed)->services.front() == (*first)->services.front());
  const auto other =
      build_snapshot(3, world_of(joined("2027-01-01T00:00:10Z", "1.4.3")), nullptr, first->get());
  REQUIRE(other);
  CHECK((*other)->services.front() != (*first)->services.front());
  const auto back = read_snapshot(snapshot_text(**first));
  REQUIRE_MESSAGE(back.has_value(), to_text(back.error()));
  CHECK(same((*back)->services, (*first)->services));
}

TEST_CASE("a tunnel of somebody else joins no service") {
  const auto tunnel = [](const std::string& edge, const std::string& user) {
    return "---\n{kind: Tunnel, metadata: {name: web-laptop-" + edge +
           "}, spec: {service: web, instance: laptop, edge: " + edge + user + "}}\n";
  };
  const Whole world =
      world_of("{kind: Service, metadata: {name: web, labels: {weir/owner: ada}}}\n" +
               tunnel("ams", ", user: ada") + tunnel("fra", ", user: eve") + tunnel("lon", ""));
  const auto built = build_snapshot(1, world);
  REQUIRE_MESSAGE(built.has_value(), to_text(built.error()));
  const Service& web = *(*built)->find_service("web");
  REQUIRE(web.endpoints.size() == 1);
  REQUIRE(web.endpoints[0].tunnels.size() == 2);
  CHECK(web.endpoints[0].tunnels[0].edge == "ams");
  CHECK(web.endpoints[0].tunnels[1].edge == "lon");
}

TEST_CASE("a snapshot has the users who may come, and not their passwords") {
  Whole world = world_of(
      "{kind: User, metadata: {name: ada}, spec: {email: ada@x, password: '$argon2id$v=19$', ssh_keys: "
      "['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq']}}\n"
      "---\n{kind: User, metadata: {name: eve}, spec: {email: eve@x, disabled: true}}\n");
  const auto first = build_snapshot(1, world);
  REQUIRE(first.has_value());
  REQUIRE((*first)->users.size() == 1);
  CHECK((*first)->users[0]->name == "ada");
  CHECK((*first)->users[0]->spec.ssh_keys.size() == 1);
  const std::string text = snapshot_text(**first);
  CHECK_FALSE(text.contains("argon2"));
  const auto back = read_snapshot(text);
  REQUIRE_MESSAGE(back.has_value(), to_text(back.error()));
  CHECK(same((*back)->users, (*first)->users));
  // A new password is nothing new to edges; who is let in again comes back.
  Object eve = *world.find(Kind::kUser, "eve");
  std::get<UserSpec>(eve.spec).disabled = false;
  Object ada = *world.find(Kind::kUser, "ada");
  std::get<UserSpec>(ada.spec).password = "$argon2id$v=19$m";
  std::vector<ObjectChange> changes;
  for (Object* object : {&ada, &eve}) {
    const auto after = std::make_shared<const Object>(std::move(*object));
    changes.push_back({world.put(after), after});
  }
  const auto second = next_snapshot(**first, 2, world, changes);
  REQUIRE((*second)->users.size() == 2);
  CHECK((*second)->users[0] == (*first)->users[0]);
  world.remove(Kind::kUser, "ada");
  CHECK((*build_snapshot(3, world, nullptr, second->get()))->users.size() == 1);
}

TEST_CASE("a snapshot has the authorities of users as they are written") {
  const std::string line = R"(cert-authority,principals="ada,a \"b\"" ssh-ed25519 )"
                           "AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq ca";
  const Whole world =
      world_of("{kind: User, metadata: {name: ada}, spec: {email: ada@x, ssh_keys: ['" + line + "']}}\n");
  const auto first = build_snapshot(1, world);
  REQUIRE_MESSAGE(first.has_value(), to_text(first.error()));
  CHECK((*first)->find_user("ada")->spec.ssh_keys == std::vector<std::string>{line});
  const auto back = read_snapshot(snapshot_text(**first));
  REQUIRE_MESSAGE(back.has_value(), to_text(back.error()));
  CHECK(same((*back)->users, (*first)->users));
}

TEST_CASE("a tunnel holds up nobody: its service may go, and come back") {
  const std::string tunnel = "---\n{kind: Tunnel, metadata: {name: t}, spec: {service: web, instance: a}}\n";
  Whole world = world_of(kWeb + tunnel);
  CHECK(
      world.check_deletions(std::vector<ObjectChange>{{world.find(Kind::kService, "web"), nullptr}}).empty());
  const auto service = world.remove(Kind::kService, "web");
  CHECK(world.holds());
  CHECK(world.violations().empty());
  CHECK(build_snapshot(1, world).has_value());
  world.put(service);
  CHECK((*build_snapshot(2, world))->find_service("web")->endpoints.size() == 1);
}

TEST_CASE("a snapshot for an edge has only the load balancers that select it") {
  const Whole world = world_of(kWorld);
  const auto names = [&](const Labels& labels) {
    std::string text;
    for (const auto& balancer : (*build_snapshot(1, world, &labels))->load_balancers) text += balancer->name;
    return text;
  };
  CHECK(names({}) == "x");
  CHECK(names({{"region", "us"}}) == "x");
  CHECK(names({{"region", "eu"}, {"more", "1"}}) == "xy");
  CHECK(names(selectable_labels({{"region", "label"}}, EdgeSpec{.region = "eu"})) == "xy");
}

TEST_CASE("a snapshot comes back from its text, without secrets") {
  const Whole world = world_of(kWorld);
  const auto built = build_snapshot(42, world);
  REQUIRE_MESSAGE(built.has_value(), to_text(built.error()));
  const std::string text = snapshot_text(**built);
  CHECK_FALSE(text.contains("abcdef"));
  const auto back = read_snapshot(text);
  REQUIRE_MESSAGE(back.has_value(), to_text(back.error()));
  CHECK((*back)->revision == 42);
  CHECK(same((*back)->services, (*built)->services));
  CHECK(same((*back)->load_balancers, (*built)->load_balancers));
  const auto none = read_snapshot(snapshot_text({.revision = 7}));
  REQUIRE(none.has_value());
  CHECK((*none)->revision == 7);
  CHECK((*none)->load_balancers.empty());
  for (const char* bad : {"", "\n", "{}", "[]", "\n]}\n", "{\"revision\":\"1\",\"objects\":[\n]}\n",
                          "{\"revision\":1,\"objects\":[\n{}\n]}\n",
                          "{\"revision\":1,\"objects\":[\n,\n\n]}\n", "{\"revision\":,\"objects\":[\n]}\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_snapshot(bad).has_value());
  }
  for (std::size_t bytes = 0; bytes < text.size(); bytes += 17) {  // a file that was not finished
    CHECK_FALSE(read_snapshot(text.substr(0, bytes)).has_value());
  }
}

TEST_CASE("no snapshot from a whole that does not hold together") {
  const Whole world = world_of(balancer("a", "{protocol: HTTP}"));
  const auto built = build_snapshot(1, world);
  REQUIRE_FALSE(built.has_value());
  CHECK(to_text(built.error()) ==
        "LoadBalancer/a: spec.routes[0].backends[0].service: there is no Service \"web\"");
}

TEST_CASE("a workload that says so marks its services, also in what edges are told and keep") {
  const auto workload = [](const std::string& name, const std::string& service, const std::string& more) {
    return "---\n{kind: Workload, metadata: {name: " + name + "}, spec: {" + more +
           "containers: [{name: app, image: 'x:1', ports: [{port: 80, service: " + service +
           "}]}], targets: [{name: all}]}}\n";
  };
  const std::string services =
      "{kind: Service, metadata: {name: web}}\n---\n{kind: Service, metadata: {name: api}}\n"
      "---\n{kind: Service, metadata: {name: own, labels: {weir/anycast: region}}}\n"
      "---\n{kind: Service, metadata: {name: other, labels: {weir/anycast: 'yes'}}}\n";
  Whole world = world_of(services + workload("a", "web", "anycast: true, ") + workload("b", "api", ""));
  const auto built = build_snapshot(1, world);
  REQUIRE_MESSAGE(built.has_value(), to_text(built.error()));
  const Snapshot& first = **built;
  CHECK(first.find_service("web")->anycast);
  CHECK_FALSE(first.find_service("api")->anycast);
  CHECK(first.find_service("own")->anycast);
  CHECK_FALSE(first.find_service("other")->anycast);
  const auto read = read_snapshot(snapshot_text(first));
  REQUIRE_MESSAGE(read.has_value(), to_text(read.error()));
  CHECK(*(*read)->find_service("web") == *first.find_service("web"));
  CHECK(*(*read)->find_service("api") == *first.find_service("api"));

  const auto told = as_told(*world.find(Kind::kService, "web"), world);
  REQUIRE(told);
  CHECK(told->metadata.labels.at("weir/anycast") == "region");
  CHECK(as_told(*world.find(Kind::kService, "api"), world) == nullptr);
  CHECK(as_told(*world.find(Kind::kService, "own"), world) == nullptr);  // as it is written
  CHECK(as_told(*world.find(Kind::kWorkload, "a"), world) == nullptr);

  // A change of the workload alone makes others of its services, those that it leaves included.
  const auto put = [&world](const std::string& document) {
    const Whole one = world_of(document);
    const ObjectPointer after = *one.of(Kind::kWorkload).begin();
    return ObjectChange{world.put(after), after};
  };
  const ObjectChange moved = put(workload("a", "api", "anycast: true, "));
  CHECK(concerns_snapshots(moved));
  const auto second = *next_snapshot(first, 2, world, std::span(&moved, 1));
  CHECK_FALSE(second->find_service("web")->anycast);
  CHECK(second->find_service("api")->anycast);
  const ObjectChange more = put(workload("a", "api", "anycast: true, drain: 9s, "));
  CHECK_FALSE(concerns_snapshots(more));
  const ObjectChange gone{world.remove(Kind::kWorkload, "a"), nullptr};
  CHECK(concerns_snapshots(gone));
  CHECK_FALSE((*next_snapshot(*second, 3, world, std::span(&gone, 1)))->find_service("api")->anycast);
}

}  // namespace
}  // namespace weir::config
