// Status: how a call of gRPC ended, and how other ends are read as one: an HTTP status, a reset, an Error.
// With its way through the fields grpc-status and grpc-message. A value; pure. (gRPC's PROTOCOL-HTTP2.md,
// http-grpc-status-mapping.md)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "h2/frame_scanner.h"
#include "http/fields.h"

namespace weir::grpc {

// gRPC's numbers.
enum class StatusCode : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};
inline constexpr std::uint8_t kStatusCodeMax = 16;

struct Status {
  StatusCode code = StatusCode::kOk;
  std::string message;  // for people; UTF-8

  bool ok() const { return code == StatusCode::kOk; }
  friend bool operator==(const Status&, const Status&) = default;
};

// "RESOURCE_EXHAUSTED"
std::string_view name_of(StatusCode code);
// "8": of grpc-status; static text
std::string_view number_of(StatusCode code);
// A number that is not gRPC's is kUnknown.
StatusCode parse_status_code(std::string_view number);

// What a handler makes of an error that it can't do anything about.
Status status_of(const Error& error);
// Of a response that is not gRPC's own.
StatusCode status_for_http(int status);
// Of a stream that was reset by the peer.
StatusCode status_for_reset(h2::ErrorCode code);
// By grpc-status and grpc-message among the fields; without the former: kUnknown.
Status status_in(const http::Fields& fields);

// Printable ASCII but '%' stays, each other byte becomes %XX.
std::string encode_message(std::string_view message);
// What is no encoding stays as it is.
std::string decode_message(std::string_view text);

}  // namespace weir::grpc
