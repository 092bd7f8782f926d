#include "h2/head.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"
#include "http/h1_bytes.h"

namespace weir::h2 {
namespace {

using http::Known;
using http::Method;
using http::RequestHead;

constexpr std::size_t kMethodBytesMax = 32;  // the longest registered one has 17

std::unexpected<Error> malformed(const char* why) { return fail(Code::kMalformed, why, Side::kDownstream); }

// A CONNECT for WebSocket (RFC 8441 section 5) reads as what HTTP/1.1 has for that: a GET with an Upgrade.
// Nothing here opens any other tunnel on a client's word.
Result<void> settle_websocket(std::string_view protocol, RequestHead& head) {
  if (protocol.empty()) return fail(Code::kNotImplemented, "CONNECT is not served", Side::kDownstream);
  if (!equal_ignoring_case(protocol, "websocket")) {
    return fail(Code::kNotImplemented, "CONNECT is served for WebSocket only", Side::kDownstream);
  }
  head.method = Method::kGet;
  head.method_text = http::name_of(Method::kGet);
  head.upgrade = true;
  return {};
}

Result<void> settle_method(const FieldSection::Pseudo& pseudo, RequestHead& head) {
  const std::string_view text = pseudo.method;
  head.method_text = text;
  head.upgrade = false;
  if (text.size() > kMethodBytesMax) {
    return fail(Code::kNotImplemented, "method is too long", Side::kDownstream);
  }
  head.method = Method::kOther;
  for (unsigned i = 0; i < static_cast<unsigned>(Method::kOther); ++i) {
    if (http::name_of(static_cast<Method>(i)) != text) continue;
    head.method = static_cast<Method>(i);
    break;
  }
  if (head.method == Method::kConnect) return settle_websocket(pseudo.protocol, head);
  return {};
}

Result<void> settle_target(std::string_view path, RequestHead& head) {
  if (path.size() > limits::kTargetBytesMax) {
    return fail(Code::kTargetTooLong, "target longer than the limit", Side::kDownstream);
  }
  if (std::ranges::any_of(path, [](char c) { return http::is_a(http::kStopsTarget, c); })) {
    return malformed("byte that cannot be in a target");
  }
  const bool asterisk = path == "*" && head.method == Method::kOptions;
  if (!path.starts_with('/') && !asterisk) return malformed("target is not a path");
  head.target = path;
  const std::size_t question = path.find('?');
  head.path = path.substr(0, question);
  head.query = question == std::string_view::npos ? std::string_view() : path.substr(question + 1);
  return {};
}

// RFC 9113 section 8.3.1: a client may send Host in place of :authority, or both when they are the same.
Result<void> settle_authority(std::string_view authority, RequestHead& head) {
  if (head.fields.count(Known::kHost) > 1) return malformed("Host more than once");
  const http::Field* host = head.fields.find(Known::kHost);
  if (authority.empty() && host == nullptr) return malformed("neither :authority nor Host");
  if (host != nullptr && !authority.empty() && host->value != authority) {
    return malformed("Host differs from :authority");
  }
  head.authority = authority.empty() ? host->value : authority;
  if (!http::is_valid_authority(head.authority)) return malformed("authority is not valid");
  if (host == nullptr && !head.fields.add(Known::kHost, lower_name_of(Known::kHost), head.authority)) {
    return fail(Code::kHeadTooLarge, "more fields than the limit", Side::kDownstream);
  }
  return {};
}

Result<void> settle_expect(RequestHead& head) {
  head.expect_continue = false;
  for (const http::Field& field : head.fields) {
    if (field.known != Known::kExpect) continue;
    if (!equal_ignoring_case(field.value, "100-continue")) {
      return fail(Code::kExpectationFailed, "expectation other than 100-continue", Side::kDownstream);
    }
    head.expect_continue = head.framing == http::Framing::kChunked ||
                           (head.framing == http::Framing::kLength && head.content_length > 0);
  }
  return {};
}

struct Length {
  bool known = false;
  std::uint64_t bytes = 0;
};

Length content_length(const http::Fields& fields) {
  const http::Field* field = fields.find(Known::kContentLength);
  const auto number = field == nullptr ? std::nullopt : parse_decimal(field->value);
  return {number.has_value(), number.value_or(0)};
}

}  // namespace

Result<void> settle_request(const FieldSection& section, bool end_stream, RequestHead& head) {
  const FieldSection::Pseudo& pseudo = section.pseudo();
  head.version_minor = 1;
  head.keep_alive = true;
  if (section.too_large()) return fail(Code::kHeadTooLarge, "head larger than the limit", Side::kDownstream);
  if (auto method = settle_method(pseudo, head); !method) return method;
  if (pseudo.scheme != "http" && pseudo.scheme != "https") {
    return malformed("scheme is not http or https");
  }
  head.scheme = pseudo.scheme;
  if (auto target = settle_target(pseudo.path, head); !target) return target;
  if (auto authority = settle_authority(pseudo.authority, head); !authority) return authority;
  const Length length = head.upgrade ? Length() : content_length(head.fields);
  head.content_length = length.bytes;
  head.framing = head.upgrade   ? http::Framing::kNone  // what follows is the other protocol's
                 : length.known ? http::Framing::kLength
                 : end_stream   ? http::Framing::kNone
                                : http::Framing::kChunked;
  return head.fields.has(Known::kExpect) ? settle_expect(head) : Result<void>{};
}

bool is_connect(const FieldSection& section) {
  return section.pseudo().method == http::name_of(Method::kConnect) && section.pseudo().protocol.empty();
}

Result<void> settle_connect(const FieldSection& section, RequestHead& head) {
  if (section.too_large()) return fail(Code::kHeadTooLarge, "head larger than the limit", Side::kDownstream);
  head.version_minor = 1;
  head.keep_alive = true;
  head.upgrade = false;
  head.expect_continue = false;
  head.method = Method::kConnect;
  head.method_text = http::name_of(Method::kConnect);
  head.framing = http::Framing::kNone;  // what follows is no content
  return settle_authority(section.pseudo().authority, head);
}

Result<void> settle_response(const FieldSection& section, Method request, http::ResponseHead& head) {
  if (section.too_large()) return fail(Code::kHeadTooLarge, "head larger than the limit", Side::kUpstream);
  const auto status = parse_decimal(section.pseudo().status);
  if (!status || *status < 100 || *status > 599) {
    return fail(Code::kMalformed, "status is not within 100 and 599", Side::kUpstream);
  }
  if (*status == 101) return fail(Code::kMalformed, "101 does not exist in HTTP/2", Side::kUpstream);
  const bool switched = request == Method::kConnect && *status >= 200 && *status < 300;
  head.status = switched ? 101 : static_cast<int>(*status);
  head.reason = http::reason_of(head.status);
  head.version_minor = 1;
  head.keep_alive = true;
  const Length length = content_length(head.fields);
  head.content_length = length.bytes;
  const bool no_content =
      head.status < 200 || head.status == 204 || head.status == 304 || request == Method::kHead;
  // Without a length, the end is a matter of the framing, also when it has come already.
  head.framing = switched       ? http::Framing::kUntilClose
                 : no_content   ? http::Framing::kNone
                 : length.known ? http::Framing::kLength
                                : http::Framing::kChunked;
  return {};
}

}  // namespace weir::h2
