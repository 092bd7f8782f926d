#include "record/access_lines.h"

#include <algorithm>
#include <chrono>

#include "record/json.h"
#include "record/peer_text.h"

namespace weir::record {
namespace {

using http::Known;

// null for what is not there, so that every line has the same keys.
void text_or_null(Json& json, std::string_view key, std::string_view value) {
  json.key(key);
  if (value.empty()) {
    json.null();
  } else {
    json.text(value);
  }
}

std::string_view protocol_of(const Decision& decision) {
  if (decision.version_major == 2) return "HTTP/2";
  return decision.version_minor == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

void write_tls(Json& json, const http::TlsInfo* tls) {
  text_or_null(json, "tls_version", tls == nullptr ? std::string_view() : tls->version);
  const auto cut = [](std::string_view value) { return value.substr(0, AccessLines::kTlsBytesMax); };
  text_or_null(json, "tls_server_name", tls == nullptr ? std::string_view() : cut(tls->server_name));
  text_or_null(json, "tls_client_subject", tls == nullptr ? std::string_view() : cut(tls->client_subject));
}

}  // namespace

AccessLines::AccessLines(AccessLog& log) : log_(log) {
  lines_.reserve(AccessLog::kBatchBytes + kLineBytesMax);
}

// "2026-11-21T03:11:19.250Z"; but for the milliseconds, mostly that of the line before.
std::string_view AccessLines::stamp(WallTime time) {
  const auto since_epoch = time.time_since_epoch();
  const auto second = std::chrono::floor<std::chrono::seconds>(since_epoch);
  if (second.count() != stamp_second_) {
    stamp_second_ = second.count();
    std::ranges::copy(format_rfc3339(time).substr(0, stamp_.size()), stamp_.begin());
  }
  const auto millis = static_cast<unsigned>((since_epoch - second).count());
  stamp_[20] = static_cast<char>('0' + millis / 100);
  stamp_[21] = static_cast<char>('0' + millis / 10 % 10);
  stamp_[22] = static_cast<char>('0' + millis % 10);
  return {stamp_.data(), stamp_.size()};
}

void AccessLines::add(const Decision& decision, const http::Request& request, WallTime ended) {
  write(lines_, stamp(began(ended, decision.took)), decision, request);
  end_line();
}

void AccessLines::write(std::string& to, std::string_view stamp, const Decision& decision,
                        const http::Request& request) {
  const http::RequestHead& head = request.head;
  const std::string_view target = head.target.empty() ? head.path : head.target;
  Json json(to);
  json.begin_object();
  json.key("time").text(stamp);
  json.key("request_id").text(decision.id.view());
  text_or_null(json, "trace_id", decision.trace_id.view());
  json.key("method").text(decision.method());
  json.key("host").text(decision.host.view());
  json.key("path").text(target.substr(0, kTargetBytesMax));
  json.key("protocol").text(protocol_of(decision));
  json.key("scheme").text(decision.scheme);
  json.key("status").number(decision.status);
  json.key("flags").text(decision.flags.text());
  text_or_null(json, "reason", decision.reason);
  json.key("bytes_received").number(decision.bytes_received);
  json.key("bytes_sent").number(decision.bytes_sent);
  json.key("duration_ms").milliseconds(decision.took);
  json.key("upstream_ms");
  if (decision.tries_made > 0) {
    json.milliseconds(decision.upstream_took);
  } else {
    json.null();
  }
  text_or_null(json, "load_balancer", decision.load_balancer());
  text_or_null(json, "route", decision.route);
  text_or_null(json, "filter", decision.filter);
  text_or_null(json, "service", decision.service);
  const std::size_t tries = decision.tries_kept();
  text_or_null(json, "endpoint", tries == 0 ? std::string_view() : decision.tries[tries - 1].endpoint.view());
  json.key("tries").number(decision.tries_made);
  json.key("peer").text(PeerText(decision.peer).view());
  text_or_null(json, "user_agent", head.fields.value_of(Known::kUserAgent).substr(0, kFieldBytesMax));
  text_or_null(json, "referer", head.fields.value_of(Known::kReferer).substr(0, kFieldBytesMax));
  write_tls(json, request.tls);
  json.end_object();
}

void AccessLines::add(const Connection& connection, WallTime ended) {
  write(lines_, stamp(began(ended, connection.took)), connection);
  end_line();
}

void AccessLines::write(std::string& to, std::string_view stamp, const Connection& connection) {
  Json json(to);
  json.begin_object();
  json.key("time").text(stamp);
  connection.write(json);
  json.end_object();
}

void AccessLines::end_line() {
  lines_ += '\n';
  ++count_;
  if (lines_.size() >= AccessLog::kBatchBytes) flush();
}

void AccessLines::flush() {
  log_.give(lines_, count_);
  count_ = 0;
  lines_.reserve(AccessLog::kBatchBytes + kLineBytesMax);
}

}  // namespace weir::record
