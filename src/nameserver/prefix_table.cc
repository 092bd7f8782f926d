#include "nameserver/prefix_table.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace weir::nameserver {
namespace {

constexpr int kBucketBits = 16;
constexpr std::size_t kBucketsFrom = 256;  // changes, from which on buckets are worth their memory

template <class Key>
constexpr int kKeyBits = static_cast<int>(sizeof(Key) * 8);

template <class Key>
Key key_of(const dns::Ip& ip) {
  Key key = 0;
  for (std::size_t i = 0; i < sizeof(Key); ++i) key = static_cast<Key>(key << 8U) | ip.octets.at(i);
  return key;
}

template <class Key>
Key host_bits(std::uint8_t prefix_bits) {
  const int beyond = kKeyBits<Key> - prefix_bits;
  return beyond == kKeyBits<Key> ? ~Key{0} : static_cast<Key>((Key{1} << static_cast<unsigned>(beyond)) - 1);
}

template <class Key>
int zeros_before(Key key) {
  if constexpr (sizeof(Key) > sizeof(std::uint64_t)) {
    const auto high = static_cast<std::uint64_t>(key >> 64U);
    return high != 0 ? std::countl_zero(high) : 64 + std::countl_zero(static_cast<std::uint64_t>(key));
  } else {
    return std::countl_zero(key);
  }
}

}  // namespace

template <class Key>
void PrefixTable::Half<Key>::append(Key first, Value value) {
  if (begins.empty() && first != 0) {
    begins.push_back(0);
    values.push_back(kNone);
  }
  if (!begins.empty() && begins.back() == first) {
    begins.pop_back();
    values.pop_back();
  }
  if (values.empty() ? value == kNone && first == 0 : values.back() == value) return;
  begins.push_back(first);
  values.push_back(value);
}

template <class Key>
void PrefixTable::Half<Key>::finish() {
  begins.shrink_to_fit();
  values.shrink_to_fit();
  buckets.clear();
  if (begins.size() < kBucketsFrom) return;
  buckets.reserve((std::size_t{1} << kBucketBits) + 1);
  std::uint32_t at = 0;
  for (std::size_t bucket = 0; bucket < std::size_t{1} << kBucketBits; ++bucket) {
    const Key first = static_cast<Key>(static_cast<Key>(bucket) << (kKeyBits<Key> - kBucketBits));
    while (at < begins.size() && begins[at] < first) ++at;
    buckets.push_back(at);
  }
  buckets.push_back(static_cast<std::uint32_t>(begins.size()));
}

// Where the last of `begins` is that is not behind the key.
template <class Key>
std::size_t PrefixTable::Half<Key>::at(Key key) const {
  auto from = begins.begin();
  auto to = begins.end();
  if (!buckets.empty()) {
    const auto bucket = static_cast<std::size_t>(key >> (kKeyBits<Key> - kBucketBits));
    to = from + buckets[bucket + 1];
    from += buckets[bucket];
  }
  return static_cast<std::size_t>(std::upper_bound(from, to, key) - begins.begin()) - 1;
}

template <class Key>
PrefixTable::Found PrefixTable::Half<Key>::find(Key key) const {
  if (begins.empty()) return {};
  const std::size_t place = at(key);
  // A prefix holds as long as it reaches neither what is before nor what is behind.
  int bits = 0;
  if (begins[place] != 0) bits = zeros_before(static_cast<Key>(key ^ (begins[place] - 1))) + 1;
  if (place + 1 < begins.size()) {
    bits = std::max(bits, zeros_before(static_cast<Key>(key ^ begins[place + 1])) + 1);
  }
  return {values[place], static_cast<std::uint8_t>(bits)};
}

// Prefixes lie within or beside each other, so those that an address is within are a stack.
template <class Key>
void PrefixTable::Half<Key>::paint(std::span<const Entry* const> entries) {
  struct Open {
    Key last;
    std::uint8_t rank;
    Value value;
  };
  std::vector<Open> open;
  const auto close_before = [&](const Key* next) {
    while (!open.empty() && (next == nullptr || open.back().last < *next)) {
      const Key last = open.back().last;
      open.pop_back();
      if (last != static_cast<Key>(~Key{0})) {
        append(static_cast<Key>(last + 1), open.empty() ? kNone : open.back().value);
      }
    }
  };
  for (const Entry* entry : entries) {
    const Key beyond = host_bits<Key>(entry->bits);
    const Key first = key_of<Key>(entry->ip);
    close_before(&first);
    Open here{static_cast<Key>(first | beyond), entry->rank, entry->value};
    if (!open.empty() && open.back().rank > here.rank) {
      here.rank = open.back().rank;
      here.value = open.back().value;
    }
    append(first, here.value);
    open.push_back(here);
  }
  close_before(nullptr);
  finish();
}

PrefixTable::PrefixTable(std::vector<Entry> entries) {
  for (Entry& entry : entries) {
    for (std::size_t i = 0; i < entry.ip.octets.size(); ++i) {
      const int known = std::clamp(entry.bits - static_cast<int>(i * 8), 0, 8);
      entry.ip.octets.at(i) &= static_cast<std::uint8_t>(0xff00U >> static_cast<unsigned>(known));
    }
  }
  std::vector<const Entry*> sorted;
  sorted.reserve(entries.size());
  for (const Entry& entry : entries) sorted.push_back(&entry);
  std::ranges::sort(sorted, {}, [](const Entry* entry) {
    return std::tuple(entry->ip.size, entry->ip.octets, entry->bits, entry->rank, entry);
  });
  const auto wide = std::ranges::find(sorted, 16, [](const Entry* entry) { return entry->ip.size; });
  const auto split = static_cast<std::size_t>(wide - sorted.begin());
  v4_.paint(std::span(sorted).first(split));
  v6_.paint(std::span(sorted).subspan(split));
}

void PrefixTable::append(const dns::Ip& first, Value value) {
  if (first.size == 16) {
    v6_.append(key_of<Wide>(first), value);
  } else {
    v4_.append(key_of<std::uint32_t>(first), value);
  }
}

void PrefixTable::finish() {
  v4_.finish();
  v6_.finish();
}

PrefixTable::Found PrefixTable::find(const dns::Ip& ip) const {
  return ip.size == 16 ? v6_.find(key_of<Wide>(ip)) : v4_.find(key_of<std::uint32_t>(ip));
}

}  // namespace weir::nameserver
