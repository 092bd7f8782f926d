#include "base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace weir {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

Error system_error(int os_errno, const char* text, Side side) {
  Error error{Code::kIo, side, Retry::kNever, os_errno, text};
  switch (os_errno) {
    case ECONNRESET:
    case EPIPE: error.code = Code::kReset; break;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENOENT:
    case EADDRNOTAVAIL: error.code = Code::kConnectFailed; break;
    case ETIMEDOUT: error.code = Code::kTimedOut; break;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: error.code = Code::kNoDescriptors; break;
    case EADDRINUSE: error.code = Code::kAddressInUse; break;
    case EACCES:
    case EPERM: error.code = Code::kNotPermitted; break;
    default: break;
  }
  return error;
}

std::string why_not(const Error& error) {
  if (error.os_errno == 0) return error.text;
  std::string text = std::strerror(error.os_errno);
  if (!text.empty()) text[0] = ascii_lower(text[0]);
  return text;
}

std::string sentence_of(const Error& error) {
  return error.os_errno == 0 ? error.text : std::string(error.text) + ": " + why_not(error);
}

std::string_view name_of(Code code) {
  switch (code) {
    case Code::kIo: return "io";
    case Code::kClosed: return "closed";
    case Code::kReset: return "reset";
    case Code::kConnectFailed: return "connect_failed";
    case Code::kTimedOut: return "timed_out";
    case Code::kTooSlow: return "too_slow";
    case Code::kCancelled: return "cancelled";
    case Code::kNoDescriptors: return "no_descriptors";
    case Code::kAddressInUse: return "address_in_use";
    case Code::kNotPermitted: return "not_permitted";
    case Code::kNotResolved: return "not_resolved";
    case Code::kNoLocalPort: return "no_local_port";
    case Code::kMalformed: return "malformed";
    case Code::kHeadTooLarge: return "head_too_large";
    case Code::kTargetTooLong: return "target_too_long";
    case Code::kBodyTooLarge: return "body_too_large";
    case Code::kNotImplemented: return "not_implemented";
    case Code::kBadVersion: return "bad_version";
    case Code::kExpectationFailed: return "expectation_failed";
    case Code::kNoRoute: return "no_route";
    case Code::kNoEndpoint: return "no_endpoint";
    case Code::kOverloaded: return "overloaded";
    case Code::kNotFound: return "not_found";
    case Code::kExists: return "exists";
    case Code::kConflict: return "conflict";
    case Code::kInvalid: return "invalid";
    case Code::kGone: return "gone";
    case Code::kUnauthenticated: return "unauthenticated";
    case Code::kForbidden: return "forbidden";
    case Code::kInternal: return "internal";
  }
  return "unknown";
}

}  // namespace weir
