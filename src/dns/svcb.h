// The service parameters of SVCB and HTTPS records (RFC 9460; dohpath: RFC 9461): text to wire form and back.
// What is inconsistent in itself is refused both ways. Pure; on any core.
#pragma once

#include <string>

#include "base/error.h"
#include "dns/bytes.h"
#include "dns/scanner.h"

namespace weir::dns {

// The words to the last one, in any order (alpn=h2,h3 port=8443); appended in the order of their keys.
Result<void> append_service_parameters(Words& words, Octets& rdata);

// Keys increase, values have the form of their key, what is mandatory is there.
Result<void> check_service_parameters(Bytes parameters);

// Checked ones; a blank goes before each.
void write_service_parameters(std::string& text, Bytes parameters);

}  // namespace weir::dns
