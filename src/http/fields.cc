#include "http/fields.h"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace weir::http {
namespace {

// By Known.
constexpr std::array<std::string_view, kKnownCount> kNames = {"",
                                                              "Host",
                                                              "Content-Length",
                                                              "Transfer-Encoding",
                                                              "Connection",
                                                              "Expect",
                                                              "Upgrade",
                                                              "Keep-Alive",
                                                              "Proxy-Connection",
                                                              "TE",
                                                              "Trailer",
                                                              "Proxy-Authenticate",
                                                              "Proxy-Authorization",
                                                              "Via",
                                                              "Forwarded",
                                                              "X-Forwarded-For",
                                                              "X-Forwarded-Proto",
                                                              "X-Forwarded-Host",
                                                              "X-Forwarded-Port",
                                                              "X-Real-IP",
                                                              "X-Request-Id",
                                                              "Traceparent",
                                                              "Tracestate",
                                                              "Accept",
                                                              "Accept-Encoding",
                                                              "Accept-Language",
                                                              "Accept-Ranges",
                                                              "Age",
                                                              "Allow",
                                                              "Authorization",
                                                              "Cache-Control",
                                                              "Content-Disposition",
                                                              "Content-Encoding",
                                                              "Content-Language",
                                                              "Content-Range",
                                                              "Content-Type",
                                                              "Cookie",
                                                              "Date",
                                                              "ETag",
                                                              "Expires",
                                                              "If-Match",
                                                              "If-Modified-Since",
                                                              "If-None-Match",
                                                              "If-Range",
                                                              "If-Unmodified-Since",
                                                              "Last-Event-ID",
                                                              "Last-Modified",
                                                              "Location",
                                                              "Max-Forwards",
                                                              "Origin",
                                                              "Range",
                                                              "Referer",
                                                              "Retry-After",
                                                              "Sec-WebSocket-Key",
                                                              "Server",
                                                              "Set-Cookie",
                                                              "User-Agent",
                                                              "Vary",
                                                              "WWW-Authenticate"};
constexpr std::size_t kNameBytesMin = 2;
constexpr std::size_t kNameBytesMax = 19;

// Setting this bit makes letters lower case and keeps '-'. Among the bytes of a token no other one becomes a
// letter or '-' by it, so two names of the list's alphabet are equal without case exactly if their words are.
constexpr std::uint64_t kCaseBits = 0x2020202020202020U;

template <class Word>
constexpr std::uint64_t load(const char* from) {
  if consteval {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < sizeof(Word); ++i) {
      const std::size_t place = std::endian::native == std::endian::little ? i : sizeof(Word) - 1 - i;
      word |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * place);
    }
    return word;
  } else {
    Word word;
    std::memcpy(&word, from, sizeof(Word));
    return word;
  }
}

// A name of 2 to 19 bytes as three words, in lower case, all bytes of it covered.
struct Key {
  std::uint64_t first = 0;
  std::uint64_t middle = 0;
  std::uint64_t last = 0;
};

constexpr Key key_of(std::string_view name) {
  const char* text = name.data();
  const std::size_t size = name.size();
  Key key;
  if (size >= 8) {
    key.first = load<std::uint64_t>(text);
    key.last = load<std::uint64_t>(text + size - 8);
    if (size > 16) key.middle = load<std::uint64_t>(text + 8) | kCaseBits;
  } else if (size >= 4) {
    key.first = load<std::uint32_t>(text);
    key.last = load<std::uint32_t>(text + size - 4);
  } else {
    key.first = load<std::uint16_t>(text);
    key.last = static_cast<unsigned char>(text[size - 1]);
  }
  key.first |= kCaseBits;
  key.last |= kCaseBits;
  return key;
}

struct Entry {
  Key key;
  std::uint8_t size = 0;
};
constexpr std::array<Entry, kKnownCount> kEntries = [] {
  std::array<Entry, kKnownCount> entries{};
  for (std::size_t i = 1; i < kKnownCount; ++i) {
    entries[i] = {key_of(kNames[i]), static_cast<std::uint8_t>(kNames[i].size())};
  }
  return entries;
}();

// A perfect hash: a multiplier under which no two names of the list meet; kSlots below does not compile
// otherwise. When a name is added, try other odd numbers.
constexpr std::uint64_t kMultiplier = 0x5c9c18980cbd7f93U;
constexpr unsigned kSlotBits = 8;
constexpr std::size_t slot_of(const Key& key, std::size_t size) {
  return ((std::rotl(key.first, 29) ^ key.last ^ size) * kMultiplier) >> (64 - kSlotBits);
}
constexpr std::array<std::uint8_t, std::size_t{1} << kSlotBits> kSlots = [] {
  std::array<std::uint8_t, std::size_t{1} << kSlotBits> slots{};
  for (std::size_t i = 1; i < kKnownCount; ++i) {
    std::uint8_t& slot = slots[slot_of(kEntries[i].key, kEntries[i].size)];
    if (slot != 0) throw "two names share a slot: change kMultiplier";
    slot = static_cast<std::uint8_t>(i);
  }
  return slots;
}();

constexpr std::uint64_t kHopByHop =
    bits_of({Known::kConnection, Known::kKeepAlive, Known::kProxyConnection, Known::kTransferEncoding,
             Known::kUpgrade, Known::kTe, Known::kProxyAuthenticate, Known::kProxyAuthorization});

bool accepts_trailers(const Fields& fields) {
  for (const Field& field : fields) {
    if (field.known != Known::kTe) continue;
    std::string_view member;
    for (ListReader list(field.value); list.next(member);) {
      if (equal_ignoring_case(member, "trailers")) return true;
    }
  }
  return false;
}

// The names in Connection that are not of the Known list.
struct Nominated {
  std::array<std::string_view, kConnectionOptionsMax> names;
  std::size_t size = 0;

  explicit Nominated(const Fields& fields) {
    for (const Field& field : fields) {
      if (field.known != Known::kConnection) continue;
      std::string_view member;
      for (ListReader list(field.value); size < names.size() && list.next(member);) {
        if (known_field(member) == Known::kOther) names[size++] = member;
      }
    }
  }
  bool contains(std::string_view name) const {
    for (std::size_t i = 0; i < size; ++i) {
      if (equal_ignoring_case(names[i], name)) return true;
    }
    return false;
  }
};

}  // namespace

Known known_field(std::string_view name) {
  if (name.size() < kNameBytesMin || name.size() > kNameBytesMax) return Known::kOther;
  const Key key = key_of(name);
  const std::uint8_t index = kSlots[slot_of(key, name.size())];
  const Entry& entry = kEntries[index];
  const bool same = entry.size == name.size() && entry.key.first == key.first && entry.key.last == key.last &&
                    entry.key.middle == key.middle;
  return same ? static_cast<Known>(index) : Known::kOther;
}

std::string_view name_of(Known known) { return kNames[static_cast<std::size_t>(known)]; }

bool is_vouched_for(std::string_view name) {
  constexpr std::string_view kPrefix = "x-forwarded-";
  if (name.size() < kPrefix.size() || ascii_lower(name.front()) != 'x') return false;
  return std::ranges::equal(name.substr(0, kPrefix.size()), kPrefix,
                            [](char c, char wanted) { return (c == '_' ? '-' : ascii_lower(c)) == wanted; });
}

bool is_disguised(std::string_view name) {
  if (!name.contains('_')) return false;
  if (is_vouched_for(name)) return true;
  if (name.size() > kNameBytesMax) return false;
  std::array<char, kNameBytesMax> plain;
  std::ranges::replace_copy(name, plain.begin(), '_', '-');
  return known_field({plain.data(), name.size()}) != Known::kOther;
}

bool Fields::set(Known known, std::string_view value) {
  bool placed = false;
  if (has(known)) {
    for (std::size_t i = 0; i < size_; ++i) {
      if (fields_[i].known != known) continue;
      fields_[i].value = value;
      placed = true;
      break;
    }
    bool first = true;
    remove_if([&](const Field& field) { return field.known == known && !std::exchange(first, false); });
  }
  return placed || add(known, value);
}

const Field* Fields::find(std::string_view name) const {
  const Known known = known_field(name);
  if (known != Known::kOther) return find(known);
  for (const Field& field : *this) {
    if (field.known == Known::kOther && equal_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

std::size_t Fields::count(Known known) const {
  if (!has(known)) return 0;
  return static_cast<std::size_t>(
      std::count_if(begin(), end(), [&](const Field& field) { return field.known == known; }));
}

std::size_t Fields::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      begin(), end(), [&](const Field& field) { return equal_ignoring_case(field.name, name); }));
}

std::size_t Fields::remove(Known known) {
  if (!has(known)) return 0;
  return remove_if([&](const Field& field) { return field.known == known; });
}

std::size_t Fields::remove(std::string_view name) {
  return remove_if([&](const Field& field) { return equal_ignoring_case(field.name, name); });
}

bool ListReader::next(std::string_view& member) {
  while (!rest_.empty()) {
    const std::size_t comma = rest_.find(',');
    member = trim(rest_.substr(0, comma));
    rest_.remove_prefix(comma == std::string_view::npos ? rest_.size() : comma + 1);
    if (!member.empty()) return true;
  }
  return false;
}

void remove_hop_by_hop(Fields& fields) {
  if (!fields.has_any(kHopByHop)) return;
  const bool trailers = fields.has(Known::kTe) && accepts_trailers(fields);
  const Nominated nominated(fields);
  fields.remove_if([&](const Field& field) {
    if (field.known != Known::kOther) return (bits_of({field.known}) & kHopByHop) != 0;
    if (nominated.size == 0 || !nominated.contains(field.name)) return false;
    return !is_vouched_for(field.name);
  });
  if (!trailers) return;
  if (!fields.add(Known::kTe, "trailers") || !fields.add(Known::kConnection, "TE")) fields.remove(Known::kTe);
}

void remove_forbidden_trailers(Fields& trailers) {
  trailers.remove_if([](const Field& field) {
    if (field.known != Known::kOther) return field.known != Known::kEtag;
    return is_vouched_for(field.name) || is_disguised(field.name);
  });
}

}  // namespace weir::http
