#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>

#include "base/check.h"
#include "dns/zone.h"

namespace weir::dns {
namespace {

constexpr std::size_t kSoaNumbersBytes = 20;  // after its two names

constexpr std::uint32_t round_up(std::size_t bytes) {
  return static_cast<std::uint32_t>((bytes + 3) & ~std::size_t{3});
}

bool is_name(Bytes rdata) { return !rdata.empty() && name_size(rdata) == rdata.size(); }

bool is_soa(Bytes rdata) {
  const std::size_t first = name_size(rdata);
  const std::size_t second = first == 0 ? 0 : name_size(rdata.subspan(first));
  return second != 0 && rdata.size() == first + second + kSoaNumbersBytes;
}

// What answering relies on; whole rdata is checked where text is read.
bool has_form(Type type, Bytes rdata) {
  switch (type) {
    case Type::kA: return rdata.size() == 4;
    case Type::kAaaa: return rdata.size() == 16;
    case Type::kNs:
    case Type::kCname:
    case Type::kPtr: return is_name(rdata);
    case Type::kSoa: return is_soa(rdata);
    case Type::kMx: return rdata.size() > 2 && is_name(rdata.subspan(2));
    case Type::kSrv: return rdata.size() > 6 && is_name(rdata.subspan(6));
    case Type::kSvcb:
    case Type::kHttps: return rdata.size() > 2 && name_size(rdata.subspan(2)) != 0;
    default: return true;
  }
}

const char* refused_type(Type type) {
  if (is_meta(type)) return "this type is of messages, no zone has it";
  switch (type) {
    case Type::kDname: return "DNAME is not served";
    case Type::kRrsig:
    case Type::kNsec:
    case Type::kNsec3: return "signed zones are not served: leave out RRSIG, NSEC and NSEC3";
    default: return nullptr;
  }
}

// One type of one name after the other
template <class Entry, class Visit>
void each_set(std::span<const Entry> entries, Visit visit) {
  while (!entries.empty()) {
    std::size_t count = 1;
    while (count < entries.size() && entries[count].type == entries[0].type) ++count;
    visit(entries.first(count));
    entries = entries.subspan(count);
  }
}

}  // namespace

std::size_t ZoneBuilder::records_in(std::span<const Entry> entries) {
  return static_cast<std::size_t>(
      std::ranges::count_if(entries, [](const Entry& one) { return one.ttl != kSteered; }));
}

ZoneBuilder::ZoneBuilder(Bytes apex) : hashed_(apex), apex_labels_(hashed_.labels()) {
  table_.resize(64);
  labels_max_ = apex_labels_;
  insert(hashed_.wire(), hashed_.hash(0), kNoNode);
}

std::uint32_t ZoneBuilder::find(Bytes lower_case, std::uint32_t hash) const {
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = hash & mask; table_[i] != 0; i = (i + 1) & mask) {
    const std::uint32_t node = table_[i] - 1;
    if (nodes_[node].hash == hash && same_bytes(name_at(node), lower_case)) return node;
  }
  return kNoNode;
}

std::uint32_t ZoneBuilder::insert(Bytes lower_case, std::uint32_t hash, std::uint32_t parent) {
  if ((nodes_.size() + 1) * 2 > table_.size()) grow();
  const auto node = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back({static_cast<std::uint32_t>(names_.size()), parent, hash,
                    static_cast<std::uint8_t>(lower_case.size()), 0});
  names_.insert(names_.end(), lower_case.begin(), lower_case.end());
  const std::size_t mask = table_.size() - 1;
  std::size_t i = hash & mask;
  while (table_[i] != 0) i = (i + 1) & mask;
  table_[i] = node + 1;
  if (parent != kNoNode)
    nodes_[parent].flags |= is_wildcard(lower_case) ? kHasWildcard | kHasNames : kHasNames;
  return node;
}

void ZoneBuilder::grow() {
  table_.assign(table_.size() * 2, 0);
  const std::size_t mask = table_.size() - 1;
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    std::size_t i = nodes_[node].hash & mask;
    while (table_[i] != 0) i = (i + 1) & mask;
    table_[i] = node + 1;
  }
}

// Ancestors that are not there yet become names without records.
Result<std::uint32_t> ZoneBuilder::node_for(Bytes owner) {
  if (same_bytes(owner, hashed_.wire())) return last_;
  const Bytes apex = name_at(0);
  if (!is_within(owner, apex)) return fail(Code::kInvalid, "the name is not within the zone");
  hashed_.set(owner);
  const std::size_t depth = hashed_.labels() - apex_labels_;
  labels_max_ = std::max(labels_max_, hashed_.labels());
  std::size_t dropped = 0;
  std::uint32_t node = kNoNode;
  while ((node = find(hashed_.suffix(dropped), hashed_.hash(dropped))) == kNoNode && dropped < depth)
    ++dropped;
  while (dropped > 0) {
    --dropped;
    node = insert(hashed_.suffix(dropped), hashed_.hash(dropped), node);
  }
  last_ = node;
  return node;
}

Result<void> ZoneBuilder::add(Bytes owner, Type type, std::uint32_t ttl_seconds, Bytes rdata) {
  if (const char* why = refused_type(type)) return fail(Code::kInvalid, why);
  if (ttl_seconds > kTtlMax) return fail(Code::kInvalid, "a TTL is at most 2,147,483,647 seconds");
  if (!has_form(type, rdata)) return fail(Code::kInvalid, "the data are not what this type has");
  if (rdata.size() + kPackedHeadBytes > kSetBytesMax)
    return fail(Code::kInvalid, "the record is too large for a message");
  if (log_.size() + rdata.size() > kSteered) return fail(Code::kInvalid, "a zone has at most 4 GiB of data");
  const auto node = node_for(owner);
  if (!node) return fail(node.error());
  entries_.push_back({*node, type, static_cast<std::uint16_t>(rdata.size()),
                      static_cast<std::uint32_t>(log_.size()), ttl_seconds});
  log_.insert(log_.end(), rdata.begin(), rdata.end());
  return {};
}

Result<void> ZoneBuilder::steer(Bytes owner, Type type, std::uint32_t policy) {
  if (const char* why = refused_type(type)) return fail(Code::kInvalid, why);
  if (type == Type::kSoa || type == Type::kNs || type == Type::kDs)
    return fail(Code::kInvalid, "SOA, NS and DS are not steered");
  const auto node = node_for(owner);
  if (!node) return fail(node.error());
  entries_.push_back({*node, type, 0, policy, kSteered});
  return {};
}

ZoneRefusal ZoneBuilder::refusal(std::uint32_t node, Type type, const char* text) const {
  return {Name(name_at(node)), type, text};
}

// By name, type and rdata (RFC 4034 section 6.3), each record once
void ZoneBuilder::sort_entries() {
  const auto place = [](const Entry& entry) { return std::tuple(entry.node, entry.type); };
  if (!std::ranges::is_sorted(entries_, {}, place)) std::ranges::sort(entries_, {}, place);
  const auto before = [this](const Entry& left, const Entry& right) {
    if ((left.ttl == kSteered) != (right.ttl == kSteered)) return left.ttl == kSteered;
    return left.ttl != kSteered && std::ranges::lexicographical_compare(rdata_of(left), rdata_of(right));
  };
  for (auto start = entries_.begin(); start != entries_.end();) {
    auto end = start + 1;
    while (end != entries_.end() && place(*end) == place(*start)) ++end;
    if (end - start > 1) {
      std::sort(start, end, before);
      std::uint32_t lowest = kSteered;
      for (auto at = start; at != end; ++at) lowest = std::min(lowest, at->ttl);
      for (auto at = start; at != end; ++at) {
        if (at->ttl != kSteered) at->ttl = lowest;
      }
    }
    start = end;
  }
  const auto repeated = std::ranges::unique(entries_, [&](const Entry& left, const Entry& right) {
    if (place(left) != place(right) || left.ttl == kSteered || right.ttl == kSteered) return false;
    return same_bytes(rdata_of(left), rdata_of(right));
  });
  entries_.erase(repeated.begin(), repeated.end());
}

std::optional<ZoneRefusal> ZoneBuilder::check_node(std::uint32_t node, std::span<const Entry> entries) {
  BuildNode& here = nodes_[node];
  if (here.parent != kNoNode && (nodes_[here.parent].flags & (kCut | kOccluded)) != 0)
    here.flags |= kOccluded;
  const bool wildcard = is_wildcard(name_at(node));
  std::optional<ZoneRefusal> refused;
  std::size_t sets = 0;
  each_set(entries, [&](std::span<const Entry> set) {
    ++sets;
    if (refused) return;
    const Type type = set[0].type;
    const auto refuse = [&](const char* text) { refused = refusal(node, type, text); };
    if (set[0].ttl == kSteered && set.size() > 1)
      refuse("a set that is steered has one policy and no records");
    if (type == Type::kSoa && node != 0) refuse("SOA is at the apex of the zone only");
    if (type == Type::kNs && wildcard) refuse("a wildcard cannot be delegated (RFC 4592 section 4.2)");
    if (type == Type::kDs && node == 0) refuse("DS of a zone is in its parent");
    if (type == Type::kNs && node != 0) here.flags |= kCut;
    if (type == Type::kCname) here.flags |= kAlias;
    if (type == Type::kCname && set.size() > 1) refuse("a name has one CNAME");
    std::size_t bytes = 0;
    for (const Entry& entry : set) bytes += kPackedHeadBytes + entry.rdata_bytes;
    if (bytes > kSetBytesMax) refuse("the records of this name and type are too large for a message");
  });
  if (refused) return refused;
  if ((here.flags & kAlias) != 0 && sets > 1)
    return refusal(node, Type::kCname, "a name with a CNAME has no other records");
  return std::nullopt;
}

std::optional<ZoneRefusal> ZoneBuilder::check_apex(std::span<const Entry> entries) const {
  const auto count = [&](Type type) { return std::ranges::count(entries, type, &Entry::type); };
  if (count(Type::kSoa) == 0) return refusal(0, Type::kSoa, "a zone needs an SOA record at its apex");
  if (count(Type::kSoa) > 1) return refusal(0, Type::kSoa, "a zone has one SOA record");
  if (count(Type::kNs) == 0) return refusal(0, Type::kNs, "a zone needs NS records at its apex");
  return std::nullopt;
}

std::uint32_t ZoneBuilder::node_bytes(std::uint32_t node, std::span<const Entry> entries) const {
  std::size_t bytes = sizeof(Node) + nodes_[node].name_bytes;
  each_set(entries, [&](std::span<const Entry> set) {
    bytes += sizeof(RecordSet);
    if (set[0].ttl == kSteered) return;
    for (const Entry& entry : set) bytes += kPackedHeadBytes + entry.rdata_bytes;
  });
  return round_up(bytes);
}

void ZoneBuilder::write_node(std::uint8_t* into, std::uint32_t bytes, std::uint32_t node,
                             std::span<const Entry> entries) const {
  Node head{bytes, 0, nodes_[node].flags, nodes_[node].name_bytes};
  each_set(entries, [&](std::span<const Entry>) { ++head.sets; });
  std::memcpy(into, &head, sizeof head);
  std::size_t set_at = sizeof(Node);
  ByteWriter out({into, bytes});
  out.rewind(sizeof(Node) + head.sets * sizeof(RecordSet));
  out.bytes(name_at(node));
  each_set(entries, [&](std::span<const Entry> from_log) {
    RecordSet set{from_log[0].type, 0, 0, 1, from_log[0].rdata};
    if (from_log[0].ttl != kSteered) {
      set.count = static_cast<std::uint16_t>(from_log.size());
      set.steered = 0;
      set.value = static_cast<std::uint32_t>(out.size());
      for (const Entry& entry : from_log) write_packed(entry.type, entry.ttl, rdata_of(entry), out);
      set.bytes = static_cast<std::uint16_t>(out.size() - set.value);
    }
    std::memcpy(into + set_at, &set, sizeof set);
    set_at += sizeof set;
  });
  WEIR_CHECK(out.ok());
}

void Zone::use(std::shared_ptr<Arena> arena) {
  arena_ = std::move(arena);
  octets_ = arena_->octets.get();
}

void Zone::insert(std::uint32_t hash, std::uint32_t node) {
  std::uint32_t i = hash & mask_;
  while (slots_[i].node != 0) i = (i + 1) & mask_;
  slots_[i] = {hash, node};
}

// Those behind it that would not be found past the gap move up.
void Zone::erase(std::uint32_t hash, std::uint32_t node) {
  std::uint32_t gap = hash & mask_;
  while (slots_[gap].node != node) gap = (gap + 1) & mask_;
  for (std::uint32_t i = (gap + 1) & mask_; slots_[i].node != 0; i = (i + 1) & mask_) {
    if (((i - slots_[i].hash) & mask_) < ((i - gap) & mask_)) continue;
    slots_[gap] = slots_[i];
    gap = i;
  }
  slots_[gap] = {};
}

void Zone::finish() {
  const Bytes soa = packed_of(*first(), *set_of(*first(), Type::kSoa));
  serial_ = load_u32(soa.data() + soa.size() - kSoaNumbersBytes);
  negative_soa_.assign(soa.begin(), soa.end());
  const std::uint32_t minimum = load_u32(soa.data() + soa.size() - 4);
  store_u32(negative_soa_.data() + 6, std::min(minimum, load_u32(soa.data() + 6)));
}

std::expected<Zone, ZoneRefusal> ZoneBuilder::build() && {
  sort_entries();
  std::vector<std::uint32_t>().swap(table_);
  std::size_t total = Zone::kFirstNode;
  std::span<const Entry> left = entries_;
  const auto take = [&left](std::uint32_t node) {
    std::size_t count = 0;
    while (count < left.size() && left[count].node == node) ++count;
    const auto taken = left.first(count);
    left = left.subspan(count);
    return taken;
  };
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    const auto entries = take(node);
    if (node == 0) {
      if (const auto refused = check_apex(entries)) return std::unexpected(*refused);
    }
    if (const auto refused = check_node(node, entries)) return std::unexpected(*refused);
    total += node_bytes(node, entries);
  }
  if (Zone::room_for(total) > 0xffffffff)
    return std::unexpected(refusal(0, Type::kSoa, "a zone has at most 4 GiB of data"));
  Zone zone;
  zone.use(std::make_shared<Zone::Arena>(Zone::room_for(total)));
  zone.nodes_ = nodes_.size();
  zone.slots_.resize(std::bit_ceil(nodes_.size() * 2));
  zone.mask_ = static_cast<std::uint32_t>(zone.slots_.size() - 1);
  left = entries_;
  std::size_t& at = zone.arena_->used;
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    const auto entries = take(node);
    const std::uint32_t bytes = node_bytes(node, entries);
    write_node(zone.arena_->octets.get() + at, bytes, node, entries);
    zone.insert(nodes_[node].hash, static_cast<std::uint32_t>(at));
    zone.records_ += records_in(entries);
    at += bytes;
  }
  zone.arena_bytes_ = at;
  zone.live_bytes_ = at - Zone::kFirstNode;
  zone.apex_labels_ = apex_labels_;
  zone.labels_max_ = labels_max_;
  zone.finish();
  return zone;
}

}  // namespace weir::dns
