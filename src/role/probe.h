// Probe: what an edge without an API says of itself to those who watch over it: that it lives, whether it is
// ready, and its metrics. Has a server of its own on the control loop.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <utility>

#include "http/server.h"
#include "http/service.h"
#include "net/env.h"
#include "net/task.h"
#include "role/traffic.h"

namespace weir::role {

class Probe final : public http::Service {
 public:
  // traffic: outlives it.
  Probe(net::Env& env, const Traffic& traffic) : traffic_(traffic), server_(env, *this, {}) {}

  std::expected<net::Address, std::string> listen(net::Env& env, const net::Address& at);
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;

  // Appends to what /metrics shows. Before any core runs.
  void add_metrics(std::function<void(std::string& out)> write) { more_metrics_ = std::move(write); }

  void drain() { server_.drain(); }
  void cut() { server_.cut(); }
  net::Task<void> join() { return server_.join(); }

 private:
  const Traffic& traffic_;
  http::Server server_;
  std::function<void(std::string& out)> more_metrics_;  // null: no more
};

}  // namespace weir::role
