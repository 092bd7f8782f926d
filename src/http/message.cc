#include "http/message.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace weir::http {
namespace {

constexpr std::array<std::string_view, 10> kMethodNames = {"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                                           "CONNECT", "OPTIONS", "TRACE", "PATCH", ""};
static_assert(kMethodNames.size() == static_cast<std::size_t>(Method::kOther) + 1);

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// RFC 3986 unreserved.
constexpr std::array<bool, 256> kNameByte = [] {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) {
    table[static_cast<std::size_t>(c)] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                                         (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
                                         c == '~';
  }
  return table;
}();

struct Reason {
  std::int16_t status;
  std::string_view text;
};
// The registered ones (RFC 9110 section 15 and the registry), in order.
constexpr Reason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};
static_assert(std::ranges::is_sorted(kReasons, {}, &Reason::status));

// Behind the host: nothing, or ':' and at most five digits (none is legal too: the scheme's own port).
bool is_valid_port(const char* at, const char* end) {
  if (at == end) return true;
  if (*at != ':' || end - at > 6) return false;
  unsigned port = 0;
  while (++at != end) {
    const auto digit = static_cast<unsigned>(*at - '0');
    if (digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65535;
}

}  // namespace

std::string_view name_of(Method method) { return kMethodNames[static_cast<std::size_t>(method)]; }

std::string_view host_of(std::string_view authority) {
  if (!authority.empty() && authority.front() == '[') return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

bool is_valid_authority(std::string_view authority) {
  const char* at = authority.data();
  const char* end = at + authority.size();
  if (at != end && *at == '[') {  // IPv6; dialling it checks more than its alphabet
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos || close < 3 || close > 46) return false;
    for (const char c : authority.substr(1, close - 1)) {
      if (!is_hex(c) && c != ':' && c != '.') return false;
    }
    return is_valid_port(at + close + 1, end);
  }
  while (at != end && kNameByte[static_cast<unsigned char>(*at)]) ++at;
  return at != authority.data() && is_valid_port(at, end);
}

int status_for(const Error& error) {
  if (error.side == Side::kUpstream && error.code != Code::kOverloaded) {
    return error.code == Code::kTimedOut ? 504 : 502;
  }
  switch (error.code) {
    case Code::kMalformed:
    case Code::kClosed:
    case Code::kReset: return 400;
    case Code::kInvalid: return 422;
    case Code::kUnauthenticated: return 401;
    case Code::kForbidden: return 403;
    case Code::kNoRoute:
    case Code::kNotFound: return 404;
    case Code::kTimedOut:
    case Code::kTooSlow: return 408;
    case Code::kExists:
    case Code::kConflict: return 409;
    case Code::kGone: return 410;
    case Code::kBodyTooLarge: return 413;
    case Code::kTargetTooLong: return 414;
    case Code::kExpectationFailed: return 417;
    case Code::kHeadTooLarge: return 431;
    case Code::kNotImplemented: return 501;
    case Code::kConnectFailed:
    case Code::kNotResolved: return 502;
    case Code::kNoLocalPort:
    case Code::kNoEndpoint:
    case Code::kOverloaded:
    case Code::kNoDescriptors: return 503;
    case Code::kBadVersion: return 505;
    default: return 500;
  }
}

std::string_view reason_of(int status) {
  if (status == 200) return "OK";
  const Reason* found = std::ranges::lower_bound(kReasons, status, {}, &Reason::status);
  return found != std::end(kReasons) && found->status == status ? found->text : "Unknown";
}

}  // namespace weir::http
