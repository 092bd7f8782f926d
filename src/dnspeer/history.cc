#include "dnspeer/history.h"

#include <algorithm>
#include <utility>

#include "dns/name.h"

namespace weir::dnspeer {
namespace {

using dns::Bytes;

bool has_record(Bytes packed, Bytes wanted) {
  for (; !packed.empty(); packed = packed.subspan(dns::first_record(packed).size())) {
    if (dns::same_bytes(dns::first_record(packed), wanted)) return true;
  }
  return false;
}

KeptRecord kept(Bytes owner, Bytes packed) {
  return {{owner.begin(), owner.end()}, {packed.begin(), packed.end()}};
}

// What one version has and the other has not.
class Comparison {
 public:
  Comparison(const dns::Zone& zone, const dns::Zone& other, const Changes& changes,
             std::vector<KeptRecord>& missing)
      : zone_(zone), other_(other), changes_(changes), missing_(missing) {}

  // False: it is too much, or can't be told.
  bool run() {
    const dns::RecordSet* soa = dns::set_of(*zone_.first(), dns::Type::kSoa);
    missing_.push_back(kept(zone_.apex(), dns::packed_of(*zone_.first(), *soa)));
    if (changes_.owners) {
      return std::ranges::all_of(*changes_.owners, [this](const dns::Name& owner) {
        hashed_.set(owner.wire());
        const dns::Node* node = zone_.node(hashed_.wire(), hashed_.hash(0));
        return node == nullptr || add_name(*node);
      });
    }
    for (const dns::Node* node = zone_.first(); node != nullptr; node = zone_.next(node)) {
      hashed_.set(dns::name_of(*node));
      if (!add_name(*node)) return false;
    }
    return true;
  }

 private:
  bool add_name(const dns::Node& node) {
    const dns::Node* there = other_.node(hashed_.wire(), hashed_.hash(0));
    return std::ranges::all_of(dns::sets_of(node), [&](const dns::RecordSet& set) {
      return set.type == dns::Type::kSoa || add_set(node, set, there);
    });
  }
  bool add_set(const dns::Node& node, const dns::RecordSet& set, const dns::Node* there) {
    const dns::RecordSet* same = there == nullptr ? nullptr : dns::set_of(*there, set.type);
    if (set.steered != 0 || (same != nullptr && same->steered != 0)) {
      return same != nullptr && set.steered == same->steered && set.value == same->value &&
             !changes_.policies.contains(set.value);
    }
    const Bytes others = same == nullptr ? Bytes() : dns::packed_of(*there, *same);
    const Bytes packed = dns::packed_of(node, set);
    if (dns::same_bytes(packed, others)) return true;
    for (Bytes rest = packed; !rest.empty(); rest = rest.subspan(dns::first_record(rest).size())) {
      if (has_record(others, dns::first_record(rest))) continue;
      if (missing_.size() >= kHistoryRecordsMax) return false;
      missing_.push_back(kept(dns::name_of(node), dns::first_record(rest)));
    }
    return true;
  }

  const dns::Zone& zone_;
  const dns::Zone& other_;
  const Changes& changes_;
  std::vector<KeptRecord>& missing_;
  dns::HashedName hashed_;  // of the owner at hand
};

std::size_t size_of(const Difference& difference) {
  return difference.removed.size() + difference.added.size();
}

}  // namespace

std::shared_ptr<const History> History::after(const History* before, const dns::Zone& old,
                                              const dns::Zone& next, const Changes& changes) {
  if (old.serial() == next.serial()) return nullptr;
  const std::size_t compared =
      changes.owners ? changes.owners->size() : std::max(old.records(), next.records());
  if (compared > (changes.owners ? kHistoryRecordsMax : kHistoryZoneRecordsMax)) return nullptr;
  auto difference = std::make_shared<Difference>();
  difference->from = old.serial();
  difference->to = next.serial();
  if (!Comparison(old, next, changes, difference->removed).run()) return nullptr;
  if (!Comparison(next, old, changes, difference->added).run()) return nullptr;
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
