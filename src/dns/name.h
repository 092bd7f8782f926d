// Domain names in wire form (RFC 1035 section 3.1): labels with their length octets, the root's empty one at
// the end, 255 octets at most. Compared without regard to ASCII case (RFC 4343), ordered as RFC 4034 section
// 6.1 says. Values without heap memory; on any core. `Bytes` called name are a whole, valid, uncompressed
// name.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "dns/bytes.h"

namespace weir::dns {

inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kLabelBytesMax = 63;
inline constexpr std::size_t kLabelsMax = 127;  // of one octet each

// The length octets of a name are below 'A', so it is put into lower case as a whole.
constexpr std::uint8_t lower(std::uint8_t octet) {
  return static_cast<std::uint8_t>(octet >= 'A' && octet <= 'Z' ? octet + 32 : octet);
}

class Name {
 public:
  Name() { bytes_[0] = 0; }  // the root

  // "www.example.com." or, relative to origin, "www". Escapes: \. and \032. "@" is a label like any other.
  static Result<Name> parse(std::string_view text, const Name& origin);
  explicit Name(Bytes name);  // checked

  Bytes wire() const { return {bytes_.data(), size_}; }
  std::string to_text() const;

 private:
  std::array<std::uint8_t, kNameBytesMax> bytes_;  // only the first size_ are set
  std::uint8_t size_ = 1;
};

// How many octets the uncompressed name at the start of bytes has; 0: there is none.
std::size_t name_size(Bytes bytes);
// The name at `at` in a message (RFC 1035 section 4.1.4) and where what follows it begins. Each pointer leads
// to before the octets that led to it, so that no message makes it walk in circles.
Result<std::size_t> read_name(Bytes message, std::size_t at, Name& name);

std::string name_text(Bytes name);  // absolute: ends with a dot
bool same_name(Bytes left, Bytes right);
bool is_within(Bytes name, Bytes apex);  // the apex itself is
std::strong_ordering canonical_order(Bytes left, Bytes right);
bool is_wildcard(Bytes name);  // its first label is "*"

// A name in lower case, with the hash of each of its suffixes: one pass, and any ancestor can be looked up.
class HashedName {
 public:
  HashedName() = default;  // holds nothing until set
  explicit HashedName(Bytes name) { set(name); }
  void set(Bytes name);

  Bytes wire() const { return {bytes_.data(), size_}; }
  std::size_t labels() const { return labels_; }
  // Without the first `dropped` labels, dropped <= labels(): the whole name to the root.
  Bytes suffix(std::size_t dropped) const { return wire().subspan(starts_[dropped]); }
  std::uint32_t hash(std::size_t dropped) const { return static_cast<std::uint32_t>(hashes_[dropped]); }
  // The hash of "*" below that suffix
  std::uint32_t wildcard_hash(std::size_t dropped) const;

 private:
  std::array<std::uint8_t, kNameBytesMax + 8> bytes_;  // read in words, hence the eight
  std::array<std::uint8_t, kLabelsMax + 1> starts_;
  std::array<std::uint64_t, kLabelsMax + 1> hashes_;
  std::size_t size_ = 0;
  std::size_t labels_ = 0;
};

}  // namespace weir::dns
