// The checks that go over HTTP/2: a GET, and grpc.health.v1.Health/Check. That has two messages of one field
// each, which are written and read by hand: no reason for a library of protocol buffers. On the loop of the
// caller.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "health/check.h"

namespace weir::health {

// Over a connection that has just been opened.
net::Task<Result<void>> check_over_http2(std::unique_ptr<net::Stream> stream, const Check& check,
                                         Instant deadline);

// The content of a request: HealthCheckRequest {string service = 1} with gRPC's prefix of five bytes.
std::string health_request(std::string_view service);
// The error says why not: HealthCheckResponse {enum status = 1}, with its prefix, is to be SERVING (1).
Result<void> judge_health_response(std::string_view content);

}  // namespace weir::health
