// History: the last changes of a zone, record by record, for servers that have an older version (RFC 1995).
// Never changed once made; read by every core. Kept as long as it is small: without it, the whole zone is
// sent. Sets that are steered are in no difference: one that stays is what it was at who has a copy, and
// where one comes, goes or is another, there is no history.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "dns/bytes.h"
#include "dns/name.h"
#include "dns/zone.h"

namespace weir::dnspeer {

inline constexpr std::size_t kHistoryVersionsMax = 50;
inline constexpr std::size_t kHistoryRecordsMax = 10'000;
inline constexpr std::size_t kHistoryZoneRecordsMax = 100'000;  // where all of them must be compared

struct KeptRecord {
  std::vector<std::uint8_t> owner;
  std::vector<std::uint8_t> packed;  // as dns::write_packed has it
};

// What leads from one version to the next.
struct Difference {
  std::uint32_t from = 0;  // serial
  std::uint32_t to = 0;
  std::vector<KeptRecord> removed;  // the SOA first
  std::vector<KeptRecord> added;    // the SOA first
};

// Where the next version of a zone may differ from the one before.
struct Changes {
  std::optional<std::vector<dns::Name>> owners;  // nothing: anywhere
  std::set<std::uint32_t> policies;              // whose sets are others now, by whatever
};

class History {
 public:
  // before: that of the old version; may be null. Null: there is none, for too much has changed, or it
  // depends on more than what is written. Costs what the changes are, where it is known which.
  static std::shared_ptr<const History> after(const History* before, const dns::Zone& old,
                                              const dns::Zone& next, const Changes& changes = {});

  // The differences from that version to the last, in order; none: it is not known.
  std::vector<std::shared_ptr<const Difference>> since(std::uint32_t serial) const;

 private:
  std::vector<std::shared_ptr<const Difference>> differences_;  // each begins where the one before ends
};

}  // namespace weir::dnspeer
