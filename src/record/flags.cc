#include "record/flags.h"

namespace weir::record {
namespace {

Flags only(Flag flag) {
  Flags flags;
  flags.add(flag);
  return flags;
}

Flags of_upstream(Code code, bool connecting) {
  if (connecting) return only(Flag::kConnectFailure);
  switch (code) {
    case Code::kTimedOut: return only(Flag::kUpstreamTimeout);
    case Code::kMalformed:
    case Code::kHeadTooLarge:
    case Code::kBadVersion: return only(Flag::kUpstreamProtocol);
    case Code::kConnectFailed:
    case Code::kNoLocalPort: return only(Flag::kConnectFailure);
    default: return only(Flag::kUpstreamClosed);
  }
}

Flags of_downstream(Code code) {
  switch (code) {
    case Code::kTimedOut:
    case Code::kTooSlow: return only(Flag::kClientTimeout);
    case Code::kMalformed:
    case Code::kBadVersion: return only(Flag::kClientProtocol);
    case Code::kReset:
    case Code::kClosed:
    case Code::kIo: return only(Flag::kClientGone);
    default: return {};
  }
}

}  // namespace

std::string Flags::text() const {
  std::string text;
  for (const FlagKind& kind : kFlags) {
    if (has(kind.flag)) text.append(text.empty() ? "" : ",").append(kind.word);
  }
  return text.empty() ? "-" : text;
}

Flags flags_of(const Error& error, bool connecting) {
  switch (error.code) {
    case Code::kCancelled: return {};  // why is told at the end of the request
    case Code::kNoRoute: return only(Flag::kNoRoute);
    case Code::kNoEndpoint: return only(Flag::kNoEndpoint);
    case Code::kOverloaded: return only(Flag::kOverflow);
    default: break;
  }
  switch (error.side) {
    case Side::kUpstream: return of_upstream(error.code, connecting);
    case Side::kDownstream: return of_downstream(error.code);
    case Side::kInternal: break;
  }
  return {};
}

Flags flags_of(http::Cut cut) {
  switch (cut) {
    case http::Cut::kNone: break;
    case http::Cut::kClientGone: return only(Flag::kClientGone);
    case http::Cut::kClientTimedOut: return only(Flag::kClientTimeout);
    case http::Cut::kClientFault: return only(Flag::kClientProtocol);
    case http::Cut::kOriginBroke: return only(Flag::kUpstreamClosed);
    case http::Cut::kOriginTimedOut: return only(Flag::kUpstreamTimeout);
    case http::Cut::kStopped: return only(Flag::kStopped);
  }
  return {};
}

Flags flags_of_filter(std::string_view filter) {
  if (filter == "rate_limit") return only(Flag::kRateLimited);
  if (filter == "ip_access" || filter == "basic_auth" || filter == "sign_in") {
    return only(Flag::kAccessRefused);
  }
  return {};
}

}  // namespace weir::record
