#include "grpc/dialler.h"

#include "grpc/channel.h"
#include "grpc/grpc_fixture.h"
#include "tls/authority.h"
#include "tls/certificate_set.h"
#include "tls/server_context.h"
#include "tls/tls_stream.h"

namespace weir::grpc {
namespace {

// Of a port that asks for clients of one authority.
class MutualTls final : public http::Handshake {
 public:
  explicit MutualTls(std::shared_ptr<const tls::ServerContext> context) : context_(std::move(context)) {}
  net::Task<Result<http::Incoming>> run(http::Incoming incoming) override {
    auto secured = co_await tls::TlsStream::accept(std::move(incoming.stream), context_, {}, 5s);
    if (!secured) co_return fail(secured.error());
    auto info = std::make_shared<http::TlsInfo>();
    const tls::TlsDetails details = (*secured)->details();
    info->protocol = details.protocol;
    info->client_names = details.client_names;
    incoming.tls = std::move(info);
    incoming.stream = std::move(*secured);
    co_return incoming;
  }

 private:
  std::shared_ptr<const tls::ServerContext> context_;
};

struct World {
  explicit World(std::vector<std::string> protocols = {"h2"}) {
    calls.add("/t.S/Who", [this](ServerCall& call) { return who(*this, call); });
    // The first address is that of a machine that is down.
    fake.network.set_name("controller.test", {*net::Address::parse("127.0.0.2:0"), address}, 60s);
    const auto context =
        *tls::ServerContext::create({.protocols = std::move(protocols),
                                     .client_certificates = tls::ClientCertificates::kRequired,
                                     .client_authorities = trust()},
                                    std::make_shared<const tls::CertificateSet>(
                                        std::vector{certificate("controller.test", tls::Usage::kServer)}),
                                    std::make_shared<tls::TicketKeys>());
    server.listen(*fake.network.listen(address), std::make_shared<MutualTls>(context));
  }
  ~World() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), 60s));
  }
  std::shared_ptr<const tls::TrustStore> trust() const {
    return *tls::TrustStore::parse(authority.root_pem());
  }
  std::shared_ptr<const tls::Certificate> certificate(const std::string& name, tls::Usage usage) const {
    const auto pair = *authority.issue(std::vector{name}, usage, testing::ManualClock::kWallStart);
    return *tls::Certificate::load(pair.certificate, pair.private_key);
  }
  std::shared_ptr<tls::ClientContext> client_context() const {
    return *tls::ClientContext::create({.authorities = trust(),
                                        .protocols = {"h2"},
                                        .certificate = certificate("edge-1.test", tls::Usage::kClient)});
  }
  // The names that the server has seen, or the error.
  std::string ask(Dialler::Target target) {
    Dialler dialler(fake.env, std::move(target));
    Channel channel(fake.loop, dialler, {.authority = "controller.test"});
    std::string answer = *fake.run(ask(channel, *this), 20s);
    CHECK(fake.run(channel.close()));
    return answer;
  }
  static net::Task<std::string> ask(Channel& channel, World& self) {
    auto call = co_await channel.call("/t.S/Who", {}, std::nullopt);
    if (!call) {
      CHECK(call.error().side == Side::kUpstream);
      CHECK(call.error().retry == Retry::kSafe);
      co_return call.error().text;
    }
    while (true) {
      auto message = co_await (*call)->read();
      if (!message || !*message) break;
    }
    co_return (*call)->status().ok() ? self.client_names : (*call)->status().message;
  }
  static net::Task<Status> who(World& self, ServerCall& call) {
    self.client_names = call.request().tls->client_names;
    co_return Status{};
  }

  testing::FakeEnv fake;
  net::Address address = *net::Address::parse("127.0.0.1:18000");
  tls::Authority authority =
      *tls::Authority::load(*tls::Authority::create("weir test authority", testing::ManualClock::kWallStart));
  Server calls{fake.loop, {}};
  http::Server server{fake.env, calls, Fixture::with_h2({})};
  std::string client_names;
};

TEST_CASE("a name, TCP and TLS with certificates on both sides make a connection") {
  World world;
  CHECK(world.ask({.host = "controller.test", .port = 18000, .tls = world.client_context()}) ==
        "DNS:edge-1.test");
  CHECK(world.ask({.host = "127.0.0.1",
                   .port = 18000,
                   .tls = world.client_context(),
                   .server_name = "controller.test"}) == "DNS:edge-1.test");
}

TEST_CASE("what is not the server, or no gRPC, is an error before anything was sent") {
  World world;
  const auto mine = world.client_context();
  CHECK(world.ask({.host = "nobody.test", .port = 18000, .tls = mine}) == "the name could not be resolved");
  CHECK(world.ask({.host = "controller.test", .port = 1, .tls = mine}) == "cannot connect");
  CHECK(world.ask({.host = "127.0.0.1", .port = 18000, .tls = mine}) ==
        "the peer's certificate is for another address");
  World other({"http/1.1"});
  CHECK(other.ask({.host = "controller.test", .port = 18000, .tls = other.client_context()}) ==
        "the peer speaks no application protocol that is offered");
  World silent({});
  CHECK(silent.ask({.host = "controller.test", .port = 18000, .tls = silent.client_context()}) ==
        "the server does not speak HTTP/2");
}

}  // namespace
}  // namespace weir::grpc
