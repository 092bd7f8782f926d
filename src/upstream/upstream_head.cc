#include "upstream/upstream_head.h"

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>

#include "auth/crypto.h"
#include "base/text.h"
#include "http/h1_writer.h"
#include "record/peer_text.h"
#include "websocket/handshake.h"

namespace weir::upstream {
namespace {

using http::Known;

// The protocol as it was received (RFC 9110 section 7.6.3).
std::string_view via(unsigned version_major, std::uint8_t version_minor) {
  if (version_major == 2) return "2 weir";
  return version_minor == 0 ? "1.0 weir" : "1.1 weir";
}

constexpr std::uint64_t kRewritten =
    http::bits_of({Known::kHost, Known::kXForwardedFor, Known::kXForwardedProto, Known::kXForwardedHost,
                   Known::kXRequestId, Known::kVia, Known::kContentLength, Known::kTransferEncoding});
// What the edge, or a proxy that it trusts, says about a client's certificate.
constexpr std::string_view kClientCertificate = "X-Forwarded-Client-Cert";
constexpr std::uint64_t kHopByHop =
    http::bits_of({Known::kConnection, Known::kKeepAlive, Known::kProxyConnection, Known::kTransferEncoding,
                   Known::kUpgrade, Known::kTe, Known::kProxyAuthorization, Known::kProxyAuthenticate});

// What HeadWriter is to HTTP/1: puts fields and the texts that are made for them into the room.
class FieldList {
 public:
  explicit FieldList(std::span<std::byte> room)
      : fields_(*std::construct_at(reinterpret_cast<http::Fields*>(room.data()))),
        begin_(reinterpret_cast<char*>(room.data()) + sizeof(http::Fields)),
        next_(begin_),
        end_(reinterpret_cast<char*>(room.data() + room.size())) {
    static_assert(std::is_trivially_destructible_v<http::Fields>, "nobody destroys it");
  }

  void field(std::string_view name, std::string_view value) { full_ |= !fields_.add(name, value); }
  void field(Known known, std::string_view value) { full_ |= !fields_.add(known, value); }
  void field(Known known, std::uint64_t value) {
    std::array<char, http::kDecimalBytesMax> digits;
    begin_text();
    append({digits.data(), http::write_decimal(value, digits.data())});
    field(known, text());
  }
  void remove(Known known) { fields_.remove(known); }
  void begin_field(std::string_view name) {
    name_ = name;
    begin_text();
  }
  void append(std::string_view text) {
    if (static_cast<std::size_t>(end_ - next_) < text.size()) {
      full_ = true;
      return;
    }
    std::memcpy(next_, text.data(), text.size());
    next_ += text.size();
  }
  void end_field() { field(name_, text()); }

  void begin_text() { begin_ = next_; }
  std::string_view text() const { return {begin_, static_cast<std::size_t>(next_ - begin_)}; }
  const http::Fields& fields() const { return fields_; }
  bool full() const { return full_; }

 private:
  http::Fields& fields_;
  std::string_view name_;
  char* begin_;  // of the text that is being made
  char* next_;
  char* end_;
  bool full_ = false;
};

// All values of one name as one list, and one more member.
template <class Writer>
void write_list(Writer& writer, const http::Fields& fields, Known known, std::string_view last) {
  writer.begin_field(http::name_of(known));
  if (fields.has(known)) {
    for (const http::Field& field : fields) {
      if (field.known != known || field.value.empty()) continue;
      writer.append(field.value);
      writer.append(", ");
    }
  }
  writer.append(last);
  writer.end_field();
}

// In the form of Envoy's x-forwarded-client-cert: Hash=...;Subject="...";SAN="...". Quotes within are
// escaped.
template <class Writer>
void write_client_certificate(Writer& writer, const http::TlsInfo& tls) {
  const auto quoted = [&writer](std::string_view text) {
    writer.append("\"");
    for (const char c : text) {
      const bool plain = c >= ' ' && c <= '~';
      if (c == '"' || c == '\\') writer.append("\\");
      writer.append(plain ? std::string_view(&c, 1) : "?");
    }
    writer.append("\"");
  };
  writer.begin_field(kClientCertificate);
  writer.append("Hash=");
  writer.append(tls.client_fingerprint);
  writer.append(";Subject=");
  quoted(tls.client_subject);
  writer.append(";SAN=");
  quoted(tls.client_names);
  writer.end_field();
}

template <class Writer>
void write_fields(Writer& writer, const http::Request& request, std::string_view host) {
  const http::RequestHead& head = request.head;
  for (const http::Field& field : head.fields) {
    if ((http::bits_of({field.known}) & kRewritten) == 0) writer.field(field.name, field.value);
  }
  if (head.framing == http::Framing::kLength) writer.field(Known::kContentLength, head.content_length);
  write_list(writer, head.fields, Known::kXForwardedFor,
             record::PeerText(request.forwarded_by.value_or(request.peer)).view());
  // What is there already is of a trusted proxy: take_in() has removed every other.
  if (request.tls != nullptr && !request.tls->client_fingerprint.empty() &&
      head.fields.find(kClientCertificate) == nullptr) {
    write_client_certificate(writer, *request.tls);
  }
  writer.field(Known::kXForwardedProto, request.scheme);
  // A rewrite changes the authority, not the field that the client sent.
  std::string_view sent = head.fields.value_of(Known::kXForwardedHost);
  if (sent.empty()) sent = head.fields.value_of(Known::kHost);
  writer.field(Known::kXForwardedHost, sent.empty() ? host : sent);
  writer.field(Known::kXRequestId, request.id);
  write_list(writer, head.fields, Known::kVia, via(request.version_major, head.version_minor));
}

Result<UpstreamHead> write_h1(const http::Request& request, std::string_view host,
                              std::span<std::byte> room) {
  const http::RequestHead& head = request.head;
  http::HeadWriter writer(room);
  writer.request_line(head.method_text, head.path, head.query);
  writer.field(Known::kHost, host);
  write_fields(writer, request, host);
  if (head.framing == http::Framing::kChunked) writer.field(Known::kTransferEncoding, "chunked");
  if (request.upgrade != nullptr) {
    writer.field(Known::kConnection, "Upgrade");
    writer.field(Known::kUpgrade, "websocket");
  }
  const auto bytes = writer.finish();
  if (!bytes) return fail(Code::kHeadTooLarge, "no room for the fields that a proxy adds");
  return UpstreamHead{.h1 = room.first(*bytes), .h2 = std::nullopt};
}

Result<UpstreamHead> write_h2(const http::Request& request, std::string_view host, std::string_view scheme,
                              std::span<std::byte> room) {
  const http::RequestHead& head = request.head;
  FieldList list(room);
  list.begin_text();
  list.append(head.path);
  if (head.query.data() != nullptr) {
    list.append("?");
    list.append(head.query);
  }
  const std::string_view path = list.text();
  write_fields(list, request, host);
  if (request.upgrade != nullptr) list.remove(Known::kSecWebsocketKey);
  if (list.full()) return fail(Code::kHeadTooLarge, "no room for the fields that a proxy adds");
  return UpstreamHead{.h1 = {},
                      .h2 = h2::UpstreamHead{.method = head.method_text,
                                             .scheme = scheme,
                                             .authority = host,
                                             .path = path,
                                             .fields = list.fields()}};
}

// --- WebSocket

constexpr std::string_view kAccept = "Sec-WebSocket-Accept";
constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kKeyTextBytes = 24;  // in base64

// Of a client of HTTP/1.1, its own; for one of HTTP/2, weir's, which an endpoint of HTTP/1.1 wants to see.
Result<void> settle_key(http::Request& request, config::Protocol endpoints, Random& random) {
  http::Fields& fields = request.head.fields;
  if (request.version_major == 1) {
    if (endpoints == config::Protocol::kHttp) return {};  // the endpoint will judge
    const bool valid = request.head.method == http::Method::kGet &&
                       fields.count(Known::kSecWebsocketKey) == 1 &&
                       fields.value_of(Known::kSecWebsocketKey).size() == kKeyTextBytes;
    if (valid) return {};
    return fail(Code::kMalformed, "a WebSocket begins with GET and one Sec-WebSocket-Key");
  }
  fields.remove(Known::kSecWebsocketKey);
  if (endpoints != config::Protocol::kHttp) return {};
  const std::array<std::uint64_t, kKeyBytes / sizeof(std::uint64_t)> key{random.next(), random.next()};
  const std::string_view text = request.scratch.keep(auth::to_base64(std::as_bytes(std::span(key))));
  if (fields.add(Known::kSecWebsocketKey, text)) return {};
  return fail(Code::kHeadTooLarge, "no room for the fields that a proxy adds");
}

}  // namespace

Result<UpstreamHead> write_upstream_head(http::Request& request, const PlannedService& service,
                                         std::span<std::byte> room, Random& random) {
  http::RequestHead& head = request.head;
  if (head.fields.has_any(kHopByHop)) http::remove_hop_by_hop(head.fields);
  if (request.upgrade != nullptr) {
    if (auto settled = settle_key(request, service.spec.protocol, random); !settled) {
      return fail(settled.error());
    }
  }
  const std::string_view host = head.authority.empty() ? std::string_view(service.authority) : head.authority;
  if (service.spec.protocol == config::Protocol::kHttp) return write_h1(request, host, room);
  return write_h2(request, host, service.spec.tls ? "https" : "http", room);
}

void clean_response_head(http::ResponseHead& head, unsigned version_major) {
  if (head.fields.has_any(kHopByHop)) http::remove_hop_by_hop(head.fields);
  // A field too many for Via is no reason to refuse the response.
  (void)head.fields.add(Known::kVia, via(version_major, head.version_minor));
}

Result<void> settle_upgrade(http::Request& request, http::ResponseHead& head, unsigned version_major) {
  const bool same_version = request.version_major == version_major;
  const bool agreed = head.status == 101;
  const std::string_view key = request.head.fields.value_of(Known::kSecWebsocketKey);
  if (same_version && version_major == 1) return {};
  // A client of HTTP/2 would take it for an agreement.
  if (!agreed && request.version_major == 2 && head.status / 100 == 2) {
    return fail(Code::kMalformed, "the endpoint did not switch to WebSocket", Side::kUpstream);
  }
  if (!agreed || same_version) return {};
  if (version_major == 1) {
    const http::Field* accept = head.fields.find(kAccept);
    if (accept == nullptr || accept->value != websocket::accept_of(key)) {
      return fail(Code::kMalformed, "the endpoint's Sec-WebSocket-Accept is wrong", Side::kUpstream);
    }
    head.fields.remove(kAccept);
    return {};
  }
  head.fields.remove(kAccept);
  if (head.fields.add(kAccept, request.scratch.keep(websocket::accept_of(key)))) return {};
  return fail(Code::kHeadTooLarge, "no room for the fields that a proxy adds", Side::kUpstream);
}

}  // namespace weir::upstream
