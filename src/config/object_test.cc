#include "config/object.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/documents.h"
#include "config/kinds.h"
#include "config/schema.h"

namespace weir::config {
namespace {

// The violations of a YAML text, one line each.
std::vector<std::string> problems_of(std::string_view yaml, Origin origin = Origin::kClient) {
  const auto documents = read_yaml(yaml);
  if (!documents) return {to_text(documents.error())};
  std::vector<std::string> lines;
  for (const Document& document : *documents) {
    const auto object = parse_object(document.json, origin);
    if (object) continue;
    for (const Violation& violation : object.error())
      lines.push_back(violation.field + ": " + violation.message);
  }
  return lines;
}

using Lines = std::vector<std::string>;

constexpr std::string_view kContract = R"(kind: Service
metadata: {name: web}
spec:
  protocol: HTTP                 # HTTP | HTTP2 | TCP
  balance: ROUND_ROBIN           # ROUND_ROBIN | LEAST_REQUEST | RANDOM | RING_HASH | MAGLEV
  endpoints:                     # static ones; joined, tunnelled and workload endpoints come by themselves
  - {address: "127.0.0.1:9001", weight: 1}
  - {address: "127.0.0.1:9002", weight: 1}
  health_check: {interval: 5s, timeout: 2s, unhealthy_threshold: 2, )"
                                       R"(healthy_threshold: 1, http: {path: /healthz}}
---
kind: LoadBalancer
metadata: {name: web}
spec:
  listeners: [{protocol: HTTP, hostnames: [web.weir.localhost]}]
  routes:
  - match: {path_prefix: /}
    backends: [{service: web, weight: 1}]
)";

TEST_CASE("the YAML of the design parses as it is") {
  CHECK(problems_of(kContract) == Lines{});
  const auto documents = read_yaml(kContract);
  const auto service = parse_object((*documents)[0].json, Origin::kClient);
  REQUIRE(service.has_value());
  const auto& spec = std::get<ServiceSpec>(service->spec);
  CHECK(reference_of(*service) == "Service/web");
  CHECK(spec.endpoints.size() == 2);
  CHECK(spec.endpoints[1].address == "127.0.0.1:9002");
  CHECK(spec.health_check->http->path == "/healthz");
  CHECK(spec.health_check->interval == std::chrono::seconds(5));
  CHECK_FALSE(spec.health_check->tcp.has_value());
}

TEST_CASE("canonical JSON: order of the tables, defaults written out, what is empty left out") {
  const auto object = parse_object(
      R"({"spec":{"health_check":{"tcp":{}},"endpoints":[{"weight":2,"address":"a:1"}]},)"
      R"("metadata":{"name":"web","labels":{"b":"2","a":"1"}},"kind":"Service","status":{"x":1}})",
      Origin::kClient);
  REQUIRE(object.has_value());
  CHECK(to_json(*object, Secrets::kHide) ==
        R"({"kind":"Service","metadata":{"name":"web","labels":{"a":"1","b":"2"}},"spec":{"protocol":"HTTP",)"
        R"("balance":"ROUND_ROBIN","endpoints":[{"address":"a:1","weight":2,"priority":0}],)"
        R"("health_check":{"interval":"5s","timeout":"2s","unhealthy_threshold":2,)"
        R"("healthy_threshold":1,"tcp":{}},)"
        R"("connect_timeout":"2s","request_timeout":"1m","idle_timeout":"1m",)"
        R"("retries":{"attempts":2,"budget_percent":20}}})");
  const auto balancer = parse_object(
      R"({"kind":"LoadBalancer","metadata":{"name":"web"},"spec":{"listeners":[{"protocol":"HTTP"}],)"
      R"("routes":[{"backends":[{"service":"web"}]}]}})",
      Origin::kClient);
  REQUIRE(balancer.has_value());
  CHECK(to_json(*balancer, Secrets::kHide) ==
        R"({"kind":"LoadBalancer","metadata":{"name":"web"},"spec":{"listeners":[{"protocol":"HTTP"}],)"
        R"("routes":[{"match":{"path_prefix":"/"},"backends":[{"service":"web","weight":1}]}]}})");
}

TEST_CASE("what the store keeps comes back equal, of every kind") {
  const std::vector<std::string> stored{
      (R"({"kind":"LoadBalancer","metadata":{"name":"a","labels":{"k":"v"},)"
       R"("annotations":{"n":"text"},"uid":"u1",)"
       R"("revision":7,"created_at":"2026-11-21T03:11:19.250Z","updated_at":"2026-11-21T03:11:20.000Z"},)"
       R"("spec":{"listeners":[{"protocol":"HTTP","hostnames":["a.example","*.b.example"],"port":8081}],)"
       R"("routes":[{"match":{"path_prefix":"/x"},"backends":[{"service":"s",)"
       R"("weight":0},{"service":"t","weight":3}],)"
       R"("request_timeout":"1m30s","request_body_bytes_max":1000}],"edges":{"match":{"region":"eu"}}},)"
       R"("status":{"applied":{"edges":3}}})"),
      (R"({"kind":"Service","metadata":{"name":"a"},"spec":{"protocol":"HTTP","balance":"RANDOM",)"
       R"("endpoints":[{"address":"[::1]:80","weight":0,"priority":1}],)"
       R"("health_check":{"interval":"1s","timeout":"500ms",)"
       R"("unhealthy_threshold":3,"healthy_threshold":2,"http":{"path":"/h","host":"a.example",)"
       R"("expected_statuses":[204,"300-399"]}},"connect_timeout":"1s","request_timeout":"1h",)"
       R"("idle_timeout":"10ms",)"
       R"("retries":{"attempts":0,"budget_percent":100,"on_statuses":[503,"520-599"],)"
       R"("on_grpc_statuses":["UNAVAILABLE","CANCELLED"],"per_try_timeout":"1s","non_idempotent":true}}})"),
      (R"({"kind":"Service","metadata":{"name":"b"},"spec":{"protocol":"HTTP","balance":"MAGLEV",)"
       R"("hash_on":{"cookie":"c","load_percent_max":150},)"
       R"("connect_timeout":"2s","request_timeout":"1m","idle_timeout":"1m",)"
       R"("retries":{"attempts":2,"budget_percent":20}}})"),
      (R"({"kind":"Endpoint","metadata":{"name":"a"},"spec":{"service":"s","address":"d:1",)"
       R"("weight":5,"priority":2}})"),
      (R"({"kind":"Token","metadata":{"name":"a"},"spec":{"description":"for CI","role":"admin",)"
       R"("expires_at":"2027-01-01T00:00:00.000Z","hash":"abc"}})"),
      (R"({"kind":"Event","metadata":{"name":"a"},"spec":{"time":"2027-01-01T00:00:00.000Z","actor":"admin",)"
       R"("verb":"update","kind":"Service","name":"web","revision":12,"remote_address":"127.0.0.1:5",)"
       R"("before":{"z":1,"a":[null,2]},"after":{"z":2}}})"),
      (R"({"kind":"Edge","metadata":{"name":"a"},"spec":{"provider":"p","region":"r","city":"c",)"
       R"("address":"192.0.2.1",)"
       R"("version":"0.1.0","capabilities":["http1","http2"]}})"),
      R"({"kind":"Edge","metadata":{"name":"b"},"spec":{"revoked":true}})",
      (R"({"kind":"Token","metadata":{"name":"j"},"spec":{"role":"join","join":{"role":"edge","name":"n",)"
       R"("provider":"p","region":"r","city":"c","labels":{"k":"v"}},"uses":3,"used":1,"hash":"abc"}})"),
      R"({"kind":"Event","metadata":{"name":"r"},"spec":{"verb":"enroll","revision":0,"reason":"used up"}})",
  };
  for (const std::string& text : stored) {
    CAPTURE(text);
    const auto object = parse_object(text, Origin::kStore);
    REQUIRE_MESSAGE(object.has_value(), to_text(object.error()));
    CHECK(to_json(*object, Secrets::kKeep) == text);
    CHECK(parse_object(to_json(*object, Secrets::kKeep), Origin::kStore) == object);
  }
}

TEST_CASE("secrets are not shown, can't be written by a client, and survive an update") {
  const auto stored =
      parse_object(R"({"kind":"Token","metadata":{"name":"a","uid":"u","revision":3},"spec":{"hash":"abc"}})",
                   Origin::kStore);
  REQUIRE(stored.has_value());
  const std::string shown = to_json(*stored, Secrets::kHide);
  CHECK_FALSE(shown.contains("abc"));
  auto updated = parse_object(shown, Origin::kClient);
  REQUIRE(updated.has_value());
  updated->metadata.revision = 2;
  carry_server_fields(*stored, *updated);
  CHECK(updated == stored);
  CHECK(problems_of("{kind: Token, metadata: {name: a}, spec: {hash: abc}}") ==
        Lines{"spec.hash: is set by the server and can't be written"});
}

constexpr std::string_view kEd25519 =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq";

TEST_CASE("what is wrong with a User") {
  const auto user = [](const std::string& spec) {
    return problems_of("{kind: User, metadata: {name: eve}, spec: {" + spec + "}}");
  };
  const std::string email = "email: eve@host.example";
  const std::string key(kEd25519);
  CHECK(user(email) == Lines{});
  CHECK(user("email: \"e.v'e+x@LOCALHOST\", display_name: Eve, password: 12345678, ssh_keys: ['" + key +
             " a b']") == Lines{"spec.password: must be a text; put it in quotes: \"12345678\""});
  CHECK(user("password: '1234567'") ==
        Lines{"spec.email: is required", "spec.password: must have at least 8 characters"});
  CHECK(user(email + ", ssh_keys: ['" + key + "', '" + key + " again']") ==
        Lines{"spec.ssh_keys[1]: is there twice"});
  CHECK(user(email + ", ssh_keys: ['ssh-dss AAAA']") ==
        Lines{"spec.ssh_keys[0]: is of the type ssh-dss, which is not taken; ssh-keygen -t ed25519 makes one "
              "that is"});
  CHECK(user(email + ", ssh_keys: ['" + key + "', 'cert-authority " + key + "']") == Lines{});
  CHECK(user(email + ", ssh_keys: ['cert-authority " + key + "', 'cert-authority,principals=\"a\" " + key +
             "']") == Lines{"spec.ssh_keys[1]: is there twice"});
  CHECK(user(email + ", ssh_keys: ['restrict " + key + "']") ==
        Lines{"spec.ssh_keys[0]: has the option \"restrict\", which is not taken; only cert-authority and "
              "principals are"});
  for (const auto& [wrong, why] : std::vector<std::pair<const char*, const char*>>{
           {"eve", "must be an e-mail address such as eve@host.example"},
           {"@host.example", "must be an e-mail address such as eve@host.example"},
           {"a b@host.example", "has \" \" at character 2, which can't stand before the \"@\""},
           {"a@b@host.example", "has \"@\" at character 2, which can't stand before the \"@\""},
           {"eve@", "has a host after the \"@\" that has an empty part between two dots or at an end"},
           {"eve@ho st",
            "has a host after the \"@\" that has \" \" at character 3, which can't stand in a "
            "host name"}}) {
    CHECK(user("email: '" + std::string(wrong) + "'") == Lines{"spec.email: " + std::string(why)});
  }
}

TEST_CASE("a user's password is shown to nobody, and stays when an update has none") {
  const auto stored = parse_object(
      R"({"kind":"User","metadata":{"name":"eve"},"spec":{"email":"eve@x","password":"$argon2id$v=19$"}})",
      Origin::kStore);
  REQUIRE(stored.has_value());
  const std::string shown = to_json(*stored, Secrets::kHide);
  CHECK_FALSE(shown.contains("argon2"));
  auto updated = parse_object(shown, Origin::kClient);
  REQUIRE(updated.has_value());
  carry_server_fields(*stored, *updated);
  CHECK(updated == stored);
}

TEST_CASE("a rollout carries what edges carry, without secrets") {
  const std::string service = "{kind: Service, metadata: {name: web}, spec: {endpoints: [{address: 'a:1'}]}}";
  CHECK(problems_of("{kind: Rollout, metadata: {name: a}, spec: {changes: [" + service + "]}}") == Lines{});
  CHECK(problems_of("{kind: Rollout, metadata: {name: a}, spec: {}}") ==
        Lines{"spec: needs changes or deletions"});
  CHECK(
      problems_of("{kind: Rollout, metadata: {name: a}, spec: {changes: [{kind: Secret, metadata: {name: b}, "
                  "spec: {}}], deletions: [{kind: Token, name: c}]}}") ==
      Lines{"spec.deletions[0].kind: must be LoadBalancer, Service or Endpoint; a certificate or secret is "
            "made under a new name first",
            "spec.changes: Secret/b: must be LoadBalancer, Service or Endpoint; a certificate or secret is "
            "made under a new name first"});
  CHECK(
      problems_of(
          "{kind: Rollout, metadata: {name: a}, spec: {changes: [{kind: Service, metadata: {name: b}, "
          "spec: {endpoint: 1}}]}}") ==
      Lines{
          "spec.changes: Service/b: spec.endpoint unknown field \"endpoint\"; did you mean \"endpoints\"?"});
}

TEST_CASE("an event is written by the server only") {
  CHECK(problems_of("{kind: Event, metadata: {name: a}}") ==
        Lines{"kind: Event is written by the server only"});
  CHECK(problems_of("{kind: Event, metadata: {name: a}}", Origin::kStore) == Lines{});
}

TEST_CASE("an endpoint has an address, or waits for a tunnel") {
  const auto endpoint = [](const std::string& spec) {
    return "{kind: Endpoint, metadata: {name: a}, spec: {service: web" + spec + "}}";
  };
  const Lines neither_or_both{"spec: needs exactly one of address and tunnel"};
  CHECK(problems_of(endpoint(", address: 'a:1'")) == Lines{});
  CHECK(problems_of(endpoint(", tunnel: {port: 2201}")) == Lines{});
  CHECK(problems_of(endpoint("")) == neither_or_both);
  CHECK(problems_of(endpoint(", address: 'a:1', tunnel: {port: 2201}")) == neither_or_both);
  CHECK(problems_of(endpoint(", tunnel: {}")) == Lines{"spec.tunnel.port: is required"});
  CHECK(problems_of("{kind: Tunnel, metadata: {name: a}, spec: {service: web, instance: b}}") ==
        Lines{"kind: Tunnel is written by the server only"});
}

struct Case {
  std::string yaml;
  Lines problems;
};

void check_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    CAPTURE(one.yaml);
    CHECK(problems_of(one.yaml) == one.problems);
  }
}

TEST_CASE("what is wrong with an object as a whole") {
  check_all({
      {"[1]", {": must be an object with kind, metadata and spec"}},
      {"{metadata: {name: a}}",
       {"kind: is required: one of LoadBalancer, Service, Endpoint, Token, Event, Certificate, Secret, "
        "Edge, Rollout, Tunnel, User, Zone, RecordSet, DnsProvider, DnsLedger, DnsWeights, Workload, Node, "
        "Instance, Organization, Session"}},
      {"{kind: Servce, metadata: {name: a}}", {"kind: unknown kind \"Servce\"; did you mean \"Service\"?"}},
      {"{kind: 5, metadata: {name: a}}",
       {"kind: must be one of LoadBalancer, Service, Endpoint, Token, Event, Certificate, Secret, Edge, "
        "Rollout, Tunnel, User, Zone, RecordSet, DnsProvider, DnsLedger, DnsWeights, Workload, Node, "
        "Instance, Organization, Session"}},
      {"{kind: Service, metadata: {name: a}, specs: {}}",
       {"specs: unknown field \"specs\"; did you mean \"spec\"?"}},
      {"{kind: Service, apiVersion: v1, metadata: {name: a}}",
       {"apiVersion: unknown field \"apiVersion\"; there are kind, metadata, spec, status"}},
      {"{kind: Service}", {"metadata.name: is required"}},
      {"{kind: Service, metadata: web}", {"metadata: must be an object, not the text \"web\""}},
      {"{kind: Service, metadata: {name: ''}}", {"metadata.name: must not be empty"}},
      {"{kind: Service, metadata: {name: 5}}", {"metadata.name: must be a text; put it in quotes: \"5\""}},
      {"{kind: Service, metadata: {name: Web}}",
       {"metadata.name: has \"W\" at character 1; a name is made of a-z, 0-9 and \"-\""}},
      {"{kind: Service, metadata: {name: " + std::string(64, 'a') + "}}",
       {"metadata.name: must be at most 63 bytes long, not 64"}},
      {"{kind: Service, metadata: {name: a, labels: [x]}}",
       {"metadata.labels: must be an object of texts, not a list"}},
      {"{kind: Service, metadata: {name: a, labels: {x: 1, 'a b': c}}}",
       {"metadata.labels.x: must be a text; put it in quotes: \"1\"",
        "metadata.labels.a b: as a key has \" \" at character 2; a key is made of letters, digits, \"-\", "
        "\"_\", \".\" "
        "and \"/\""}},
      {"{kind: Service, metadata: {name: a, labels: {x: \"a\\nb\"}}}",
       {"metadata.labels.x: has a control character at byte 2"}},
      {"{kind: Service, metadata: {name: a, revision: -1}}", {"metadata.revision: must be at least 0"}},
      {"{kind: Service, metadata: {name: a, created_at: today}}",
       {"metadata.created_at: must be a time such as 2026-11-21T03:11:19Z, not the text \"today\""}},
      {"{kind: Service, metadata: {name: a}, status: 1}", {"status: must be an object"}},
      {"{kind: Service, metadata: {name: a}, spec: []}", {"spec: must be an object, not a list"}},
  });
}

std::string service(const std::string& spec) {
  return "{kind: Service, metadata: {name: a}, spec: {" + spec + "}}";
}

TEST_CASE("what is wrong with a Service") {
  const std::string statuses = "spec.health_check.http.expected_statuses";
  const std::string no_status = "must be a status from 100 to 599 or a range such as \"200-299\", ";
  check_all({
      {service("endpoint: []"), {"spec.endpoint: unknown field \"endpoint\"; did you mean \"endpoints\"?"}},
      {service("protocol: http"),
       {"spec.protocol: must be one of HTTP, HTTP2, TCP, not the text \"http\"; did you mean HTTP?"}},
      {service("balance: ROUNDROBIN"),
       {"spec.balance: must be one of ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV, not the text "
        "\"ROUNDROBIN\"; did "
        "you mean "
        "ROUND_ROBIN?"}},
      {service("balance: 1"),
       {"spec.balance: must be one of ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV, not the number "
        "1"}},
      {service("endpoints: {}"), {"spec.endpoints: must be a list, not an object"}},
      {service("endpoints: ['127.0.0.1:80']"),
       {"spec.endpoints[0]: must be an object, not the text \"127.0.0.1:80\""}},
      {service(
           "endpoints: [{}, {address: a}, {address: 'b:1', weight: 1001}, {address: 'c:1', weight: '1'}]"),
       {"spec.endpoints[0].address: is required",
        "spec.endpoints[1].address: needs a port at its end, such as :80",
        "spec.endpoints[2].weight: must be between 0 and 1000",
        "spec.endpoints[3].weight: must be a whole number, not the text \"1\""}},
      {service("endpoints: [{address: 'A:80'}, {address: 'a:080'}]"),
       {"spec.endpoints[1].address: is there twice; give it a weight of 2 to send it twice as much"}},
      {service("endpoints: [{address: 'a:80', wieght: 1}]"),
       {"spec.endpoints[0].wieght: unknown field \"wieght\"; did you mean \"weight\"?"}},
      {service("health_check: {}"),
       {"spec.health_check: needs http, grpc or tcp; the shortest are http: {}, grpc: {} and tcp: {}"}},
      {service("health_check: {http: {}, tcp: {}}"),
       {"spec.health_check: has more than one of http, grpc and tcp; keep one of them"}},
      {service("health_check: {tcp: {port: 1}}"),
       {"spec.health_check.tcp.port: unknown field \"port\"; there are none here"}},
      {service("health_check: {tcp: {}, interval: 5}"),
       {"spec.health_check.interval: must be a duration such as 5s, not the number 5"}},
      {service("health_check: {tcp: {}, interval: 5 s}"),
       {"spec.health_check.interval: must be a duration such as 5s, not the text \"5 s\""}},
      {service("health_check: {tcp: {}, interval: 1ms, timeout: 2h, healthy_threshold: 0}"),
       {"spec.health_check.interval: must be between 10ms and 1h",
        "spec.health_check.timeout: must be between 10ms and 1h",
        "spec.health_check.healthy_threshold: must be between 1 and 100"}},
      {service("health_check: {http: {path: health, host: 'a b', expected_statuses: [200, 99, 300-200, x, "
               "2.5]}}"),
       {"spec.health_check.http.path: must begin with \"/\"",
        "spec.health_check.http.host: has \" \" at character 2, which can't stand in a host name",
        statuses + "[1]: " + no_status + "not the number 99",
        statuses + "[2]: " + no_status + "not the text \"300-200\"",
        statuses + "[3]: " + no_status + "not the text \"x\"",
        statuses + "[4]: " + no_status + "not the number 2.5"}},
      {service("health_check: {http: {expected_statuses: []}}"),
       {"spec.health_check.http.expected_statuses: must have at least 1 in it"}},
      {service("retries: {attempts: 6, budget_percent: 18446744073709551615}"),
       {"spec.retries.attempts: must be between 0 and 5",
        "spec.retries.budget_percent: must be between 0 and 100"}},
      {service("connect_timeout: 999999999999999999h"),
       {"spec.connect_timeout: must be a duration such as 5s, not the text \"999999999999999999h\""}},
      {service("endpoints: null, health_check: ~"), {}},  // as if they were not there
  });
}

TEST_CASE("what is wrong with retries and hashing") {
  check_all({
      {service("retries: {on_statuses: [503, '301-399', 200], per_try_timeout: 1ms}"),
       {"spec.retries.per_try_timeout: must be between 10ms and 1h",
        "spec.retries.on_statuses[1]: must be 400 or above; what went well is not tried again",
        "spec.retries.on_statuses[2]: must be 400 or above; what went well is not tried again"}},
      {service("retries: {on_grpc_statuses: [UNAVAILABLE]}"),
       {"spec.retries.on_grpc_statuses: needs non_idempotent: true, because every call of gRPC is a POST"}},
      {service("retries: {on_grpc_statuses: [UNAVAILABLE], non_idempotent: true}"), {}},
      {service("hash_on: {header: X-User, load_percent_max: 99}"),
       {"spec.hash_on.load_percent_max: must be 0 or at least 100"}},
      {service("hash_on: {header: X-User, load_percent_max: 1001}"),
       {"spec.hash_on.load_percent_max: must be between 0 and 1000"}},
      {service("hash_on: {header: X-User, load_percent_max: 0}"), {}},
  });
}

TEST_CASE("TLS to endpoints that could never be verified is refused") {
  CHECK(
      problems_of("{kind: Service, metadata: {name: a}, spec: {tls: {ca: garbage, server_name: 'a:443'}}}") ==
      Lines{"spec.tls.ca: can't be used: no certificate in the CA bundle",
            "spec.tls.server_name: has a port; that belongs to the endpoints"});
}

TEST_CASE("what is wrong with a LoadBalancer") {
  const auto balancer = [](const std::string& listeners, const std::string& routes) {
    return "{kind: LoadBalancer, metadata: {name: a}, spec: {listeners: [" + listeners + "], routes: [" +
           routes + "]}}";
  };
  const std::string listener = "{protocol: HTTP}";
  const std::string route = "{backends: [{service: web}]}";
  check_all({
      {balancer(listener, route), {}},
      {"{kind: LoadBalancer, metadata: {name: a}}",
       {"spec.listeners: is required", "spec.routes: is required"}},
      {balancer("", ""),
       {"spec.listeners: must have at least 1 in it", "spec.routes: must have at least 1 in it"}},
      {balancer("{protocol: HTTPS}, {protocol: HTTP}", route), {}},
      {balancer("{protocol: UDP}", route),
       {"spec.listeners[0].protocol: must be one of HTTP, HTTPS, TCP, TLS, not the text \"UDP\"; did you "
        "mean "
        "TCP?"}},
      {balancer("{protocol: HTTP, tls: {}}, {protocol: HTTPS, redirect_to_https: true}", route),
       {"spec.listeners[0].tls: is for listeners of protocol HTTPS and TLS",
        "spec.listeners[1].redirect_to_https: is for listeners of protocol HTTP"}},
      {balancer("{protocol: HTTPS, tls: {client_certificates: REQUIRE}}", route),
       {"spec.listeners[0].tls.client_ca: is required to verify client certificates"}},
      {balancer("{protocol: HTTPS, tls: {client_certificates: REQUIRE, client_ca: garbage}}", route),
       {"spec.listeners[0].tls.client_ca: can't be used: no certificate in the CA bundle"}},
      {balancer("{protocol: HTTP, https_port: 443}", route),
       {"spec.listeners[0].https_port: is for listeners with redirect_to_https"}},
      {balancer("{}", route), {"spec.listeners[0].protocol: is required"}},
      {balancer("{protocol: HTTP, port: 0}, {protocol: HTTP, port: 65536}", route),
       {"spec.listeners[0].port: must be between 1 and 65535",
        "spec.listeners[1].port: must be between 1 and 65535"}},
      {balancer("{protocol: HTTP, hostnames: [a.example, 'a.example:80', '']}", route),
       {"spec.listeners[0].hostnames[1]: has a port; ports belong to the listener",
        "spec.listeners[0].hostnames[2]: must not be empty"}},
      {balancer("{protocol: HTTP, hostnames: [a.example, A.Example]}, {protocol: HTTP, hostnames: "
                "[a.example], port: 81}",
                route),
       {"spec.listeners[0].hostnames[1]: is there twice for the same port"}},
      {balancer("{protocol: HTTP}, {protocol: HTTP}", route),
       {"spec.listeners[1]: takes all hosts of a port, as an earlier listener does"}},
      {balancer(listener, "{backends: []}"),
       {"spec.routes[0].backends: must have at least 1 in it, unless there is a redirect or respond"}},
      {balancer(listener, "{backends: [{service: a, weight: 0}]}"),
       {"spec.routes[0].backends: must have a weight above 0 somewhere"}},
      {balancer(listener, "{backends: [{service: a}, {service: a}]}"),
       {"spec.routes[0].backends[1].service: is there twice; add up the weights"}},
      {balancer(listener, "{backends: [{servcie: a}]}"),
       {"spec.routes[0].backends[0].servcie: unknown field \"servcie\"; did you mean \"service\"?",
        "spec.routes[0].backends[0].service: is required"}},
      {balancer(listener,
                "{match: {path_prefix: /a}, backends: [{service: a}]}, {match: {path_prefix: /a/}, backends: "
                "[{service: b}]}"),
       {"spec.routes[1].match: is taken by an earlier route, which would get every request"}},
      {balancer(listener, "{backends: [{service: a}], request_body_bytes_max: -1, request_timeout: 2h}"),
       {"spec.routes[0].request_timeout: must be between 10ms and 1h",
        "spec.routes[0].request_body_bytes_max: must be at least 0"}},
  });
}

TEST_CASE("what is wrong with load balancers and services of connections") {
  const auto balancer = [](const std::string& listeners, const std::string& routes) {
    return "{kind: LoadBalancer, metadata: {name: a}, spec: {listeners: [" + listeners + "], routes: [" +
           routes + "]}}";
  };
  const std::string route = "{backends: [{service: db}]}";
  check_all({
      {balancer("{protocol: TCP}", route), {}},
      {balancer("{protocol: TCP, port: 5432, connections_max: 10, connections_per_source_max: 2, tcp: "
                "{keepalive: 60s, user_timeout: 30s}}",
                "{backends: [{service: db}], stream_idle_timeout: 1h, half_close_timeout: 5m, ip_access: "
                "{allow: [10.0.0.0/8]}, rate_limits: [{requests: 5, by_address: true}]}"),
       {}},
      {balancer("{protocol: TLS, hostnames: [a.example], tls: {alpn: [postgresql]}}, {protocol: TLS, "
                "hostnames: ['*.example'], tls: {mode: PASSTHROUGH}}",
                route),
       {}},
      {balancer("{protocol: TLS, port: 1, hostnames: [a.example], tls: {mode: PASSTHROUGH, alpn: [x, x]}}, "
                "{protocol: TLS, port: 1, hostnames: [a.example], tls: {mode: PASSTHROUGH, alpn: [y]}}, "
                "{protocol: TLS, port: 1, hostnames: [a.example], tls: {mode: PASSTHROUGH}}, "
                "{protocol: TLS, port: 2, hostnames: [a.example], tls: {mode: PASSTHROUGH, alpn: [y]}}",
                route),
       {}},
      {balancer("{protocol: TLS, port: 1, hostnames: [a.example], tls: {mode: PASSTHROUGH, alpn: [x, y]}}, "
                "{protocol: TLS, port: 1, hostnames: [b.example, A.example], tls: {mode: PASSTHROUGH, alpn: "
                "[y, z]}}, {protocol: TLS, port: 2, tls: {mode: PASSTHROUGH, alpn: [y]}}, {protocol: TLS, "
                "port: 2, tls: {mode: PASSTHROUGH, alpn: [y]}}",
                route),
       {"spec.listeners[1].hostnames[1]: is there twice for the same port and protocol",
        "spec.listeners[3]: takes a protocol of a port, as an earlier listener does"}},
      {balancer("{protocol: TCP}, {protocol: HTTP}", route),
       {"spec.listeners[1].protocol: can't stand beside one that takes the other kind: TCP and TLS listeners "
        "take connections, HTTP and HTTPS ones take requests; make two load balancers"}},
      {balancer("{protocol: TCP, hostnames: [a.example], tls: {}, h2c: true, trusted_proxies: [10.0.0.0/8]}",
                route),
       {"spec.listeners[0].tls: is for listeners of protocol HTTPS and TLS",
        "spec.listeners[0].h2c: is for listeners of protocol HTTP",
        "spec.listeners[0].hostnames: is not for listeners of protocol TCP: nothing in a connection says "
        "which "
        "host it is for",
        "spec.listeners[0].trusted_proxies: is about X-Forwarded-*, which connections of TCP and TLS don't "
        "have; see proxy_protocol_from"}},
      {balancer("{protocol: TLS, tls: {mode: PASSTHROUGH, certificates: [a], min_version: '1.3'}}", route),
       {"spec.listeners[0].tls.certificates: is without effect in mode PASSTHROUGH: the endpoints have the "
        "TLS",
        "spec.listeners[0].tls.min_version: is without effect in mode PASSTHROUGH: the endpoints have the "
        "TLS"}},
      {balancer("{protocol: HTTPS, connections_max: 1, tls: {mode: PASSTHROUGH, alpn: [h2]}}", route),
       {"spec.listeners[0].connections_max: is for listeners of protocol TCP and TLS",
        "spec.listeners[0].tls.mode: is for listeners of protocol TLS",
        "spec.listeners[0].tls.alpn: is for listeners of protocol TLS"}},
      {balancer("{protocol: TCP}",
                "{match: {path: /a}, backends: [{service: db}], basic_auth: {secret: s}}, " + route),
       {"spec.routes: must be one for TCP and TLS: nothing in a connection could choose between them",
        "spec.routes[0].match: is about requests, which a load balancer of TCP and TLS doesn't see",
        "spec.routes[0].basic_auth: is about requests, which a load balancer of TCP and TLS doesn't see"}},
      {balancer("{protocol: HTTP}", "{backends: [{service: db}], half_close_timeout: 1m}"),
       {"spec.routes[0].half_close_timeout: is for load balancers of TCP and TLS"}},
      {service("protocol: TCP, hash_on: {source: true}, drain_timeout: 1m, tls: {alpn: [x]}"), {}},
      {service("protocol: TCP, sticky: {}, hash_on: {header: a}"),
       {"spec.sticky: is for services of protocol HTTP and HTTP2",
        "spec.hash_on.header: is for services of protocol HTTP and HTTP2; of TCP there is source"}},
      {service("drain_timeout: 1m, tls: {alpn: [x]}"),
       {"spec.drain_timeout: is for services of protocol TCP",
        "spec.tls.alpn: is for services of protocol TCP; of HTTP it follows from the protocol"}},
  });
}

TEST_CASE("what is wrong with a route") {
  const auto balancer = [](const std::string& listeners, const std::string& routes) {
    return "{kind: LoadBalancer, metadata: {name: a}, spec: {listeners: [" + listeners + "], routes: [" +
           routes + "]}}";
  };
  const std::string listener = "{protocol: HTTP}";
  check_all({
      {balancer(listener, "{match: {path: /a, path_regex: '/b.*'}, backends: [{service: a}]}"),
       {"spec.routes[0].match: has more than one of path, path_prefix and path_regex; keep one of them"}},
      {balancer(listener, "{match: {path_regex: '('}, backends: [{service: a}]}"),
       {"spec.routes[0].match.path_regex: is no regular expression that RE2 takes: missing ): ("}},
      {balancer(listener,
                "{match: {headers: [{name: 'a b'}, {name: a, exact: b, regex: c}]}, backends: "
                "[{service: a}]}"),
       {R"(spec.routes[0].match.headers[0].name: must be made of letters, digits and !#$%&'*+-.^_`|~)",
        "spec.routes[0].match.headers[1]: has both exact and regex; keep one of them"}},
      {balancer(listener,
                "{redirect: {status: 304, scheme: ftp}}, {match: {path: /a}, redirect: {}, respond: {}}"),
       {"spec.routes[0].redirect.status: must be 301, 302, 303, 307 or 308",
        "spec.routes[0].redirect.scheme: must be http or https",
        "spec.routes[1].backends: must be absent beside a redirect or respond, of which there can be one"}},
      {balancer(listener, "{respond: {body: \"two\\nlines\"}}"), {}},
      {balancer(listener,
                "{backends: [{service: a}], request_headers: {set: [{name: Host, value: a}], add: "
                "[{name: a, value: \"b\\nc\"}]}}"),
       {"spec.routes[0].request_headers.set[0].name: is a field that only the proxy itself writes",
        "spec.routes[0].request_headers.add[0].value: has a control character at byte 2"}},
      {balancer(listener,
                "{backends: [{service: a}], request_headers: {remove: [X-Forwarded-Host], add: [{name: "
                "x-request-id, value: a}]}, response_headers: {remove: [X-Request-Id]}}"),
       {"spec.routes[0].request_headers.remove[0]: is a field that the edge itself writes into every "
        "request; trusted_proxies of a listener says whose X-Forwarded-* are taken over",
        "spec.routes[0].request_headers.add[0].name: is a field that the edge itself writes into every "
        "request; trusted_proxies of a listener says whose X-Forwarded-* are taken over"}},
      {balancer(listener, "{match: {path: /%61}, backends: [{service: a}]}"),
       {"spec.routes[0].match.path: must be written as requests' paths are compared: /a"}},
      {balancer(listener, "{backends: [{service: a}], basic_auth: {}, rate_limits: [{requests: 0}]}"),
       {"spec.routes[0].basic_auth.secret: is required",
        "spec.routes[0].rate_limits[0].requests: must be between 1 and 1000000"}},
  });
}

TEST_CASE("hostile sizes: bounded violations, bounded lists") {
  std::string many = "{kind: Service, metadata: {name: a}, spec: {endpoints: [";
  for (int i = 0; i < 900; ++i) many += "{},";
  CHECK(problems_of(many + "]}}").size() == Report::kViolationsMax);
  std::string too_many = "{kind: Service, metadata: {name: a}, spec: {endpoints: [";
  for (int i = 0; i < 1001; ++i) too_many += "{},";
  CHECK(problems_of(too_many + "]}}") == Lines{"spec.endpoints: must have at most 1000 in it, not 1001"});
  const std::string odd = R"({"kind":"Service","metadata":{"name":"a"},"spec":{")" + std::string(60, 'k') +
                          R"(\u0001é\u00e9éééé":1}})";
  const auto object = parse_object(odd, Origin::kClient);
  REQUIRE_FALSE(object.has_value());
  CHECK(object.error()[0].field == "spec." + std::string(60, 'k') + "?é...");
}

TEST_CASE("many objects at once") {
  const std::string good = R"({"kind":"Service","metadata":{"name":"a"}})";
  const auto problems = [](const std::string& json) {
    const auto objects = parse_objects(json, Origin::kClient);
    return objects ? std::to_string(objects->size()) + " objects" : to_text(objects.error());
  };
  CHECK(problems("[]") == "0 objects");
  CHECK(problems("[" + good + "]") == "1 objects");
  CHECK(problems(R"({"objects":[)" + good + "]}") == "1 objects");
  CHECK(problems(good) == R"(must be a list of objects, or {"objects": [...]})");
  CHECK(problems("[" + good + "," + good + "]") == "Service/a: is there twice; an object may be given once");
  CHECK(problems("[" + good + R"(,{"kind":"Token","metadata":{"name":"b"},"spec":{"rule":"admin"}},5])") ==
        "Token/b: spec.rule: unknown field \"rule\"; did you mean \"role\"?\n"
        "object 3: must be an object with kind, metadata and spec");
}

TEST_CASE("kinds are found by what people type") {
  CHECK(find_kind("Service")->plural == "services");
  CHECK(find_kind("service") == nullptr);
  CHECK(find_kind_loosely("service")->kind == Kind::kService);
  CHECK(find_kind_loosely("LoadBalancers")->kind == Kind::kLoadBalancer);
  CHECK(find_plural("events")->client_writes == false);
  for (const KindInfo& kind : kKinds) {
    CHECK(static_cast<Kind>(kind.make().index()) == kind.kind);
    CHECK(&info_of(kind.kind) == &kind);
  }
}

}  // namespace
}  // namespace weir::config
