// TLS at both sides of an edge: what clients are asked for, what endpoints see, and whose certificates.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/edge_fixture.h"
#include "tls/authority.h"
#include "tls/tls_stream.h"

namespace weir::edge {
namespace {

constexpr Duration kPatience = 10s;
constexpr std::string_view kSecure = "127.0.0.1:8443";
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

std::shared_ptr<const tls::Certificate> load(const tls::PemPair& pair) {
  return *tls::Certificate::load(pair.certificate, pair.private_key);
}

// An edge whose shared HTTPS listener serves a.example by its own authority; one plain or TLS origin.
struct Secure {
  Secure() {
    edge.set_https(*net::Address::parse(kSecure));
    REQUIRE(edge.listen().has_value());
    snapshot.services.push_back(service("web", {endpoint("10.0.0.1:443")}));
    snapshot.load_balancers.push_back(load_balancer("web", {"a.example"}, "web"));
    listener().protocol = config::ListenerProtocol::kHttps;
    listener().tls.emplace();
  }
  ~Secure() { (void)fake.run(stop(), 1h); }
  net::Task<void> stop() {
    edge.cut();
    co_await edge.drain();
  }
  void apply() {
    edge.apply(snapshot.made());
    fake.run_until_idle();
  }
  config::Listener& listener() { return snapshot.load_balancers[0].spec.listeners[0]; }
  config::ServiceSpec& spec() { return snapshot.services[0].spec; }
  tls::PemPair issue(std::vector<std::string> names, tls::Usage usage) {
    return *authority->issue(names, usage, fake.clock.wall_now());
  }

  // A client of this world; nothing when the handshake fails.
  std::optional<Peer> client(std::shared_ptr<const tls::Certificate> shown = nullptr) {
    auto below = fake.run(fake.network.connect(*net::Address::parse(kSecure), kPatience), kPatience);
    if (!below || !*below) return std::nullopt;
    auto context = *tls::ClientContext::create({.authorities = *tls::TrustStore::parse(authority->root_pem()),
                                                .protocols = {"http/1.1"},
                                                .certificate = std::move(shown)});
    auto stream = fake.run(tls::TlsStream::connect(std::move(**below), context,
                                                   {.name = "a.example", .endpoint = {}}, kPatience),
                           kPatience);
    if (!stream || !*stream) return std::nullopt;
    return Peer(fake, std::move(**stream));
  }
  // Whether a request of that client gets an answer: with TLS 1.3 a refusal comes after the client's own end
  // of the handshake.
  bool answers(std::shared_ptr<const tls::Certificate> shown = nullptr) {
    auto peer = client(std::move(shown));
    if (!peer) return false;
    peer->send(kGet);
    return peer->take().starts_with("HTTP/1.1 ");
  }
  // The next connection to the origin, with TLS from this certificate; its details stay in `seen`.
  std::optional<Peer> accept(net::Listener& origin, const tls::PemPair& pair,
                             tls::ServerOptions options = {.protocols = {"http/1.1"}}) {
    auto set = std::make_shared<const tls::CertificateSet>(
        std::vector<std::shared_ptr<const tls::Certificate>>{load(pair)});
    auto context =
        *tls::ServerContext::create(std::move(options), std::move(set), std::make_shared<tls::TicketKeys>());
    auto below = fake.run(origin.accept(), kPatience);
    if (!below || !*below) return std::nullopt;
    auto stream =
        fake.run(tls::TlsStream::accept(std::move((*below)->stream), context, {}, kPatience), kPatience);
    if (!stream || !*stream) return std::nullopt;
    seen = (**stream)->details();
    return Peer(fake, std::move(**stream));
  }

  FakeEnv fake;
  std::shared_ptr<const tls::Authority> authority = std::make_shared<const tls::Authority>(
      *tls::Authority::load(*tls::Authority::create("test", testing::ManualClock::kWallStart)));
  net::Env* workers[1] = {&fake.env};
  Edge edge{
      fake.env,
      workers,
      {.http = *net::Address::parse(kEdge), .server = {}, .domain = "weir.test", .authority = authority}};
  Draft snapshot;
  tls::TlsDetails seen;
};

TEST_CASE("a service that gets TLS leaves the plain connections that it had") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send(kGet);
  Peer plain = origin.accept();
  CHECK(plain.take().starts_with("GET / "));
  plain.send(kNoContent);
  CHECK(client.take().starts_with("HTTP/1.1 204"));
  fixture.spec().tls =
      config::UpstreamTls{.server_name = {}, .ca = {}, .certificate = {}, .insecure_skip_verify = true};
  fixture.apply();
  client.send(kGet);
  CHECK(plain.take().empty());
  CHECK_FALSE(plain.open());
  Peer secured = origin.accept();
  REQUIRE(secured.connected());
  CHECK(secured.take().starts_with("\x16\x03"));  // a ClientHello (RFC 8446 section 5.1)
}

TEST_CASE("a port whose demands on clients can't be met takes nobody, and others meanwhile go on") {
  Secure world;
  world.apply();
  CHECK(world.answers());
  world.listener().tls->client_certificates = config::ClientCertificates::kRequire;
  world.listener().tls->client_ca = "garbage";
  world.apply();
  CHECK_FALSE(world.answers());
  Peer plain(world.fake, kSecure);
  plain.send(kGet);
  CHECK(plain.take().empty());
  CHECK(Peer(world.fake, kEdge).connected());
  world.listener().tls->client_ca = world.authority->root_pem();
  world.apply();
  CHECK_FALSE(world.answers());
  CHECK(world.answers(load(world.issue({"c.example"}, tls::Usage::kClient))));
}

TEST_CASE("the origin learns of a verified client certificate from the edge alone") {
  Secure world;
  world.listener().tls->client_certificates = config::ClientCertificates::kRequest;
  world.listener().tls->client_ca = world.authority->root_pem();
  PeerListener origin(world.fake, "10.0.0.1:443");
  world.apply();
  constexpr std::string_view kForged =
      "GET / HTTP/1.1\r\nHost: a.example\r\nx-forwarded-client-cert: Hash=00;Subject=\"CN=boss\"\r\n\r\n";
  auto named = world.client(load(world.issue({"c.example"}, tls::Usage::kClient)));
  REQUIRE(named.has_value());
  named->send(kForged);
  const std::string with = origin.accept().take();
  CHECK(with.contains("\r\nX-Forwarded-Client-Cert: Hash="));
  CHECK(with.contains(";SAN=\"DNS:c.example\"\r\n"));
  CHECK_FALSE(with.contains("boss"));
  auto nameless = world.client();
  REQUIRE(nameless.has_value());
  nameless->send(kForged);
  const std::string without = origin.accept().take();
  CHECK(without.starts_with("GET / "));
  CHECK_FALSE(without.contains("lient-"));
}

TEST_CASE("endpoints are verified, asked for by name, and shown the service's certificate") {
  Secure world;
  const tls::PemPair shown = world.issue({"edge.example"}, tls::Usage::kClient);
  world.snapshot.certificates.push_back(std::make_shared<config::Certificate>(
      config::Certificate{"shown", "u", 1, {shown.certificate, shown.private_key}}));
  world.spec().tls = config::UpstreamTls{
      .server_name = "origin.example", .ca = world.authority->root_pem(), .certificate = "shown"};
  world.spec().retries.attempts = 0;
  auto origin = *world.fake.network.listen(*net::Address::parse("10.0.0.1:443"));
  world.apply();
  auto client = world.client();
  REQUIRE(client.has_value());
  client->send(kGet);
  SUBCASE("the right one") {
    auto upstream =
        world.accept(*origin, world.issue({"origin.example"}, tls::Usage::kServer),
                     {.protocols = {"http/1.1"},
                      .client_certificates = tls::ClientCertificates::kRequired,
                      .client_authorities = *tls::TrustStore::parse(world.authority->root_pem())});
    REQUIRE(upstream.has_value());
    CHECK(world.seen.server_name == "origin.example");
    CHECK(world.seen.client_names == "DNS:edge.example");
    CHECK(upstream->take().starts_with("GET / "));
    upstream->send(kNoContent);
    CHECK(client->take().starts_with("HTTP/1.1 204"));
  }
  SUBCASE("another name") {
    (void)world.accept(*origin, world.issue({"other.example"}, tls::Usage::kServer));
    CHECK(client->take().starts_with("HTTP/1.1 502"));
  }
}

TEST_CASE("certificates of the edge's own authority are renewed without a change") {
  Secure world;
  world.apply();
  CHECK(world.answers());
  for (int day = 0; day < 100; ++day) {
    world.fake.clock.advance(24h);
    world.fake.run_until_idle();
  }
  CHECK(world.answers());
}

TEST_CASE("a port's certificates: issued once, forgotten with their host, TLS 1.3 alone when asked for") {
  Secure world;
  const filter::Common common;
  Ports ports(world.fake.env, world.authority, "weir.test");
  const auto first = ports.plan(world.snapshot.made(), common);
  REQUIRE(first.size() == 2);
  const auto named = [](const std::vector<PlannedPort>& planned) {
    const auto found = std::ranges::find(planned, config::kSharedHttps, &PlannedPort::number);
    return found->tls->certificates()->find("a.example", true);
  };
  const tls::Certificate* issued = named(first);
  CHECK(named(ports.plan(world.snapshot.made(), common)) == issued);
  CHECK(ports.issued() == 2);
  const auto snapshot = world.snapshot.made();
  CHECK(named(ports.plan(snapshot, common)) == issued);
  world.fake.clock.advance(61 * 24h);  // a third of 90 days is left
  CHECK(named(ports.plan(snapshot, common)) == issued);
  ports.look_again();
  CHECK(named(ports.plan(snapshot, common)) != issued);
  world.listener().hostnames = {"b.example"};
  world.listener().tls->min_version = config::TlsVersion::k13;
  const auto last = ports.plan(world.snapshot.made(), common);
  CHECK(std::ranges::find(last, config::kSharedHttps, &PlannedPort::number)->tls->options().tls13_only);
  CHECK(ports.issued() == 2);
}

TEST_CASE("a listener that names the shared HTTPS port is refused, and the shared one goes on") {
  Secure test;
  PeerListener origin(test.fake, "10.0.0.1:443");
  test.apply();
  test.snapshot.load_balancers.push_back(load_balancer("own", {"own.example"}, "web"));
  config::LoadBalancerSpec& own = test.snapshot.load_balancers[1].spec;
  own.listeners[0].port = 8443;
  SUBCASE("of protocol HTTP") {}
  SUBCASE("of protocol HTTPS") { own.listeners[0].protocol = config::ListenerProtocol::kHttps; }
  test.apply();
  CHECK(test.edge.status_of(own).listeners.at(0) ==
        config::ListenerStatus{
            .address = std::string(kSecure),
            .listening = false,
            .reason = "it is the shared HTTPS port, which HTTPS listeners without a port use"});
  CHECK(test.edge.status_of(test.snapshot.load_balancers[0].spec).listeners.at(0).listening);
  origin.answer("\r\n\r\n", kNoContent);
  CHECK(test.answers());
}

}  // namespace
}  // namespace weir::edge
