// What gRPC asks of HTTP/2 beyond HTTP (its PROTOCOL-HTTP2.md): which requests are its own, and how weir's
// own refusals are told to its clients, who look at grpc-status and not at the status. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/service.h"

namespace weir::h2 {

enum class GrpcStatus : std::uint8_t {
  kUnknown = 2,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

// application/grpc, with or without a suffix (+proto) or parameters; not application/grpc-web.
bool is_grpc(const http::Fields& request);

// By http-grpc-status-mapping.md; 413 and 429, which it does not know or takes for 503, are
// kResourceExhausted.
GrpcStatus grpc_status_for(int status);

// Turns a refusal (Response::refusal) into a response of trailers only: 200, grpc-status, grpc-message.
void tell_as_grpc(http::Response& response);

}  // namespace weir::h2
