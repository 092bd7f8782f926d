// What the edge tells about requests: `weir explain`, the access log, counts by name.
#include <stdlib.h>

#include <algorithm>
#include <expected>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <optional>

#include "edge/edge_fixture.h"
#include "record/access_log.h"
#include "record/log_file.h"

namespace weir::edge {
namespace {

std::string explained(Fixture& fixture, const std::string& id) {
  std::optional<std::expected<std::string, std::string>> answer;
  fixture.edge.explain(id, [&answer](auto found) { answer = std::move(found); });
  fixture.fake.run_until_idle();
  REQUIRE(answer.has_value());
  return *answer ? **answer : "error: " + answer->error();
}

std::string would(Fixture& fixture, SupposedRequest supposed) {
  std::optional<std::expected<std::string, std::string>> answer;
  fixture.edge.explain_request(std::move(supposed), [&answer](auto found) { answer = std::move(found); });
  fixture.fake.run_until_idle();
  REQUIRE(answer.has_value());
  return *answer ? **answer : "error: " + answer->error();
}

// CHECKs that a text holds each of the parts.
void has(const std::string& text, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    CAPTURE(part);
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  }
}

constexpr std::string_view kTraceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::string ask(Fixture& fixture, std::string_view id, std::string_view path = "/",
                std::string_view host = "a") {
  Peer client(fixture.fake, kEdge);
  client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) +
              "\r\nX-Request-Id: " + std::string(id) + "\r\ntraceparent: " + std::string(kTraceparent) +
              "\r\nUser-Agent: test \"1\"\xff\r\n\r\n");
  return client.take();
}

TEST_CASE("a request that was retried is explained by its id: each try, and the endpoints as they are now") {
  Fixture fixture;
  PeerListener good(fixture.fake, "10.0.0.2:80");
  good.answer("\r\n\r\n", answer_with("hello"));
  fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")});
  CHECK(content_of(ask(fixture, "r-1", "/a?b=c")) == "hello");
  const std::string text = explained(fixture, "r-1");
  has(text,
      {R"("request_id":"r-1")", R"("host":"a")", R"("path":"/a?b=c")", R"("load_balancer":"web")",
       R"("route":"web/0")", R"("service":"web")", R"("tries_made":2)",
       R"({"endpoint":"10.0.0.1:80","outcome":"connect_failed")",
       R"({"endpoint":"10.0.0.2:80","outcome":"answered","detail":null,"status":200,"connection":"new")",
       R"("status":200,"reason":null,"flags":[])", R"("bytes_sent":5)",
       R"("set_aside":true,"ejected":false,"may_be_picked":false,"why_not":"it is set aside)"});
  CHECK(explained(fixture, "r-2").starts_with("error: no request with this id"));
}

TEST_CASE("what its route gives no more time is flagged as that, whether its answer has begun or not") {
  Fixture fixture;
  PeerListener listener(fixture.fake, "10.0.0.1:80");
  fixture.snapshot.load_balancers[0].spec.routes[0].stream_duration_max = 5s;
  fixture.apply({endpoint("10.0.0.1:80")});
  for (const bool begun : {false, true}) {
    CAPTURE(begun);
    const std::string id = begun ? "r-1" : "r-0";
    Peer client(fixture.fake, kEdge);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + id + "\r\nContent-Length: 9\r\n\r\n");
    Peer origin = listener.accept();
    if (begun) origin.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1");
    fixture.fake.advance(6s);
    has(explained(fixture, id), {R"("flags":[{"flag":"UMSDR","means":"it lasted as long)"});
    CHECK_FALSE(explained(fixture, id).contains("\"LR\""));
  }
}

TEST_CASE("a client below its route's lowest rate is told so, and flagged; 0 is no rate") {
  Fixture fixture;
  PeerListener listener(fixture.fake, "10.0.0.1:80");
  for (const std::uint64_t rate : {240U, 0U}) {
    fixture.snapshot.load_balancers[0].spec.routes[0].client_bytes_per_second_min = rate;
    fixture.apply({endpoint("10.0.0.1:80")});
    const std::string id = "r-" + std::to_string(rate);
    Peer client(fixture.fake, kEdge);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + id + "\r\nContent-Length: 99\r\n\r\n");
    for (int second = 0; second < 40 && client.open(); ++second) {
      client.send("x");
      fixture.fake.advance(1s);
    }
    CHECK(client.open() == (rate == 0));
    if (rate == 0) continue;
    const std::string answer = client.take();
    CHECK(answer.starts_with("HTTP/1.1 408"));
    has(answer, {"weir-reason: too_slow\r\n"});
    has(explained(fixture, id), {R"("status":408,"reason":"too_slow")", R"("flag":"DT")"});
  }
}

TEST_CASE("what weir itself answers is flagged") {
  Fixture fixture;
  fixture.snapshot.load_balancers[0].spec.listeners[0].hostnames = {"a"};
  fixture.apply({endpoint("10.0.0.1:80")});
  ask(fixture, "nr", "/", "elsewhere");
  has(explained(fixture, "nr"), {R"("route":null)", R"("status":404,"reason":"no_route")", R"("flag":"NR")"});
  ask(fixture, "uf");
  has(explained(fixture, "uf"), {R"("status":502,"reason":"connect_failed")", R"("flag":"UF")"});
  fixture.apply({});
  ask(fixture, "uh");
  has(explained(fixture, "uh"),
      {R"("status":503,"reason":"no_endpoint")", R"("flag":"UH")", R"("tries":[])"});
  config::IpAccess access;
  access.deny = {"127.0.0.0/8"};
  fixture.snapshot.load_balancers[0].spec.routes[0].ip_access = access;
  fixture.apply();
  ask(fixture, "uaex");
  has(explained(fixture, "uaex"),
      {R"("filter":"ip_access")", R"("status":403,"reason":"address_refused")", R"("flag":"UAEX")"});
}

TEST_CASE("a request under way is explained, too, and one whose client left") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  {
    Peer client(fixture.fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: waits\r\n\r\n");
    has(explained(fixture, "waits"), {R"("ended":false)", R"("outcome":"under way")"});
  }
  fixture.fake.run_until_idle();
  has(explained(fixture, "waits"), {R"("ended":true,"status":null)", R"("flag":"DC")"});
}

TEST_CASE("what would be done with a request, without sending it") {
  Fixture fixture;
  config::LoadBalancer& balancer = fixture.snapshot.load_balancers[0];
  balancer.spec.listeners[0].hostnames = {"*.example"};
  balancer.spec.routes.push_back(balancer.spec.routes[0]);
  balancer.spec.routes[1].match.path_prefix = "/api";
  balancer.spec.routes[1].match.methods = {"POST"};
  config::Endpoint drained = endpoint("10.0.0.2:80", 0);
  config::Endpoint spare = endpoint("10.0.0.3:80");
  spare.priority = 1;
  fixture.apply({endpoint("10.0.0.1:80"), drained, spare});
  const std::string text = would(fixture, {.line = "GET http://web.example/api/x"});
  has(text,
      {R"("host":"web.example","path":"/api/x","listener":"shared http")",
       R"("load_balancer":"web","route":"web/0")",
       R"({"route":"web/1","hostname":"*.example","match":"path prefix /api, method POST","taken":false,)"
       R"("why_not":"the method does not match"},{"route":"web/0")",
       R"("balance":"ROUND_ROBIN")",
       R"({"endpoint":"10.0.0.1:80","weight":1,"priority":0,"health":"not checked","set_aside":false,)"
       R"("ejected":false,"may_be_picked":true,"why_not":null})",
       R"("why_not":"its weight is 0")", R"("why_not":"endpoints of a lower priority value serve")"});
  has(would(fixture, {.line = "POST http://web.example/api/x"}),
      {R"("route":"web/1")", R"("why_not":"a route before it matches")"});
  has(would(fixture, {.line = "http://example/"}), {R"("route":null,"reason":"no_route","candidates":[])"});
  CHECK(fixture.fake.network.connects(*net::Address::parse("10.0.0.1:80")) == 0);

  for (const char* wrong : {"", "GET /", "GET web.example", "GET http://a/ HTTP/1.1\r\n\r\nGET /",
                            "GET http://a/ b", "CONNECT a:80", "GET ftp://a/"}) {
    CAPTURE(wrong);
    CHECK(would(fixture, {.line = wrong}).starts_with("error: the request must be like"));
  }
  CHECK(would(fixture, {.line = "http://a/", .fields = {"no colon"}})
            .starts_with("error: the request must be"));
  CHECK(would(fixture, {.line = "http://a/", .fields = {"A: b\r\nC: d"}})
            .starts_with("error: the request must be"));
  CHECK(would(fixture, {.line = "http://a/", .peer = "nowhere"}).starts_with("error: the client's address"));
}

TEST_CASE("what would be done: its fields and its client count, and filters are asked that leave no trace") {
  Fixture fixture;
  std::vector<config::Route>& routes = fixture.snapshot.load_balancers[0].spec.routes;
  routes.push_back(routes[0]);
  routes[1].match.headers.push_back({.name = "X-Beta", .exact = "1"});
  routes[1].rate_limits = {{.requests = 1, .per = 10s}};
  routes[1].ip_access.emplace().deny = {"10.0.0.0/8"};
  routes[1].rewrite.emplace().path_prefix = "/v2";
  fixture.apply({endpoint("10.0.0.1:80")});
  has(would(fixture, {.line = "http://a/x"}), {R"("route":"web/0")", R"("filters":[],"answer":null)"});
  for (int i = 0; i < 3; ++i) {
    has(would(fixture, {.line = "http://a/x", .fields = {"X-Beta: 1"}}),
        {R"("route":"web/1")",
         R"({"filter":"ip_access","outcome":"passes it on"},{"filter":"rate_limit",)"
         R"("outcome":"is not asked)",
         R"({"filter":"rewrite","outcome":"passes it on"}],"answer":null,)"
         R"("sent_host":"a","sent_path":"/v2/x")"});
  }
  has(would(fixture, {.line = "http://a/x", .fields = {"X-Beta: 1"}, .peer = "10.1.2.3"}),
      {R"({"filter":"ip_access","outcome":"answers"},{"filter":"rate_limit","outcome":"is not reached"})",
       R"("answer":{"filter":"ip_access","status":403,"reason":"address_refused","location":null})"});
}

TEST_CASE("requests are counted by load balancer and by service") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", kNoContent);
  fixture.apply({endpoint("10.0.0.1:80")});
  for (int i = 0; i < 3; ++i) fixture.get();
  std::string before;
  fixture.edge.write_metrics(before);
  has(before,
      {"weir_endpoint_requests_total{service=\"web\",endpoint=\"10.0.0.1:80\",class=\"2xx\"} 3\n",
       "weir_endpoint_upstream_duration_seconds_count{service=\"web\",endpoint=\"10.0.0.1:80\"} 3\n"});
  fixture.apply({});
  fixture.get();
  std::string metrics;
  fixture.edge.write_metrics(metrics);
  CHECK(metrics.find("10.0.0.1:80") == std::string::npos);
  has(metrics, {"weir_load_balancer_requests_total{load_balancer=\"web\",class=\"2xx\"} 3\n",
                "weir_load_balancer_requests_total{load_balancer=\"web\",class=\"5xx\"} 1\n",
                "weir_service_requests_total{service=\"web\",class=\"2xx\"} 3\n",
                "weir_service_request_duration_seconds_bucket{service=\"web\",le=\"0.001000\"} 4\n",
                "weir_service_request_duration_seconds_bucket{service=\"web\",le=\"+Inf\"} 4\n",
                "weir_service_request_duration_seconds_sum{service=\"web\"} 0.000000\n",
                "weir_service_upstream_duration_seconds_count{service=\"web\"} 3\n"});
}

TEST_CASE("the access log: a line of JSON for each request, hostile fields included") {
  std::string folder = (std::filesystem::temp_directory_path() / "weir-edge-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/log";
  testing::MemoryLog log;
  {
    auto opened = record::LogFile::open(record::AccessLogTarget::parse(path), log);
    REQUIRE(opened.has_value());
    record::AccessLog access_log;
    access_log.add(std::move(*opened));
    Fixture fixture({.access_log = &access_log});
    PeerListener origin(fixture.fake, "10.0.0.2:80");
    origin.answer("\r\n\r\n", answer_with("hello"));
    PeerListener chat(fixture.fake, "10.0.0.3:80");
    fixture.snapshot.services.push_back(service("chat", {endpoint("10.0.0.3:80")}));
    fixture.snapshot.load_balancers.push_back(load_balancer("chat", {"chat.example"}, "chat"));
    fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")});
    Peer client(fixture.fake, kEdge);
    client.send(
        "GET /chat?room=1 HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "X-Request-Id: chat\r\nUser-Agent: talker\r\nReferer: http://a/\r\n\r\n");
    Peer talked_to = chat.accept();
    talked_to.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    // What its buffers held is written over while it lasts.
    ask(fixture, "one", "/a?b=c");
    ask(fixture, "two", "/" + std::string(2000, 'p'));
    talked_to.close();
  }
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::filesystem::remove_all(folder);
  CHECK(std::ranges::count(text, '\n') == 3);
  const std::string first = text.substr(0, text.find('\n'));
  has(first,
      {R"(,"request_id":"one","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",)"
       R"("method":"GET","host":"a","path":"/a?b=c",)",
       R"("protocol":"HTTP/1.1","scheme":"http")",
       R"("status":200,"flags":"-","reason":null,"bytes_received":0,"bytes_sent":5,"duration_ms":0.000)",
       R"("load_balancer":"web","route":"web/0","filter":null,"service":"web",)"
       R"("endpoint":"10.0.0.2:80","tries":2,"peer":"127.0.0.1","user_agent":"test \"1\"\ufffd",)"
       R"("referer":null,"tls_version":null,"tls_server_name":null,"tls_client_subject":null})"});
  CHECK(first.starts_with("{\"time\":\""));
  has(text, {"\"path\":\"/" + std::string(record::AccessLines::kTargetBytesMax - 1, 'p') + "\","});
  has(text.substr(text.find(R"("request_id":"chat")")),
      {R"("method":"GET","host":"chat.example","path":"/chat?room=1",)", R"("status":101,"flags":"-")",
       R"("user_agent":"talker","referer":"http://a/")"});
}

}  // namespace
}  // namespace weir::edge
