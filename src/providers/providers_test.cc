#include "providers/providers.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cloud/client_fixture.h"
#include "mirror/records.h"
#include "providers/ledger.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"
#include "testing/store_around.h"

namespace weir::providers {
namespace {

using cloud::PlayedProvider;
using config::Kind;
using namespace std::chrono_literals;

config::Object parsed(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
  return *object;
}

std::string rrset(const std::string& name, const std::string& address) {
  return R"({"name":")" + name + R"(.a.example.","type":"A","ttl":300,"records":[{"content":")" + address +
         R"(","disabled":false}]})";
}

class World {
 public:
  explicit World(const std::string& more = "", bool leads = true,
                 const std::vector<std::string>& others = {}) {
    store.is_leader = leads;
    write(R"({"kind":"Secret","metadata":{"name":"key"},"spec":{"values":{"api_key":"k3y"}}})");
    write(R"({"kind":"Zone","metadata":{"name":"a.example"},"spec":{"nameservers":["ns1.b.example"]}})");
    record("www", "192.0.2.1");
    for (const std::string& name : others) record(name, "192.0.2.1");
    write(R"({"kind":"DnsProvider","metadata":{"name":"pdns","uid":"1"},"spec":{"type":"POWERDNS",
        "url":"http://127.0.0.1:8081","credentials":"key","zones":["a.example"])" +
          more + "}}");
    providers.start();
    fake.advance(1s);
  }
  ~World() { CHECK(fake.run(stop(providers))); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void record(const std::string& name, const std::string& address) {
    write(R"({"kind":"RecordSet","metadata":{"name":")" + name + R"("},"spec":{"zone":"a.example","name":")" +
          name + R"(","type":"A","values":[")" + address + R"("]}})");
  }
  void write(const std::string& json) {
    const config::Object object = parsed(json);
    store::Transaction transaction;
    transaction.put(mirror::key_of(object.kind(), object.metadata.name), mirror::encode(object));
    commit(std::move(transaction));
  }
  void remove(Kind kind, const std::string& name) {
    store::Transaction transaction;
    transaction.remove(mirror::key_of(kind, name));
    commit(std::move(transaction));
  }
  // The zone is asked for, and is so.
  void shows(const std::string& rrsets) {
    fake.advance(1s);
    REQUIRE(pdns.request().starts_with("GET /api/v1/servers/localhost/zones/a.example."));
    pdns.answer("200 OK", R"({"name":"a.example.","rrsets":[)" + rrsets + "]}");
  }
  config::DnsProviderZoneStatus status() {
    const auto provider = mirror.objects().find(Kind::kDnsProvider, "pdns");
    return providers.status_of(*provider).zones.at(0);
  }
  // What the ledger has, in a line; "none": there is no ledger.
  std::string ledger() {
    CHECK(fake.run(mirror.catch_up()));
    const auto object = mirror.objects().find(Kind::kDnsLedger, ledger_name("pdns", "a.example"));
    if (!object) return "none";
    std::string text;
    for (const std::string& key : std::get<config::DnsLedgerSpec>(object->spec).records) text += key + ';';
    return text;
  }
  // The answer to a question, by the API.
  std::string asked(Mode mode) {
    answers.clear();
    providers.ask("pdns", mode, [this](std::expected<std::string, std::string> told) {
      answers.push_back(told ? *told : "wrong: " + told.error());
    });
    fake.run_until_idle();
    return answers.empty() ? "waiting" : answers.front();
  }

  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  store::EngineStore engine_store{*engine, fake.loop};
  testing::StoreAround store{engine_store};
  mirror::Mirror mirror{store, fake.log};
  PlayedProvider pdns{fake};
  config::ServiceStatus web;
  bool settled = true;
  Providers providers{fake.env,
                      store,
                      mirror,
                      {.health = [this](std::string_view /*service*/) { return web; },
                       .settled = [this] { return settled; }}};
  std::vector<std::string> answers;

 private:
  static net::Task<void> stop(Providers& stopped) { co_await stopped.stop(); }
  void commit(store::Transaction transaction) {
    const auto done = fake.run(store.commit(std::move(transaction)));
    REQUIRE(done);
    REQUIRE(*done);
    fake.run_until_idle();
  }
};

TEST_CASE("a zone is compared and written, and its ledger is there before the records are") {
  World world;
  world.shows("");
  const std::string patch = world.pdns.request();
  CHECK(patch.starts_with("PATCH "));
  CHECK(patch.find(R"("name":"www.a.example.","type":"A","changetype":"REPLACE","ttl":300)") !=
        std::string::npos);
  CHECK(world.ledger() == "www.a.example. A;");
  CHECK_FALSE(world.status().synced);
  world.pdns.answer("204 No Content", "");
  world.fake.run_until_idle();
  CHECK(world.status().synced);
  CHECK(world.status().synced_at);
  CHECK(world.status().records == 1);
  CHECK(world.status().reason.empty());
}

TEST_CASE("a change is written within a second, and the ledger forgets what was deleted afterwards") {
  World world;
  world.shows("");
  world.pdns.request();
  world.pdns.answer("204 No Content", "");
  world.record("api", "192.0.2.7");
  world.remove(Kind::kRecordSet, "www");
  world.shows(rrset("www", "192.0.2.1"));
  const std::string patch = world.pdns.request();
  CHECK(patch.find(R"({"name":"www.a.example.","type":"A","changetype":"DELETE"})") != std::string::npos);
  CHECK(world.ledger() == "api.a.example. A;www.a.example. A;");
  world.pdns.answer("204 No Content", "");
  CHECK(world.ledger() == "api.a.example. A;");
  CHECK(world.status().records == 1);
}

TEST_CASE("it is compared at an interval, and what somebody changed there is put right") {
  World world(R"(,"interval":"60s")");
  world.shows("");
  world.pdns.request();
  world.pdns.answer("204 No Content", "");
  world.fake.advance(58s);
  CHECK(world.pdns.request() == "");
  world.fake.advance(2s);
  world.shows(rrset("www", "192.0.2.66"));
  CHECK(world.pdns.request().find("192.0.2.1") != std::string::npos);
  world.pdns.answer("204 No Content", "");
}

TEST_CASE("what is foreign is left alone and told") {
  World world;
  world.shows(rrset("www", "192.0.2.66"));
  CHECK(world.pdns.request() == "");
  CHECK(world.ledger() == "none");
  CHECK(world.status().reason == "www.a.example. A is there already, and weir did not make it");
}

TEST_CASE("the valve holds until it is forced") {
  World world("", true, {"a", "b", "c"});
  world.shows("");
  world.pdns.request();
  world.pdns.answer("204 No Content", "");
  for (const char* name : {"a", "b", "c"}) world.remove(Kind::kRecordSet, name);
  const std::string all = rrset("www", "192.0.2.1") + ',' + rrset("a", "192.0.2.1") + ',' +
                          rrset("b", "192.0.2.1") + ',' + rrset("c", "192.0.2.1");
  world.shows(all);
  CHECK(world.pdns.request() == "");
  CHECK(
      world.status().reason ==
      "0 record sets would be replaced and 3 deleted, of 4 there: more than 30 % are only changed when it is "
      "forced");
  CHECK(world.asked(Mode::kWrite) == "waiting");
  world.shows(all);
  REQUIRE(world.answers.size() == 1);
  CHECK(world.answers[0].find(R"("written":0)") != std::string::npos);
  CHECK(world.asked(Mode::kForce) == "waiting");
  world.shows(all);
  CHECK(world.pdns.request().starts_with("PATCH "));
  world.pdns.answer("204 No Content", "");
  world.fake.run_until_idle();
  REQUIRE(world.answers.size() == 1);
  CHECK(world.answers[0].find(R"("synced":true,"written":3)") != std::string::npos);
  CHECK(world.ledger() == "www.a.example. A;");
}

TEST_CASE("a plan says what would be, and writes nothing; so does a provider that is not automatic") {
  World world(R"(,"automatic":false)");
  world.shows("");
  CHECK(world.pdns.request() == "");
  CHECK(world.status().reason == "1 changes are to be made");
  world.asked(Mode::kCompare);
  world.shows("");
  CHECK(world.pdns.request() == "");
  REQUIRE(world.answers.size() == 1);
  CHECK(
      world.answers[0] ==
      R"({"provider":"pdns","zones":[{"zone":"a.example","synced":false,"written":0,"create":1,"replace":0,)"
      R"("delete":0,"more":0,"changes":[{"action":"create","record":"www.a.example. A","after":{"ttl":300,)"
      R"("values":["192.0.2.1"]}}],"kept":0,"foreign":0,"conflicts":[],"left_out":[]}]})");
  CHECK(world.ledger() == "none");
}

TEST_CASE("of a batch that is refused, what is to blame is found, and the rest is written") {
  World world("", true, {"bad", "good"});
  world.shows("");
  for (int refusals = 0;;) {
    const std::string patch = world.pdns.request();
    if (patch.empty()) break;
    REQUIRE(++refusals < 10);
    if (patch.find("bad.a.example.") != std::string::npos) {
      world.pdns.answer("422 Unprocessable Entity", R"({"error":"no"})");
    } else {
      world.pdns.answer("204 No Content", "");
    }
  }
  CHECK(world.ledger() == "good.a.example. A;www.a.example. A;");
  CHECK(world.status().reason == "bad.a.example.: PowerDNS refuses with status 422: no");
}

TEST_CASE("when nobody knows whether it was done, it is looked at again soon") {
  World world;
  world.shows("");
  CHECK(world.pdns.request().starts_with("PATCH "));
  world.pdns.answer("500 Internal Server Error", "");
  world.fake.run_until_idle();
  CHECK(world.status().reason == "127.0.0.1:8081 answers with status 500");
  CHECK(world.ledger() == "www.a.example. A;");
  world.fake.advance(Providers::kRetryFirst);
  world.shows(rrset("www", "192.0.2.1"));
  world.fake.run_until_idle();
  CHECK(world.status().synced);
}

TEST_CASE("who does not lead writes nothing by itself") {
  World world("", false);
  CHECK(world.pdns.request() == "");
  CHECK(world.status().reason == "another controller leads, and writes it");
  world.store.is_leader = true;
  world.shows("");
  CHECK(world.pdns.request().starts_with("PATCH "));
  world.pdns.answer("204 No Content", "");
}

TEST_CASE("a provider that is deleted leaves its records, and its ledger goes") {
  World world;
  world.shows("");
  world.pdns.request();
  world.pdns.answer("204 No Content", "");
  CHECK(world.ledger() == "www.a.example. A;");
  world.remove(Kind::kDnsProvider, "pdns");
  world.fake.advance(2s);
  CHECK(world.pdns.request() == "");
  CHECK(world.ledger() == "none");
  CHECK(world.asked(Mode::kWrite) == "wrong: there is no DnsProvider/pdns");
}

TEST_CASE("health is followed, and waited for") {
  World world;
  world.shows("");
  world.pdns.request();
  world.pdns.answer("204 No Content", "");
  world.web.endpoints = {{.address = "192.0.2.1:80", .health = config::EndpointHealth::kUnknown},
                         {.address = "192.0.2.2:80", .health = config::EndpointHealth::kHealthy}};
  world.write(R"({"kind":"Service","metadata":{"name":"web"},"spec":{"endpoints":[{"address":"192.0.2.1:80"},
                {"address":"192.0.2.2:80"}]}})");
  world.write(
      R"({"kind":"RecordSet","metadata":{"name":"www"},"spec":{"zone":"a.example","name":"www","type":"A",
                "service":"web","policy":"ROUND_ROBIN"}})");
  world.shows(rrset("www", "192.0.2.1"));
  CHECK(world.pdns.request() == "");  // in the first seconds all have to be known
  CHECK(world.status().reason == "www.a.example. A: the health of its endpoints is not known yet");
  world.web.endpoints[0].health = config::EndpointHealth::kUnhealthy;
  world.shows(rrset("www", "192.0.2.1"));
  CHECK(world.pdns.request().find(R"("records":[{"content":"192.0.2.2")") != std::string::npos);
  world.pdns.answer("204 No Content", "");
}

TEST_CASE("an ALIAS is written when its addresses are known, and again when they are others") {
  World world;
  world.shows("");
  world.pdns.request();
  world.pdns.answer("204 No Content", "");
  const net::Address first = net::Address::v4({192, 0, 2, 7}, 0);
  const net::Address second = net::Address::v4({192, 0, 2, 8}, 0);
  world.write(R"({"kind":"RecordSet","metadata":{"name":"apex"},"spec":{"zone":"a.example","name":"@",
                "type":"ALIAS","values":["shop.b."]}})");
  world.shows(rrset("www", "192.0.2.1"));
  CHECK(world.pdns.request() == "");
  CHECK(world.status().reason.starts_with("a.example. A: shop.b. "));
  const std::string apex = R"({"name":"a.example.","type":"A","ttl":20,"records":[{"content":"192.0.2.7"}]})";
  world.fake.network.set_name("shop.b.", {first}, 20s);
  world.fake.advance(5s);  // it is looked up again
  world.shows(rrset("www", "192.0.2.1"));
  CHECK(world.pdns.request().find(R"("name":"a.example.","type":"A","changetype":"REPLACE","ttl":20,)"
                                  R"("records":[{"content":"192.0.2.7")") != std::string::npos);
  world.pdns.answer("204 No Content", "");
  world.fake.run_until_idle();
  CHECK(world.status().synced);
  CHECK(world.ledger() == "a.example. A;www.a.example. A;");
  // A look-up that fails changes nothing.
  world.fake.network.remove_name("shop.b.");
  world.fake.advance(21s);
  CHECK(world.pdns.request() == "");
  world.fake.network.set_name("shop.b.", {second}, 20s);
  world.fake.advance(6s);
  world.shows(rrset("www", "192.0.2.1") + ',' + apex);
  CHECK(world.pdns.request().find(R"("records":[{"content":"192.0.2.8")") != std::string::npos);
  world.pdns.answer("204 No Content", "");
}

// What is said of a zone of that many record sets, whose ledger has one object.
std::string written_with(std::size_t sets) {
  World world(R"(,"automatic":false)");
  world.shows("");
  std::string records;
  for (std::size_t i = 0; i + 1 < sets; ++i) records += "n" + std::to_string(i) + " A 192.0.2.1\\n";
  world.write(R"({"kind":"Zone","metadata":{"name":"a.example"},"spec":{"nameservers":["ns1.b.example"],
                "records":")" +
              records + R"("}})");
  world.shows("");
  nameserver::NameFollower names(world.fake.env, [](const std::string& /*name*/) {});
  const Health none = [](std::string_view /*service*/) { return config::ServiceStatus{}; };
  cloud::UnderWay<Outcome> syncing(world.fake, synchronise({.env = world.fake.env,
                                                            .store = world.store,
                                                            .mirror = world.mirror,
                                                            .health = none,
                                                            .provider = "pdns",
                                                            .zone = "a.example",
                                                            .mode = Mode::kWrite,
                                                            .names = names,
                                                            .ledgers_max = 1}));
  world.shows("");
  std::size_t batches = 0;
  while (world.pdns.request().starts_with("PATCH ")) {
    world.pdns.answer("204 No Content", "");
    ++batches;
  }
  REQUIRE(syncing.result);
  CHECK(batches == (syncing.result->error.empty() ? (sets + 999) / 1000 : 0));
  CHECK((world.ledger() == "none") == !syncing.result->error.empty());
  return syncing.result->error;
}

TEST_CASE("what an ALIAS leads to in another zone is followed") {
  World world;
  world.shows("");
  world.pdns.request();
  world.pdns.answer("204 No Content", "");
  const auto leads_to = [&world](const std::string& address) {
    world.write(
        R"({"kind":"RecordSet","metadata":{"name":"b"},"spec":{"zone":"b.example","name":"@","type":"A",
                  "values":[")" +
        address + R"("]}})");
  };
  world.write(R"({"kind":"Zone","metadata":{"name":"b.example"},"spec":{"nameservers":["ns1.b.example"]}})");
  leads_to("192.0.2.8");
  world.write(R"({"kind":"RecordSet","metadata":{"name":"alias"},"spec":{"zone":"a.example","name":"alias",
                "type":"ALIAS","values":["b.example."]}})");
  world.shows(rrset("www", "192.0.2.1"));
  CHECK(world.pdns.request().find(R"("records":[{"content":"192.0.2.8")") != std::string::npos);
  world.pdns.answer("204 No Content", "");
  world.fake.run_until_idle();
  CHECK(world.status().synced);
  leads_to("192.0.2.9");
  world.shows(rrset("www", "192.0.2.1") + ',' + rrset("alias", "192.0.2.8"));
  CHECK(world.pdns.request().find(R"("records":[{"content":"192.0.2.9")") != std::string::npos);
  world.pdns.answer("204 No Content", "");
}

TEST_CASE("who asks to be left alone is, whatever changes meanwhile") {
  World world;
  world.fake.advance(1s);
  CHECK(world.pdns.request() != "");
  world.pdns.answer("429 Too Many Requests", "", "Retry-After: 120\r\n");
  world.record("www", "192.0.2.2");
  world.fake.advance(100s);
  CHECK(world.pdns.request() == "");
  CHECK(world.status().reason.starts_with("127.0.0.1:8081 asked not to be asked for another "));
  world.fake.advance(21s);
  world.shows("");
  CHECK(world.pdns.request().find("192.0.2.2") != std::string::npos);
  world.pdns.answer("204 No Content", "");
}

TEST_CASE("credentials go to nobody far away without TLS") {
  World world;
  world.shows("");
  world.pdns.request();
  world.pdns.answer("204 No Content", "");
  world.write(R"({"kind":"Secret","metadata":{"name":"key"},"spec":{"values":{"token":"t0ken"}}})");
  const auto reason_of = [&world](const std::string& url) {
    world.write(R"({"kind":"DnsProvider","metadata":{"name":"pdns","uid":"1"},"spec":{"type":"CLOUDFLARE",
        "url":")" +
                url + R"(","credentials":"key","zones":["a.example"]}})");
    world.fake.advance(10s);
    return world.status().reason;
  };
  const std::string refusal = "url must begin with https://, since credentials are sent there";
  CHECK(reason_of("http://192.0.2.1:80") == refusal);
  CHECK(reason_of("http://api.example") == refusal);
  CHECK(reason_of("http://[::1]:8082") != refusal);
}

TEST_CASE("more than can be remembered is refused before anything is written") {
  CHECK(written_with(LedgerKeeper::kPieceRecordsMax).empty());
  CHECK(
      written_with(LedgerKeeper::kPieceRecordsMax + 1)
          .starts_with("the zone has more record sets than weir can remember to have made: at most 1 DnsL"));
}

TEST_CASE("why a provider can't be spoken to is told without its credentials") {
  World world;
  world.shows("");
  world.pdns.request();
  world.pdns.answer("204 No Content", "");
  world.write(R"({"kind":"Secret","metadata":{"name":"key"},"spec":{"values":{"api_key":"two words"}}})");
  world.fake.advance(1s);
  CHECK(world.status().reason == "Secret/key: api_key has characters that no credential has");
  world.write(R"({"kind":"Secret","metadata":{"name":"key"},"spec":{"values":{"other":"x"}}})");
  world.fake.advance(1s);
  CHECK(world.status().reason == "Secret/key has no value api_key");
  world.write(R"({"kind":"DnsProvider","metadata":{"name":"pdns","uid":"1"},"spec":{"type":"RFC2136",
      "url":"127.0.0.1:53","credentials":"key","zones":["a.example"]}})");
  world.fake.advance(1s);
  CHECK(world.status().reason == "Secret/key has no value secret");
  world.write(R"({"kind":"Secret","metadata":{"name":"key"},"spec":{"values":{"secret":"?"}}})");
  world.fake.advance(1s);
  CHECK(world.status().reason == "Secret/key: its secret is not base64 of 1 to 512 octets");
  world.write(R"({"kind":"Secret","metadata":{"name":"key"},"spec":{"values":{"secret":"AAAA"}}})");
  world.fake.advance(1s);
  CHECK(world.status().reason.starts_with("127.0.0.1:53 can't be asked: "));
}

}  // namespace
}  // namespace weir::providers
