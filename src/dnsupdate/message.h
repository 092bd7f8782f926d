// An UPDATE message (RFC 2136 section 2) read: its zone, what must hold, what is to change. What is refused
// here depends on nothing but the message. Pure; on any core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/name.h"

namespace weir::dnsupdate {

inline constexpr std::size_t kUpdateRecordsMax = 1000;  // of one message, prerequisites included

struct UpdateRecord {
  dns::Name owner;
  dns::Type type{};
  std::uint16_t record_class = dns::kClassIn;  // ANY and NONE: see RFC 2136 sections 2.4, 2.5
  std::uint32_t ttl_seconds = 0;
  std::vector<std::uint8_t> rdata;  // checked, names uncompressed
};

struct Update {
  dns::Name zone;
  std::vector<UpdateRecord> prerequisites;
  std::vector<UpdateRecord> changes;
};

// Why an update is not carried out.
struct UpdateRefusal {
  dns::Rcode rcode = dns::Rcode::kRefused;
  std::string reason;  // for the log
};

std::expected<Update, UpdateRefusal> read_update(dns::Bytes message);

}  // namespace weir::dnsupdate
