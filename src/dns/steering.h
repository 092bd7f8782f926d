// Steering: the seam by which an answer depends on who asks and on what is healthy. The zone says which sets
// are steered, and by which policy; whoever implements this chooses the records. Called on the core that
// answers, on the way of a query: it neither waits nor allocates.
#pragma once

#include <cstdint>

#include "dns/bytes.h"
#include "dns/codes.h"

namespace weir::dns {

// For whom an answer is made: the client subnet of the query when it has one, else where it came from.
struct Client {
  Ip ip;                   // zero beyond the prefix
  std::uint8_t bits = 32;  // of the prefix that is known
};

struct Chosen {
  Bytes packed;                 // as write_packed makes it; stays where it is until the reply is written
  std::uint16_t count = 0;      // of records; 0: there are none of that type
  std::uint8_t scope_bits = 0;  // for which prefix of the client the choice holds (RFC 7871); 0: for anyone
  bool failed = false;          // it is not known what there is: the answer is SERVFAIL
};

class Steering {
 public:
  virtual ~Steering() = default;
  // owner in lower case: of a wildcard's records, the wildcard.
  virtual Chosen choose(std::uint32_t policy, Bytes owner, Type type, const Client& client) const = 0;
};

}  // namespace weir::dns
