// Transfer: a zone as a stream of messages, each made when the one before has gone: whole (AXFR, RFC 5936),
// or what has changed (IXFR, RFC 1995). Holds what it is made from. On one core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dns/bytes.h"
#include "dns/name.h"
#include "dns/zone.h"
#include "dnspeer/history.h"

namespace weir::dnspeer {

inline constexpr std::size_t kTransferBytes = 16UL * 1024;  // of a message, but for records that are larger

// What a question for a zone's copy asks. Nothing: it breaks the format.
struct TransferQuestion {
  dns::Name zone;
  dns::Type type = dns::Type::kAxfr;
  std::uint32_t serial = 0;  // of IXFR: the version that the client has
};
std::optional<TransferQuestion> read_transfer(dns::Bytes message);

// What a copy is made from, none of which changes.
struct TransferSource {
  std::shared_ptr<const void> held;  // for as long as that is, the others are there
  const dns::Zone* zone = nullptr;
  std::shared_ptr<const History> history;  // null: there is none
  // Packed records of a set that is steered by that policy.
  std::function<std::vector<std::uint8_t>(std::uint32_t policy, dns::Type type)> steered;
};

class Transfer {
 public:
  // is_stream: false: the SOA alone, which says whether it is worth coming by TCP (RFC 1995 section 2).
  Transfer(TransferSource source, dns::Bytes message, const TransferQuestion& question, bool is_stream);

  // The next message: how many octets; 0: there are no more. reserved: kept free behind it.
  std::size_t next(std::span<std::uint8_t> room, std::size_t reserved);
  // False: what is next fits no message.
  bool ended() const { return ended_ && !item_; }

 private:
  struct Item {
    dns::Bytes owner;
    dns::Bytes packed;  // one record
  };
  std::optional<Item> next_item();
  std::optional<Item> next_of_zone();
  std::optional<Item> next_of_differences();
  bool next_set();
  Item soa() const;

  TransferSource source_;
  std::vector<std::uint8_t> head_;  // header and question of the request
  std::vector<std::shared_ptr<const Difference>> differences_;
  bool soa_alone_ = false;

  std::optional<Item> item_;  // that had no room in the message before
  bool begun_ = false;
  bool ended_ = false;
  // Of the whole zone
  const dns::Node* node_ = nullptr;
  std::size_t set_ = 0;  // the next of the node
  dns::Bytes packed_;    // the rest of the one at hand
  std::vector<std::uint8_t> steered_;
  // Of differences
  std::size_t difference_ = 0;
  std::size_t record_ = 0;  // of both its lists, one after the other
};

}  // namespace weir::dnspeer
