// Fields: the field section of one message (RFC 9110 section 5), as views. Owned by the head that it is part
// of; lives on the core of the connection. It never allocates, copies bytes or changes them: names and values
// point into the buffer that the head was parsed from (or at static text), so they end with that buffer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "base/limits.h"

namespace weir::http {

// The fields that weir itself looks at or must keep from being removed. A parsed field carries its id, so
// that nothing behind the parser compares names. At most 64, because Fields keeps a bit for each.
enum class Known : std::uint8_t {
  kOther,
  // framing and routing: what the parser itself acts upon
  kHost,
  kContentLength,
  kTransferEncoding,
  kConnection,
  kExpect,
  kUpgrade,
  // other hop-by-hop fields
  kKeepAlive,
  kProxyConnection,
  kTe,
  kTrailer,
  kProxyAuthenticate,
  kProxyAuthorization,
  // what a proxy adds
  kVia,
  kForwarded,
  kXForwardedFor,
  kXForwardedProto,
  kXForwardedHost,
  kXForwardedPort,
  kXRealIp,
  kXRequestId,
  kTraceparent,
  kTracestate,
  // end to end
  kAccept,
  kAcceptEncoding,
  kAcceptLanguage,
  kAcceptRanges,
  kAge,
  kAllow,
  kAuthorization,
  kCacheControl,
  kContentDisposition,
  kContentEncoding,
  kContentLanguage,
  kContentRange,
  kContentType,
  kCookie,
  kDate,
  kEtag,
  kExpires,
  kIfMatch,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kIfUnmodifiedSince,
  kLastEventId,
  kLastModified,
  kLocation,
  kMaxForwards,
  kOrigin,
  kRange,
  kReferer,
  kRetryAfter,
  kSecWebsocketKey,
  kServer,
  kSetCookie,
  kUserAgent,
  kVary,
  kWwwAuthenticate,
};
inline constexpr std::size_t kKnownCount = static_cast<std::size_t>(Known::kWwwAuthenticate) + 1;
static_assert(kKnownCount <= 64);

// Case-insensitive, one multiplication and two compares. The name is a token (RFC 9110 section 5.6.2).
Known known_field(std::string_view name);
// The usual spelling ("Content-Length"); empty for kOther.
std::string_view name_of(Known known);

// A set of them, for Fields::has_any.
constexpr std::uint64_t bits_of(std::initializer_list<Known> set) {
  std::uint64_t bits = 0;
  for (const Known known : set) bits |= std::uint64_t{1} << static_cast<unsigned>(known);
  return bits;
}

// More options than this in the Connection fields of one message are refused by the parser: each costs a look
// at every field, and real messages have up to three.
inline constexpr std::size_t kConnectionOptionsMax = 32;

struct Field {
  std::string_view name;   // as received
  std::string_view value;  // without the white space around it
  Known known;
};

// X-Forwarded-*: what a proxy in front says about the client; also with "_" for "-".
bool is_vouched_for(std::string_view name);
// A name that becomes that of a Known field or an X-Forwarded-* where "_" is read as "-": CGI and its heirs
// (PHP, WSGI, Rack) can't tell X_Real_IP from X-Real-IP.
bool is_disguised(std::string_view name);

class Fields {
 public:
  Fields() {}  // the array stays uninitialized: 5 KiB that most requests never touch
  Fields(const Fields& other) { *this = other; }
  Fields& operator=(const Fields& other) {
    if (this != &other) std::copy_n(other.fields_, other.size_, fields_);
    size_ = other.size_;
    present_ = other.present_;
    return *this;
  }

  void clear() {
    size_ = 0;
    present_ = 0;
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Field* begin() const { return fields_; }
  const Field* end() const { return fields_ + size_; }
  std::span<const Field> span() const { return {fields_, size_}; }
  const Field& operator[](std::size_t index) const { return fields_[index]; }

  // False when limits::kFieldsMax are there already. The text must outlive the Fields.
  bool add(Known known, std::string_view name, std::string_view value) {
    if (size_ == limits::kFieldsMax) return false;
    fields_[size_++] = {name, value, known};
    present_ |= bits_of({known});
    return true;
  }
  bool add(std::string_view name, std::string_view value) { return add(known_field(name), name, value); }
  // With the usual spelling of the name.
  bool add(Known known, std::string_view value) { return add(known, name_of(known), value); }
  // One field with that value takes the place of all of that name; false when it is new and there is no room.
  bool set(Known known, std::string_view value);

  // True when any of a set made by bits_of is there.
  bool has_any(std::uint64_t bits) const { return (present_ & bits) != 0; }
  // One bit test, unlike find(). Not for kOther.
  bool has(Known known) const { return has_any(bits_of({known})); }
  // The first of that name, or null. Not for kOther.
  const Field* find(Known known) const {
    if (!has(known)) return nullptr;
    for (const Field& field : *this) {
      if (field.known == known) return &field;
    }
    return nullptr;
  }
  const Field* find(std::string_view name) const;
  // The value of the first of that name, or empty.
  std::string_view value_of(Known known) const {
    const Field* field = find(known);
    return field == nullptr ? std::string_view() : field->value;
  }
  std::size_t count(Known known) const;
  std::size_t count(std::string_view name) const;

  // How many went. The order of the others stays.
  std::size_t remove(Known known);
  std::size_t remove(std::string_view name);
  template <class Predicate>
  std::size_t remove_if(Predicate predicate) {
    std::size_t kept = 0;
    std::uint64_t present = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      if (predicate(static_cast<const Field&>(fields_[i]))) continue;
      present |= bits_of({fields_[i].known});
      if (kept != i) fields_[kept] = fields_[i];
      ++kept;
    }
    const std::size_t removed = size_ - kept;
    size_ = kept;
    present_ = present;
    return removed;
  }

 private:
  std::size_t size_ = 0;
  std::uint64_t present_ = 0;
  union {
    Field fields_[limits::kFieldsMax];
  };
};

// The members of a comma-separated list (RFC 9110 section 5.6.1), without the white space around them; empty
// ones are skipped. Not for lists whose members may hold quoted strings.
//   for (ListReader list(value); list.next(member);) ...
class ListReader {
 public:
  explicit ListReader(std::string_view value) : rest_(value) {}
  bool next(std::string_view& member);

 private:
  std::string_view rest_;
};

// Takes out what belongs to the hop that the message came by (RFC 9110 section 7.6.1): Connection and the
// fields that it names, Keep-Alive, Proxy-Connection, Transfer-Encoding, Upgrade, TE, and the credentials and
// challenges meant for a proxy. "TE: trailers" stays, in exactly that form and with its "Connection: TE",
// because trailers are forwarded. Content-Length and Trailer stay.
//
// Connection cannot name a field of the Known list that is end to end, nor any X-Forwarded-*: a client could
// otherwise strip what a proxy in front of weir, or the origin's access control, relies upon (Authorization,
// Cookie, X-Forwarded-For, ...). The RFC forbids a sender to name such fields, so no honest one is harmed.
void remove_hop_by_hop(Fields& fields);

// Takes out of a trailer section what RFC 9110 section 6.5.1 forbids there, because it would have to be known
// before the content (framing, routing, authentication, hop-by-hop, what a proxy vouches for): merging it
// would be an attack, refusing it would break a message whose content has been delivered already.
void remove_forbidden_trailers(Fields& trailers);

}  // namespace weir::http
