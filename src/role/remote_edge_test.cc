// A machine that joins a controller by a token, over real TLS on the memory network, and what it says and
// hears from then on.
#include "role/remote_edge.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/pinned_token.h"
#include "auth/token.h"
#include "config/kinds.h"
#include "edge/edge_fixture.h"
#include "enroll/door.h"
#include "enroll/registrar.h"
#include "grpc/server.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "report/report_server.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"
#include "testing/peer.h"
#include "translation/own.h"
#include "xds/xds_fixture.h"

namespace weir::role {
namespace {

using namespace std::chrono_literals;

constexpr const char* kHttp = "127.0.0.1:8080";

std::shared_ptr<const tls::Authority> make_authority() {
  return std::make_shared<const tls::Authority>(
      *tls::Authority::load(*tls::Authority::create("weir", testing::ManualClock::kWallStart)));
}

// What the API does with /v1/enroll, without the rest of it.
class Front final : public http::Service {
 public:
  explicit Front(enroll::Registrar& registrar) : registrar_(registrar) {}
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override {
    std::string content;
    while (!request.body->at_end()) {
      const auto piece = co_await request.body->read();
      if (!piece) co_return fail(piece.error());
      content += net::as_text(*piece);
    }
    enroll::Caller caller{request.peer, {}};
    if (request.tls != nullptr) caller.machine = auth::machine_of(request.tls->client_names);
    const auto done = co_await registrar_.enroll(*enroll::parse_request(content), std::move(caller));
    if (done) {
      co_return std::make_unique<http::TextResponse>(200, "application/json",
                                                     enroll::answer_text(done->answer));
    }
    co_return std::make_unique<http::TextResponse>(done.error().status, "application/problem+json",
                                                   R"({"detail":")" + done.error().sentence + "\"}");
  }

 private:
  enroll::Registrar& registrar_;
};

// A controller: its API as far as machines join by it, and its port for those that have.
struct Controller {
  Controller(testing::FakeEnv& env, xds::Catalog& catalog, xds::Sayings& sayings, std::string its_host)
      : fake(env),
        host(std::move(its_host)),
        registrar(env.env, store, tokens, authority, "weir.localhost", 18001),
        front(registrar),
        api(env.env, front, {}),
        discovery(env.loop, sayings,
                  {.view = [&catalog](const xds::Node&) { return &catalog; }, .domain = "weir.localhost"}),
        reports(
            {.attached = [this](const report::ReportServer::Edge& edge) { lines += edge.name + " in\n"; },
             .reported = [this](const report::ReportServer::Edge&,
                                const report::Report& report) { take(report); },
             .detached = [this](const report::ReportServer::Edge& edge) { lines += edge.name + " out\n"; }},
            {.trust_domain = "weir.localhost"}),
        calls(env.loop, {}),
        machines(env.env, calls, {.h2 = h2::make_connection}) {
    const auto names = [this] { return std::vector<std::string>{host}; };
    api.listen(*fake.network.listen(*net::Address::parse(host + ":8480")),
               *enroll::Door::create(fake.env, authority, {.names = names}));
    discovery.add_to(calls);
    calls.add(std::string(report::kReportPath),
              [this](grpc::ServerCall& call) { return reports.serve(call); });
    machines.listen(
        *fake.network.listen(*net::Address::parse(host + ":18001")),
        *enroll::Door::create(
            fake.env, authority,
            {.names = names, .protocols = {"h2"}, .clients = tls::ClientCertificates::kRequired}));
  }
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;
  ~Controller() {
    for (http::Server* server : {&api, &machines}) {
      server->drain();
      server->cut();
      CHECK(fake.run(server->join(), 60s));
    }
  }
  void take(const report::Report& report) {
    if (report.hello) lines += "hello " + report.hello->node + " " + report.hello->region + "\n";
    for (const report::EndpointSeen& seen : report.endpoints) {
      constexpr std::string_view kWords = "?+-x";
      lines += seen.service + "/" + seen.endpoint + kWords[static_cast<std::size_t>(seen.state)] + "\n";
    }
    if (report.refused) {
      for (const auto& one : *report.refused) lines += "refuses " + one.object + "\n";
    }
    if (report.anycast) {
      for (const auto& one : *report.anycast) lines += "announces " + one.network + "\n";
    }
    if (!report.load) return;
    load = *report.load;
    requests += load.requests;
  }
  std::string make_token() {
    const auto issued = auth::issue_token();
    config::Object token;
    token.metadata.name = "fra";
    token.spec = config::TokenSpec{.role = config::Role::kJoin, .hash = issued->hash.to_text()};
    store::Transaction transaction;
    transaction.put("tokens/fra", config::to_json(token, config::Secrets::kKeep));
    REQUIRE(fake.run(store.commit(std::move(transaction))).value().has_value());
    tokens.replace(std::vector<auth::TokenRecord>{
        {.name = "fra", .hash = issued->hash, .role = auth::Role::kJoin, .expires_at = {}}});
    return auth::pinned_text(auth::kJoinPrefix, issued->text, authority->fingerprint());
  }

  testing::FakeEnv& fake;
  std::string host;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  store::EngineStore store{*engine, fake.loop};
  auth::TokenTable tokens;
  std::shared_ptr<const tls::Authority> authority = make_authority();
  enroll::Registrar registrar;
  Front front;
  http::Server api;
  xds::Server discovery;
  report::ReportServer reports;
  grpc::Server calls;
  http::Server machines;
  std::string lines;
  report::Load load;           // the last one
  std::uint64_t requests = 0;  // of all
};

struct World {
  testing::FakeEnv fake;
  store::TemporaryDirectory directory;
  xds::Names names;
  xds::Catalog catalog{names};
  xds::Sayings sayings;
  std::optional<Controller> controller;

  World() { controller.emplace(fake, catalog, sayings, "192.0.2.1"); }
  void say(const std::string& json, std::uint64_t revision) {
    std::vector<xds::Change> changes;
    if (!json.empty()) {
      const auto resource = translation::object_resource(*config::parse_object(json, config::Origin::kStore));
      changes.push_back({xds::Type::kObject, resource->name, resource});
    }
    changes.push_back(
        {xds::Type::kObject, std::string(xds::kRevisionName), translation::revision_resource(revision)});
    catalog.apply(changes);
    fake.run_until_idle();
  }
  void say_web() {
    say(R"({"kind":"Service","metadata":{"name":"web"},"spec":{"endpoints":[{"address":"10.0.0.1:80"}],)"
        R"("health_check":{"interval":"1s","timeout":"500ms","tcp":{}}}})",
        1);
    say(R"({"kind":"LoadBalancer","metadata":{"name":"web"},"spec":{"listeners":[{"protocol":"HTTP"},)"
        R"({"protocol":"HTTPS","hostnames":["web.example"]}],"routes":[{"backends":[{"service":"web"}]}]}})",
        2);
  }
  std::string get() {
    testing::Peer client(fake, kHttp);
    client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    return edge::content_of(client.take());
  }
};

struct Machine {
  Machine(World& its_world, std::string token)
      : world(its_world),
        traffic(world.fake.env, workers,
                {.edge = {.http = *net::Address::parse(kHttp), .server = {.h2 = h2::make_connection}},
                 .https = {},
                 .snapshot_path = world.directory.file("snapshot.json")}),
        remote(world.fake.env,
               {.controllers = {{"192.0.2.9", 8480}, {"192.0.2.1", 8480}},
                .join_token = std::move(token),
                .node = {.name = "fra-1", .region = "fsn1", .version = "1"},
                .credentials_path = world.directory.file("edge.json"),
                .secrets_path = world.directory.file("edge.secrets")},
               traffic) {
    REQUIRE(traffic.prepare().has_value());
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { CHECK(world.fake.run(stop(), 600s)); }
  std::string start() {
    if (const auto prepared = remote.prepare(); !prepared) return prepared.error();
    REQUIRE(traffic.listen().has_value());
    remote.start([this](const std::string& why) { refused = why; });
    world.fake.run_until_idle();
    return {};
  }
  net::Task<void> stop() {
    co_await remote.stop();
    traffic.edge().cut();
    co_await traffic.edge().drain();
  }

  World& world;
  net::Env* workers[1] = {&world.fake.env};
  Traffic traffic;
  RemoteEdge remote;
  std::string refused;
};

TEST_CASE("a machine joins by its token, serves, reports, and needs no token ever after") {
  World world;
  testing::PeerListener origin(world.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", edge::answer_with("hello"));
  world.say_web();
  {
    Machine machine(world, world.controller->make_token());
    REQUIRE(machine.start().empty());
    world.fake.advance(5s);
    CHECK(machine.refused.empty());
    CHECK(world.get() == "hello");
    CHECK(world.get() == "hello");
    world.fake.advance(6s);
    CHECK(world.controller->lines.starts_with("fra-1 in\nhello fra-1 fsn1\n"));
    CHECK(world.controller->lines.contains("web/10.0.0.1:80+\n"));
    CHECK(world.controller->lines.contains("refuses loadbalancers/web\n"));  // no certificate was issued
    CHECK(world.controller->load.applied_revision == 2);
    world.say("", 3);
    CHECK(world.controller->load.applied_revision == 3);
    CHECK(world.controller->requests == 2);
  }
  CHECK(world.controller->lines.ends_with("fra-1 out\n"));
  world.controller->lines.clear();
  Machine again(world, {});
  REQUIRE(again.start().empty());
  CHECK(world.get() == "hello");
  world.fake.advance(5s);
  CHECK(world.controller->lines.starts_with("fra-1 in\nhello fra-1 fsn1\n"));
}

TEST_CASE("what it announces is told, and what controllers reply comes back with the controller's number") {
  World world;
  Machine machine(world, world.controller->make_token());
  REQUIRE(machine.start().empty());
  std::string heard;
  machine.remote.on_reply([&heard](std::size_t controller, const std::optional<report::Reply>& reply) {
    heard += std::to_string(controller);
    heard += reply ? ":" + std::to_string(reply->anycast.size()) + " " : " lost ";
  });
  machine.remote.say(std::vector<report::AnycastSeen>{{.network = "203.0.113.10/32", .reason = {}}});
  world.fake.advance(6s);
  CHECK(world.controller->lines.contains("announces 203.0.113.10/32\n"));
  CHECK(heard.contains("1:1 "));
  CHECK_FALSE(heard.contains("0:"));  // that one was never there
  world.controller.reset();
  world.fake.run_until_idle();
  CHECK(heard.ends_with("1 lost "));
}

TEST_CASE("while no controller is there a machine waits to join, and asks again") {
  World world;
  const std::string token = world.controller->make_token();
  world.fake.network.refuse(*net::Address::parse("192.0.2.1:8480"));
  Machine machine(world, token);
  REQUIRE(machine.start().empty());
  world.fake.advance(10s);
  CHECK(machine.refused.empty());
  world.fake.network.refuse(*net::Address::parse("192.0.2.1:8480"), false);
  world.fake.advance(60s);
  CHECK(world.controller->lines.starts_with("fra-1 in\n"));
}

TEST_CASE("a token that lets nobody in ends it, with the controller's sentence") {
  World world;
  const std::string token = world.controller->make_token();
  world.controller->tokens.replace({});
  Machine machine(world, token);
  REQUIRE(machine.start().empty());
  world.fake.advance(5s);
  CHECK(machine.refused == "the controller at 192.0.2.1:8480 refuses: the join token is not valid");
}

TEST_CASE("without a token and without credentials there is nothing to begin with") {
  World world;
  Machine machine(world, {});
  CHECK(machine.start().contains("--join-token"));
}

TEST_CASE("a certificate that is renewed is shown from then on; discovery goes on meanwhile") {
  World world;
  world.say_web();
  Machine machine(world, world.controller->make_token());
  REQUIRE(machine.start().empty());
  world.fake.advance(24h + 10min);  // longer than one certificate lasts
  world.fake.network.cut(*net::Address::parse("192.0.2.1:18001"));
  world.fake.advance(60s);
  world.say("", 7);
  world.fake.advance(6s);
  CHECK(world.controller->load.applied_revision == 7);
}

}  // namespace
}  // namespace weir::role
