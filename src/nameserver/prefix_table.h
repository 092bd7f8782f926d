// PrefixTable: which value the longest prefix has that an address is within, for IPv4 and IPv6. Kept as the
// addresses at which the value changes, so that to look up is to halve, and so that it is known how far
// around an address the value holds. Made on one core, never changed once it is looked up in; read by any.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dns/bytes.h"

namespace weir::nameserver {

class PrefixTable {
 public:
  using Value = std::uint16_t;
  static constexpr Value kNone = 0xffff;  // of addresses that are within no prefix

  struct Entry {
    dns::Ip ip;  // octets beyond the prefix don't count
    std::uint8_t bits = 0;
    std::uint8_t rank = 0;  // one of a higher rank counts before longer ones of a lower
    Value value = kNone;
  };

  struct Found {
    Value value = kNone;
    // Of the shortest prefix around the address in which all have this value (RFC 7871 section 7.2.1)
    std::uint8_t scope_bits = 0;
  };

  PrefixTable() = default;
  // Of equal prefixes of one rank the last counts.
  explicit PrefixTable(std::vector<Entry> entries);

  // In the order of addresses, IPv4 and IPv6 each from its first on: what follows has that value.
  void append(const dns::Ip& first, Value value);
  // After the last append(): what is looked up in large tables is made ready.
  void finish();

  Found find(const dns::Ip& ip) const;
  // How many times the value changes
  std::size_t size() const { return v4_.begins.size() + v6_.begins.size(); }

 private:
  template <class Key>
  struct Half {
    std::vector<Key> begins;    // empty, or the first is 0
    std::vector<Value> values;  // from there on; never the same twice in a row
    std::vector<std::uint32_t>
        buckets;  // by the first 16 bits: the first of `begins` there; empty: it is small

    void append(Key first, Value value);
    void finish();
    std::size_t at(Key key) const;
    Found find(Key key) const;
    void paint(std::span<const Entry* const> entries);
  };
  using Wide = unsigned __int128;

  Half<std::uint32_t> v4_;
  Half<Wide> v6_;
};

}  // namespace weir::nameserver
