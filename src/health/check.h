// One active check of one endpoint: does it accept a connection, does it answer a GET, does it say of itself
// that it serves (gRPC). In the version of HTTP and over the TLS that requests come by. On the loop of the
// caller.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "lb/health_state.h"
#include "net/env.h"
#include "net/task.h"
#include "tls/client_context.h"
#include "tls/proxy_header.h"

namespace weir::health {

struct HttpCheck {
  std::string path;
  std::string host;                                    // of the Host field
  std::vector<std::pair<int, int>> expected_statuses;  // both ends included
  Result<void> judge(int status) const;
  friend bool operator==(const HttpCheck&, const HttpCheck&) = default;
};

// grpc.health.v1.Health/Check, which needs HTTP/2.
struct GrpcCheck {
  std::string service;  // that is asked about; empty: the server as a whole
  std::string host;     // of :authority
  friend bool operator==(const GrpcCheck&, const GrpcCheck&) = default;
};

// How an HTTP or gRPC check comes to the endpoint.
struct CheckTransport {
  bool http2 = false;
  bool secure = false;
  std::shared_ptr<tls::ClientContext> tls;  // null though secure: there is no way to the endpoint
  std::string server_name;                  // of its certificate
  std::optional<tls::ProxyVersion> proxy_header;
  friend bool operator==(const CheckTransport&, const CheckTransport&) = default;
};

struct Check {
  Duration interval{};
  Duration timeout{};  // for the whole check
  std::uint32_t unhealthy_threshold = 2;
  std::uint32_t healthy_threshold = 1;
  std::optional<HttpCheck> http;  // with neither: a connection is enough
  std::optional<GrpcCheck> grpc;
  CheckTransport transport;
  friend bool operator==(const Check&, const Check&) = default;
};

// addresses: of one endpoint; more than one: by happy eyeballs (tls/dial.h). Nothing: passed. The error says
// why it failed.
net::Task<Result<void>> run_check(net::Env& env, std::vector<net::Address> addresses, const Check& check);

}  // namespace weir::health
