// StatusPage: what a node says of itself to those who watch over it: /healthz, /readyz, /metrics, and
// /instances (JSON). It shows no spec, and so no secret. Has a server of its own.
#pragma once

#include <expected>
#include <string>

#include "http/server.h"
#include "http/service.h"
#include "net/env.h"
#include "net/task.h"
#include "node/node.h"

namespace weir::node {

class StatusPage final : public http::Service {
 public:
  // The node outlives it.
  StatusPage(net::Env& env, Node& node) : node_(node), server_(env, *this, {}) {}

  // The error is a sentence.
  std::expected<net::Address, std::string> listen(net::Env& env, const net::Address& at);
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;
  net::Task<void> stop() {
    server_.drain();
    server_.cut();
    co_await server_.join();
  }

 private:
  Node& node_;
  http::Server server_;
};

// [{"name": ..., "state": ..., "reason": ..., "address": ..., "restarts": 0}, ...]
std::string instances_json(const std::vector<Status>& all);

}  // namespace weir::node
