// Offers: what an agent brings to every edge: its origins by the name of their service. Read by its links, on
// their core.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "health/check.h"
#include "tls/dial.h"
#include "wire/agent_messages.h"

namespace weir::agent {

struct Offer {
  wire::Register wanted;
  tls::Host target;                         // of the origin
  std::shared_ptr<tls::ClientContext> tls;  // by which it is spoken to; null: no TLS
  std::optional<health::Check> check;       // of it; without one it is taken to be up
  bool up = true;                           // what the check says
  std::string reason;                       // why not
};

using Offers = std::map<std::string, Offer, std::less<>>;

}  // namespace weir::agent
