// TLS listeners: ended here or passed through, by name and protocol, on ports that they share.
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
constexpr std::string_view kPort = "127.0.0.1:8443";

config::LoadBalancer tls_balancer(const std::string& name, const std::string& host, config::ListenerTls tls) {
  config::LoadBalancer made = load_balancer(name, {}, name);
  made.spec.listeners[0] = {.protocol = config::ListenerProtocol::kTls, .hostnames = {}, .port = 8443};
  if (!host.empty()) made.spec.listeners[0].hostnames = {host};
  made.spec.listeners[0].tls = std::move(tls);
  return made;
}

config::ListenerTls passthrough(std::vector<std::string> protocols = {}) {
  config::ListenerTls tls;
  tls.mode = config::TlsMode::kPassthrough;
  tls.alpn = std::move(protocols);
  return tls;
}

// An edge with an authority, and services of TCP by the names of their load balancers.
struct TlsPort {
  TlsPort() { REQUIRE(edge.listen().has_value()); }
  ~TlsPort() { (void)fake.run(stop(), 1h); }
  net::Task<void> stop() {
    edge.cut();
    co_await edge.drain();
  }
  void add(const std::string& name, const std::string& host, config::ListenerTls tls,
           std::string_view origin) {
    config::Service made = service(name, {endpoint(origin)});
    made.spec.protocol = config::Protocol::kTcp;
    snapshot.services.push_back(std::move(made));
    snapshot.load_balancers.push_back(tls_balancer(name, host, std::move(tls)));
  }
  void apply() {
    ++snapshot.revision;
    edge.apply(snapshot.made());
    fake.run_until_idle();
  }
  // A client that ends its TLS at the edge; nothing when the handshake fails.
  std::optional<Peer> client(const std::string& name, std::vector<std::string> protocols = {}) {
    auto below = fake.run(fake.network.connect(*net::Address::parse(kPort), kPatience), kPatience);
    if (!below || !*below) return std::nullopt;
    auto context = *tls::ClientContext::create({.authorities = *tls::TrustStore::parse(authority->root_pem()),
                                                .protocols = std::move(protocols),
                                                .certificate = nullptr});
    auto stream = fake.run(
        tls::TlsStream::connect(std::move(**below), context, {.name = name, .endpoint = {}}, kPatience),
        kPatience);
    if (!stream || !*stream) return std::nullopt;
    protocol = (**stream)->protocol();
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
  std::string protocol;
};

TEST_CASE("TLS that ends here: its bytes go on as they are, under the certificate of its name") {
  TlsPort port;
  PeerListener origin(port.fake, "10.0.0.1:25");
  config::ListenerTls tls;
  tls.alpn = {"smtp", "other"};
  port.add("mail", "mail.example", tls, "10.0.0.1:25");
  port.apply();
  auto client = port.client("mail.example", {"other"});
  REQUIRE(client);
  CHECK(port.protocol == "other");
  Peer server = origin.accept();
  server.send("220 ready\r\n");
  CHECK(client->take() == "220 ready\r\n");
  client->send("QUIT\r\n");
  CHECK(server.take() == "QUIT\r\n");
  server.finish();
  client->finish();
  CHECK(server.ended());
  CHECK_FALSE(port.client("mail.example", {"none of them"}));
  CHECK_FALSE(port.client("another.example"));
}

TEST_CASE("TLS that is passed through: by name and protocol, in whatever pieces the hello comes") {
  TlsPort port;
  PeerListener first(port.fake, "10.0.0.1:443");
  PeerListener second(port.fake, "10.0.0.2:443");
  PeerListener third(port.fake, "10.0.0.3:443");
  PeerListener rest(port.fake, "10.0.0.4:443");
  port.add("first", "a.example", passthrough(), "10.0.0.1:443");
  port.add("second", "*.example", passthrough({"h2"}), "10.0.0.2:443");
  port.add("third", "*.example", passthrough(), "10.0.0.3:443");
  port.add("rest", "", passthrough(), "10.0.0.4:443");
  port.apply();
  const auto arrives = [&port](const std::string& hello, PeerListener& at, std::size_t piece_bytes) {
    Peer client(port.fake, kPort);
    for (std::size_t i = 0; i < hello.size(); i += piece_bytes) client.send(hello.substr(i, piece_bytes));
    Peer server = at.accept();
    return server.connected() && server.take() == hello;
  };
  CHECK(arrives(client_hello(name_extension("A.example")), first, 10'000));
  CHECK(arrives(client_hello(name_extension("a.example"), 7), first, 1));
  CHECK(arrives(client_hello(name_extension("b.example") + protocols_extension({"x", "h2"})), second, 50));
  CHECK(arrives(client_hello(name_extension("b.example") + protocols_extension({"x"})), third, 50));
  CHECK(arrives(client_hello(name_extension("else.where")), rest, 50));
  CHECK(arrives(client_hello(""), rest, 50));
}

TEST_CASE("what no listener takes, is no TLS, or never comes, is cut; and nothing goes to an endpoint") {
  TlsPort port;
  PeerListener origin(port.fake, "10.0.0.1:443");
  port.add("first", "a.example", passthrough(), "10.0.0.1:443");
  port.apply();
  for (const std::string& said : {client_hello(name_extension("b.example")), client_hello(""),
                                  std::string("GET / HTTP/1.1\r\n\r\n"), std::string(20'000, '\x16')}) {
    Peer client(port.fake, kPort);
    client.send(said);
    CHECK(client.reset());
  }
  Peer silent(port.fake, kPort);
  silent.send("\x16\x03\x01");
  port.fake.advance(11s);
  CHECK_FALSE(silent.open());
  CHECK_FALSE(origin.accept().connected());
}

TEST_CASE("HTTPS and TLS share a port: the better name wins, and neither sees the other's") {
  TlsPort port;
  PeerListener origin(port.fake, "10.0.0.1:443");
  PeerListener web(port.fake, "10.0.0.2:80");
  web.answer("\r\n\r\n", answer_with("web"));
  port.add("first", "*.example", passthrough(), "10.0.0.1:443");
  port.snapshot.services.push_back(service("web", {endpoint("10.0.0.2:80")}));
  config::LoadBalancer https = load_balancer("web", {"web.example"}, "web");
  https.spec.listeners[0].protocol = config::ListenerProtocol::kHttps;
  https.spec.listeners[0].port = 8443;
  port.snapshot.load_balancers.push_back(https);
  port.apply();
  auto client = port.client("web.example", {"http/1.1"});
  REQUIRE(client);
  client->send("GET / HTTP/1.1\r\nHost: web.example\r\n\r\n");
  CHECK(content_of(client->take()) == "web");
  // By its Host nobody gets to what another name has.
  client->send("GET / HTTP/1.1\r\nHost: first.example\r\n\r\n");
  CHECK(client->take().starts_with("HTTP/1.1 404"));
  Peer other(port.fake, kPort);
  other.send(client_hello(name_extension("other.example")));
  CHECK(origin.accept().connected());
}

}  // namespace
}  // namespace weir::edge
