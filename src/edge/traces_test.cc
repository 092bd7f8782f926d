// Distributed traces through the edge: what endpoints are told, and the spans that come of it.
#include <string>

#include "edge/edge_fixture.h"
#include "record/tracer.h"

namespace weir::edge {
namespace {

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";

class Kept final : public record::LineTarget {
 public:
  Kept() : LineTarget("kept") {}
  std::string all() {
    std::string text;
    while (auto batch = take()) text += batch->lines;
    return text;
  }
};

struct Traced {
  explicit Traced(double ratio) : tracing{kept, record::Tracing::share_of(ratio)} {}
  Kept kept;
  record::Tracing tracing;
  Fixture fixture{{.tracing = &tracing}};
  std::string spans() {
    fixture.fake.advance(2s);
    return kept.all();
  }
};

void ask(Peer& client, std::string_view more = "") {
  client.send("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n");
}

std::string parent_in(const std::string& request, std::string_view trace) {
  const std::string begin = "raceparent: 00-" + std::string(trace) + '-';
  const std::size_t at = request.find(begin);
  CHECK_MESSAGE(at != std::string::npos, request);
  return at == std::string::npos ? "" : request.substr(at + begin.size(), 16);
}

TEST_CASE("each try of a sampled request tells its endpoint of a span of its own, which is told, too") {
  Traced traced(0);
  Fixture& fixture = traced.fixture;
  PeerListener one(fixture.fake, "10.0.0.1:80");
  PeerListener two(fixture.fake, "10.0.0.2:80");
  fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")});
  Peer client(fixture.fake, kEdge);
  ask(client, "traceparent: 00-" + std::string(kTrace) + "-00f067aa0ba902b7-01\r\ntracestate: v=1\r\n");
  Peer first = one.accept();
  const std::string asked = first.take();
  first.abort();
  Peer second = two.accept();
  const std::string again = second.take();
  second.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  CHECK(client.take().ends_with("ok"));
  const std::string parent = parent_in(asked, kTrace);
  const std::string next = parent_in(again, kTrace);
  CHECK(parent != next);
  CHECK(asked.find("tracestate: v=1") != std::string::npos);
  const std::string spans = traced.spans();
  CAPTURE(spans);
  CHECK(spans.find("\"spanId\":\"" + parent + "\",\"parentSpanId\":\"") != std::string::npos);
  CHECK(spans.find("\"spanId\":\"" + next + "\",\"parentSpanId\":\"") != std::string::npos);
  CHECK(spans.find("\"parentSpanId\":\"00f067aa0ba902b7\",\"name\":\"GET\",\"kind\":2") != std::string::npos);
  CHECK(spans.find(R"({"key":"weir.endpoint","value":{"stringValue":"10.0.0.2:80"}})") != std::string::npos);
}

TEST_CASE("endpoints of HTTP/2 are told, too") {
  Traced traced(0);
  Fixture& fixture = traced.fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.snapshot.services[0].spec.protocol = config::Protocol::kHttp2;
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  const std::string came = "00-" + std::string(kTrace) + "-00f067aa0ba902b7-01";
  ask(client, "traceparent: " + came + "\r\n");
  const std::string asked = origin.accept().take();
  CHECK_MESSAGE(asked.find(came) == std::string::npos, "not as it came");
}

TEST_CASE("what is not sampled is told to nobody but the endpoint") {
  Traced traced(0);
  Fixture& fixture = traced.fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  const std::string came = "00-" + std::string(kTrace) + "-00f067aa0ba902b7-00";
  ask(client, "traceparent: " + came + "\r\n");
  Peer upstream = origin.accept();
  CHECK(upstream.take().find("traceparent: " + came + "\r\n") != std::string::npos);
  upstream.send("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(client.take() != "");
  ask(client);
  const std::string begun = upstream.take();
  CHECK(begun.find("-00\r\n", begun.find("raceparent: 00-")) != std::string::npos);
  upstream.send("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(client.take() != "");
  CHECK(traced.spans() == "");
}

TEST_CASE("what weir answers by itself is a span without tries") {
  Traced traced(1);
  Fixture& fixture = traced.fixture;
  fixture.apply({});
  Peer client(fixture.fake, kEdge);
  ask(client);
  CHECK(client.take().starts_with("HTTP/1.1 503"));
  const std::string spans = traced.spans();
  CHECK(spans.find(R"("kind":2)") != std::string::npos);
  CHECK(spans.find(R"("kind":3)") == std::string::npos);
  CHECK(spans.find(R"({"key":"error.type","value":{"stringValue":"no_endpoint"}})") != std::string::npos);
}

}  // namespace
}  // namespace weir::edge
