#include "client/objects.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/formats.h"
#include "config/kinds.h"

namespace weir::client {
namespace {

const WallTime kNow = *config::parse_rfc3339("2026-03-01T12:00:00Z");

std::string joined(const Row& row) {
  std::string text;
  for (const std::string& cell : row) text += (text.empty() ? "" : "|") + cell;
  return text;
}

TEST_CASE("what is at a place of a tree") {
  const Tree tree = parse_tree(R"({"a": {"b": [1, {"c": "text"}], "n": null, "t": true}})");
  CHECK(text_at(tree, "/a/b/0") == "1");
  CHECK(text_at(tree, "/a/b/1/c") == "text");
  CHECK(text_at(tree, "/a/t") == "true");
  CHECK(text_at(tree, "/a/b") == R"([1,{"c":"text"}])");
  for (const char* nothing : {"/a/b/2", "/a/b/x", "/a/b/-1", "/a/n", "/x", "/a/t/u", "/a/b/1/c/d"}) {
    CAPTURE(nothing);
    CHECK(text_at(tree, nothing).empty());
  }
  CHECK(text_at(parse_tree("{"), "/a").empty());
  CHECK(text_at(parse_tree("{"), "").empty());
}

struct Case {
  config::Kind kind;
  const char* titles;
  const char* json;
  const char* cells;
};
const Case kRows[] = {
    {config::Kind::kService, "NAME|PROTOCOL|BALANCE|ENDPOINTS|CHECK|APPLIED|AGE",
     R"({"metadata": {"name": "web", "created_at": "2026-03-01T11:59:15Z"}, "spec": {"protocol": "HTTP",
           "balance": "RANDOM", "endpoints": [{}, {}], "health_check": {"http": {"path": "/up"}}},
           "status": {"applied": "1/1"}})",
     "web|HTTP|RANDOM|2|http /up|1/1|45s"},
    {config::Kind::kLoadBalancer, "NAME|LISTENERS|HOSTNAMES|ROUTES|SERVICES|APPLIED|AGE",
     R"({"metadata": {"name": "web"}, "spec": {"listeners": [{"protocol": "HTTP", "hostnames": ["a", "b"]},
           {"protocol": "HTTP", "port": 81}], "routes": [{"backends": [{"service": "x"}, {"service": "y"}]},
           {"backends": [{"service": "x"}]}]}})",
     "web|HTTP, HTTP:81|a, b, *|2|x, y|-|-"},
    {config::Kind::kEndpoint, "NAME|SERVICE|ADDRESS|WEIGHT|PRIORITY|AGE",
     R"({"metadata": {"name": "e"}, "spec": {"service": "web", "address": "a:1", "weight": 0,
           "priority": 2}})",
     "e|web|a:1|0|2|-"},
    {config::Kind::kToken, "NAME|ROLE|USER|ORGANIZATION|USES|EXPIRES|DESCRIPTION|AGE",
     R"({"metadata": {"name": "ci", "organization": "acme"}, "spec": {"role": "admin", "user": "ada",
           "description": "of the CI"}})",
     "ci|admin|ada|acme|-|-|of the CI|-"},
    {config::Kind::kEvent, "TIME|ACTOR|VERB|OBJECT|REVISION|FROM|REFUSED|NAME",
     R"({"metadata": {"name": "1-0"}, "spec": {"time": "T", "actor": "admin", "verb": "create",
           "kind": "Service", "name": "web", "revision": 7, "remote_address": "127.0.0.1"}})",
     "T|admin|create|Service/web|7|127.0.0.1|-|1-0"},
    {config::Kind::kCertificate, "NAME|APPLIED|AGE",
     R"({"metadata": {"name": "web"}, "spec": {"certificate": "PEM"}, "status": {"applied": "1/1"}})",
     "web|1/1|-"},
    {config::Kind::kSecret, "NAME|APPLIED|AGE", R"({"metadata": {"name": "users"}, "spec": {}})",
     "users|-|-"},
    {config::Kind::kEdge,
     "NAME|PROVIDER|REGION|CITY|ADDRESS|VERSION|ATTACHED|REVISION|CONNECTIONS|HEALTHY|ANYCAST|AGE",
     R"({"metadata": {"name": "fra"}, "spec": {"provider": "p", "region": "r", "city": "c", "address": "a",
           "version": "1"}, "status": {"attached": true, "applied_revision": 7, "connections": 3,
           "endpoints": "2/2", "anycast": [{"network": "203.0.113.10/32", "route": "prepended"},
                                           {"network": "203.0.113.11/32", "route": "withdrawn"}]}})",
     "fra|p|r|c|a|1|true|7|3|2/2|1/2|-"},
    {config::Kind::kRollout, "NAME|PHASE|WAVE|EDGES|REASON|AGE",
     R"({"metadata": {"name": "new"}, "spec": {}, "status": {"phase": "RUNNING", "wave": 1,
           "waves": [{}, {}], "edges": "1/4", "reason": "it bakes"}})",
     "new|RUNNING|1/2|1/4|it bakes|-"},
    {config::Kind::kEndpoint, "NAME|SERVICE|ADDRESS|WEIGHT|PRIORITY|AGE",
     R"({"metadata": {"name": "e"}, "spec": {"service": "web", "tunnel": {"port": 2201}, "weight": 1}})",
     "e|web|tunnel 2201|1|-|-"},
    {config::Kind::kTunnel, "NAME|SERVICE|INSTANCE|EDGE|VIA|USER|CLIENT|AGE",
     R"({"metadata": {"name": "web-laptop-fra"}, "spec": {"service": "web", "instance": "laptop",
           "edge": "fra", "via": "SSH", "user": "ada", "client": "192.0.2.1:4000"}})",
     "web-laptop-fra|web|laptop|fra|SSH|ada|192.0.2.1:4000|-"},
    {config::Kind::kUser, "NAME|EMAIL|CALLED|KEYS|DISABLED|AGE",
     R"({"metadata": {"name": "eve"}, "spec": {"email": "eve@x", "display_name": "Eve", "ssh_keys": ["k"],
           "disabled": true}})",
     "eve|eve@x|Eve|1|true|-"},
    {config::Kind::kZone, "NAME|SERVING|SERIAL|RECORDS|REASON|AGE",
     R"({"metadata": {"name": "a.example"}, "spec": {}, "status": {"serving": true, "serial": 7,
           "records": 3}})",
     "a.example|true|7|3|-|-"},
    {config::Kind::kRecordSet, "NAME|ZONE|OWNER|TYPE|TTL|POLICY|GIVEN|AGE",
     R"({"metadata": {"name": "www"}, "spec": {"zone": "a.example", "name": "www", "type": "A", "ttl": 30,
           "policy": "FAILOVER"}, "status": {"answers": [{"given": true}, {"given": false}, {}]}})",
     "www|a.example|www|A|30|FAILOVER|1/3|-"},
    {config::Kind::kRecordSet, "NAME|ZONE|OWNER|TYPE|TTL|POLICY|GIVEN|AGE",
     R"({"metadata": {"name": "mx"}, "spec": {"zone": "a.example", "name": "@", "type": "MX",
           "policy": "SIMPLE", "values": ["10 mail"]}})",
     "mx|a.example|@|MX|-|SIMPLE|1|-"},
    {config::Kind::kDnsProvider, "NAME|TYPE|ZONES|SYNCED|AGE",
     R"({"metadata": {"name": "cf"}, "spec": {"type": "CLOUDFLARE", "zones": ["a.example", "b.example"]},
           "status": {"zones": [{"synced": true}, {"synced": false}]}})",
     "cf|CLOUDFLARE|2|1/2|-"},
    {config::Kind::kDnsLedger, "NAME|PROVIDER|ZONE|RECORDS|AGE",
     R"({"metadata": {"name": "cf-1"}, "spec": {"provider": "cf", "zone": "a.example",
           "records": ["www.a.example. A"]}})",
     "cf-1|cf|a.example|1|-"},
    {config::Kind::kDnsWeights, "NAME|ZONE|OF 1000|COMPUTED|AGE",
     R"({"metadata": {"name": "www"}, "spec": {"zone": "a.example", "computed_at": "2026-11-29T10:00:00Z",
           "providers": [{"provider": "aws", "weight": 720}, {"provider": "bolt", "weight": 280}]}})",
     "www|a.example|aws 720, bolt 280|2026-11-29T10:00:00Z|-"},
    {config::Kind::kWorkload, "NAME|READY|UPDATED|VERSION|UPDATE|REASON|AGE",
     R"({"metadata": {"name": "web"}, "spec": {"progress": {"phase": "RUNNING", "version": "a1"}},
           "status": {"ready": "5/6", "updated": "1/6", "reason": "dfw is updated"}})",
     "web|5/6|1/6|a1|RUNNING|dfw is updated|-"},
    {config::Kind::kNode, "NAME|PROVIDER|REGION|CITY|ADDRESS|ATTACHED|INSTANCES|CPU|MEMORY|REASON|AGE",
     R"({"metadata": {"name": "sea-1"}, "spec": {"provider": "nimbus", "region": "us-west", "city": "sea",
           "address": "10.0.0.1"}, "status": {"attached": true, "instances": "3/200",
           "cpu": "600m/2000m", "memory": "192Mi/7936Mi",
           "reason": "it says that it runs a, which it was not given: that is ignored"}})",
     "sea-1|nimbus|us-west|sea|10.0.0.1|true|3/200|600m/2000m|192Mi/7936Mi|"
     "it says that it runs a, which it was not given: that is ignored|-"},
    {config::Kind::kInstance, "NAME|CITY|NODE|VERSION|STATE|RESTARTS|CPU|MEMORY|REASON|AGE",
     R"({"metadata": {"name": "web-global-sea-1"}, "spec": {"city": "sea", "node": "sea-1",
           "version": "a1"}, "status": {"state": "ready", "restarts": 2, "cpu": "20m", "memory": "8Mi"}})",
     "web-global-sea-1|sea|sea-1|a1|ready|2|20m|8Mi|-|-"},
    {config::Kind::kOrganization, "NAME|DISPLAY NAME|MEMBERS|SIGN-IN|AGE",
     R"({"metadata": {"name": "acme"}, "spec": {"display_name": "Acme", "members": [{"user": "ada"}],
           "sign_in": {"issuer": "https://id.example"}}})",
     "acme|Acme|1|https://id.example|-"},
    {config::Kind::kSession, "NAME|USER|TOKEN|METHOD|FROM|LAST SEEN|EXPIRES|AGE",
     R"({"metadata": {"name": "s-1"}, "spec": {"user": "ada", "method": "password",
           "remote_address": "192.0.2.1", "expires_at": "E"}, "status": {"last_seen_at": "L"}})",
     "s-1|ada|-|password|192.0.2.1|L|E|-"},
};

TEST_CASE("each kind has its columns") {
  CHECK(std::size(kRows) == config::kKinds.size() + 2);  // endpoints and record sets have two shapes
  for (const Case& row : kRows) {
    CAPTURE(row.titles);
    CHECK(joined(titles_of(row.kind)) == row.titles);
    CHECK(joined(cells_of(row.kind, parse_tree(row.json), kNow)) == row.cells);
  }
}

TEST_CASE("an object of any shape gives a row") {
  for (const config::KindInfo& kind : config::kKinds) {
    for (const char* json : {"{}", "[]", "null", "1", "{", R"({"spec": 1, "metadata": []})",
                             R"({"spec": {"listeners": 1, "routes": {"a": 1}, "health_check": []}})"}) {
      CAPTURE(json);
      CHECK(cells_of(kind.kind, parse_tree(json), kNow).size() == titles_of(kind.kind).size());
    }
  }
}

TEST_CASE("a join token shows how often it was used, of how often it may be") {
  const auto uses = [](const char* spec) {
    return cells_of(config::Kind::kToken, Tree{{"spec", parse_tree(spec)}}, kNow)[4];
  };
  CHECK(uses(R"({"role": "join", "uses": 5, "used": 2})") == "2/5");
  CHECK(uses(R"({"role": "join"})") == "0/1");
  CHECK(uses(R"({"role": "admin"})") == "-");
}

TEST_CASE("long lists are cut, and nothing in a cell steers the terminal") {
  Tree names = Tree::array();
  for (int i = 0; i < 30; ++i) names.push_back("name" + std::to_string(i) + ".example");
  const Tree object{{"spec", {{"listeners", {{{"hostnames", names}}}}}}};
  const std::string cell = cells_of(config::Kind::kLoadBalancer, object, kNow)[2];
  CHECK(cell.size() < 80);
  CHECK(cell.ends_with(", +26"));
  const Tree hostile{{"spec", {{"description", "a\x1b[2Jb\nc\xc2\x9b"}}}};
  CHECK(cells_of(config::Kind::kToken, hostile, kNow)[6] == "a?[2Jb?c?");
}

TEST_CASE("rows line up by code points, and with the rows before") {
  Table table;
  const std::vector<Row> first{{"NAME", "CITY"}, {"a", "Zürich"}, {"bcdefg", "x"}};
  CHECK(table.lay_out(first) == "NAME    CITY\na       Zürich\nbcdefg  x\n");
  const std::vector<Row> later{{"b", "y"}};
  CHECK(table.lay_out(later) == "b       y\n");
  CHECK(table.lay_out({}).empty());
}

TEST_CASE("ages") {
  struct Case {
    const char* time;
    const char* age;
  };
  const Case rows[] = {
      {"2026-03-01T12:00:00Z", "0s"},
      {"2026-03-01T11:58:01Z", "119s"},
      {"2026-03-01T11:58:00Z", "2m"},
      {"2026-03-01T10:00:01Z", "119m"},
      {"2026-03-01T10:00:00Z", "2h"},
      {"2026-02-27T12:00:01Z", "47h"},
      {"2026-02-27T12:00:00Z", "2d"},
      {"2025-03-01T12:00:00Z", "365d"},
      {"2026-03-01T12:00:05Z", "0s"},
      {"", "-"},
      {"yesterday", "-"},
  };
  for (const Case& row : rows) {
    CAPTURE(row.time);
    CHECK(age_of(row.time, kNow) == row.age);
  }
}

}  // namespace
}  // namespace weir::client
