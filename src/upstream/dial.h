// dial: a new connection to an endpoint, ready for its client's bytes: through the Connector, with the PROXY
// header and the TLS that its service asks for. On the core of who asks.
#pragma once

#include <cstdint>
#include <memory>

#include "base/time.h"
#include "net/env.h"
#include "net/network.h"
#include "net/stream.h"
#include "upstream/planned_service.h"

namespace weir::upstream {

// Whose connection it is to be.
struct DialFor {
  net::Address client;
  std::uint16_t local_port = 0;  // that it came in by
};

// By `ends`, and each of its steps within the service's connect_timeout. The errors are the endpoint's
// (kUpstream) and may be tried again elsewhere, as it has had nothing of the client's; or kCancelled.
// connector, service and host outlive it. A host with an address of each family is reached by
// happy eyeballs, beginning with the family that answered last.
net::Task<Result<std::unique_ptr<net::Stream>>> dial(net::Connector& connector, const PlannedService& service,
                                                     SharedHost& host, DialFor whose, Instant ends,
                                                     net::Loop& loop);

}  // namespace weir::upstream
