#include "insight/graphs.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "insight/insight_fixture.h"

namespace weir::insight {
namespace {

using namespace std::chrono_literals;
using report::Measured;
using Sort = Measured::Sort;

constexpr const char* kFrom = "1767225600";  // where the clock begins

struct Graphs : InsightWorld {
  Graphs() {
    put(R"({"kind":"Service","metadata":{"name":"web"},"spec":{"protocol":"HTTP"}})");
    put(R"({"kind":"Service","metadata":{"name":"db"},"spec":{"protocol":"TCP"}})");
    put(R"({"kind":"LoadBalancer","metadata":{"name":"front"},"spec":{
        "listeners":[{"protocol":"HTTP","hostnames":["a.example"]}],
        "routes":[{"match":{"path_prefix":"/"},"backends":[{"service":"web","weight":1}]}]}})");
    put(R"({"kind":"Edge","metadata":{"name":"fra-1"},"spec":{}})");
    put(R"({"kind":"Endpoint","metadata":{"name":"e"},"spec":{"service":"web","address":"10.0.0.1:80"}})");
    put(R"({"kind":"Tunnel","metadata":{"name":"t"},
        "spec":{"service":"web","instance":"laptop","edge":"fra-1"}})");
  }
  // Of ten seconds, at their end.
  void say(std::vector<Measured> measured, const std::string& source = "edges/fra-1") {
    measured.insert(measured.begin(), {.connections = 2});
    history.take(source,
                 {.run = 1, .sequence = ++sequences[source], .span = 10s, .measured = std::move(measured)},
                 world.fake.loop.clock().wall_now());
  }
  Measured web(std::uint64_t requests, std::uint64_t errors = 0) {
    Measured one{
        .sort = Sort::kService, .name = "web", .requests = requests, .errors = errors, .in_flight = 3};
    one.durations[latency_bucket(3ms)] = requests;
    return one;
  }
  std::string get(const std::string& query) {
    const auto answer = world.call("GET", "/v1/metrics?" + query);
    CAPTURE(answer.body);
    CHECK(answer.status == 200);
    CHECK(answer.field("Cache-Control") == "no-store");
    return answer.body;
  }
  std::string refused(const std::string& query, int status = 400) {
    const auto answer = world.call("GET", "/v1/metrics?" + query);
    CAPTURE(answer.body);
    CHECK(answer.status == status);
    const std::size_t at = answer.body.find("\"detail\":\"") + 10;
    return answer.body.substr(at, answer.body.find('"', at) - at);
  }
  std::map<std::string, std::uint64_t> sequences;
};

TEST_CASE("a graph of a service: rate, errors and latency, with nothing where nothing is known") {
  Graphs graphs;
  graphs.world.fake.advance(10s);
  graphs.say({graphs.web(25, 5)});
  graphs.world.fake.advance(10s);
  graphs.say({});
  graphs.world.fake.advance(13s);
  CHECK(graphs.get(std::string("of=services/web&series=requests,errors,latency&from=") + kFrom) ==
        R"({"step":10,"from":1767225600,"series":[)"
        R"({"name":"requests","labels":{},"unit":"1/s","values":[2.5,0,null]},)"
        R"({"name":"errors","labels":{},"unit":"1/s","values":[0.5,0,null]},)"
        R"({"name":"p50","labels":{},"unit":"ms","values":[3.3,null,null]},)"
        R"({"name":"p90","labels":{},"unit":"ms","values":[3.7,null,null]},)"
        R"({"name":"p99","labels":{},"unit":"ms","values":[3.79,null,null]}]})"
        "\n");
  CHECK(graphs.get(std::string("of=services/web&series=requests&step=30s&from=") + kFrom) ==
        R"({"step":30,"from":1767225600,"series":[)"
        R"({"name":"requests","labels":{},"unit":"1/s","values":[1.25]}]})"
        "\n");
  CHECK(graphs.get("of=services/web&series=in_flight&from=-30s&to=-10s") ==
        R"({"step":10,"from":1767225600,"series":[)"
        R"({"name":"in_flight","labels":{},"unit":"1","values":[3,0]}]})"
        "\n");
  CHECK(graphs.get("of=services/web&series=requests&from=2026-01-01T00:00:10Z&to=2026-01-01T00:00:20Z")
            .find("\"values\":[0]") != std::string::npos);
  // A day is told by five minutes, an hour by ten seconds.
  CHECK(graphs.get("of=services/web&series=requests&from=-24h").starts_with("{\"step\":300,"));
  CHECK(graphs.get("of=services/web&series=requests").starts_with("{\"step\":10,"));
}

TEST_CASE("what a line is of: endpoints, edges, tunnels, all of a kind, all there is, workloads and nodes") {
  Graphs graphs;
  graphs.world.fake.advance(10s);
  graphs.say({graphs.web(10),
              {.sort = Sort::kService, .name = "db", .requests = 20},
              {.sort = Sort::kLoadBalancer, .name = "front", .requests = 10},
              {.sort = Sort::kEndpoint, .name = "web/10.0.0.1:80", .requests = 30},
              {.sort = Sort::kEndpoint, .name = "web/tunnel:laptop", .requests = 40}});
  graphs.say({{.sort = Sort::kWorkload, .name = "web", .cpu_milli = 1500, .memory_bytes = 4096},
              {.sort = Sort::kInstance, .name = "web/web-eu-fra-1", .cpu_milli = 500}},
             "nodes/n1");
  graphs.world.fake.advance(3s);
  const auto lines = [&](const std::string& of, const std::string& series = "requests") {
    const std::string body = graphs.get("of=" + of + "&series=" + series + "&from=" + kFrom);
    std::string text;
    for (std::size_t at = body.find("\"labels\":"); at != std::string::npos;
         at = body.find("\"labels\":", at + 1)) {
      text += body.substr(at + 9, body.find(",\"unit\"", at) - at - 9);
      const std::size_t values = body.find("\"values\":", at) + 9;
      text += body.substr(values, body.find(']', values) + 1 - values) + ' ';
    }
    return text;
  };
  CHECK(lines("services/web&by=endpoint") ==
        R"({"endpoint":"10.0.0.1:80"}[3] {"endpoint":"tunnel:laptop"}[4] )");
  CHECK(lines("services/web&by=edge") == R"({"edge":"fra-1"}[1] )");
  CHECK(lines("services/*") == R"({"service":"db"}[2] {"service":"web"}[1] )");
  CHECK(lines("loadbalancers/front") == "{}[1] ");
  CHECK(lines("loadbalancers/*") == R"({"loadbalancer":"front"}[1] )");
  CHECK(lines("endpoints/e") == "{}[3] ");
  CHECK(lines("tunnels/t") == "{}[4] ");
  CHECK(lines("edges/fra-1&by=service") == R"({"service":"db"}[2] {"service":"web"}[1] )");
  CHECK(lines("edges/*", "connections") == R"({"edge":"fra-1"}[2] )");
  CHECK(lines("*", "connections") == "{}[2] ");
  CHECK(lines("*&by=edge", "connections") == R"({"edge":"fra-1"}[2] )");
  CHECK(lines("workloads/web", "cpu") == "{}[1.5] ");
  CHECK(lines("workloads/web", "memory") == "{}[4096] ");
  CHECK(lines("workloads/web&by=instance", "cpu") == R"({"instance":"web-eu-fra-1"}[0.5] )");
  CHECK(lines("workloads/web&by=node", "cpu") == R"({"node":"n1"}[1.5] )");
  CHECK(lines("instances/web-eu-fra-1", "cpu") == "{}[0.5] ");
}

TEST_CASE("what can't be understood is said, and what there is not is not found") {
  Graphs graphs;
  CHECK(graphs.refused("").starts_with("ask with ?of=services/NAME"));
  CHECK(graphs.refused("of=services").starts_with("?of is * or KIND/NAME"));
  CHECK(graphs.refused("of=services/").starts_with("?of is * or KIND/NAME"));
  CHECK(graphs.refused("of=zones/a.example").starts_with("?of is * or KIND/NAME"));
  CHECK(graphs.refused("of=secrets/a").starts_with("?of is * or KIND/NAME"));
  CHECK(graphs.refused("of=endpoints/*") == "?of can't be all of this kind");
  CHECK(graphs.refused("of=services/none", 404) == "there is no Service/none");
  CHECK(graphs.refused("of=services/web&series=speed")
            .starts_with("?series is a list, with commas, of latency"));
  CHECK(graphs.refused("of=services/web&series=p50,latency") == "?series has p50 twice");
  CHECK(graphs.refused("of=services/web&by=node") == "?by of this kind can be edge endpoint");
  CHECK(graphs.refused("of=services/*&by=edge") == "?by of all of a kind can only be service");
  CHECK(graphs.refused("of=instances/web-eu-fra-1&by=edge") == "?by does not go with this kind");
  CHECK(graphs.refused("of=services/web&from=yesterday").starts_with("?from is a time"));
  CHECK(graphs.refused("of=services/web&to=-x").starts_with("?to is a time"));
  CHECK(graphs.refused("of=services/web&from=-1m&to=-2m") == "?from is after the end");
  CHECK(graphs.refused("of=services/web&step=15s") == "?step is a duration, a multiple of 10s");
  CHECK(graphs.refused("of=services/web&step=100ms") == "?step is a duration, a multiple of 10s");
  CHECK(graphs.refused("of=services/web&from=-24h&step=10s")
            .starts_with("?step is too short for so long a time"));
  CHECK(graphs.refused("of=services/web&limit=3") == "the parameters of the request are wrong");
}

TEST_CASE("who may read an object may see its graph, and nobody else") {
  Graphs graphs;
  const auto as = [&](const std::string& token, const std::string& query) {
    return graphs.world.call("GET", "/v1/metrics?" + query, {}, "Authorization: Bearer " + token + "\r\n")
        .status;
  };
  CHECK(as(graphs.world.viewer, "of=services/web") == 200);
  CHECK(as("wrong", "of=services/web") == 401);
  graphs.world.set_tokens(
      {{.name = "m",
        .hash = api::ApiFixture::token_of(7).hash,
        .role = auth::Role::kMember,
        .services = {"web"}},
       {.name = "j", .hash = api::ApiFixture::token_of(8).hash, .role = auth::Role::kJoin}});
  const std::string member = api::ApiFixture::token_of(7).text;
  CHECK(as(member, "of=services/web") == 200);
  CHECK(as(member, "of=services/db") == 403);
  CHECK(as(member, "of=services/*") == 403);
  CHECK(as(member, "of=*") == 403);
  CHECK(as(member, "of=edges/fra-1") == 403);
  CHECK(as(api::ApiFixture::token_of(8).text, "of=services/web") == 403);
}

struct Stream {
  Stream(Graphs& of, const std::string& query, std::string_view fields = {})
      : graphs(of), peer(of.world.fake, api::ApiFixture::kAddress) {
    peer.send(graphs.world.text_of("GET", "/v1/metrics?watch=true&" + query, {}, fields));
  }
  // What came, without heads and sizes of chunks.
  std::string told() {
    std::string all = peer.take();
    if (const std::size_t end = all.find("\r\n\r\n"); all.starts_with("HTTP/")) all.erase(0, end + 4);
    std::string text;
    while (!all.empty()) {
      const std::size_t end = all.find("\r\n");
      const std::size_t size = std::stoul(all.substr(0, end), nullptr, 16);
      if (size == 0) return text + "(end)";
      text += all.substr(end + 2, size);
      all.erase(0, end + 2 + size + 2);
    }
    return text;
  }
  Graphs& graphs;
  testing::Peer peer;
};

std::string points(std::int64_t from, const std::string& values) {
  return "id: " + std::to_string(from + 10 * (1 + std::ranges::count(values, ','))) +
         "\nevent: points\ndata: {\"step\":10,\"from\":" + std::to_string(from) +
         R"(,"series":[{"name":"requests","labels":{},"unit":"1/s","values":[)" + values + "]}]}\n\n";
}

TEST_CASE("a graph that is watched tells each step when it is over, from where it was asked or had ended") {
  constexpr std::int64_t kBegin = 1767225600;
  Graphs graphs;
  Stream live(graphs, "of=services/web&series=requests");
  CHECK(live.told() == "retry: 1000\n\n");
  graphs.world.fake.advance(4s);
  CHECK(live.told() == points(kBegin - 10, "null"));
  graphs.world.fake.advance(6s);
  graphs.say({graphs.web(10)});
  graphs.world.fake.advance(2s);
  CHECK(live.told().empty());
  graphs.world.fake.advance(2s);
  CHECK(live.told() == points(kBegin, "1"));
  graphs.world.fake.advance(6s);
  graphs.say({graphs.web(30)});
  graphs.world.fake.advance(4s);
  CHECK(live.told() == points(kBegin + 10, "3"));

  Stream all(graphs, "of=services/web&series=requests&from=-1m");
  CHECK(all.told() == "retry: 1000\n\n" + points(kBegin - 40, "null,null,null,null,1,3"));
  Stream again(graphs, "of=services/web&series=requests&from=-1m",
               "Last-Event-ID: " + std::to_string(kBegin + 10) + "\r\n");
  CHECK(again.told() == "retry: 1000\n\n" + points(kBegin + 10, "3"));
  CHECK(graphs.insight.graph_streams() == 3);

  // By larger steps it lives on by comments.
  Stream slow(graphs, "of=services/web&series=requests&step=5m");
  graphs.world.fake.advance(20s);
  CHECK(slow.told() == "retry: 1000\n\n: keep-alive\n\n");

  graphs.insight.stop();
  CHECK(live.told().ends_with("(end)"));
  CHECK(graphs.world.call("GET", "/v1/metrics?watch=true&of=*").status == 503);
}

TEST_CASE("a graph ends with its token, and only so many are watched") {
  Graphs graphs;
  Stream live(graphs, "of=*");
  (void)live.told();
  graphs.world.tokens.replace({});
  graphs.world.fake.advance(15s);
  CHECK(live.told().ends_with("(end)"));
  graphs.world.set_tokens();
  std::vector<std::unique_ptr<Stream>> many;
  for (std::size_t i = 0; i < Insight::kGraphStreamsMax; ++i) {
    many.push_back(std::make_unique<Stream>(graphs, "of=*"));
    graphs.world.fake.run_until_idle();
  }
  CHECK(graphs.world.call("GET", "/v1/metrics?watch=true&of=*").status == 503);
}

}  // namespace
}  // namespace weir::insight
