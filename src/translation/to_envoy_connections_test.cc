// TCP and TLS listeners, where golden/tcp.yaml does not say it all: which port of an Envoy is whose, and who
// may come.
#include <envoy/config/listener/v3/listener.pb.h>

#include <set>

#include "translation/golden_fixture.h"
#include "translation/to_envoy.h"

namespace weir::translation {
namespace {

namespace listener = envoy::config::listener::v3;
using Ranges = std::set<std::string>;

const EnvoyNode kNode{.address = "127.0.0.1", .http = 8080, .https = 8443, .zone = {}};

std::string service() {
  return "kind: Service\nmetadata: {name: s}\nspec: {protocol: TCP, endpoints: [{address: "
         "\"127.0.0.1:1\"}]}\n";
}

std::string balancer(const std::string& name, const std::string& listener, const std::string& route = {}) {
  return "---\nkind: LoadBalancer\nmetadata: {name: " + name + "}\nspec: {listeners: [" + listener +
         "], routes: [{" + (route.empty() ? "backends: [{service: s}]" : route) + "}]}\n";
}

const std::string kShared = balancer("shared", "{protocol: HTTP}", "respond: {body: x}");

listener::Listener listener_of(const Translator& translator, const std::string& name) {
  listener::Listener read;
  REQUIRE(translator.resources().contains({xds::Type::kListener, name}));
  REQUIRE(read.ParseFromString(translator.resources().at({xds::Type::kListener, name})->body));
  return read;
}

template <class List>
Ranges texts_of(const List& ranges) {
  Ranges texts;
  for (const auto& one : ranges) {
    texts.insert(one.address_prefix() + '/' + std::to_string(one.prefix_len().value()));
  }
  return texts;
}

// By chain, from where it is taken: with filters, and without, which is the end of a connection.
struct Sources {
  Ranges served;
  Ranges cut;
  bool everybody = false;
  bool nobody = false;
};

Sources sources(const std::string& access) {
  const Golden golden(service() + balancer("b", "{protocol: TCP, port: 9000}",
                                           "backends: [{service: s}], ip_access: {" + access + "}"));
  Translator translator(kNode);
  (void)translator.update(*golden.snapshot, golden.names);
  Sources found;
  const Translation made =
      to_envoy(9000, std::vector{golden.snapshot->load_balancers.front().get()}, *golden.snapshot, kNode);
  found.nobody = made.resources.empty();
  if (found.nobody) return found;
  for (const auto& chain : listener_of(translator, "port-9000").filter_chains()) {
    const auto& ranges = chain.filter_chain_match().source_prefix_ranges();
    (chain.filters().empty() ? found.cut : found.served) = texts_of(ranges);
    found.everybody |= ranges.empty() && !chain.filters().empty();
  }
  return found;
}

TEST_CASE("who may come is which chain matches, and Envoy goes by the smallest network") {
  CHECK(sources("").everybody);
  CHECK(sources("allow: [10.0.0.0/8]").served == Ranges{"10.0.0.0/8"});
  CHECK(sources("allow: [10.0.0.0/8]").cut.empty());
  const Sources denied = sources("deny: [10.1.0.0/16]");
  CHECK(denied.served == Ranges{"0.0.0.0/0", "::/0"});
  CHECK(denied.cut == Ranges{"10.1.0.0/16"});
  const Sources within =
      sources("allow: [10.0.0.0/8, 10.1.1.1, 192.0.2.1], deny: [10.1.0.0/16, 10.1.2.0/24]");
  CHECK(within.served == Ranges{"10.0.0.0/8", "192.0.2.1/32"});
  CHECK(within.cut == Ranges{"10.1.0.0/16"});
  const Sources no_v4 = sources("deny: [0.0.0.0/0]");
  CHECK(no_v4.served == Ranges{"::/0"});
  CHECK(no_v4.cut == Ranges{"0.0.0.0/0"});
}

TEST_CASE("a network is there once, however it is written") {
  const Sources twice =
      sources("allow: [10.0.0.0/8, 10.9.9.9/8, 10.0.0.0/8], deny: [10.1.0.0/16, 10.1.1.1/16]");
  CHECK(twice.served == Ranges{"10.0.0.0/8"});
  CHECK(twice.cut == Ranges{"10.1.0.0/16"});
}

TEST_CASE("where nobody may come, nobody listens") {
  CHECK(sources("allow: [10.1.1.0/24], deny: [10.1.0.0/16]").nobody);
  CHECK(sources("deny: [0.0.0.0/0, '::/0']").nobody);
}

TEST_CASE("who names the port of a shared listener means that listener") {
  const Golden golden(
      service() + kShared +
      balancer("by-number", "{protocol: HTTP, port: 8080, hostnames: [a.example]}", "respond: {body: y}") +
      balancer("tls", "{protocol: TLS, port: 8443, tls: {mode: PASSTHROUGH}}"));
  Translator translator(kNode);
  (void)translator.update(*golden.snapshot, golden.names);
  std::set<std::string> names;
  for (const auto& [key, resource] : translator.resources()) {
    if (key.first == xds::Type::kListener) names.insert(key.second);
  }
  CHECK(names == std::set<std::string>{"http", "https"});
  CHECK(listener_of(translator, "https").address().socket_address().port_value() == 8443);
  CHECK(!translator.resources().contains({xds::Type::kRoutes, "https"}));  // nothing of it takes requests
}

TEST_CASE("the port of a shared listener is nobody else's, as long as somebody uses that") {
  Golden golden(service() + balancer("b", "{protocol: TCP, port: 8080}") + kShared);
  Translator translator(kNode);
  const auto listens = [&] { return translator.resources().contains({xds::Type::kListener, "port-8080"}); };
  (void)translator.update(*golden.snapshot, golden.names);
  CHECK(!listens());
  const auto unsaid = translator.unsaid_of({config::Kind::kLoadBalancer, "b"});
  REQUIRE(unsaid.size() == 1);
  CHECK(unsaid[0].field == "spec.listeners[0].port");
  CHECK(unsaid[0].effect == Unsaid::Effect::kHeldBack);

  const ObjectName shared{config::Kind::kLoadBalancer, "shared"};
  const config::Object kept = golden.objects.back();
  golden.objects.pop_back();
  golden.build();
  (void)translator.update(*golden.snapshot, std::span(&shared, 1));
  CHECK(listens());
  CHECK(translator.unsaid().empty());
  golden.objects.push_back(kept);
  golden.build();
  (void)translator.update(*golden.snapshot, std::span(&shared, 1));
  CHECK(!listens());
}

TEST_CASE("an HTTPS listener with the number of the shared port is not the shared one") {
  const auto unsaid = [](const std::string& other) {
    const Golden golden(service() + balancer("b", "{protocol: HTTPS, port: 8443}", "respond: {body: x}") +
                        balancer("other", other, other.contains("TLS") ? "" : "respond: {body: y}"));
    Translator translator(kNode);
    (void)translator.update(*golden.snapshot, golden.names);
    const auto all = translator.unsaid_of({config::Kind::kLoadBalancer, "b"});
    REQUIRE(all.size() == 1);
    return all[0].field;
  };
  CHECK(unsaid("{protocol: HTTPS}") == "spec.listeners[0].port");
  CHECK(unsaid("{protocol: HTTP}") == "spec.listeners[0].tls.certificates");
}

TEST_CASE("on a port of its own, HTTPS beside TLS takes the hosts that it names") {
  const std::string tls = balancer("tls",
                                   "{protocol: TLS, port: 9443, hostnames: [t.example], "
                                   "tls: {mode: PASSTHROUGH}}");
  const auto chains = [&](const std::string& https) {
    // The pair is golden/tcp.yaml's.
    const std::string all = read_file(repository() / "src" / "translation" / "golden" / "tcp.yaml");
    const Golden golden(service() + tls + balancer("web", https, "respond: {body: x}") + "---\n" +
                        all.substr(all.find("kind: Certificate")));
    Translator translator(kNode);
    (void)translator.update(*golden.snapshot, golden.names);
    const auto made = listener_of(translator, "port-9443");
    CHECK(!made.has_default_filter_chain());
    std::set<std::string> names;
    for (const auto& chain : made.filter_chains()) {
      CHECK(chain.filter_chain_match().transport_protocol() == "tls");
      names.insert(chain.name());
    }
    return names;
  };
  using Chains = std::set<std::string>;
  const std::string certificates = "tls: {certificates: [secure]}";
  CHECK(chains("{protocol: HTTPS, port: 9443, hostnames: [w.example], " + certificates + "}") ==
        Chains{"w.example", "tls/0"});
  CHECK(chains("{protocol: HTTPS, port: 9443, " + certificates + "}") == Chains{"*", "tls/0"});
}

}  // namespace
}  // namespace weir::translation
