// Error: what went wrong, on whose side, and whether trying again is right. A value: no allocation, no
// exceptions. Used on every core; never logged where it is made, only where it is handled.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace weir {

// One list for the whole program, grouped by layer.
enum class Code : std::uint16_t {
  // Operating system and network
  kIo = 1,         // a system call failed in a way without a code of its own; see os_errno
  kClosed,         // the peer ended the stream before it should have
  kReset,          // the peer reset the connection
  kConnectFailed,  // no connection could be made: refused, unreachable
  kTimedOut,       // a deadline passed
  kTooSlow,        // the peer sent or took bytes, but kept below the lowest rate for too long
  kCancelled,      // the task was told to stop
  kNoDescriptors,  // the process or the system is out of file descriptors
  kAddressInUse,   // another socket listens there
  kNotPermitted,   // the operating system refused
  kNotResolved,    // a name has no address
  kNoLocalPort,    // all local ports towards that address are in use
  // HTTP
  kMalformed,       // bytes that are not the protocol
  kHeadTooLarge,    // field section over its limit
  kTargetTooLong,   // request target over its limit
  kBodyTooLarge,    // content over its limit
  kNotImplemented,  // legal, but not done here (an unknown transfer coding, CONNECT)
  kBadVersion,      // a major version that is not spoken here
  kExpectationFailed,
  // Balancing
  kNoRoute,     // no load balancer or route matches
  kNoEndpoint,  // a route matches, but no endpoint can take the request
  kOverloaded,  // a named limit is reached
  // State
  kNotFound,
  kExists,
  kConflict,  // the expected revision is not the current one
  kInvalid,   // refused by validation
  kGone,      // the revision asked for is no longer kept
  kUnauthenticated,
  kForbidden,
  kInternal,  // our fault
};

enum class Side : std::uint8_t { kInternal, kDownstream, kUpstream };

// The peer did not send or take bytes in time.
constexpr bool is_late(Code code) { return code == Code::kTimedOut || code == Code::kTooSlow; }

// Whether the same operation may be tried again.
enum class Retry : std::uint8_t {
  kNever,
  kSafe,          // nothing of it was seen by the peer: always right
  kIfIdempotent,  // the peer may have acted upon it
};

struct Error {
  Code code = Code::kInternal;
  Side side = Side::kInternal;
  Retry retry = Retry::kNever;
  int os_errno = 0;
  const char* text = "";  // static; a short sentence without a full stop

  friend bool operator==(const Error& left, const Error& right) { return left.code == right.code; }
};

template <class T>
using Result = std::expected<T, Error>;

// return fail(Code::kMalformed, "no colon in a field line");
constexpr std::unexpected<Error> fail(Code code, const char* text, Side side = Side::kInternal,
                                      Retry retry = Retry::kNever) {
  return std::unexpected(Error{code, side, retry, 0, text});
}
constexpr std::unexpected<Error> fail(const Error& error) { return std::unexpected(error); }

// The error for a failed system call; picks the code from the errno.
Error system_error(int os_errno, const char* text, Side side = Side::kInternal);

// Why a system call failed: "address already in use"; for another error its own text.
std::string why_not(const Error& error);

// "cannot bind: address already in use": for people.
std::string sentence_of(const Error& error);

// "connect_failed": stable, lower case; used in logs, metrics and the weir-reason field.
std::string_view name_of(Code code);

}  // namespace weir
