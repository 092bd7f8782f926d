// The heads of HTTP/1 messages as values: what the parser makes, what routing and forwarding read. Owned by
// the exchange, on the core of its connection; every view points into the buffer that was parsed (or at
// static text). Never allocates. RFC 9110, RFC 9112.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "http/fields.h"

namespace weir::http {

enum class Method : std::uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kConnect,
  kOptions,
  kTrace,
  kPatch,
  kOther
};

// RFC 9110 section 9.2; a method that is not known is neither.
constexpr bool is_safe(Method method) {
  return method == Method::kGet || method == Method::kHead || method == Method::kOptions ||
         method == Method::kTrace;
}
constexpr bool is_idempotent(Method method) {
  return is_safe(method) || method == Method::kPut || method == Method::kDelete;
}
std::string_view name_of(Method method);  // "GET"; empty for kOther

// How the content of a message is delimited (RFC 9112 section 6.3).
enum class Framing : std::uint8_t {
  kNone,        // there is no content
  kLength,      // content_length bytes (0 is possible)
  kChunked,     // chunked transfer coding
  kUntilClose,  // a response that ends with its connection
};

struct RequestHead {
  Method method = Method::kOther;
  Framing framing = Framing::kNone;
  std::uint8_t version_minor = 1;  // 0 or 1; a higher one is spoken to as 1
  bool keep_alive = true;          // the client allows another request on this connection
  bool expect_continue =
      false;             // it waits for 100 (Continue) before it sends the content that framing tells of
  bool upgrade = false;  // Connection names upgrade, and Upgrade is there
  std::uint64_t content_length = 0;
  std::string_view method_text;
  std::string_view target;  // as received
  std::string_view
      scheme;  // "http" or "https" as received, from absolute-form; else empty: the listener knows
  std::string_view authority;  // of absolute-form, or else Host; empty only in HTTP/1.0
  std::string_view path;       // from its '/', bytes as received until the edge has made it normal; "/" when
                               // absolute-form has none; "*" for the asterisk-form of OPTIONS
  std::string_view query;      // behind the '?'; data() is null when there is no '?'
  // Host, when there is one or the target is in absolute-form, has the value of authority (RFC 9112 section
  // 3.2.2), so a head can be forwarded field by field.
  Fields fields;
};

struct ResponseHead {
  int status = 0;  // 100 to 599
  Framing framing = Framing::kNone;
  std::uint8_t version_minor = 1;
  bool keep_alive = true;  // the connection can be used again when the content has been read
  std::uint64_t content_length =
      0;  // with kLength: of the content; with kNone: of what HEAD or 304 tells about
  std::string_view reason;
  Fields fields;
};

// The host of an authority: "example.com:8080" -> "example.com", "[::1]:80" -> "[::1]". It is valid already.
std::string_view host_of(std::string_view authority);
// uri-host [":" port] with no user information; names are letters, digits, "-", ".", "_" and "~" only,
// because nothing else is ever looked up (the grammar's sub-delims and percent-encodings are refused).
bool is_valid_authority(std::string_view authority);

// The status that tells a client about an error (RFC 9110 section 15). From upstream: 502, or 504 for time.
int status_for(const Error& error);
// "Not Found"; "Unknown" for a status that is not registered.
std::string_view reason_of(int status);

}  // namespace weir::http
