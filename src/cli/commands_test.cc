// The commands that work with the API, against the real one.
#include <nlohmann/json.hpp>

#include "cli/commands_fixture.h"

namespace weir::cli {
namespace {

TEST_CASE("apply says what became of each object") {
  World world;
  CHECK(world.apply(kWeb) == kDone);
  CHECK(world.out() == "loadbalancer/web created\nservice/web created\n");
  CHECK(world.apply(kWeb) == kDone);
  CHECK(world.out() == "loadbalancer/web unchanged\nservice/web unchanged\n");
  CHECK(world.apply("kind: Service\nmetadata: {name: web}\nspec: {balance: RANDOM}") == kDone);
  CHECK(world.out() == "service/web updated\n");
  CHECK(world.err().empty());
}

TEST_CASE("apply makes a rollout of what is in the files") {
  World world;
  CHECK(world.apply(kWeb) == kDone);
  const auto file = world.write("a.yaml", "kind: Service\nmetadata: {name: web}\nspec: {balance: RANDOM}");
  CHECK(world.run({"apply", "-f", file, "--rollout", "r", "--bake", "1m", "--match", "city=fra"}) == kDone);
  CHECK(world.out().ends_with("rollout/r created\n"));
  CHECK(world.run({"get", "rollout", "r", "-o", "json"}) == kDone);
  const Tree spec = at(parse_tree(world.out()), "/spec");
  CHECK(text_at(spec, "/changes/0/spec/balance") == "RANDOM");
  CHECK(text_at(spec, "/waves/0/match/city") == "fra");
  CHECK(text_at(spec, "/waves/1/bake") == "1m");
  CHECK(world.run({"apply", "-f", file, "--bake", "1m"}) == kFailed);
}

TEST_CASE("plan shows what apply would do, and does nothing") {
  World world;
  CHECK(world.run({"plan", "-f", world.write("web.yaml", kWeb)}) == kDone);
  std::string out = world.out();
  CHECK(out.starts_with("+ loadbalancer/web would be created\n    spec:\n      listeners:\n"));
  CHECK(out.find("\n+ service/web would be created\n") != std::string::npos);
  CHECK(world.err() == "plan: 2 to create, 0 to update, 0 unchanged\n");
  CHECK(world.run({"get", "services"}) == kDone);
  CHECK(world.err() == "there are no services\n");

  CHECK(world.apply(kWeb) == kDone);
  world.out();
  const std::string changed = world.write("web.yaml",
                                          "kind: Service\nmetadata: {name: web}\nspec: {balance: RANDOM, "
                                          "endpoints: [{address: \"127.0.0.1:9001\"},"
                                          " {address: \"127.0.0.1:9002\"}]}");
  CHECK(world.run({"plan", "-f", changed}) == kDone);
  CHECK(world.out() ==
        "~ service/web would be updated\n"
        "    metadata.labels.tier: -\"front\"\n"
        "    spec.balance: \"ROUND_ROBIN\" -> \"RANDOM\"\n"
        "    spec.endpoints[1]: +{\"address\":\"127.0.0.1:9002\",\"weight\":1,\"priority\":0}\n");
  CHECK(world.err() == "plan: 0 to create, 1 to update, 0 unchanged\n");
}

TEST_CASE("rollback shows what it would do, and does it") {
  World world;
  CHECK(world.apply(kWeb) == kDone);
  CHECK(world.apply("kind: Service\nmetadata: {name: web}\nspec: {balance: RANDOM}") == kDone);
  CHECK(world.apply("kind: Service\nmetadata: {name: other}") == kDone);
  world.out();
  CHECK(world.run({"rollback", "2", "--dry-run"}) == kDone);
  CHECK(world.out() == "- service/other would be deleted\n");
  CHECK(world.err() == "plan: 0 to create, 0 to update, 1 to delete, 0 unchanged\n");
  CHECK(world.run({"rollback", "1", "--dry-run"}) == kDone);
  CHECK(world.out().find("    spec.balance: \"RANDOM\" -> \"ROUND_ROBIN\"\n") != std::string::npos);
  world.err();
  CHECK(world.run({"rollback", "1"}) == kDone);
  CHECK(world.out() == "service/other deleted\nservice/web updated\n");
  CHECK(world.run({"rollback", "1"}) == kDone);
  CHECK(world.out().empty());
  CHECK(world.err() == "all is as it was at that revision\n");
  CHECK(world.run({"rollback", "99"}) == kFailed);
  CHECK(world.err().find("revision: must be at most 4, the newest one") != std::string::npos);
}

TEST_CASE("colour is for terminals") {
  World world;
  Captured coloured(true);
  const auto arguments =
      parse_arguments(std::vector<std::string>{"plan", "-f", world.write("w.yaml", kWeb)}, 1);
  Session session(world.fake.env, world.settings, nullptr, coloured.terminal);
  CHECK(world.fake.run(arguments->command->with_api(session, *arguments)) == kDone);
  CHECK(coloured.out().starts_with("\x1b[32m+ loadbalancer/web would be created\x1b[0m\n"));
}

TEST_CASE("every violation has a line with its place") {
  World world;
  const std::string file = world.write("web.yaml",
                                       "kind: Service\nmetadata: {name: web}\nspec:\n"
                                       "  balanse: RANDOM\n  endpoints: [{address: \"127.0.0.1:0\"}]\n---\n"
                                       "kind: Nonsense\n---\n"
                                       "kind: Service\nmetadata: {name: fine}\n");
  CHECK(world.run({"apply", "-f", file}) == kFailed);
  CHECK(world.out().empty());
  const std::string err = world.err();
  CAPTURE(err);
  CHECK(err.find(file + ":1: service/web: spec.balanse: ") != std::string::npos);
  CHECK(err.find("did you mean \"balance\"?\n") != std::string::npos);
  CHECK(err.find(file + ":1: service/web: spec.endpoints[0].address: ") != std::string::npos);
  CHECK(err.find(file + ":7: kind: ") != std::string::npos);

  // of the whole: nothing of the files is wrong by itself
  const std::string whole = world.write("lb.yaml", std::string("---\n") + kWeb);
  CHECK(world.run({"apply", "-f",
                   world.write("lb.yaml",
                               "\nkind: LoadBalancer\nmetadata: {name: web}\nspec:\n"
                               "  listeners: [{protocol: HTTP}]\n"
                               "  routes: [{backends: [{service: nobody}]}]\n")}) == kFailed);
  CHECK(world.err().starts_with(whole + ":2: loadbalancer/web: spec.routes[0].backends[0].service: "));
  CHECK(world.run({"get", "services"}) == kDone);
  CHECK(world.out().empty());
}

TEST_CASE("files that can't be read or understood are refused before anything is sent") {
  World world;
  CHECK(world.run({"apply", "-f", world.path("none.yaml")}) == kFailed);
  CHECK(world.err() == world.path("none.yaml") + ": no such file or directory\n");
  CHECK(world.run({"apply", "-f", world.write("bad.yaml", "kind: [")}) == kFailed);
  CHECK(world.err().starts_with(world.path("bad.yaml") + ": is not YAML: line 1"));
  CHECK(world.fake.network.connects(*net::Address::parse("127.0.0.1:8480")) == 0);
}

TEST_CASE("get prints tables, json and yaml, and what it prints can be applied") {
  World world;
  CHECK(world.apply(kWeb) == kDone);
  CHECK(world.apply("kind: Service\nmetadata: {name: api}\n") == kDone);
  world.out();
  CHECK(world.run({"get", "services"}) == kDone);
  CHECK(world.out() ==
        "NAME  PROTOCOL  BALANCE      ENDPOINTS  CHECK  APPLIED  AGE\n"
        "api   HTTP      ROUND_ROBIN  0          -      -        0s\n"
        "web   HTTP      ROUND_ROBIN  1          -      -        0s\n");
  CHECK(world.run({"get", "svc", "web"}) == kDone);
  CHECK(world.out().find("\nweb   HTTP") != std::string::npos);
  CHECK(world.run({"get", "svc", "-l", "tier=front"}) == kDone);
  CHECK(world.out().find("api ") == std::string::npos);
  CHECK(world.run({"get", "svc", "-l", "tier=back"}) == kDone);
  CHECK(world.out().empty());
  CHECK(world.err() == "there are no services\n");

  for (const char* format : {"json", "yaml"}) {
    CAPTURE(format);
    for (const std::vector<std::string>& what : {std::vector<std::string>{"services"}, {"service/web"}}) {
      std::vector<std::string> words{"get", "-o", format};
      words.insert(words.end(), what.begin(), what.end());
      CHECK(world.run(words) == kDone);
      const std::string printed = world.out();
      CHECK(printed.find("web") != std::string::npos);
      CHECK(world.apply(printed) == kDone);
      CHECK(world.out().find("updated") == std::string::npos);
    }
  }
  CHECK(world.run({"get", "service", "nobody"}) == kFailed);
  CHECK(world.err().find("nobody") != std::string::npos);
  CHECK(world.run({"get", "servces"}) == kBadUsage);
  CHECK(world.err() == "weir: there is no kind \"servces\"; did you mean services?\n");
  CHECK(world.run({"get", "xyzzy"}) == kBadUsage);
  CHECK(world.err().find("there are loadbalancers, services, endpoints") != std::string::npos);
}

TEST_CASE("a long list comes in pages") {
  World world;
  std::string yaml;
  for (int i = 0; i < 1203; ++i) {
    yaml += "---\nkind: Service\nmetadata: {name: s" + std::to_string(10000 + i) + "}\n";
  }
  CHECK(world.apply(yaml) == kDone);
  world.out();
  CHECK(world.run({"get", "services"}) == kDone);
  const std::string out = world.out();
  CHECK(std::ranges::count(out, '\n') == 1204);
  CHECK(out.find("\ns11202 ") != std::string::npos);
}

TEST_CASE("a watch prints what is there, then each change, across a restart of the API") {
  World world;
  CHECK(world.apply(kWeb) == kDone);
  world.out();
  SUBCASE("as a table") {
    world.start({"get", "services", "-w"});
    CHECK(world.out() ==
          "EVENT     NAME  PROTOCOL  BALANCE      ENDPOINTS  CHECK  APPLIED  AGE\n"
          "present   web   HTTP      ROUND_ROBIN  1          -      -        0s\n");
    CHECK(world.apply("kind: Service\nmetadata: {name: api}\n") == kDone);
    CHECK(world.out().find("added     api   HTTP      ROUND_ROBIN  0          -      -        0s\n") !=
          std::string::npos);
    world.stop_api();
    world.fake.advance(3s);
    CHECK(world.err() == "weir: the watch was interrupted; trying to go on\n");
    world.start_api();
    world.fake.advance(2s);
    CHECK(world.run({"delete", "service", "api"}) == kDone);
    const std::string out = world.out();
    CAPTURE(out);
    CHECK(out.find("deleted   api ") != std::string::npos);
    CHECK(out.find("present") == std::string::npos);
    CHECK(!world.exit_code);
  }
  SUBCASE("as lines of JSON, of one object") {
    world.start({"get", "service", "web", "-w", "-o", "json"});
    CHECK(world.out().starts_with("{\"event\":\"present\",\"object\":{\"kind\":\"Service\""));
    CHECK(world.apply("kind: Service\nmetadata: {name: api}\n") == kDone);
    CHECK(world.apply("kind: Service\nmetadata: {name: web}\nspec: {balance: RANDOM}\n") == kDone);
    const std::string out = world.out();
    CAPTURE(out);
    CHECK(out.find("{\"event\":\"modified\"") != std::string::npos);
    CHECK(out.find("\"added\"") == std::string::npos);
  }
  SUBCASE("an API that stays away ends it") {
    world.start({"get", "services", "-w"});
    world.stop_api();
    world.fake.advance(2min);
    CHECK(world.exit_code == kFailed);
    CHECK(world.err().find("no API answers at http://127.0.0.1:8480") != std::string::npos);
    world.start_api();
  }
}

TEST_CASE("describe shows an object and what was done to it") {
  World world;
  CHECK(world.apply(kWeb) == kDone);
  world.fake.advance(5s);
  CHECK(world.apply("kind: Service\nmetadata: {name: web, labels: {tier: front}}\nspec: {balance: RANDOM}") ==
        kDone);
  world.out();
  CHECK(world.run({"describe", "service", "web"}) == kDone);
  const std::string out = world.out();
  CAPTURE(out);
  CHECK(out.starts_with("Service/web\n  revision "));
  CHECK(out.find(" (5s ago), updated ") != std::string::npos);
  CHECK(out.find("\nlabels:\n  tier: front\n") != std::string::npos);
  CHECK(out.find("\nspec:\n  protocol: HTTP\n  balance: RANDOM\n") != std::string::npos);
  const std::size_t events = out.find("\nevents:\n");
  REQUIRE(events != std::string::npos);
  CHECK(out.find("create  revision ", events) < out.find("update  revision ", events));
  CHECK(out.find("by root  from 127.0.0.1", events) != std::string::npos);
  CHECK(world.run({"describe", "service", "nobody"}) == kFailed);
}

TEST_CASE("delete deletes, unless somebody needs it") {
  World world;
  CHECK(world.apply(kWeb) == kDone);
  world.out();
  CHECK(world.run({"delete", "service", "web"}) == kFailed);
  CHECK(world.err().find("loadbalancer/web: spec.routes[0].backends[0].service: ") != std::string::npos);
  CHECK(world.run({"delete", "lb/web"}) == kDone);
  CHECK(world.run({"delete", "service/web"}) == kDone);
  CHECK(world.out() == "loadbalancer/web deleted\nservice/web deleted\n");
  CHECK(world.run({"delete", "service/web"}) == kFailed);
  CHECK(world.err().find("there is no Service/web") != std::string::npos);
  CHECK(world.run({"delete", "event", "1-0"}) == kFailed);
  CHECK(world.err() == "weir: events are made by the server; they can't be deleted\n");
}

TEST_CASE("a new token's secret is shown once, on stdout") {
  World world;
  CHECK(world.apply("kind: Token\nmetadata: {name: ci}\nspec: {role: viewer}") == kDone);
  const std::string out = world.out();
  CHECK(out.starts_with("token/ci created\n  secret: "));
  CHECK(world.err().find("shown this once") != std::string::npos);
  CHECK(world.run({"get", "token", "ci", "-o", "yaml"}) == kDone);
  CHECK(world.out().find("secret") == std::string::npos);
}

TEST_CASE("weir token create prints a token and nothing else, and makes the object that was meant") {
  World world;
  REQUIRE(world.run({"token", "create", "fra", "--join", "edge", "--uses", "3", "--as", "fra-1", "--region",
                     "fsn1", "-l", "tier=front", "--valid-for", "24h"}) == kDone);
  const std::string out = world.out();
  CHECK(out.starts_with("weir"));
  CHECK(out.find('\n') == out.size() - 1);
  CHECK(world.err() == "weir: token/fra is created; its text is shown this once\n");
  CHECK(world.run({"get", "token", "fra", "-o", "yaml"}) == kDone);
  const std::string yaml = world.out();
  for (const char* line :
       {"role: join", "uses: 3", "name: fra-1", "region: fsn1", "tier: front", "expires_at: "}) {
    CAPTURE(line);
    CHECK(yaml.find(line) != std::string::npos);
  }
  CHECK(world.run({"token", "create", "members", "--service", "web", "--service", "db"}) == kDone);
  CHECK(world.out().starts_with("weir_"));
  world.err();
  CHECK(world.run({"get", "token", "members", "-o", "json"}) == kDone);
  const Tree members = parse_tree(world.out());
  CHECK(text_at(members, "/spec/role") == "member");
  CHECK(text_at(members, "/spec/services") == R"(["web","db"])");
  const std::string people = world.write(
      "people.yaml",
      "kind: User\nmetadata: {name: ann}\nspec: {email: ann@a.example}\n---\n"
      "kind: Organization\nmetadata: {name: acme}\nspec: {members: [{user: ann, role: owner}]}\n");
  REQUIRE(world.run({"apply", "-f", people}) == kDone);
  world.out();
  CHECK(world.run({"token", "create", "laptop", "--organization", "acme", "--user", "ann", "--role", "editor",
                   "--scope", "services:write", "--scope", "*:read"}) == kDone);
  world.out();
  world.err();
  CHECK(world.run({"get", "token", "laptop", "-o", "json"}) == kDone);
  const Tree laptop = parse_tree(world.out());
  CHECK(text_at(laptop, "/metadata/organization") == "acme");
  CHECK(text_at(laptop, "/spec/user") == "ann");
  CHECK(text_at(laptop, "/spec/role") == "editor");
  CHECK(text_at(laptop, "/spec/scopes") == R"(["services:write","*:read"])");
  CHECK(world.run({"get", "organizations"}) == kDone);
  CHECK(world.out().starts_with("NAME"));
  CHECK(world.run({"token", "create", "--role", "admin"}) == kDone);
  CHECK(world.err().starts_with("weir: token/token-"));
  CHECK(world.run({"token", "create", "x", "--join", "moon"}) == kFailed);
  CHECK(world.err().find("spec.join.role: must be") != std::string::npos);
}

TEST_CASE("why nothing is done is said in one sentence, and never with the token") {
  World world;
  const std::string secret = world.settings.token;
  SUBCASE("no token") {
    world.settings.token.clear();
    world.settings.token_source.clear();
    CHECK(world.run({"get", "services"}) == kFailed);
    CHECK(world.err().find("wants a token: set WEIR_TOKEN") != std::string::npos);
  }
  SUBCASE("a token that is not known") {
    world.settings.token = secret + "x";
    CHECK(world.run({"get", "services"}) == kFailed);
    const std::string err = world.err();
    CHECK(err == "weir: the API at http://127.0.0.1:8480 does not accept the token from WEIR_TOKEN\n");
    CHECK(err.find(secret) == std::string::npos);
  }
  SUBCASE("a token that may only read") {
    world.settings.token = token_of(2).text;
    CHECK(world.apply(kWeb) == kFailed);
    CHECK(world.err().find("may not write") != std::string::npos);
    CHECK(world.run({"get", "services"}) == kDone);
  }
  SUBCASE("no API") {
    world.settings.api = *parse_url("http://127.0.0.1:1");
    CHECK(world.run({"get", "services"}) == kFailed);
    const std::string err = world.err();
    CHECK(err.starts_with("weir: no API answers at http://127.0.0.1:1 ("));
    CHECK(err.find("--api or WEIR_API names another") != std::string::npos);
  }
  SUBCASE("something else answers") {
    ApiAnswer page{404, "text/html", "<h1>not here</h1>"};
    Session session(world.fake.env, world.settings, nullptr, world.captured.terminal);
    session.say_refused(page);
    CHECK(world.err() ==
          "weir: what answers at http://127.0.0.1:8480 is no weir API (status 404); --api or WEIR_API names "
          "another\n");
  }
}

// What the edge would say, canned, and what it was asked.
struct CannedEdge {
  explicit CannedEdge(api::Api& api) {
    api.set_explain_source([this](const api::ExplainQuestion& question, api::Api::Explained done) {
      asked = question.id.empty() ? "request " + question.request : "id " + question.id;
      if (!question.dns.empty()) asked = "dns " + question.dns + ' ' + question.type;
      for (const std::string& header : question.headers) asked += " + " + header;
      if (!question.peer.empty()) asked += " from " + question.peer;
      if (answer.empty()) {
        done(std::unexpected("no request with this id is kept"));
      } else {
        done(answer);
      }
    });
  }
  std::string answer;
  std::string asked;
};

TEST_CASE("explain tells why a request was answered as it was") {
  World world;
  CannedEdge edge(world.api());
  edge.answer =
      R"({"request_id":"r-1","time":"2026-11-21T08:00:00.000Z","method":"GET","scheme":"http","host":"a",)"
      R"("path":"/\u001b[31m","path_cut":true,"peer":"127.0.0.1:1","listener":"shared http",)"
      R"("load_balancer":"web","route":"web/0",)"
      R"("filter":null,"service":"web","tries_made":2,"tries":[{"endpoint":"10.0.0.1:80",)"
      R"("outcome":"connect_failed","detail":"refused","status":null,"connection":"none","ms":0.1},)"
      R"({"endpoint":"10.0.0.2:80","outcome":"answered","detail":null,"status":200,"connection":"new",)"
      R"("ms":2.5}],"ended":true,"status":200,"reason":null,"flags":[{"flag":"DC","means":"it went"}],)"
      R"("bytes_received":1,"bytes_sent":5,"upstream_ms":2.6,"head_ms":2.7,"duration_ms":3.0,)"
      R"("service_now":{"service":"web","weight":1,"balance":"RANDOM","endpoints":[)"
      R"({"endpoint":"10.0.0.1:80","weight":1,"priority":0,"health":"healthy","set_aside":true,)"
      R"("ejected":false,"may_be_picked":false,"why_not":"it is set aside"}]}})";
  CHECK(world.run({"explain", "r-1"}) == kDone);
  CHECK(edge.asked == "id r-1");
  CHECK(world.out() ==
        "2026-11-21T08:00:00.000Z  GET http://a/?[31m...  from 127.0.0.1:1 at shared http\n"
        "  answered with 200, head after 2.7 ms, all after 3.0 ms; 1 bytes in, 5 bytes out\n"
        "  DC: it went\n"
        "  load balancer web, route web/0, service web\n"
        "    TRY  ENDPOINT     OUTCOME         CONNECTION  MS\n"
        "    1    10.0.0.1:80  connect_failed  none        0.1  refused\n"
        "    2    10.0.0.2:80  200             new         2.5\n"
        "  web as it is now (RANDOM):\n"
        "    ENDPOINT     WEIGHT  PRIORITY  HEALTH   MAY BE PICKED\n"
        "    10.0.0.1:80  1       0         healthy  no: it is set aside\n");
  CHECK(world.run({"explain", "r-1", "-o", "json"}) == kDone);
  CHECK(world.out().starts_with("{\n  \"request_id\": \"r-1\",\n"));
}

TEST_CASE("explain tells what became of a connection") {
  World world;
  CannedEdge edge(world.api());
  edge.answer =
      R"({"time":"2026-11-21T08:00:00.000Z","ended":true,"connection_id":"c-1","protocol":"passthrough",)"
      R"("port":8443,"tls_server_name":"a.example","tls_version":null,"flags":"SI","reason":null,)"
      R"("detail":null,)"
      R"("bytes_received":5,"bytes_sent":7,"duration_ms":3.0,"upstream_ms":0.2,"load_balancer":"db",)"
      R"("listener":"db/0","service":"db","endpoint":"10.0.0.1:80","tries":1,"peer":"192.0.2.1",)"
      R"("flags_mean":["nothing moved"]})";
  CHECK(world.run({"explain", "c-1"}) == kDone);
  CHECK(world.out() ==
        "2026-11-21T08:00:00.000Z  passthrough connection from 192.0.2.1 at port 8443 for a.example\n"
        "  ended, endpoint after 0.2 ms, all after 3.0 ms; 5 bytes in, 7 bytes out\n"
        "  nothing moved\n"
        "  listener db/0, service db, endpoint 10.0.0.1:80, tries 1\n");
}

TEST_CASE("explain tells how a query of DNS would be answered") {
  World world;
  CannedEdge edge(world.api());
  edge.answer =
      R"({"name":"w.a.example.","type":"A","from":"10.0.0.0/8","steps":[{"name":"w.a.example.","zone":)"
      R"("a.example.","serial":7,"wildcard":"*.a.example.","records":"RecordSet/w","policy":"GEO","places":[)"
      R"({"place":"site/home","answers":2,"usable":1}],"place":"site/home","answers":[{"value":"192.0.2.1",)"
      R"("weight":1,"priority":0,"places":["site/home","country/DE"],"healthy":true,"given":true},{"value":)"
      R"("192.0.2.2","weight":1,"priority":0,"places":[],"healthy":false,"given":false,"why_not":"down"}],)"
      R"("given":["192.0.2.1"],"ttl":30,"outcome":"1 of 2 are healthy"},{"name":"b.example.","outcome":)"
      R"("no zone here has that name"}],"rcode":"NOERROR","scope_bits":9})";
  CHECK(world.run({"explain", "dns", "w.a.example", "AAAA", "--from", "10.0.0.0/8"}) == kDone);
  CHECK(edge.asked == "dns w.a.example AAAA from 10.0.0.0/8");
  CHECK(world.out() ==
        "w.a.example. A  from 10.0.0.0/8\n"
        "  w.a.example.  zone a.example. (serial 7), by the wildcard *.a.example., RecordSet/w, GEO\n"
        "    1 of 2 are healthy\n"
        "    the client is in site/home: 1 of 2 may be given\n"
        "    the closest place: site/home\n"
        "    ANSWER     WEIGHT  PRIORITY  HEALTHY  PLACES                 GIVEN\n"
        "    192.0.2.1  1       0         yes      site/home, country/DE  yes\n"
        "    192.0.2.2  1       0         no       -                      no: down\n"
        "    given: 192.0.2.1, TTL 30\n"
        "  b.example.\n"
        "    no zone here has that name\n"
        "  NOERROR, the same for the /9 around the client\n");
  edge.answer = R"({"name":"a.","type":"A","from":"127.0.0.1","steps":[],"rcode":"REFUSED","scope_bits":0})";
  CHECK(world.run({"explain", "dns", "a"}) == kDone);
  CHECK(edge.asked == "dns a ");
  CHECK(world.out() == "a. A  from 127.0.0.1\n  REFUSED, the same for everybody\n");
  CHECK(world.run({"explain", "dns", "a", "-o", "json"}) == kDone);
  CHECK(world.out().starts_with("{\n  \"name\": \"a.\",\n"));
}

TEST_CASE("explain tells what would be done with a request, and what a field means") {
  World world;
  CannedEdge edge(world.api());
  SUBCASE("what would be done with one") {
    edge.answer =
        R"({"method":"GET","scheme":"http","host":"a","path":"/x","listener":"shared http",)"
        R"("load_balancer":"web","route":"web/0","reason":null,"candidates":[{"route":"web/1",)"
        R"("hostname":"*","match":"path prefix /y","taken":false,"why_not":"the path does not match"},)"
        R"({"route":"web/0","hostname":"*","match":"path prefix /","taken":true,"why_not":null}],)"
        R"("filters":[{"filter":"ip_access","outcome":"passes it on"}],"answer":null,"sent_host":"b",)"
        R"("sent_path":"/z","backends":[{"service":"web","weight":1,"balance":"RANDOM",)"
        R"("endpoints":[]}]})";
    CHECK(world.run({"explain", "--request", "GET http://a/x?b c", "-H", "A: b&c", "--header", "D:", "--from",
                     "10.0.0.1"}) == kDone);
    CHECK(edge.asked == "request GET http://a/x?b c + A: b&c + D: from 10.0.0.1");
    CHECK(world.out() ==
          "GET http://a/x  at shared http\n"
          "  load balancer web, route web/0\n"
          "    ROUTE  HOST  MATCH           TAKEN\n"
          "    web/1  *     path prefix /y  no: the path does not match\n"
          "    web/0  *     path prefix /   yes\n"
          "  filter ip_access passes it on\n"
          "  sent on as b/z\n"
          "  service web, weight 1 (RANDOM):\n"
          "    it has no endpoints\n");
  }
  SUBCASE("what a filter would answer") {
    edge.answer = R"({"method":"GET","scheme":"http","host":"a","path":"/","listener":"shared http",)"
                  R"("load_balancer":"web","route":"web/to-https","reason":null,"candidates":[],"filters":[)"
                  R"({"filter":"redirect","outcome":"answers"}],"answer":{"filter":"redirect","status":308,)"
                  R"("reason":"redirect","location":"https://a/"},"backends":[]})";
    CHECK(world.run({"explain", "--request", "http://a/"}) == kDone);
    CHECK(world.out().ends_with(
        "  filter redirect answers\n  answered with 308 (redirect), location https://a/\n"));
  }
  SUBCASE("what nobody knows") {
    CHECK(world.run({"explain", "r-2"}) == kFailed);
    CHECK(world.err() == "weir: no request with this id is kept\n");
  }
  SUBCASE("a field, without asking") {
    CHECK(world.run({"explain", "service.spec.balance"}) == kDone);
    CHECK(world.out().find("ROUND_ROBIN") != std::string::npos);
    CHECK(world.run({"explain", "service.spec.balanse"}) == kBadUsage);
    CHECK(edge.asked.empty());
  }
}

}  // namespace
}  // namespace weir::cli
