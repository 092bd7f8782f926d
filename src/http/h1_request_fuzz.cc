// Request heads: what is accepted reads the same at every cut, naively line by line, and after being written.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"

using namespace weir;
using namespace weir::http;

namespace {

bool same_fields(const Fields& left, const Fields& right) {
  return std::ranges::equal(left, right, [](const Field& one, const Field& other) {
    return one.name == other.name && one.value == other.value && one.known == other.known;
  });
}

// A second opinion, by other means: lines split at CRLF, fields at the first colon.
void check_naively(std::string_view bytes, const RequestHead& head) {
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  WEIR_CHECK(bytes.ends_with("\r\n\r\n"));
  bytes.remove_suffix(2);
  std::size_t lines = 0;
  std::size_t hosts = 0;
  std::size_t framings = 0;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find("\r\n");
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 2);
    WEIR_CHECK(!line.empty());
    for (const char c : line) WEIR_CHECK((static_cast<unsigned char>(c) >= 0x20 || c == '\t') && c != 0x7f);
    if (lines++ == 0) continue;
    const std::size_t colon = line.find(':');
    WEIR_CHECK(colon != 0 && colon != std::string_view::npos);
    const std::string_view name = line.substr(0, colon);
    const Field& field = head.fields[lines - 2];
    WEIR_CHECK(field.name == name);
    WEIR_CHECK(name.find_first_of(" \t") == std::string_view::npos);
    const bool is_host = equal_ignoring_case(name, "host");
    const bool is_length = equal_ignoring_case(name, "content-length");
    const bool is_encoding = equal_ignoring_case(name, "transfer-encoding");
    WEIR_CHECK(is_host || field.value == trim(line.substr(colon + 1)));
    hosts += is_host ? 1 : 0;
    framings += is_length || is_encoding ? 1 : 0;
    if (is_encoding) WEIR_CHECK(head.framing == Framing::kChunked);
    if (is_length) WEIR_CHECK(head.framing == Framing::kLength);
  }
  // HTTP/1.0 in absolute-form may come without Host; one is added.
  const bool host_added = head.fields.has(Known::kHost) && hosts == 0;
  WEIR_CHECK(head.fields.size() == lines - 1 + (host_added ? 1 : 0));
  WEIR_CHECK(hosts == 1 || (hosts == 0 && head.version_minor == 0));
  WEIR_CHECK(framings <= 1 && (framings == 1) == (head.framing != Framing::kNone));
}

void check_written(const RequestHead& head) {
  std::array<std::byte, limits::kIoBufferBytes> room;
  HeadWriter writer(room);
  writer.request_line(head.method_text, head.path, head.query);
  writer.fields(head.fields);
  const auto size = writer.finish();
  WEIR_CHECK(size.has_value());
  if (!head.fields.has(Known::kHost) || *size > limits::kHeadBytesMax) return;
  RequestHead again;
  const auto parsed = parse_request_head({reinterpret_cast<const char*>(room.data()), *size}, again);
  if (!parsed) {  // an expectation and an unknown coding are judged in 1.1 only
    WEIR_CHECK(head.version_minor == 0 && parsed.error().code == Code::kExpectationFailed);
    return;
  }
  WEIR_CHECK(*parsed == *size);
  WEIR_CHECK(again.method == head.method && again.path == head.path && again.query == head.query);
  WEIR_CHECK((again.query.data() == nullptr) == (head.query.data() == nullptr));
  WEIR_CHECK(again.authority == head.authority && again.scheme.empty());
  WEIR_CHECK(again.framing == head.framing && again.content_length == head.content_length);
  WEIR_CHECK(again.upgrade == head.upgrade);
  WEIR_CHECK(same_fields(again.fields, head.fields));
  if (head.version_minor == 0) return;
  WEIR_CHECK(again.keep_alive == head.keep_alive && again.expect_continue == head.expect_continue);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RequestHead head;
  const auto whole = parse_request_head(bytes, head);
  WEIR_CHECK(!whole || *whole <= size);
  if (whole && *whole > 0) {
    check_naively(bytes.substr(0, *whole), head);
    check_written(head);
    Fields kept = head.fields;
    remove_hop_by_hop(kept);
    for (const Known known : {Known::kKeepAlive, Known::kTransferEncoding, Known::kUpgrade}) {
      WEIR_CHECK(!kept.has(known));
    }
    for (const Known known : {Known::kHost, Known::kContentLength, Known::kAuthorization, Known::kCookie}) {
      WEIR_CHECK(kept.count(known) == head.fields.count(known));
    }
  }
  const std::size_t stride = size / 256 + 1;
  std::size_t seen = 0;
  for (std::size_t cut = 0; cut < size; cut += stride) {
    RequestHead cut_head;
    const auto part = parse_request_head(bytes.substr(0, cut), cut_head);
    if (!part) WEIR_CHECK(!whole);
    if (part && *part > 0) WEIR_CHECK(whole && *whole == *part);
    const auto dripped = parse_request_head(bytes.substr(0, cut), cut_head, seen);
    // Waiting is all that it may do otherwise, and never for ever: a finished head is found.
    if (!dripped) WEIR_CHECK(!part);
    if (dripped && *dripped > 0) WEIR_CHECK(part && *part == *dripped);
    if (!dripped || *dripped > 0) return 0;
    if (part && *part > 0) WEIR_CHECK(*dripped == *part);
    seen = cut;
  }
  const auto dripped = parse_request_head(bytes, head, seen);
  if (whole && *whole > 0) WEIR_CHECK(dripped && *dripped == *whole);
  return 0;
}
