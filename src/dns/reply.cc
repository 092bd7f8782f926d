#include "dns/reply.h"

#include <algorithm>

#include "dns/name.h"
#include "dns/zone.h"

namespace weir::dns {
namespace {

constexpr std::uint16_t kPointer = 0xC000;
constexpr std::size_t kPointerMax = 0x3fff;  // what a pointer can say

// Octets before the names of rdata that may be compressed, and how many names there are: the types of RFC
// 1035 alone (RFC 3597 section 4).
struct Names {
  std::size_t at;
  std::size_t count;
};
constexpr Names names_in(Type type) {
  switch (type) {
    case Type::kNs:
    case Type::kCname:
    case Type::kPtr: return {0, 1};
    case Type::kSoa: return {0, 2};
    case Type::kMx: return {2, 1};
    default: return {0, 0};
  }
}

}  // namespace

Reply::Reply(std::span<std::uint8_t> into, std::size_t limit, std::size_t opt_bytes, Bytes question)
    : out_(into), limit_(std::min(limit, into.size())), question_(question) {
  out_.limit(limit_ - opt_bytes);
  out_.rewind(kHeaderBytes);  // written at the end
  out_.bytes(question);
}

bool Reply::write_set(std::size_t section, Bytes packed, std::uint16_t count, const Place& owner) {
  if (compressed_) return write_compressed(section, packed, count, owner.name);
  if (count == 0) return true;
  if (owner.at > kPointerMax) return false;
  const std::size_t start = out_.size();
  out_.bytes(packed);
  if (!out_.ok()) return false;
  counts_[section] += count;
  if (owner.at == kHeaderBytes) return true;
  const auto pointer = static_cast<std::uint16_t>(kPointer | owner.at);
  for (std::size_t at = start; at < out_.size();) {
    std::uint8_t* record = out_.at(at);
    store_u16(record, pointer);
    at += kPackedHeadBytes + load_u16(record + 10);
  }
  return true;
}

bool Reply::write_compressed(std::size_t section, Bytes packed, std::uint16_t count, Bytes owner) {
  for (std::size_t i = 0; i < packed.size() && out_.ok();) {
    const Bytes record = packed.subspan(i);
    i += kPackedHeadBytes + packed_rdata_bytes(record);
    write_name(owner);
    out_.bytes(record.subspan(2, kPackedHeadBytes - 2));
    write_rdata(record);
  }
  counts_[section] += count;
  return out_.ok();
}

void Reply::write_rdata(Bytes record) {
  Bytes rdata = record.subspan(kPackedHeadBytes, packed_rdata_bytes(record));
  const std::size_t start = out_.size();
  const Names names = names_in(static_cast<Type>(load_u16(record.data() + 2)));
  out_.bytes(rdata.first(names.at));
  rdata = rdata.subspan(names.at);
  for (std::size_t i = 0; i < names.count; ++i) {
    const Bytes name = rdata.first(name_size(rdata));
    write_name(name);
    rdata = rdata.subspan(name.size());
  }
  out_.bytes(rdata);
  if (out_.ok()) store_u16(out_.at(start - 2), static_cast<std::uint16_t>(out_.size() - start));
}

// The longest suffix that stands somewhere already becomes a pointer; the labels before it can be pointed at.
void Reply::write_name(Bytes name) {
  const auto known = std::span(name_at_).first(names_);  // whole names; this one is not yet
  while (name[0] != 0) {
    const auto found = std::ranges::find_if(known, [&](std::uint16_t at) { return stands_at(name, at); });
    if (found != known.end()) return out_.u16(static_cast<std::uint16_t>(kPointer | *found));
    if (names_ < kNamesMax && out_.size() <= kPointerMax)
      name_at_[names_++] = static_cast<std::uint16_t>(out_.size());
    const std::size_t label = name[0] + 1U;
    out_.bytes(name.first(label));
    if (!out_.ok()) return;
    name = name.subspan(label);
  }
  out_.u8(0);
}

bool Reply::stands_at(Bytes name, std::size_t at) const {
  const Bytes message = out_.written();
  for (;;) {
    while (message[at] >= 0xC0) at = load_u16(&message[at]) & kPointerMax;
    const std::size_t label = message[at] + 1U;
    if (label != name[0] + 1U ||
        !std::ranges::equal(message.subspan(at, label), name.first(label), {}, lower, lower))
      return false;
    if (label == 1) return true;
    name = name.subspan(label);
    at += label;
  }
}

void Reply::compress() {
  clear();
  compressed_ = true;
  names_ = 0;
  const Bytes name = question_name();
  for (std::size_t at = 0; name[at] != 0 && names_ < kNamesMax; at += name[at] + 1U)
    name_at_[names_++] = static_cast<std::uint16_t>(kHeaderBytes + at);
}

void Reply::clear() {
  out_.rewind(kHeaderBytes + question_.size());
  counts_ = {};
}

void Reply::rewind(const Mark& mark) {
  out_.rewind(mark.size);
  names_ = mark.names;
  counts_ = mark.counts;
}

std::size_t Reply::finish(std::uint16_t id, std::uint16_t flags, const OptReply* opt, Rcode rcode) {
  if (opt != nullptr) {
    out_.limit(limit_);
    write_opt(*opt, out_);
    ++counts_[3];
  }
  std::uint8_t* header = out_.at(0);
  store_u16(header, id);
  store_u16(header + 2, static_cast<std::uint16_t>(flags | (static_cast<std::uint16_t>(rcode) & 15U)));
  store_u16(header + 4, question_.empty() ? 0 : 1);
  for (std::size_t i = 1; i < 4; ++i) store_u16(header + 4 + 2 * i, counts_[i]);
  return out_.size();
}

}  // namespace weir::dns
