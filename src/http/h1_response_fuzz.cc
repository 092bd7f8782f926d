// Response heads: what is accepted reads the same at every cut and after being written. The first byte of an
// input picks the method that is answered.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
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

void check_framing(Method request, const ResponseHead& head) {
  const bool no_content =
      request == Method::kHead || head.status < 200 || head.status == 204 || head.status == 304;
  WEIR_CHECK((head.framing == Framing::kNone) == no_content);
  WEIR_CHECK(!(head.fields.has(Known::kContentLength) && head.fields.has(Known::kTransferEncoding)));
  WEIR_CHECK(head.framing != Framing::kUntilClose || !head.keep_alive);
  WEIR_CHECK((head.framing == Framing::kChunked) ==
             (!no_content && head.fields.has(Known::kTransferEncoding)));
  WEIR_CHECK((head.framing == Framing::kLength) == (!no_content && head.fields.has(Known::kContentLength)));
  WEIR_CHECK(head.fields.count(Known::kContentLength) <= 1);
}

void check_written(Method request, const ResponseHead& head) {
  std::array<std::byte, limits::kIoBufferBytes> room;
  HeadWriter writer(room);
  writer.status_line(head.status, head.reason);
  writer.fields(head.fields);
  const auto size = writer.finish();
  WEIR_CHECK(size.has_value());
  if (*size > limits::kHeadBytesMax) return;
  ResponseHead again;
  const auto parsed =
      parse_response_head({reinterpret_cast<const char*>(room.data()), *size}, request, again);
  WEIR_CHECK(parsed && *parsed == *size);
  WEIR_CHECK(again.status == head.status && again.reason == head.reason);
  WEIR_CHECK(again.framing == head.framing && again.content_length == head.content_length);
  WEIR_CHECK(same_fields(again.fields, head.fields));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Method request = data[0] == 'H' ? Method::kHead : Method::kGet;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  ResponseHead head;
  const auto whole = parse_response_head(bytes, request, head);
  if (whole && *whole > 0) {
    WEIR_CHECK(*whole <= bytes.size());
    WEIR_CHECK(bytes.substr(0, *whole).ends_with("\r\n\r\n"));
    check_framing(request, head);
    check_written(request, head);
  }
  const std::size_t stride = bytes.size() / 256 + 1;
  for (std::size_t cut = 0; cut < bytes.size(); cut += stride) {
    ResponseHead cut_head;
    const auto part = parse_response_head(bytes.substr(0, cut), request, cut_head);
    if (!part) WEIR_CHECK(!whole);
    if (part && *part > 0) WEIR_CHECK(whole && *whole == *part);
  }
  return 0;
}
