#include "record/tracer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>

#include "http/message.h"
#include "record/json.h"
#include "record/peer_text.h"

namespace weir::record {
namespace {

using http::Known;

// Of OTLP (opentelemetry/proto/trace/v1/trace.proto).
constexpr std::uint64_t kServer = 2;
constexpr std::uint64_t kClient = 3;
constexpr std::uint64_t kStatusError = 2;

// The attributes of a span: [{"key": ..., "value": {"stringValue": ...}}, ...].
class Attributes {
 public:
  explicit Attributes(Json& json) : json_(json) { json_.key("attributes").begin_array(); }
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    begin(name);
    json_.key("stringValue").text(value);
    end();
  }
  // A 64-bit number of protobuf's JSON is a text.
  void number(std::string_view name, std::uint64_t value) {
    std::array<char, 20> digits;
    const auto done = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    begin(name);
    json_.key("intValue").text({digits.data(), done.ptr});
    end();
  }
  void finish() { json_.end_array(); }

 private:
  void begin(std::string_view name) {
    json_.begin_object();
    json_.key("key").text(name);
    json_.key("value").begin_object();
  }
  void end() {
    json_.end_object();
    json_.end_object();
  }
  Json& json_;
};

void moment(Json& json, std::string_view name, std::int64_t nanoseconds) {
  std::array<char, 20> digits;
  const auto done = std::to_chars(digits.data(), digits.data() + digits.size(), nanoseconds);
  json.key(name).text({digits.data(), done.ptr});
}

void begin_span(Json& json, std::string_view trace_id, std::uint64_t span, std::string_view parent,
                std::string_view name, std::uint64_t kind) {
  const auto id = hex_of(span);
  json.begin_object();
  json.key("traceId").text(trace_id);
  json.key("spanId").text({id.data(), id.size()});
  if (!parent.empty()) json.key("parentSpanId").text(parent);
  json.key("name").text(name);
  json.key("kind").number(kind);
}

void end_span(Json& json, bool error, std::string_view message) {
  if (error) {
    json.key("status").begin_object();
    json.key("code").number(kStatusError);
    if (!message.empty()) json.key("message").text(message);
    json.end_object();
  }
  json.end_object();
}

// "10.0.0.1:80", "[::1]:80" or a name with a port: server.address and server.port.
void add_server(Attributes& attributes, std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != authority.npos && authority.find(']', colon) == authority.npos;
  std::string_view host = authority.substr(0, has_port ? colon : authority.size());
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  attributes.text("server.address", host);
  std::uint16_t port = 0;
  const std::string_view digits = has_port ? authority.substr(colon + 1) : std::string_view();
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (!digits.empty() && read.ec == std::errc() && read.ptr == digits.data() + digits.size()) {
    attributes.number("server.port", port);
  }
}

void add_method(Attributes& attributes, const Decision& decision) {
  const bool known = decision.known_method != http::Method::kOther;
  attributes.text("http.request.method", known ? decision.method() : "_OTHER");
  if (!known) attributes.text("http.request.method_original", decision.method());
}

// Of low cardinality, as the conventions want it.
std::string_view name_of_span(const Decision& decision) {
  return decision.known_method == http::Method::kOther ? "HTTP" : decision.method();
}

std::string_view digits_of(std::uint16_t status, std::array<char, 5>& room) {
  return {room.data(), std::to_chars(room.data(), room.data() + room.size(), status).ptr};
}

}  // namespace

std::uint64_t Tracing::share_of(double ratio) {
  return static_cast<std::uint64_t>(std::clamp(ratio, 0.0, 1.0) * static_cast<double>(kAll));
}

void Tracer::begin(Decision& decision, http::Request& request) {
  http::Fields& fields = request.head.fields;
  RequestTrace& trace = decision.trace;
  const Traceparent parent = parse_traceparent(fields.value_of(Known::kTraceparent));
  if (!parent.trace_id.empty() && fields.count(Known::kTraceparent) == 1) {
    if (!parent.sampled) return;
    trace.sampled = trace.has_parent = true;
    std::ranges::copy(parent.parent_id, trace.parent.begin());
  } else {
    // tracestate belongs to what could not be read.
    if (fields.has(Known::kTraceparent)) (void)fields.remove("tracestate");
    const std::uint64_t low = random_.next();
    const auto first = hex_of(random_.next() | 1U);
    const auto second = hex_of(low);
    std::array<char, kTraceIdBytes> id;
    std::ranges::copy(second, std::ranges::copy(first, id.begin()).out);
    decision.trace_id.assign({id.data(), id.size()});
    // By the end of the id, so that all who decide by it decide the same.
    trace.sampled = (low & (Tracing::kAll - 1)) < tracing_.share;
  }
  trace.span = random_.next() | 1U;
  trace.set_try(decision.trace_id.view(), 1);
  (void)fields.set(Known::kTraceparent, trace.sent_view());  // no room: the endpoint is not told
}

void Tracer::mark_try(Decision& decision, std::span<std::byte> serialised) {
  RequestTrace& trace = decision.trace;
  if (!trace.sampled || decision.tries_made <= 1) return;
  const auto before = trace.sent;
  trace.set_try(decision.trace_id.view(), decision.tries_made);
  const auto found = std::ranges::search(serialised, std::as_bytes(std::span(before)));
  if (!found.empty()) std::ranges::copy(std::as_bytes(std::span(trace.sent)), found.begin());
}

void Tracer::add(const Decision& decision, const http::Request& request, WallTime ended) {
  const auto end = std::chrono::duration_cast<Duration>(ended.time_since_epoch());
  const std::int64_t began = (end - decision.took).count();
  add_request(decision, request, began);
  const std::size_t kept = decision.tries_kept();
  for (std::size_t i = 0; i < kept; ++i) {
    const bool last = i + 1 == kept;
    const Try& one = decision.tries[i];
    add_try(decision, last ? decision.tries_made : static_cast<std::uint32_t>(i + 1), one,
            began + (one.began - decision.arrived).count());
  }
  if (spans_.size() >= kBatchBytes) flush();
}

void Tracer::add_request(const Decision& decision, const http::Request& request, std::int64_t began) {
  const http::RequestHead& head = request.head;
  const RequestTrace& trace = decision.trace;
  Json json(spans_);
  begin_span(
      json, decision.trace_id.view(), trace.span,
      trace.has_parent ? std::string_view(trace.parent.data(), trace.parent.size()) : std::string_view(),
      name_of_span(decision), kServer);
  moment(json, "startTimeUnixNano", began);
  moment(json, "endTimeUnixNano", began + decision.took.count());
  Attributes attributes(json);
  add_method(attributes, decision);
  const std::string_view target = decision.target.view();
  const std::size_t query = std::min(target.find('?'), target.size());
  attributes.text("url.scheme", decision.scheme);
  attributes.text("url.path", target.substr(0, query));
  if (query < target.size()) attributes.text("url.query", target.substr(query + 1));
  add_server(attributes, decision.host.view());
  attributes.text("client.address", PeerText(decision.peer).view());
  attributes.text("network.protocol.version", decision.version_major == 2   ? "2"
                                              : decision.version_minor == 0 ? "1.0"
                                                                            : "1.1");
  attributes.text("user_agent.original", head.fields.value_of(Known::kUserAgent).substr(0, kFieldBytesMax));
  if (decision.status != 0) attributes.number("http.response.status_code", decision.status);
  attributes.number("http.request.body.size", decision.bytes_received);
  attributes.number("http.response.body.size", decision.bytes_sent);
  const bool error = decision.status >= 500 || decision.status == 0;
  std::array<char, 5> room;
  const std::string_view status = digits_of(decision.status, room);
  const std::string_view sort = decision.reason.empty() ? status : decision.reason;
  if (error) attributes.text("error.type", decision.status == 0 && decision.reason.empty() ? "none" : sort);
  attributes.text("weir.request_id", decision.id.view());
  attributes.text("weir.load_balancer", decision.load_balancer());
  attributes.text("weir.route", decision.route);
  attributes.text("weir.filter", decision.filter);
  attributes.text("weir.service", decision.service);
  if (decision.tries_made > 0) attributes.text("weir.endpoint", decision.last_try().endpoint.view());
  attributes.number("weir.tries", decision.tries_made);
  attributes.text("weir.flags", decision.flags.text());
  attributes.text("weir.reason", decision.reason);
  attributes.finish();
  end_span(json, error, decision.reason);
  spans_ += ',';
  ++count_;
}

void Tracer::add_try(const Decision& decision, std::uint32_t number, const Try& one, std::int64_t began) {
  const auto parent = hex_of(decision.trace.span);
  Json json(spans_);
  begin_span(json, decision.trace_id.view(), decision.trace.span_of_try(number),
             {parent.data(), parent.size()}, name_of_span(decision), kClient);
  moment(json, "startTimeUnixNano", began);
  moment(json, "endTimeUnixNano", began + one.took.count());
  Attributes attributes(json);
  add_method(attributes, decision);
  add_server(attributes, one.endpoint.view());
  if (number > 1) attributes.number("http.request.resend_count", number - 1);
  if (one.status != 0) attributes.number("http.response.status_code", one.status);
  const bool error = one.status == 0 || one.status >= 400;
  std::array<char, 5> room;
  if (error) {
    const std::string_view outcome = one.outcome.empty() ? "cancelled" : one.outcome;
    attributes.text("error.type", one.status == 0 ? outcome : digits_of(one.status, room));
  }
  attributes.text("weir.service", decision.service);
  attributes.text("weir.endpoint", one.endpoint.view());
  attributes.text("weir.connection", one.reused ? "reused" : "new");
  attributes.finish();
  end_span(json, error, one.detail);
  spans_ += ',';
  ++count_;
}

void Tracer::flush() {
  tracing_.target.give(spans_, count_);
  count_ = 0;
}

}  // namespace weir::record
