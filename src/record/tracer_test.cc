#include "record/tracer.h"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace weir::record {
namespace {

using http::Known;
using namespace std::chrono_literals;

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kParent = "00f067aa0ba902b7";
constexpr WallTime kEnd{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};

class Kept final : public LineTarget {
 public:
  Kept() : LineTarget("kept") {}
  std::string all() {
    std::string text;
    while (auto batch = take()) {
      text += batch->lines;
      count += batch->count;
    }
    return text;
  }
  std::uint64_t count = 0;
};

struct Place {
  explicit Place(double ratio) : tracing{kept, Tracing::share_of(ratio)} {}
  Kept kept;
  Tracing tracing;
  Random random{1};
  Tracer tracer{tracing, random};
  Journal journal;
};

struct Asked {
  explicit Asked(std::string_view traceparent = {}) : request{.head = head} {
    request.id = "r-1";
    head.method = http::Method::kGet;
    head.target = "/a?b=c";
    head.authority = std::string_view("web.example:8080");
    head.fields.add(Known::kUserAgent, "test");
    if (!traceparent.empty()) head.fields.add(Known::kTraceparent, traceparent);
    head.fields.add("tracestate", "vendor=1");
    request.peer = net::Address::v4({192, 0, 2, 7}, 4711);
    request.arrived = Instant(1h);
  }
  Decision& begin(Place& place) {
    Decision& decision = place.journal.begin(request);
    place.tracer.begin(decision, request);
    return decision;
  }
  std::string sent() const { return std::string(head.fields.value_of(Known::kTraceparent)); }
  http::RequestHead head;
  http::Request request;
};

std::string traceparent(std::string_view flags, std::string_view parent = kParent) {
  return "00-" + std::string(kTrace) + '-' + std::string(parent) + '-' + std::string(flags);
}
std::string hex(std::uint64_t number) {
  const auto text = hex_of(number);
  return {text.data(), text.size()};
}

TEST_CASE("traceparent says who is the parent, and whether it is sampled") {
  const std::string value = traceparent("01");
  const Traceparent read = parse_traceparent(value);
  CHECK(read.trace_id == kTrace);
  CHECK(read.parent_id == kParent);
  CHECK(read.sampled);
  for (const char* flags : {"03", "0b", "ff"}) CHECK(parse_traceparent(traceparent(flags)).sampled);
  for (const char* flags : {"00", "02", "0a", "fe"})
    CHECK_FALSE(parse_traceparent(traceparent(flags)).sampled);
  CHECK(parse_traceparent("00-" + std::string(kTrace)).parent_id.empty());
  CHECK(hex(0x0123456789abcdefU) == "0123456789abcdef");
}

TEST_CASE("a trace that came sampled goes on: with weir's own span as its child, and a try's below that") {
  Place place(0);
  const std::string came = traceparent("01");
  Asked asked(came);
  Decision& decision = asked.begin(place);
  CHECK(decision.trace.sampled);
  CHECK(decision.trace.has_parent);
  CHECK(std::string_view(decision.trace.parent.data(), kSpanIdBytes) == kParent);
  CHECK(decision.trace_id.view() == kTrace);
  CHECK(asked.sent() == traceparent("01", hex(decision.trace.span_of_try(1))));
  CHECK(asked.head.fields.find("tracestate") != nullptr);
  std::set<std::uint64_t> ids{decision.trace.span};
  for (std::uint32_t number = 1; number < 10; ++number) ids.insert(decision.trace.span_of_try(number));
  CHECK(ids.size() == 10);
  CHECK_FALSE(ids.contains(0));
  place.journal.end(decision);
}

TEST_CASE("a trace that came unsampled is let be") {
  Place place(1);
  const std::string came = traceparent("00");
  Asked asked(came);
  Decision& decision = asked.begin(place);
  CHECK_FALSE(decision.trace.sampled);
  CHECK(decision.trace.span == 0);
  CHECK(asked.sent() == came);
  place.journal.end(decision);
}

TEST_CASE("without a trace, or with one that can't be read, one begins here") {
  Place place(1);
  for (const std::string_view came : {std::string_view(), std::string_view("rubbish")}) {
    Asked asked(came);
    Decision& decision = asked.begin(place);
    CHECK(decision.trace.sampled);
    CHECK_FALSE(decision.trace.has_parent);
    const std::string sent = asked.sent();
    const Traceparent read = parse_traceparent(sent);
    CHECK(read.sampled);
    CHECK(read.trace_id == decision.trace_id.view());
    CHECK(read.parent_id == hex(decision.trace.span_of_try(1)));
    CHECK((asked.head.fields.find("tracestate") == nullptr) == !came.empty());
    place.journal.end(decision);
  }
  const std::string came = traceparent("01");
  Asked twice(came);
  twice.head.fields.add(Known::kTraceparent, came);
  Decision& decision = twice.begin(place);
  CHECK_MESSAGE(decision.trace_id.view() != kTrace, "which of the two holds, nobody knows");
  CHECK(twice.head.fields.count(Known::kTraceparent) == 1);
  place.journal.end(decision);
}

TEST_CASE("of the traces that begin here, the share is sampled; endpoints are told of the others, too") {
  Place place(0.1);
  int sampled = 0;
  std::set<std::string> traces;
  for (int i = 0; i < 2000; ++i) {
    Asked asked;
    Decision& decision = asked.begin(place);
    const std::string sent = asked.sent();
    const Traceparent read = parse_traceparent(sent);
    CHECK(read.sampled == decision.trace.sampled);
    traces.insert(std::string(read.trace_id));
    sampled += decision.trace.sampled ? 1 : 0;
    place.journal.end(decision);
  }
  CHECK(traces.size() == 2000);
  CHECK(sampled > 140);
  CHECK(sampled < 260);
  CHECK(Tracing::share_of(1) == Tracing::kAll);
  CHECK(Tracing::share_of(0) == 0);
  CHECK(Tracing::share_of(7) == Tracing::kAll);
}

TEST_CASE("another try has a span of its own, in the bytes that are sent as well") {
  Place place(1);
  Asked asked;
  Decision& decision = asked.begin(place);
  std::string head = "GET / HTTP/1.1\r\nTraceparent: " + asked.sent() + "\r\n\r\n";
  const std::string first = head;
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(head.data(), head.size()));
  decision.begin_try("a:80", false, asked.request.arrived);
  Tracer::mark_try(decision, bytes);
  CHECK(head == first);
  decision.begin_try("b:80", false, asked.request.arrived);
  Tracer::mark_try(decision, bytes);
  CHECK(head == "GET / HTTP/1.1\r\nTraceparent: 00-" + std::string(decision.trace_id.view()) + '-' +
                    hex(decision.trace.span_of_try(2)) + "-01\r\n\r\n");
  CHECK_MESSAGE(asked.sent().find(hex(decision.trace.span_of_try(2))) == 36, "the field of HTTP/2");
  place.journal.end(decision);
}

TEST_CASE("spans: the request's, and each try's") {
  Place place(0);
  const std::string came = traceparent("01");
  Asked asked(came);
  Decision& decision = asked.begin(place);
  decision.route = "web/0";
  decision.service = "web";
  decision.reason = {};
  Try& failed = decision.begin_try("10.0.0.1:80", false, asked.request.arrived + 1ms);
  decision.end_try(failed, Error{.code = Code::kConnectFailed, .text = "refused"},
                   asked.request.arrived + 2ms);
  Try& answered = decision.begin_try("[::1]:81", true, asked.request.arrived + 3ms);
  decision.end_try(answered, 200, asked.request.arrived + 8ms);
  decision.end({.status = 200, .body_bytes_sent = 5}, asked.request.arrived + 10ms);
  place.tracer.add(decision, asked.request, kEnd);
  place.tracer.flush();
  const std::string spans = place.kept.all();
  CAPTURE(spans);
  CHECK(place.kept.count == 3);
  const auto has = [&](const std::string& part) { return spans.find(part) != spans.npos; };
  const std::string trace(kTrace);
  CHECK(has("{\"traceId\":\"" + trace + "\",\"spanId\":\"" + hex(decision.trace.span) +
            "\",\"parentSpanId\":\"" + std::string(kParent) +
            "\",\"name\":\"GET\",\"kind\":2,\"startTimeUnixNano\":\"1767225599990000000\","
            "\"endTimeUnixNano\":\"1767225600000000000\",\"attributes\":["
            "{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"GET\"}}"));
  const std::string below =
      "\",\"parentSpanId\":\"" + hex(decision.trace.span) + "\",\"name\":\"GET\",\"kind\":3,";
  CHECK(has(hex(decision.trace.span_of_try(1)) + below +
            "\"startTimeUnixNano\":\"1767225599991000000\",\"endTimeUnixNano\":\"1767225599992000000\""));
  CHECK(has(hex(decision.trace.span_of_try(2)) + below +
            "\"startTimeUnixNano\":\"1767225599993000000\",\"endTimeUnixNano\":\"1767225599998000000\""));
  for (const auto& [key, value] : {std::pair("url.path", "/a"),
                                   {"url.query", "b=c"},
                                   {"url.scheme", "http"},
                                   {"server.address", "web.example"},
                                   {"server.address", "::1"},
                                   {"client.address", "192.0.2.7"},
                                   {"user_agent.original", "test"},
                                   {"network.protocol.version", "1.1"},
                                   {"error.type", "connect_failed"},
                                   {"weir.request_id", "r-1"},
                                   {"weir.load_balancer", "web"},
                                   {"weir.service", "web"},
                                   {"weir.endpoint", "10.0.0.1:80"},
                                   {"weir.connection", "reused"},
                                   {"weir.flags", "-"}}) {
    CAPTURE(key);
    CHECK(has("{\"key\":\"" + std::string(key) + "\",\"value\":{\"stringValue\":\"" + value + "\"}}"));
  }
  for (const auto& [key, value] : {std::pair("http.response.status_code", "200"),
                                   {"server.port", "8080"},
                                   {"server.port", "81"},
                                   {"http.response.body.size", "5"},
                                   {"http.request.resend_count", "1"},
                                   {"weir.tries", "2"}}) {
    CAPTURE(key);
    CHECK(has("{\"key\":\"" + std::string(key) + "\",\"value\":{\"intValue\":\"" + value + "\"}}"));
  }
  CHECK(has("\"status\":{\"code\":2,\"message\":\"refused\"}},"));
  CHECK(spans.ends_with("},"));
  place.journal.end(decision);
}

TEST_CASE("what weir itself answers, and methods that nobody knows") {
  Place place(1);
  Asked asked;
  asked.head.method = http::Method::kOther;
  asked.head.method_text = "BREW";
  asked.head.authority = std::string_view("[::1]");
  Decision& decision = asked.begin(place);
  decision.reason = "no_route";
  decision.end({.status = 0}, asked.request.arrived);
  place.tracer.add(decision, asked.request, kEnd);
  place.tracer.flush();
  const std::string spans = place.kept.all();
  CAPTURE(spans);
  for (const char* part : {R"("name":"HTTP")", R"({"stringValue":"_OTHER"})", R"({"stringValue":"BREW"})",
                           R"({"key":"error.type","value":{"stringValue":"no_route"}})",
                           R"({"key":"server.address","value":{"stringValue":"::1"}})",
                           R"("status":{"code":2,"message":"no_route"})"}) {
    CAPTURE(part);
    CHECK(spans.find(part) != spans.npos);
  }
  CHECK(spans.find("parentSpanId") == spans.npos);
  CHECK(spans.find("server.port") == spans.npos);
  place.journal.end(decision);
}

TEST_CASE("spans are handed over when they fill a batch") {
  Place place(1);
  std::uint64_t requests = 0;
  for (; place.kept.count == 0 && requests < 1000; ++requests) {
    Asked asked;
    Decision& decision = asked.begin(place);
    decision.end({.status = 200}, asked.request.arrived);
    place.tracer.add(decision, asked.request, kEnd);
    place.journal.end(decision);
    (void)place.kept.all();
  }
  CHECK(place.kept.count == requests);
  CHECK(requests > 30);
  CHECK(requests < 200);
}

}  // namespace
}  // namespace weir::record
