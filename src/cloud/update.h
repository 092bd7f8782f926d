// The messages of RFC 2136 and RFC 5936 that a zone elsewhere is read and changed with: requests of octets,
// unsigned, and the records of the answers. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/plan.h"
#include "cloud/records.h"
#include "dns/bytes.h"
#include "dns/message.h"
#include "dns/name.h"

namespace weir::cloud {

using Octets = std::vector<std::uint8_t>;

// What servers make of the other records by themselves, where they sign zones (RFC 4034, RFC 5155).
bool is_made_by_signing(std::string_view type);

// Why a request can't be made, in a sentence.
std::expected<Octets, std::string> transfer_request(std::string_view zone, std::uint16_t id);
// All of the batch, on condition that what it creates is not there, and that what it replaces or deletes is
// as it was before.
std::expected<Octets, std::string> update_request(std::string_view zone, std::uint16_t id,
                                                  std::span<const Change> batch);
// Of a change within such a request.
std::size_t update_bytes(const Change& change);

// The messages of a copied zone, one after the other: the SOA, all else, and the SOA again.
class TransferReader {
 public:
  explicit TransferReader(dns::Name zone) : zone_(zone) {}

  // What is wrong with it; empty: nothing.
  std::string take(dns::Bytes message);
  bool ended() const { return ended_; }
  // But for what is the server's own.
  RecordSets sets() && { return normal_sets(std::move(sets_)); }

 private:
  std::string take_record(dns::Bytes message, const dns::Record& record);

  dns::Name zone_;
  Octets soa_;  // its data; empty: it has not come
  bool ended_ = false;
  std::vector<RecordSet> sets_;
};

}  // namespace weir::cloud
