// Replay: a captured request that is to be sent again, to the same endpoint, past routes and filters: what
// they made of it is what was captured. As values.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "capture/exchange.h"

namespace weir::edge {

struct Replay {
  std::string service;
  std::string endpoint;  // its key
  std::shared_ptr<const capture::Exchange> exchange;
};

struct Replayed {
  std::string id;  // of the new request
  int status = 0;  // as its visitor would have got it
};

// When the answer has begun. The error says in a sentence why it was not sent.
using ReplayDone = std::function<void(std::expected<Replayed, std::string>)>;

// Why such a request can't be sent again; empty: it can.
std::string why_not_again(const capture::Exchange& exchange);

}  // namespace weir::edge
