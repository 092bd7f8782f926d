// Clients: of a DnsProvider and its Secret, what speaks to it about one zone. Sentences never show a
// credential.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "cloud/dns_client.h"
#include "cloud/http_client.h"
#include "config/object.h"
#include "config/specs.h"
#include "config/specs_dns.h"
#include "net/env.h"

namespace weir::providers {

// secret: the values of its Secret. pace: of all that is asked with it. The error is a sentence.
std::expected<std::unique_ptr<cloud::DnsClient>, std::string> make_client(net::Env& env,
                                                                          const config::DnsProviderSpec& spec,
                                                                          const config::Labels& secret,
                                                                          const std::string& zone,
                                                                          std::shared_ptr<cloud::Pace> pace);

}  // namespace weir::providers
