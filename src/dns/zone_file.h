// Master files (RFC 1035 section 5): text to records, one at a time, and records to text. $ORIGIN and $TTL
// are known, $INCLUDE and $GENERATE are refused, as is any class but IN. A record without a TTL has that of
// $TTL, else the last one that a record said, else the minimum of the SOA before it (or its own, when it is
// the SOA). Pure; on any core.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/name.h"

namespace weir::dns {

inline constexpr std::uint32_t kTtlSecondsMax = 2147483647;  // RFC 2181 section 8

// Of class IN; the octets are valid during the call that gives or takes it.
struct ZoneRecord {
  Bytes owner;
  Type type{};
  std::uint32_t ttl_seconds = 0;  // at most kTtlSecondsMax
  Bytes rdata;                    // checked, names uncompressed
};

struct ZoneFileError {
  std::uint32_t line = 1;  // the first is 1
  Error error;

  std::string sentence() const;  // "line 12: an IPv4 address has four numbers from 0 to 255"
};

// Called once per record, in the file's order. Its refusal ends the reading, and is what comes back.
using RecordSink = std::function<Result<void>(const ZoneRecord&)>;

// Names are relative to origin until an $ORIGIN. That owners lie within the zone is up to the sink.
// ttl_seconds: as if the file began with that $TTL.
std::expected<void, ZoneFileError> read_zone_file(std::string_view text, const Name& origin,
                                                  const RecordSink& sink,
                                                  std::optional<std::uint32_t> ttl_seconds = std::nullopt);

// One line, with its end, of absolute names: it reads back to the same octets under any origin.
void write_record(std::string& text, const ZoneRecord& record);

}  // namespace weir::dns
