#include "dns/name.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace weir::dns {
namespace {

constexpr std::uint8_t kPointerBits = 0xC0;

using Starts = std::array<std::uint8_t, kLabelsMax + 1>;

// Where each label begins; the count, without the root's.
std::size_t find_labels(Bytes name, Starts& starts) {
  std::size_t count = 0;
  std::size_t at = 0;
  while (name[at] != 0) {
    starts[count++] = static_cast<std::uint8_t>(at);
    at += name[at] + 1U;
  }
  starts[count] = static_cast<std::uint8_t>(at);
  return count;
}

constexpr std::uint64_t mix(std::uint64_t value) {
  const auto product = static_cast<unsigned __int128>(value) * 0x9e3779b97f4a7c15U;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

constexpr std::uint64_t kHashSeed = 0x243f6a8885a308d3U;

// One label with its length octet, in words of eight; the memory behind it may be read, and is masked away.
std::uint64_t hash_label(std::uint64_t hash, const std::uint8_t* label) {
  std::size_t left = *label + 1U;
  for (;;) {
    std::uint64_t word = 0;
    std::memcpy(&word, label, 8);
    if (left < 8) word &= (std::uint64_t{1} << (left * 8)) - 1;
    hash = mix(hash ^ word) + kHashSeed;
    if (left <= 8) return hash;
    left -= 8;
    label += 8;
  }
}
static_assert(std::endian::native == std::endian::little, "hash_label masks the later octets of a word");

struct Unescaped {
  std::uint8_t octet;
  std::size_t used;  // characters after the backslash
};

Result<Unescaped> unescape(std::string_view after) {
  if (after.empty()) return fail(Code::kMalformed, "a backslash at the end escapes nothing");
  if (after[0] < '0' || after[0] > '9') return Unescaped{static_cast<std::uint8_t>(after[0]), 1};
  const auto number = after.size() < 3 ? std::nullopt : parse_decimal(after.substr(0, 3));
  if (!number || *number > 255)
    return fail(Code::kMalformed, "an escaped octet is a backslash and three digits, 000 to 255");
  return Unescaped{static_cast<std::uint8_t>(*number), 3};
}

void append_label_octet(std::string& text, std::uint8_t octet) {
  constexpr std::string_view kSpecial = ".\\\"();@$";
  const char c = static_cast<char>(octet);
  if (octet > 32 && octet < 127) {
    if (kSpecial.contains(c)) text += '\\';
    text += c;
    return;
  }
  text += '\\';
  text += static_cast<char>('0' + octet / 100);
  text += static_cast<char>('0' + octet / 10 % 10);
  text += static_cast<char>('0' + octet % 10);
}

}  // namespace

Name::Name(Bytes name) {
  size_ = static_cast<std::uint8_t>(name_size(name));
  WEIR_CHECK(size_ != 0 && size_ == name.size());
  std::ranges::copy(name, bytes_.begin());
}

Result<Name> Name::parse(std::string_view text, const Name& origin) {
  if (text.empty()) return fail(Code::kMalformed, "a name is not empty");
  Name name;
  if (text == ".") return name;
  std::size_t label = 0;  // where the length octet of the present label is
  std::size_t size = 1;
  const auto too_long = fail(Code::kMalformed, "a name has at most 255 octets");
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto octet = static_cast<std::uint8_t>(text[i]);
    if (text[i] == '.') {
      if (size - label == 1) return fail(Code::kMalformed, "a label is not empty");
      name.bytes_[label] = static_cast<std::uint8_t>(size - label - 1);
      label = size++;
      if (size > kNameBytesMax) return too_long;
      continue;
    }
    if (text[i] == '\\') {
      const auto escaped = unescape(text.substr(i + 1));
      if (!escaped) return fail(escaped.error());
      octet = escaped->octet;
      i += escaped->used;
    }
    if (size - label > kLabelBytesMax) return fail(Code::kMalformed, "a label has at most 63 octets");
    if (size == kNameBytesMax) return too_long;
    name.bytes_[size++] = octet;
  }
  if (size - label == 1) {  // it ended with a dot
    name.bytes_[label] = 0;
  } else {
    name.bytes_[label] = static_cast<std::uint8_t>(size - label - 1);
    const Bytes rest = origin.wire();
    if (size + rest.size() > kNameBytesMax) return too_long;
    std::ranges::copy(rest, name.bytes_.begin() + static_cast<std::ptrdiff_t>(size));
    size += rest.size();
  }
  name.size_ = static_cast<std::uint8_t>(size);
  return name;
}

std::string Name::to_text() const { return name_text(wire()); }

std::size_t name_size(Bytes bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && at < kNameBytesMax) {
    const std::uint8_t length = bytes[at];
    if (length == 0) return at + 1;
    if (length > kLabelBytesMax) return 0;
    at += length + 1U;
  }
  return 0;
}

Result<std::size_t> read_name(Bytes message, std::size_t at, Name& name) {
  std::array<std::uint8_t, kNameBytesMax> bytes;
  std::size_t size = 0;
  std::size_t end = 0;       // what follows the name; 0: no pointer was met yet
  std::size_t barrier = at;  // pointers lead to before it
  for (;;) {
    if (at >= message.size()) return fail(Code::kMalformed, "a name goes beyond the message");
    const std::uint8_t length = message[at];
    if ((length & kPointerBits) == kPointerBits) {
      if (at + 1 >= message.size()) return fail(Code::kMalformed, "a name goes beyond the message");
      const std::size_t target = load_u16(&message[at]) & 0x3fffU;
      if (target >= barrier) return fail(Code::kMalformed, "a pointer in a name does not lead backwards");
      if (end == 0) end = at + 2;
      at = barrier = target;
      continue;
    }
    if (length > kLabelBytesMax) return fail(Code::kMalformed, "a label of an unknown kind");
    if (size + length + 1U > kNameBytesMax) return fail(Code::kMalformed, "a name has at most 255 octets");
    if (at + length + 1U > message.size()) return fail(Code::kMalformed, "a name goes beyond the message");
    std::ranges::copy(message.subspan(at, length + 1U), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    size += length + 1U;
    at += length + 1U;
    if (length == 0) break;
  }
  name = Name(Bytes(bytes.data(), size));
  return end == 0 ? at : end;
}

std::string name_text(Bytes name) {
  if (name.size() == 1) return ".";
  std::string text;
  for (std::size_t at = 0; name[at] != 0; at += name[at] + 1U) {
    for (const std::uint8_t octet : name.subspan(at + 1, name[at])) append_label_octet(text, octet);
    text += '.';
  }
  return text;
}

bool same_name(Bytes left, Bytes right) { return std::ranges::equal(left, right, {}, lower, lower); }

bool is_within(Bytes name, Bytes apex) {
  std::size_t at = 0;
  while (name.size() - at > apex.size()) at += name[at] + 1U;
  return name.size() - at == apex.size() && same_name(name.subspan(at), apex);
}

std::strong_ordering canonical_order(Bytes left, Bytes right) {
  Starts left_starts;
  Starts right_starts;
  std::size_t left_at = find_labels(left, left_starts);
  std::size_t right_at = find_labels(right, right_starts);
  while (left_at > 0 && right_at > 0) {
    const Bytes from_left = left.subspan(left_starts[--left_at]);
    const Bytes from_right = right.subspan(right_starts[--right_at]);
    const Bytes a = from_left.subspan(1, from_left[0]);
    const Bytes b = from_right.subspan(1, from_right[0]);
    const auto order = std::lexicographical_compare_three_way(
        a.begin(), a.end(), b.begin(), b.end(),
        [](std::uint8_t one, std::uint8_t other) { return lower(one) <=> lower(other); });
    if (order != 0) return order;
  }
  return left_at <=> right_at;
}

bool is_wildcard(Bytes name) { return name[0] == 1 && name[1] == '*'; }

void HashedName::set(Bytes name) {
  size_ = name.size();
  std::ranges::transform(name, bytes_.begin(), lower);
  std::memset(bytes_.data() + size_, 0, 8);
  labels_ = find_labels(wire(), starts_);
  std::uint64_t hash = kHashSeed;
  hashes_[labels_] = hash;
  for (std::size_t i = labels_; i-- > 0;) {
    hash = hash_label(hash, bytes_.data() + starts_[i]);
    hashes_[i] = hash;
  }
}

std::uint32_t HashedName::wildcard_hash(std::size_t dropped) const {
  constexpr std::array<std::uint8_t, 8> kLabel = {1, '*'};
  return static_cast<std::uint32_t>(hash_label(hashes_[dropped], kLabel.data()));
}

}  // namespace weir::dns
