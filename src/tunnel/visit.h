// Visit: a visitor's connection to an origin, as the head of a CONNECT says it: to an agent that brings the
// origin, or to another edge that the origin is attached to. On the core of its connection.
#pragma once

#include <memory>
#include <string>

#include "h2/connect.h"
#include "net/network.h"
#include "net/task.h"

namespace weir::tunnel {

struct Visit {
  std::string service;
  std::string instance;  // empty: the one that the agent has
  net::Address client;   // the visitor's, or whoever sent it; not given: none is known
  std::string account;   // whose the service is, as far as who asks knows; empty: it does not
};

// Asks for it; see h2::connect.
net::Task<Result<std::unique_ptr<net::Stream>>> ask(std::shared_ptr<h2::ClientConnection> connection,
                                                    Visit visit, Duration timeout);
// What is asked for by that head.
Visit visit_of(const http::RequestHead& head);

}  // namespace weir::tunnel
