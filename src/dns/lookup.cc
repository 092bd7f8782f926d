#include <cstring>

#include "base/check.h"
#include "dns/zone.h"

namespace weir::dns {
namespace {

// The node of the name itself, or of its wildcard.
Found at(const Node& node, Type type) {
  const auto sets = sets_of(node);
  for (const RecordSet& set : sets) {
    if (set.type == type) return {Outcome::kSet, &node, &set};
  }
  if (sets.empty()) return {Outcome::kNoData, &node, nullptr};
  if (type == Type::kAny) return {Outcome::kSet, &node, sets.data()};
  if ((node.flags & kAlias) != 0) return {Outcome::kAlias, &node, sets.data()};
  return {Outcome::kNoData, &node, nullptr};
}

bool same(Bytes left, Bytes right) {
  return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace

const Node* Zone::node(Bytes lower_case, std::uint32_t hash) const {
  for (std::uint32_t i = hash & mask_;; i = (i + 1) & mask_) {
    const Slot& slot = slots_[i];
    if (slot.node == 0) return nullptr;
    if (slot.hash != hash) continue;
    const Node* node = node_at(slot.node);
    if (same(name_of(*node), lower_case)) return node;
  }
}

bool Zone::holds(const Node& one) const {
  return node(name_of(one), HashedName(name_of(one)).hash(0)) == &one;
}

const Node* Zone::next(const Node* node) const {
  const Node* const apex = first();
  const bool dense = kFirstNode + live_bytes_ == arena_bytes_;  // all nodes are this zone's
  std::size_t at = node == apex ? kFirstNode : place_of(*node) + node->bytes;
  for (; at != arena_bytes_; at += node->bytes) {
    node = node_at(static_cast<std::uint32_t>(at));
    if (node != apex && (dense || holds(*node))) return node;
  }
  return nullptr;
}

Found Zone::find(const HashedName& name, Type type) const {
  const Node* found = node(name.wire(), name.hash(0));
  if (found == nullptr) return missing(name, type);
  if ((found->flags & (kCut | kOccluded)) != 0) return at_cut(name, 0, type);
  return at(*found, type);
}

// The name without its first `dropped` labels is a cut or below one: the highest cut counts.
Found Zone::at_cut(const HashedName& name, std::size_t dropped, Type type) const {
  std::size_t labels = dropped;
  const Node* cut = node(name.suffix(labels), name.hash(labels));
  while ((cut->flags & kOccluded) != 0) {
    ++labels;
    cut = node(name.suffix(labels), name.hash(labels));
  }
  if (labels == 0 && type == Type::kDs) return at(*cut, type);  // the parent's (RFC 4035 section 3.1.4.1)
  return {Outcome::kReferral, cut, set_of(*cut, Type::kNs)};
}

const Node* Zone::wildcard_of(const HashedName& name, std::size_t dropped) const {
  const Bytes parent = name.suffix(dropped);
  const std::uint32_t hash = name.wildcard_hash(dropped);
  for (std::uint32_t i = hash & mask_; slots_[i].node != 0; i = (i + 1) & mask_) {
    if (slots_[i].hash != hash) continue;
    const Node* node = node_at(slots_[i].node);
    const Bytes other = name_of(*node);
    if (is_wildcard(other) && same(other.subspan(2), parent)) return node;
  }
  return nullptr;
}

// Every ancestor of a name that exists does too, so the closest encloser is found by halving.
Found Zone::missing(const HashedName& name, Type type) const {
  const std::size_t labels = name.labels();
  std::size_t low = labels > labels_max_ ? labels - labels_max_ : 1;
  std::size_t high = labels - apex_labels_;  // dropped so many, it exists
  const Node* encloser = nullptr;            // of high, once it was looked at
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (const Node* found = node(name.suffix(middle), name.hash(middle))) {
      high = middle;
      encloser = found;
    } else {
      low = middle + 1;
    }
  }
  if (encloser == nullptr) encloser = first();
  if ((encloser->flags & (kCut | kOccluded)) != 0) return at_cut(name, high, type);
  if ((encloser->flags & kHasWildcard) != 0) {
    if (const Node* wildcard = wildcard_of(name, high)) return at(*wildcard, type);
  }
  return {};
}

Zones::Zones(std::vector<std::shared_ptr<const Zone>> zones) : zones_(std::move(zones)) {
  std::size_t size = 2;
  while (size < zones_.size() * 2) size *= 2;
  slots_.resize(size);
  for (const auto& zone : zones_) {
    const HashedName apex(zone->apex());
    WEIR_CHECK(with_apex(apex.wire(), apex.hash(0)) == nullptr);
    std::size_t i = apex.hash(0) & (size - 1);
    while (slots_[i].zone != nullptr) i = (i + 1) & (size - 1);
    slots_[i] = {apex.hash(0), zone.get()};
    label_counts_.set(apex.labels());
    labels_max_ = std::max(labels_max_, apex.labels());
  }
}

const Zone* Zones::with_apex(Bytes lower_case, std::uint32_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = hash & mask; slots_[i].zone != nullptr; i = (i + 1) & mask) {
    if (slots_[i].hash == hash && same(slots_[i].zone->apex(), lower_case)) return slots_[i].zone;
  }
  return nullptr;
}

const Zone* Zones::find(const HashedName& name, Type type) const {
  if (zones_.empty()) return nullptr;
  const Zone* own = nullptr;  // whose apex is the name, while its parent's zone is looked for
  for (std::size_t labels = std::min(name.labels(), labels_max_);; --labels) {
    if (label_counts_[labels]) {
      const std::size_t dropped = name.labels() - labels;
      if (const Zone* zone = with_apex(name.suffix(dropped), name.hash(dropped))) {
        if (type != Type::kDs || dropped != 0) return zone;
        own = zone;
      }
    }
    if (labels == 0) return own;
  }
}

}  // namespace weir::dns
