// A zone, ready to be answered from: made once by a ZoneBuilder or, out of another, by a ZoneChange; never
// changed, read by any core. Every set of records is kept as the octets of a reply ("packed"), and everything
// of a name lies in one place: a query for a name that exists touches a slot and that place. Lookup as RFC
// 1034 section 4.3.2 and RFC 4592 say.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/name.h"

namespace weir::dns {

inline constexpr std::uint32_t kTtlMax = 0x7fffffff;         // seconds: RFC 2181 section 8
inline constexpr std::size_t kPackedHeadBytes = 12;          // of a record, before its rdata
inline constexpr std::uint16_t kPointerToQuestion = 0xC00C;  // the owner in packed records
// A packed set leaves room for a header, the longest question and the longest OPT in a TCP message.
inline constexpr std::size_t kSetBytesMax = kMessageBytesMax - kHeaderBytes - (kNameBytesMax + 4) - 128;

// A record as a reply whose question is its owner has it. Names in rdata are whole.
inline void write_packed(Type type, std::uint32_t ttl_seconds, Bytes rdata, ByteWriter& out) {
  out.u16(kPointerToQuestion);
  out.u16(static_cast<std::uint16_t>(type));
  out.u16(kClassIn);
  out.u32(ttl_seconds);
  out.u16(static_cast<std::uint16_t>(rdata.size()));
  out.bytes(rdata);
}
inline std::size_t packed_rdata_bytes(Bytes packed) { return load_u16(packed.data() + 10); }
// Of those that lie one behind the other; there is one.
inline Bytes first_record(Bytes packed) {
  return packed.first(kPackedHeadBytes + packed_rdata_bytes(packed));
}

// RFC 1982: whether the first serial number comes before the second.
inline bool is_older(std::uint32_t first, std::uint32_t second) {
  return static_cast<std::int32_t>(second - first) > 0;
}

// Where in the rdata of such a record the name is that the client will want addresses of.
constexpr std::optional<std::size_t> target_at(Type type) {
  switch (type) {
    case Type::kNs: return 0;
    case Type::kMx:
    case Type::kSvcb:
    case Type::kHttps: return 2;
    case Type::kSrv: return 6;
    default: return std::nullopt;
  }
}

struct RecordSet {
  Type type{};
  std::uint16_t count = 0;    // of records; 0 if steered
  std::uint16_t bytes = 0;    // packed
  std::uint16_t steered = 0;  // 1: by the policy `value`
  std::uint32_t value = 0;    // else: where it is, counted from its node
};

// A name that exists; followed by its sets in the order of their types, its name in lower case, its records.
struct Node {
  std::uint32_t bytes = 0;  // to the next node
  std::uint16_t sets = 0;   // 0: only names below it have records (an empty non-terminal)
  std::uint8_t flags = 0;
  std::uint8_t name_bytes = 0;
};
inline constexpr std::uint8_t kCut = 1;          // NS below the apex
inline constexpr std::uint8_t kOccluded = 2;     // below a cut: seen as glue only
inline constexpr std::uint8_t kHasWildcard = 4;  // "*" is a child
inline constexpr std::uint8_t kAlias = 8;        // CNAME
inline constexpr std::uint8_t kHasNames = 16;    // names are below it, or were

inline const std::uint8_t* octets_of(const Node& node) {
  return reinterpret_cast<const std::uint8_t*>(&node);
}
inline std::span<const RecordSet> sets_of(const Node& node) {
  return {reinterpret_cast<const RecordSet*>(&node + 1), node.sets};
}
inline Bytes name_of(const Node& node) {
  return {octets_of(node) + sizeof(Node) + node.sets * sizeof(RecordSet), node.name_bytes};
}
inline Bytes packed_of(const Node& node, const RecordSet& set) {
  return {octets_of(node) + set.value, set.bytes};
}
inline const RecordSet* set_of(const Node& node, Type type) {
  for (const RecordSet& set : sets_of(node)) {
    if (set.type == type) return &set;
  }
  return nullptr;
}

enum class Outcome : std::uint8_t {
  kSet,       // of the type asked for; for ANY, one of those that are there (RFC 8482)
  kAlias,     // set is the CNAME
  kNoData,    // the name exists
  kNoName,    // it does not
  kReferral,  // node is the cut, set its NS
};
struct Found {
  Outcome outcome = Outcome::kNoName;
  const Node* node = nullptr;  // of the set: the name itself, its wildcard or the cut
  const RecordSet* set = nullptr;
};

class Zone {
 public:
  Zone(Zone&&) = default;
  Zone& operator=(Zone&&) = default;

  Bytes apex() const { return name_of(*first()); }  // in lower case
  std::uint32_t serial() const { return serial_; }
  std::size_t records() const { return records_; }
  std::size_t memory_bytes() const { return arena_bytes_ + slots_.size() * sizeof(Slot); }

  // name is within the zone.
  Found find(const HashedName& name, Type type) const;
  // What is there under that very name, glue included
  const Node* node(Bytes lower_case, std::uint32_t hash) const;
  // The packed SOA of negative answers (RFC 2308 section 3)
  Bytes negative_soa() const { return negative_soa_; }
  // All names, the apex first.
  const Node* first() const { return node_at(apex_node_); }
  const Node* next(const Node* node) const;  // nullptr: that was the last

 private:
  friend class ZoneBuilder;
  friend class ZoneChange;
  // Where nodes lie, those of a zone and of the zones that were made out of it: only ever appended to, by the
  // one core that makes zones, behind what any of them looks at.
  struct Arena {
    explicit Arena(std::size_t room)
        : capacity(room), octets(std::make_unique_for_overwrite<std::uint8_t[]>(room)) {}
    std::size_t capacity;
    std::size_t used = kFirstNode;
    std::unique_ptr<std::uint8_t[]> octets;
  };
  struct Slot {
    std::uint32_t hash;
    std::uint32_t node;  // where in the arena; 0: free
  };
  static constexpr std::uint32_t kFirstNode = 8;

  Zone() = default;
  Zone(const Zone&) = default;  // of the slots, not of the arena
  const Node* node_at(std::uint32_t at) const { return reinterpret_cast<const Node*>(octets_ + at); }
  std::uint32_t place_of(const Node& node) const {
    return static_cast<std::uint32_t>(octets_of(node) - octets_);
  }
  bool holds(const Node& node) const;  // and not another of its name
  void finish();                       // what follows from the apex
  void use(std::shared_ptr<Arena> arena);
  void insert(std::uint32_t hash, std::uint32_t node);
  void erase(std::uint32_t hash, std::uint32_t node);
  static constexpr std::size_t room_for(std::size_t bytes) { return bytes + bytes / 8 + 512; }
  const Node* wildcard_of(const HashedName& name, std::size_t dropped) const;
  Found missing(const HashedName& name, Type type) const;
  Found at_cut(const HashedName& name, std::size_t dropped, Type type) const;

  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  std::uint32_t mask_ = 0;
  const std::uint8_t* octets_ = nullptr;  // of the arena
  std::shared_ptr<Arena> arena_;
  std::size_t arena_bytes_ = 0;  // of it are looked at
  std::uint32_t apex_node_ = kFirstNode;
  std::size_t nodes_ = 0;
  std::size_t live_bytes_ = 0;  // of those, of this zone's nodes
  std::vector<std::uint8_t> negative_soa_;
  std::size_t apex_labels_ = 0;
  std::size_t labels_max_ = 0;  // of its names
  std::size_t records_ = 0;
  std::uint32_t serial_ = 0;
};

// Why records do not make a zone: a sentence about that owner and type.
struct ZoneRefusal {
  Name owner;
  Type type{};
  const char* text = "";
};

class ZoneBuilder {
 public:
  explicit ZoneBuilder(Bytes apex);

  // rdata as RFC 1035 has it, with whole names. The same record twice is one; of a set with several TTLs the
  // lowest is taken (RFC 2181 section 5.2).
  Result<void> add(Bytes owner, Type type, std::uint32_t ttl_seconds, Bytes rdata);
  // The set exists by that policy alone.
  Result<void> steer(Bytes owner, Type type, std::uint32_t policy);
  std::expected<Zone, ZoneRefusal> build() &&;

 private:
  friend class ZoneChange;
  struct BuildNode {
    std::uint32_t name;  // in names_
    std::uint32_t parent;
    std::uint32_t hash;
    std::uint8_t name_bytes;
    std::uint8_t flags;
  };
  struct Entry {
    std::uint32_t node;
    Type type;
    std::uint16_t rdata_bytes;
    std::uint32_t rdata;  // in log_; if steered, the policy
    std::uint32_t ttl;    // kSteered: a policy
  };
  static constexpr std::uint32_t kSteered = 0xffffffff;
  static constexpr std::uint32_t kNoNode = 0xffffffff;

  Result<std::uint32_t> node_for(Bytes owner);
  std::uint32_t find(Bytes lower_case, std::uint32_t hash) const;
  std::uint32_t insert(Bytes lower_case, std::uint32_t hash, std::uint32_t parent);
  void grow();
  Bytes name_at(std::uint32_t node) const {
    return Bytes(names_).subspan(nodes_[node].name, nodes_[node].name_bytes);
  }
  Bytes rdata_of(const Entry& entry) const { return Bytes(log_).subspan(entry.rdata, entry.rdata_bytes); }
  static std::size_t records_in(std::span<const Entry> entries);
  ZoneRefusal refusal(std::uint32_t node, Type type, const char* text) const;
  void sort_entries();
  std::optional<ZoneRefusal> check_node(std::uint32_t node, std::span<const Entry> entries);
  std::optional<ZoneRefusal> check_apex(std::span<const Entry> entries) const;
  std::uint32_t node_bytes(std::uint32_t node, std::span<const Entry> entries) const;
  // Of `bytes`, as node_bytes() says.
  void write_node(std::uint8_t* into, std::uint32_t bytes, std::uint32_t node,
                  std::span<const Entry> entries) const;

  HashedName hashed_;       // of the owner at hand
  std::uint32_t last_ = 0;  // its node
  std::size_t apex_labels_ = 0;
  std::size_t labels_max_ = 0;
  std::vector<std::uint8_t> names_;
  std::vector<BuildNode> nodes_;      // parents before children
  std::vector<std::uint32_t> table_;  // node + 1 by hash; 0: free
  std::vector<std::uint8_t> log_;
  std::vector<Entry> entries_;
};

// Another zone, out of one that stays as it is: what is added and taken away costs what it is, and a copy of
// the slots. Both have the arena in common.
class ZoneChange {
 public:
  explicit ZoneChange(const Zone& from);

  // The set is gone, or made of what is added afterwards; nothing was added to it before.
  Result<void> clear(Bytes owner, Type type);
  // As ZoneBuilder has them, to what is there.
  Result<void> add(Bytes owner, Type type, std::uint32_t ttl_seconds, Bytes rdata);
  Result<void> steer(Bytes owner, Type type, std::uint32_t policy);
  // The set is as it is in another zone.
  Result<void> take(const Zone& other, Bytes owner, Type type);
  std::expected<Zone, ZoneRefusal> made() &&;

 private:
  using Entry = ZoneBuilder::Entry;
  // A node of the builder, and what becomes of it.
  struct Fate {
    const Node* before = nullptr;  // null: there was none
    std::span<const Entry> entries;
    bool lives = true;
    bool renewed = false;  // it lies in another place
  };

  void add_sets(const Node& from, std::uint32_t node);
  void load_from(std::size_t first);
  std::optional<ZoneRefusal> check();
  bool load_below_cuts();
  void decide();
  bool has_other_names(std::uint32_t node) const;
  bool is_another(std::uint32_t node) const;
  Zone copied(std::size_t more_bytes, std::size_t more_nodes) const;
  void write(Zone& zone) const;

  const Zone& from_;
  ZoneBuilder builder_;
  std::unordered_set<std::uint64_t> cleared_;  // node and type
  std::vector<Fate> fates_;                    // by node of the builder
};

// The zones of a server, never changed: a new list is made for new zones.
class Zones {
 public:
  Zones() = default;
  // No apex twice.
  explicit Zones(std::vector<std::shared_ptr<const Zone>> zones);

  // The zone with the longest apex that the name is within; DS of an apex is its parent's, where that is
  // here.
  const Zone* find(const HashedName& name, Type type) const;
  std::span<const std::shared_ptr<const Zone>> all() const { return zones_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    const Zone* zone = nullptr;
  };
  const Zone* with_apex(Bytes lower_case, std::uint32_t hash) const;

  std::vector<std::shared_ptr<const Zone>> zones_;
  std::vector<Slot> slots_;                   // a power of two, at most half full
  std::bitset<kLabelsMax + 1> label_counts_;  // of the apexes
  std::size_t labels_max_ = 0;
};

}  // namespace weir::dns
