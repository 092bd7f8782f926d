#include "dnspeer/history.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dns/name.h"

namespace weir::dnspeer {
namespace {

using dns::Bytes;

Bytes first_record(Bytes packed) {
  return packed.first(dns::kPackedHeadBytes + dns::packed_rdata_bytes(packed));
}

bool has_record(Bytes packed, Bytes wanted) {
  for (; !packed.empty(); packed = packed.subspan(first_record(packed).size())) {
    if (dns::same_bytes(first_record(packed), wanted)) return true;
  }
  return false;
}

KeptRecord kept(Bytes owner, Bytes packed) {
  return {{owner.begin(), owner.end()}, {packed.begin(), packed.end()}};
}

// What one version has and the other has not. False: it is too much, or a set of it is steered.
bool add_missing(const dns::Zone& zone, const dns::Zone& other, std::size_t room,
                 std::vector<KeptRecord>& missing) {
  const dns::RecordSet* soa = dns::set_of(*zone.first(), dns::Type::kSoa);
  missing.push_back(kept(zone.apex(), dns::packed_of(*zone.first(), *soa)));
  dns::HashedName hashed;
  for (const dns::Node* node = zone.first(); node != nullptr; node = zone.next(node)) {
    const Bytes owner = dns::name_of(*node);
    hashed.set(owner);
    const dns::Node* there = other.node(owner, hashed.hash(0));
    for (const dns::RecordSet& set : dns::sets_of(*node)) {
      if (set.steered != 0) return false;
      if (set.type == dns::Type::kSoa) continue;
      const dns::RecordSet* same = there == nullptr ? nullptr : dns::set_of(*there, set.type);
      if (same != nullptr && same->steered != 0) return false;
      const Bytes others = same == nullptr ? Bytes() : dns::packed_of(*there, *same);
      const Bytes packed = dns::packed_of(*node, set);
      if (dns::same_bytes(packed, others)) continue;
      for (Bytes rest = packed; !rest.empty(); rest = rest.subspan(first_record(rest).size())) {
        if (has_record(others, first_record(rest))) continue;
        if (missing.size() >= room) return false;
        missing.push_back(kept(owner, first_record(rest)));
      }
    }
  }
  return true;
}

std::size_t size_of(const Difference& difference) {
  return difference.removed.size() + difference.added.size();
}

}  // namespace

std::shared_ptr<const History> History::after(const History* before, const dns::Zone& old,
                                              const dns::Zone& next) {
  if (old.serial() == next.serial()) return nullptr;
  if (old.records() > kHistoryZoneRecordsMax || next.records() > kHistoryZoneRecordsMax) return nullptr;
  auto difference = std::make_shared<Difference>();
  difference->from = old.serial();
  difference->to = next.serial();
  if (!add_missing(old, next, kHistoryRecordsMax, difference->removed)) return nullptr;
  if (!add_missing(next, old, kHistoryRecordsMax, difference->added)) return nullptr;
  std::size_t records = size_of(*difference);
  if (records > kHistoryRecordsMax) return nullptr;
  auto history = std::make_shared<History>();
  history->differences_.push_back(std::move(difference));
  if (before == nullptr || before->differences_.back()->to != old.serial()) return history;
  // The latest of those before, as far as they have room.
  for (std::size_t i = before->differences_.size(); i-- > 0;) {
    records += size_of(*before->differences_[i]);
    if (records > kHistoryRecordsMax || history->differences_.size() == kHistoryVersionsMax) break;
    history->differences_.push_back(before->differences_[i]);
  }
  std::ranges::reverse(history->differences_);
  return history;
}

std::vector<std::shared_ptr<const Difference>> History::since(std::uint32_t serial) const {
  const auto first = std::ranges::find(differences_, serial, [](const auto& one) { return one->from; });
  return {first, differences_.end()};
}

}  // namespace weir::dnspeer
