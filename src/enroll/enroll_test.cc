// A controller and machines that join it, over real TLS on the memory network: what is granted, what is
// refused, and what the audit says of both.
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/pinned_token.h"
#include "auth/token.h"
#include "config/kinds.h"
#include "enroll/client.h"
#include "enroll/door.h"
#include "enroll/keeper.h"
#include "enroll/registrar.h"
#include "enroll/shared_authority.h"
#include "http/server.h"
#include "net/task_group.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"
#include "tls/certificate_request.h"

namespace weir::enroll {
namespace {

using namespace std::chrono_literals;
using config::Kind;
using config::Object;

std::shared_ptr<const tls::Authority> make_authority() {
  return std::make_shared<const tls::Authority>(
      *tls::Authority::load(*tls::Authority::create("weir", testing::ManualClock::kWallStart)));
}

// What the API does with /v1/enroll, without the rest of it.
class Front final : public http::Service {
 public:
  explicit Front(Registrar& registrar) : registrar_(registrar) {}
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override {
    std::string content;
    while (!request.body->at_end()) {
      const auto piece = co_await request.body->read();
      if (!piece) co_return fail(piece.error());
      content += net::as_text(*piece);
    }
    auto asked = parse_request(content);
    if (!asked) co_return std::make_unique<http::TextResponse>(422, "application/problem+json", "{}");
    Caller caller{request.peer, {}};
    if (request.tls != nullptr) caller.machine = auth::machine_of(request.tls->client_names);
    const auto done = co_await registrar_.enroll(std::move(*asked), std::move(caller));
    if (done)
      co_return std::make_unique<http::TextResponse>(200, "application/json", answer_text(done->answer));
    co_return std::make_unique<http::TextResponse>(done.error().status, "application/problem+json",
                                                   R"({"detail":")" + done.error().sentence + "\"}");
  }

 private:
  Registrar& registrar_;
};

struct Controller {
  Controller(testing::FakeEnv& env, store::Store& from, const auth::TokenTable& tokens,
             std::shared_ptr<const tls::Authority> authority, const char* address)
      : fake(env),
        registrar(env.env, from, tokens, authority, "weir.localhost"),
        front(registrar),
        server(env.env, front, {}),
        tasks(env.loop) {
    door = *Door::create(fake.env, authority, {.names = [ip = net::Address::parse(address)->ip()] {
                           return std::vector<std::string>{ip, "weir.example"};
                         }});
    door->on_refused([this](const net::Address& peer, const char* why) {
      tasks.spawn(registrar.refused_certificate(peer, why));
    });
    server.listen(*fake.network.listen(*net::Address::parse(address)), door);
  }
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;
  ~Controller() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), 60s));
    CHECK(fake.run(stop(tasks)));
  }
  static net::Task<void> stop(net::TaskGroup& group) { co_await group.stop(); }

  testing::FakeEnv& fake;
  Registrar registrar;
  Front front;
  http::Server server;
  std::shared_ptr<Door> door;
  net::TaskGroup tasks;
};

// Two controllers of one store and one authority.
struct World {
  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  store::EngineStore store{*engine, fake.loop};
  auth::TokenTable tokens{{}};
  std::shared_ptr<const tls::Authority> authority = make_authority();
  Controller controller{fake, store, tokens, authority, "192.0.2.1:8480"};
  Controller other{fake, store, tokens, authority, "192.0.2.2:8480"};
  const tls::Host host{"192.0.2.1", 8480};
  const tls::Host other_host{"192.0.2.2", 8480};

  void put(const Object& object) {
    store::Transaction transaction;
    const auto& info = config::info_of(object.kind());
    transaction.put(std::string(info.plural) + '/' + object.metadata.name,
                    config::to_json(object, config::Secrets::kKeep));
    REQUIRE(fake.run(store.commit(std::move(transaction))).value().has_value());
  }
  // A token of the role join, as its operator gets it.
  std::string make_token(const std::string& name, config::TokenSpec spec = {}) {
    const auto issued = auth::issue_token();
    spec.role = config::Role::kJoin;
    spec.hash = issued->hash.to_text();
    Object token;
    token.metadata.name = name;
    token.spec = spec;
    put(token);
    records.push_back(
        {.name = name, .hash = issued->hash, .role = auth::Role::kJoin, .expires_at = spec.expires_at});
    tokens.replace(records);
    return auth::pinned_text(auth::kJoinPrefix, issued->text, authority->fingerprint());
  }
  std::expected<Credentials, Failure> join(const std::string& token, Node node) {
    return *fake.run(enroll::join(fake.env, host, token, std::move(node)), 60s);
  }
  std::expected<Credentials, Failure> renew(const Credentials& credentials, Node node = {}) {
    return *fake.run(enroll::renew(fake.env, host, credentials, std::move(node)), 60s);
  }
  template <class Spec>
  std::optional<Object> find(const std::string& key) {
    const auto entry = *fake.run(store.get(key));
    if (!entry) return std::nullopt;
    return *config::parse_object(entry->value, config::Origin::kStore);
  }
  Object edge(const std::string& name) { return *find<config::EdgeSpec>("edges/" + name); }
  // "actor verb kind/name: reason" of all events, the oldest first.
  std::vector<std::string> events() {
    std::vector<std::string> lines;
    const auto page = *fake.run(store.list("events/", "", 1000));
    for (const store::Entry& entry : page->entries) {
      const Object event = *config::parse_object(entry.value, config::Origin::kStore);
      const auto& spec = std::get<config::EventSpec>(event.spec);
      CHECK(entry.value.find("weir_") == std::string::npos);
      CHECK(entry.value.find("weirjoin_") == std::string::npos);
      lines.push_back(spec.actor + ' ' + spec.verb + ' ' + spec.name + ": " + spec.reason);
    }
    return lines;
  }
  std::vector<auth::TokenRecord> records;
};

std::string told(const std::expected<Credentials, Failure>& result) {
  return result ? "in as " + result->name : result.error().sentence;
}
const std::string kRefuses = "the controller at 192.0.2.1:8480 refuses: ";

TEST_CASE("a machine joins with a token, once, and is an Edge from then on") {
  World world;
  const std::string token =
      world.make_token("fra", {.join = config::Join{.provider = "hetzner", .labels = {{"tier", "a"}}}});
  const auto joined = world.join(
      token,
      {.name = "fra-1", .provider = "says-another", .region = "fsn1", .labels = {{"tier", "z"}, {"x", "y"}}});
  REQUIRE(told(joined) == "in as fra-1");
  CHECK(joined->ca == world.authority->root_pem());
  CHECK(joined->discovery_port == kDiscoveryPort);
  const Object edge = world.edge("fra-1");
  CHECK(std::get<config::EdgeSpec>(edge.spec).provider == "hetzner");
  CHECK(std::get<config::EdgeSpec>(edge.spec).region == "fsn1");
  CHECK(edge.metadata.labels == config::Labels{{"tier", "a"}, {"x", "y"}});
  CHECK(edge.metadata.uid.size() == 32);
  CHECK(world.events() == std::vector<std::string>{"fra enroll fra-1: "});
}

TEST_CASE("where discovery is comes with the certificate, and is kept with it") {
  World world;
  Credentials joined = *world.join(world.make_token("fra"), {.name = "fra-1"});
  joined.discovery_port = 18444;
  CHECK(Credentials::parse(joined.to_text())->discovery_port == 18444);
  CHECK(parse_answer(answer_text({"a", "b", "c", 18444}))->discovery_port == 18444);
  for (const char* none :
       {"", R"(,"discovery_port":0)", R"(,"discovery_port":70000)", R"(,"discovery_port":"x")"}) {
    const std::string text = R"({"name":"a","certificate":"b","ca":"c")" + std::string(none) + "}";
    CHECK(parse_answer(text)->discovery_port == kDiscoveryPort);
  }
}

TEST_CASE("a token that was used is refused, at every controller, and that is in the audit") {
  World world;
  const std::string token = world.make_token("once");
  REQUIRE(told(world.join(token, {.name = "a"})) == "in as a");
  world.fake.advance(1s);
  const auto replayed =
      *world.fake.run(enroll::join(world.fake.env, world.other_host, token, {.name = "b"}), 60s);
  CHECK(told(replayed) ==
        "the controller at 192.0.2.2:8480 refuses: the join token has been used already (1 of 1)");
  CHECK(replayed.error().is_final);
  CHECK(world.events() ==
        std::vector<std::string>{"once enroll a: ",
                                 "nobody enroll b: the join token has been used already (1 of 1)"});
}

TEST_CASE("of two machines with one token at the same time, one gets in") {
  World world;
  const std::string token = world.make_token("once");
  std::array<std::optional<std::expected<Credentials, Failure>>, 2> results;
  const auto keep = [](net::Task<std::expected<Credentials, Failure>> task,
                       std::optional<std::expected<Credentials, Failure>>& into) -> net::Task<void> {
    into = co_await task;
  };
  net::TaskGroup tasks(world.fake.loop);
  tasks.spawn(keep(enroll::join(world.fake.env, world.host, token, {.name = "a"}), results[0]));
  tasks.spawn(keep(enroll::join(world.fake.env, world.other_host, token, {.name = "b"}), results[1]));
  world.fake.advance(30s);
  REQUIRE((results[0] && results[1]));
  CHECK(results[0]->has_value() != results[1]->has_value());
}

TEST_CASE("a token may be for several machines, and for one name also again") {
  World world;
  const std::string three = world.make_token("three", {.uses = 3});
  CHECK(told(world.join(three, {.name = "a"})) == "in as a");
  CHECK(told(world.join(three, {.name = "b"})) == "in as b");
  CHECK(told(world.join(three, {.name = "a"})) ==
        kRefuses + "there is an edge a already; only a join token for that name may replace it");
  CHECK(told(world.join(three, {.name = "c"})) == "in as c");
  CHECK(told(world.join(three, {.name = "d"})) == kRefuses + "the join token has been used already (3 of 3)");
  const std::string again = world.make_token("again", {.join = config::Join{.name = "a"}});
  CHECK(told(world.join(again, {.name = "b"})) == kRefuses + "the join token is for the name a");
  CHECK(told(world.join(again, {.name = "a"})) == "in as a");
}

TEST_CASE("what is no good token is refused with a sentence") {
  World world;
  const std::string late = world.make_token("late", {.expires_at = testing::ManualClock::kWallStart + 1min});
  world.fake.advance(1min);
  CHECK(told(world.join(late, {.name = "a"})) == kRefuses + "the join token has expired");
  const std::string gone = world.make_token("gone");
  store::Transaction transaction;
  transaction.remove("tokens/gone");
  REQUIRE(world.fake.run(world.store.commit(std::move(transaction))).value().has_value());
  CHECK(told(world.join(gone, {.name = "a"})) == kRefuses + "the join token is not valid");
  const std::string unknown =
      auth::pinned_text(auth::kJoinPrefix, auth::issue_token()->text, world.authority->fingerprint());
  CHECK(told(world.join(unknown, {.name = "a"})) == kRefuses + "the join token is not valid");
  world.records.back().role = auth::Role::kAdmin;
  world.tokens.replace(world.records);
  CHECK(told(world.join(gone, {.name = "a"})) == kRefuses + "the token is none of the role join");
  CHECK(told(world.join("weirjoin_x", {.name = "a"})) ==
        "this is no join token (weirjoin_...), or not all of it");
  CHECK(world.events().size() == 4);
}

TEST_CASE("no token is refused before it is known which are good") {
  World world;
  const std::string token = world.make_token("early");
  world.tokens = auth::TokenTable();  // as at the start of a controller whose store does not answer
  const auto early = world.join(token, {.name = "a"});
  REQUIRE_FALSE(early);
  CHECK_FALSE(early.error().is_final);
  CHECK(early.error().sentence.contains("it is not known yet which tokens are valid"));
  world.tokens.replace(world.records);
  CHECK(told(world.join(token, {.name = "a"})) == "in as a");
}

TEST_CASE("a machine says nothing to a controller of another authority") {
  World world;
  const std::string token = world.make_token("once");
  const std::string forged = token.substr(0, token.find('.') + 1) + std::string(32, 'a');
  CHECK(told(world.join(forged, {.name = "a"})).ends_with(tls::kUntrusted));
  CHECK(world.controller.registrar.refused() == 0);
  CHECK(told(world.join(token, {.name = "a"})) == "in as a");
}

TEST_CASE("a certificate is renewed with itself, as long as the Edge is there and not revoked") {
  World world;
  const auto joined = world.join(world.make_token("fra"), {.name = "a", .version = "1"});
  REQUIRE(joined.has_value());
  world.fake.advance(16h);
  const auto renewed = world.renew(*joined, {.version = "2"});
  REQUIRE(told(renewed) == "in as a");
  CHECK(renewed->private_key != joined->private_key);
  CHECK(renewed->not_after() == joined->not_after() + 16h);
  CHECK(std::get<config::EdgeSpec>(world.edge("a").spec).version == "2");
  Object edge = world.edge("a");
  std::get<config::EdgeSpec>(edge.spec).revoked = true;
  world.put(edge);
  CHECK(told(world.renew(*renewed)) == kRefuses + "the edge a is revoked");
  CHECK(told(world.join(world.make_token("again", {.join = config::Join{.name = "a"}}), {.name = "a"})) ==
        kRefuses + "the edge a is revoked");
  store::Transaction transaction;
  transaction.remove("edges/a");
  REQUIRE(world.fake.run(world.store.commit(std::move(transaction))).value().has_value());
  CHECK(told(world.renew(*renewed)) == kRefuses + "the edge a has been deleted");
  const auto events = world.events();
  REQUIRE(events.size() == 5);
  CHECK(events[1] == "edge/a renew a: ");
  CHECK(events[4] == "edge/a renew a: the edge a has been deleted");
}

TEST_CASE("a machine that runs instances joins as a Node, by a token for one") {
  World world;
  const Node node{
      .name = "a", .city = "says-another", .address = "192.0.2.9", .role = config::MachineRole::kNode};
  CHECK(told(world.join(world.make_token("edge", {.uses = 9}), node)) ==
        kRefuses + "the join token is for an edge, not for a node");
  const config::Join join{.role = config::MachineRole::kNode, .city = "fra", .labels = {{"tier", "a"}}};
  const std::string token = world.make_token("node", {.join = join, .uses = 9});
  CHECK(told(world.join(token, {.name = "a"})) == kRefuses + "the join token is for a node, not for an edge");
  const auto joined = world.join(token, node);
  REQUIRE(told(joined) == "in as a");
  const auto object = [&world] { return *world.find<config::NodeSpec>("nodes/a"); };
  CHECK(std::get<config::NodeSpec>(object().spec) == config::NodeSpec{.city = "fra", .address = "192.0.2.9"});
  CHECK(object().metadata.labels == config::Labels{{"tier", "a"}});
  CHECK(told(world.join(token, node)) ==
        kRefuses + "there is a node a already; only a join token for that name may replace it");
  CHECK(told(world.join(world.make_token("another", {.uses = 1}), {.name = "a"})) == "in as a");  // an Edge

  CHECK(told(world.renew(*joined, {.version = "2", .role = config::MachineRole::kNode})) == "in as a");
  CHECK(std::get<config::NodeSpec>(object().spec).version == "2");
  CHECK(told(world.renew(*joined)) ==
        kRefuses +
            "the certificate is of spiffe://weir.localhost/node/a, which is no edge of weir.localhost");
  Object changed = object();
  std::get<config::NodeSpec>(changed.spec).cordoned = true;
  world.put(changed);
  const config::Join again{.role = config::MachineRole::kNode, .name = "a"};
  CHECK(told(world.join(world.make_token("again", {.join = again}), node)) == "in as a");
  CHECK(std::get<config::NodeSpec>(object().spec).cordoned);
  std::get<config::NodeSpec>(changed.spec).revoked = true;
  world.put(changed);
  CHECK(told(world.renew(*joined, node)) == kRefuses + "the node a is revoked");
  CHECK(told(world.join(world.make_token("once-more", {.join = again}), node)) ==
        kRefuses + "the node a is revoked");
}

TEST_CASE("a machine asks its controllers in turn, until one has decided") {
  World world;
  const std::vector<tls::Host> controllers{{"192.0.2.99", 8480}, world.host};
  const auto join = [&](const std::string& token) {
    return *world.fake.run(join_any(world.fake.env, controllers, token, {.name = "a"}), 10min);
  };
  CHECK(told(join(world.make_token("fra"))) == "in as a");
  CHECK(told(join(world.make_token("other", {.join = config::Join{.name = "b"}}))) ==
        kRefuses + "the join token is for the name b");
  const std::string token = world.make_token("early", {.join = config::Join{.name = "a"}});
  world.tokens = auth::TokenTable();  // as at the start of a controller whose store does not answer
  std::string result;
  const auto wait = [&]() -> net::Task<void> {
    result = told(co_await join_any(world.fake.env, controllers, token, {.name = "a"}));
  };
  net::TaskGroup tasks(world.fake.loop);
  tasks.spawn(wait());
  world.fake.advance(20s);
  CHECK(result.empty());
  CHECK(world.fake.log.count("no controller lets this machine in yet") > 2);
  world.tokens.replace(world.records);
  world.fake.advance(1min);
  CHECK(result == "in as a");
}

TEST_CASE("a machine begins with what it has kept, unless that has ended and it has a token") {
  const store::TemporaryDirectory directory;
  const std::string path = directory.path() + "/node.json";
  World world;
  const auto begin = [&](bool has_token) {
    return Keeper::begin(path, has_token, config::MachineRole::kNode, world.fake.loop.clock().wall_now());
  };
  CHECK_FALSE(begin(true)->has_value());
  CHECK(
      begin(false).error() ==
      "this machine has not joined yet: give it a join token (--join-token; `weir token create --join node` "
      "makes one)");
  const auto joined = world.join(world.make_token("fra"), {.name = "a"});
  REQUIRE(store::KeptFile::replace(path, joined->to_text()));
  CHECK(begin(true)->value().name == "a");
  world.fake.advance(48h);
  CHECK_FALSE(begin(true)->has_value());
  CHECK(begin(false)->value().name == "a");
  REQUIRE(store::KeptFile::replace(path, "{}"));
  CHECK(begin(true).error().starts_with(path + ": "));
}

TEST_CASE("a certificate of another authority, of another weir, or one that has ended, renews nothing") {
  World world;
  const auto joined = world.join(world.make_token("fra"), {.name = "a"});
  REQUIRE(joined.has_value());
  world.fake.advance(1s);
  const auto with = [&](const tls::Authority& authority, const std::string& uri) {
    const auto own = *tls::make_request();
    return Credentials{.name = "a",
                       .private_key = own.private_key,
                       .certificate = *authority.certify(own.request, uri, testing::ManualClock::kWallStart),
                       .ca = joined->ca};
  };
  CHECK_FALSE(world.renew(with(*make_authority(), "spiffe://weir.localhost/edge/a")).has_value());
  CHECK(told(world.renew(with(*world.authority, "spiffe://other.example/edge/a"))) ==
        kRefuses + "the certificate is of spiffe://other.example/edge/a, which is no edge of weir.localhost");
  CHECK(told(world.renew(with(*world.authority, "spiffe://weir.localhost/edge/b"))) ==
        kRefuses + "the certificate is of the edge b, not of a");
  world.fake.advance(25h);
  CHECK_FALSE(world.renew(*joined).has_value());
  const auto events = world.events();
  REQUIRE(events.size() == 5);
  CHECK(events[1] == "nobody connect : the peer's certificate is of an authority that is not trusted");
  CHECK(events[4] == "nobody connect : the peer's certificate has expired");
}

TEST_CASE("who guesses has to wait, and does not fill the audit") {
  World world;
  const std::string unknown =
      auth::pinned_text(auth::kJoinPrefix, auth::issue_token()->text, world.authority->fingerprint());
  std::string last;
  for (int i = 0; i < 20; ++i) last = told(world.join(unknown, {.name = "a"}));
  CHECK(last == kRefuses + "too many refused attempts came from this address");
  CHECK(world.events().size() < 15);
}

TEST_CASE("a keeper renews at two thirds of a certificate's life, after failures too, and keeps it on disk") {
  const store::TemporaryDirectory directory;
  const std::string path = directory.path() + "/identity.json";
  World world;
  const auto joined = world.join(world.make_token("fra"), {.name = "a"});
  REQUIRE(joined.has_value());
  int renewals = 0;
  {
    Keeper keeper(world.fake.env, {{"192.0.2.99", 8480}, world.host}, {.name = "a"}, *joined, path);
    keeper.on_renewed([&renewals](const Credentials&) { ++renewals; });
    net::TaskGroup tasks(world.fake.loop);
    tasks.spawn(keeper.run());
    world.fake.advance(15h + 50min);
    CHECK(renewals == 0);
    world.fake.advance(20min);
    CHECK(renewals == 1);
    for (int day = 0; day < 10; ++day) world.fake.advance(24h);
    CHECK(renewals >= 14);
    CHECK(world.fake.run(Controller::stop(tasks)));
  }
  const auto kept = Keeper::read(path);
  REQUIRE(kept.has_value());
  CHECK(kept->name == "a");
  CHECK(told(world.renew(*kept)) == "in as a");
}

TEST_CASE("a machine that begins anew says at once what it is by now") {
  const store::TemporaryDirectory directory;
  World world;
  const auto joined = world.join(world.make_token("fra"), {.name = "a", .address = "192.0.2.9"});
  REQUIRE(joined.has_value());
  const auto address = [&world] { return std::get<config::EdgeSpec>(world.edge("a").spec).address; };
  for (const bool at_once : {false, true}) {
    Keeper keeper(world.fake.env, {world.host}, {.name = "a", .address = "192.0.2.10"}, *joined,
                  directory.path() + "/identity.json");
    net::TaskGroup tasks(world.fake.loop);
    tasks.spawn(keeper.run(at_once));
    world.fake.advance(1s);
    CHECK(address() == (at_once ? "192.0.2.10" : "192.0.2.9"));
    CHECK(world.fake.run(Controller::stop(tasks)));
  }
}

TEST_CASE("the first controller's authority is that of all, and no path of the API leads to it") {
  World world;
  const tls::PemPair first = *tls::Authority::create("first", testing::ManualClock::kWallStart);
  const tls::PemPair second = *tls::Authority::create("second", testing::ManualClock::kWallStart);
  for (const tls::PemPair& own : {first, second}) {
    const auto shared = *world.fake.run(share_authority(world.store, own));
    REQUIRE(shared.has_value());
    CHECK(shared->certificate == first.certificate);
    CHECK(shared->private_key == first.private_key);
  }
  CHECK(config::find_plural("internal") == nullptr);
}

TEST_CASE("what a request must have") {
  const auto problem = [](std::string_view json) {
    const auto request = parse_request(json);
    return request ? "fine" : config::to_text(request.error());
  };
  CHECK(problem(R"({"csr":"x","node":{"name":"a"}})") == "fine");
  CHECK(problem(request_text("t", "x", {.name = "a", .labels = {{"k", "v"}}})) == "fine");
  for (const char* bad :
       {"", "[]", R"({"csr":"x"})", R"({"csr":"x","node":[]})", R"({"node":{"name":"a"}})",
        R"({"csr":5,"node":{"name":"a"}})", R"({"csr":"x","node":{}})",
        R"({"csr":"x","node":{"name":"A b"}})", R"({"csr":"x","token":[],"node":{"name":"a"}})",
        R"({"csr":"x","node":{"name":"a","nonsense":1}})", R"({"csr":"x","node":{"name":"a"},"more":1})"}) {
    CAPTURE(bad);
    CHECK(problem(bad) != "fine");
  }
  CHECK_FALSE(std::get<config::EdgeSpec>(
                  parse_request(R"({"csr":"x","node":{"name":"a","revoked":true}})")->machine.spec)
                  .revoked);
  CHECK(problem(R"({"csr":"x","role":"master","node":{"name":"a"}})") == "role: must be edge or node");
  CHECK(problem(R"({"csr":"x","role":5,"node":{"name":"a"}})") != "fine");
  CHECK(parse_request(request_text("t", "x", {.name = "a"}))->machine.kind() == Kind::kEdge);
  const auto node = parse_request(
      R"({"csr":"x","role":"node","node":{"name":"a","city":"fra","cordoned":true,"drained":true}})");
  REQUIRE(node.has_value());
  CHECK(node->machine.kind() == Kind::kNode);
  CHECK(std::get<config::NodeSpec>(node->machine.spec) == config::NodeSpec{.city = "fra"});
}

}  // namespace
}  // namespace weir::enroll
