#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "dns/zone.h"

namespace weir::dns {
namespace {

std::uint64_t key_of(std::uint32_t node, Type type) {
  return std::uint64_t{node} << 16U | static_cast<std::uint16_t>(type);
}

std::size_t records_in(const Node& node) {
  std::size_t records = 0;
  for (const RecordSet& set : sets_of(node)) records += set.count;
  return records;
}

bool is_below(Bytes name, Bytes ancestor) {
  if (name.size() <= ancestor.size()) return false;
  const Bytes tail = name.last(ancestor.size());
  return std::memcmp(tail.data(), ancestor.data(), tail.size()) == 0 && is_within(name, ancestor);
}

}  // namespace

ZoneChange::ZoneChange(const Zone& from) : from_(from), builder_(from.apex()) {}

Result<void> ZoneChange::clear(Bytes owner, Type type) {
  const auto node = builder_.node_for(owner);
  if (!node) return fail(node.error());
  cleared_.insert(key_of(*node, type));
  return {};
}

Result<void> ZoneChange::add(Bytes owner, Type type, std::uint32_t ttl_seconds, Bytes rdata) {
  return builder_.add(owner, type, ttl_seconds, rdata);
}

Result<void> ZoneChange::steer(Bytes owner, Type type, std::uint32_t policy) {
  return builder_.steer(owner, type, policy);
}

Result<void> ZoneChange::take(const Zone& other, Bytes owner, Type type) {
  if (auto done = clear(owner, type); !done) return done;
  const HashedName hashed(owner);
  const Node* node = other.node(hashed.wire(), hashed.hash(0));
  const RecordSet* set = node == nullptr ? nullptr : set_of(*node, type);
  if (set == nullptr) return {};
  if (set->steered != 0) return steer(owner, type, set->value);
  for (Bytes left = packed_of(*node, *set); !left.empty();) {
    const std::size_t bytes = packed_rdata_bytes(left);
    const Bytes rdata = left.subspan(kPackedHeadBytes, bytes);
    if (auto done = add(owner, type, load_u32(left.data() + 6), rdata); !done) return done;
    left = left.subspan(kPackedHeadBytes + bytes);
  }
  return {};
}

// What the zone has of that name, but for what was cleared.
void ZoneChange::add_sets(const Node& from, std::uint32_t node) {
  for (const RecordSet& set : sets_of(from)) {
    if (cleared_.contains(key_of(node, set.type))) continue;
    if (set.steered != 0) {
      builder_.entries_.push_back({node, set.type, 0, set.value, ZoneBuilder::kSteered});
      continue;
    }
    for (Bytes left = packed_of(from, set); !left.empty();) {
      const auto bytes = static_cast<std::uint16_t>(packed_rdata_bytes(left));
      builder_.entries_.push_back({node, set.type, bytes, static_cast<std::uint32_t>(builder_.log_.size()),
                                   load_u32(left.data() + 6)});
      const Bytes rdata = left.subspan(kPackedHeadBytes, bytes);
      builder_.log_.insert(builder_.log_.end(), rdata.begin(), rdata.end());
      left = left.subspan(kPackedHeadBytes + bytes);
    }
  }
}

// What the zone has of the nodes from that one on.
void ZoneChange::load_from(std::size_t first) {
  fates_.resize(builder_.nodes_.size());
  for (std::size_t i = first; i < fates_.size(); ++i) {
    const auto node = static_cast<std::uint32_t>(i);
    fates_[i].before = from_.node(builder_.name_at(node), builder_.nodes_[i].hash);
    if (fates_[i].before != nullptr) add_sets(*fates_[i].before, node);
  }
}

std::optional<ZoneRefusal> ZoneChange::check() {
  builder_.sort_entries();
  std::span<const Entry> left = builder_.entries_;
  for (std::uint32_t node = 0; node < fates_.size(); ++node) {
    std::size_t count = 0;
    while (count < left.size() && left[count].node == node) ++count;
    fates_[node].entries = left.first(count);
    left = left.subspan(count);
    builder_.nodes_[node].flags &= kHasNames | kHasWildcard;
    if (node == 0) {
      if (auto refused = builder_.check_apex(fates_[node].entries)) return refused;
    }
    if (auto refused = builder_.check_node(node, fates_[node].entries)) return refused;
  }
  return std::nullopt;
}

// Names below one that is a cut now, or is none any more, are seen otherwise: they are changed, too. True:
// there are such.
bool ZoneChange::load_below_cuts() {
  std::vector<Bytes> cuts;
  for (const Fate& fate : fates_) {
    if (fate.before == nullptr || (fate.before->flags & kHasNames) == 0) continue;
    const std::uint8_t flags = builder_.nodes_[static_cast<std::size_t>(&fate - fates_.data())].flags;
    if (((fate.before->flags ^ flags) & (kCut | kOccluded)) != 0) cuts.push_back(name_of(*fate.before));
  }
  if (cuts.empty()) return false;
  const std::size_t known = builder_.nodes_.size();
  for (const Node* node = from_.first(); node != nullptr; node = from_.next(node)) {
    const Bytes name = name_of(*node);
    if (std::ranges::any_of(cuts, [name](Bytes cut) { return is_below(name, cut); })) {
      WEIR_CHECK(builder_.node_for(name).has_value());
    }
  }
  load_from(known);
  return builder_.nodes_.size() > known;
}

// Whether the zone has names below that node which stay. Looked at is all that there is, so only asked where
// nothing else says it.
bool ZoneChange::has_other_names(std::uint32_t node) const {
  const Bytes name = builder_.name_at(node);
  for (std::size_t at = Zone::kFirstNode; at != from_.arena_bytes_;) {
    const Node& other = *from_.node_at(static_cast<std::uint32_t>(at));
    at += other.bytes;
    if (!is_below(name_of(other), name) || !from_.holds(other)) continue;
    const std::uint32_t known = builder_.find(name_of(other), HashedName(name_of(other)).hash(0));
    if (known == ZoneBuilder::kNoNode || fates_[known].lives) return true;
  }
  return false;
}

// Children before their parents.
void ZoneChange::decide() {
  enum Wildcard : std::uint8_t { kAsBefore, kThere, kGone };
  std::vector<Wildcard> wildcards(fates_.size(), kAsBefore);
  std::vector<bool> has_child(fates_.size());
  for (std::size_t i = fates_.size(); i-- > 0;) {
    const auto node = static_cast<std::uint32_t>(i);
    Fate& fate = fates_[i];
    auto& [name, parent, hash, name_bytes, flags] = builder_.nodes_[i];
    const bool may_have_others = fate.before != nullptr && (fate.before->flags & kHasNames) != 0;
    fate.lives =
        i == 0 || !fate.entries.empty() || has_child[i] || (may_have_others && has_other_names(node));
    if (i > 0 && fate.lives) has_child[parent] = true;
    if (i > 0 && is_wildcard(builder_.name_at(node))) wildcards[parent] = fate.lives ? kThere : kGone;
    const std::uint8_t before = fate.before == nullptr ? 0 : fate.before->flags;
    const bool wildcard =
        wildcards[i] == kThere || (wildcards[i] == kAsBefore && (before & kHasWildcard) != 0);
    const bool names = has_child[i] || (before & kHasNames) != 0;
    flags &= static_cast<std::uint8_t>(~(kHasNames | kHasWildcard));
    flags |= static_cast<std::uint8_t>((wildcard ? kHasWildcard : 0) | (names ? kHasNames : 0));
    fate.renewed = fate.lives && (fate.before == nullptr || before != flags || is_another(node));
  }
}

// Whether the node has other records than before.
bool ZoneChange::is_another(std::uint32_t node) const {
  const Fate& fate = fates_[node];
  const std::uint32_t bytes = builder_.node_bytes(node, fate.entries);
  if (bytes != fate.before->bytes) return true;
  std::vector<std::uint8_t> image(bytes);
  builder_.write_node(image.data(), bytes, node, fate.entries);
  const Node& now = *reinterpret_cast<const Node*>(image.data());
  if (now.sets != fate.before->sets) return true;
  for (std::size_t i = 0; i < now.sets; ++i) {
    const RecordSet& left = sets_of(now)[i];
    const RecordSet& right = sets_of(*fate.before)[i];
    if (left.type != right.type || left.steered != right.steered) return true;
    if (left.steered != 0 && left.value != right.value) return true;
    if (left.steered == 0 && !same_bytes(packed_of(now, left), packed_of(*fate.before, right))) return true;
  }
  return false;
}

// The zone as it is, with room for more. What is dead comes along until it is half of all.
Zone ZoneChange::copied(std::size_t more_bytes, std::size_t more_nodes) const {
  Zone zone(from_);
  const Zone::Arena& arena = *from_.arena_;
  const bool same_arena =
      arena.used + more_bytes <= arena.capacity && from_.live_bytes_ >= from_.arena_bytes_ / 2;
  const std::size_t slots = std::bit_ceil((from_.nodes_ + more_nodes) * 2);
  if (same_arena && slots <= from_.slots_.size()) return zone;
  zone.slots_.assign(std::max(slots, from_.slots_.size()), {});
  zone.mask_ = static_cast<std::uint32_t>(zone.slots_.size() - 1);
  if (same_arena) {
    for (const Zone::Slot& slot : from_.slots_) {
      if (slot.node != 0) zone.insert(slot.hash, slot.node);
    }
    return zone;
  }
  zone.use(std::make_shared<Zone::Arena>(Zone::room_for(Zone::kFirstNode + from_.live_bytes_ + more_bytes)));
  std::size_t& at = zone.arena_->used;
  for (const Node* node = from_.first(); node != nullptr; node = from_.next(node)) {
    std::memcpy(zone.arena_->octets.get() + at, octets_of(*node), node->bytes);
    zone.insert(HashedName(name_of(*node)).hash(0), static_cast<std::uint32_t>(at));
    at += node->bytes;
  }
  zone.apex_node_ = Zone::kFirstNode;
  zone.arena_bytes_ = at;
  return zone;
}

void ZoneChange::write(Zone& zone) const {
  std::size_t& at = zone.arena_->used;
  for (std::uint32_t node = 0; node < fates_.size(); ++node) {
    const Fate& fate = fates_[node];
    if (fate.before != nullptr && (fate.renewed || !fate.lives)) {
      const Bytes name = builder_.name_at(node);
      const Node& old = *zone.node(name, builder_.nodes_[node].hash);
      zone.erase(builder_.nodes_[node].hash, zone.place_of(old));
      zone.live_bytes_ -= old.bytes;
      zone.records_ -= records_in(old);
      --zone.nodes_;
    }
    if (!fate.renewed) continue;
    const std::uint32_t bytes = builder_.node_bytes(node, fate.entries);
    builder_.write_node(zone.arena_->octets.get() + at, bytes, node, fate.entries);
    zone.insert(builder_.nodes_[node].hash, static_cast<std::uint32_t>(at));
    zone.records_ += ZoneBuilder::records_in(fate.entries);
    ++zone.nodes_;
    if (node == 0) zone.apex_node_ = static_cast<std::uint32_t>(at);
    at += bytes;
    zone.live_bytes_ += bytes;
  }
  zone.arena_bytes_ = at;
  zone.labels_max_ = std::max(zone.labels_max_, builder_.labels_max_);
}

std::expected<Zone, ZoneRefusal> ZoneChange::made() && {
  load_from(0);
  do {
    if (auto refused = check()) return std::unexpected(*refused);
  } while (load_below_cuts());
  decide();
  std::size_t bytes = 0;
  std::size_t nodes = 0;
  for (std::uint32_t node = 0; node < fates_.size(); ++node) {
    if (fates_[node].renewed) bytes += builder_.node_bytes(node, fates_[node].entries);
    if (fates_[node].renewed && fates_[node].before == nullptr) ++nodes;
  }
  if (Zone::room_for(from_.arena_bytes_ + bytes) > 0xffffffff) {
    return std::unexpected(builder_.refusal(0, Type::kSoa, "a zone has at most 4 GiB of data"));
  }
  Zone zone = copied(bytes, nodes);
  write(zone);
  zone.finish();
  return zone;
}

}  // namespace weir::dns
