#include "edge/upstream_head.h"

#include "base/text.h"
#include "http/h1_writer.h"
#include "record/peer_text.h"

namespace weir::edge {
namespace {

using http::Known;

constexpr std::string_view kVia11 = "1.1 weir";
constexpr std::string_view kVia10 = "1.0 weir";

constexpr std::uint64_t kRewritten =
    http::bits_of({Known::kHost, Known::kXForwardedFor, Known::kXForwardedProto, Known::kXForwardedHost,
                   Known::kXRequestId, Known::kVia, Known::kContentLength, Known::kTransferEncoding});
// What the edge alone may say about a client's certificate.
constexpr std::string_view kClientCertificate = "X-Forwarded-Client-Cert";
constexpr std::uint64_t kHopByHop =
    http::bits_of({Known::kConnection, Known::kKeepAlive, Known::kProxyConnection, Known::kTransferEncoding,
                   Known::kUpgrade, Known::kTe, Known::kProxyAuthorization, Known::kProxyAuthenticate});

// All values of one name as one list, and one more member.
void write_list(http::HeadWriter& writer, const http::Fields& fields, Known known, std::string_view last) {
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
void write_client_certificate(http::HeadWriter& writer, const http::TlsInfo& tls) {
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

}  // namespace

Result<std::size_t> write_upstream_head(http::Request& request, std::string_view authority,
                                        std::span<std::byte> room) {
  http::RequestHead& head = request.head;
  if (head.fields.has_any(kHopByHop)) http::remove_hop_by_hop(head.fields);
  http::HeadWriter writer(room);
  writer.request_line(head.method_text, head.path, head.query);
  const std::string_view host = head.authority.empty() ? authority : head.authority;
  writer.field(Known::kHost, host);
  for (const http::Field& field : head.fields) {
    if (field.known == Known::kOther) {
      if (!equal_ignoring_case(field.name, kClientCertificate)) writer.field(field.name, field.value);
    } else if ((http::bits_of({field.known}) & kRewritten) == 0) {
      writer.field(field.name, field.value);
    }
  }
  if (head.framing == http::Framing::kLength) {
    writer.field(Known::kContentLength, head.content_length);
  } else if (head.framing == http::Framing::kChunked) {
    writer.field(Known::kTransferEncoding, "chunked");
  }
  write_list(writer, head.fields, Known::kXForwardedFor, record::PeerText(request.peer).view());
  if (request.upgrade != nullptr) {
    writer.field(Known::kConnection, "Upgrade");
    writer.field(Known::kUpgrade, "websocket");
  }
  if (request.tls != nullptr && !request.tls->client_fingerprint.empty()) {
    write_client_certificate(writer, *request.tls);
  }
  writer.field(Known::kXForwardedProto, request.scheme);
  // A rewrite changes the authority, not the field that the client sent.
  const std::string_view sent = head.fields.value_of(Known::kHost);
  writer.field(Known::kXForwardedHost, sent.empty() ? host : sent);
  writer.field(Known::kXRequestId, request.id);
  write_list(writer, head.fields, Known::kVia, head.version_minor == 0 ? kVia10 : kVia11);
  return writer.finish();
}

void clean_response_head(http::ResponseHead& head) {
  if (head.fields.has_any(kHopByHop)) http::remove_hop_by_hop(head.fields);
  // A field too many for Via is no reason to refuse the response.
  (void)head.fields.add(Known::kVia, head.version_minor == 0 ? kVia10 : kVia11);
}

}  // namespace weir::edge
