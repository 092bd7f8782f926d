// The chunked coding: every split decodes to the same, a naive reading agrees, and what is encoded again
// decodes to the same content. The first byte of an input picks the sizes of the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/h1_chunked.h"

using namespace weir;
using namespace weir::http;

namespace {

struct Outcome {
  std::string content;
  std::string trailers;
  std::size_t consumed = 0;
  bool done = false;
  bool refused = false;

  bool operator==(const Outcome&) const = default;
};

// Pieces of 1 to `piece` bytes, in turn; 0: the whole at once. What is not consumed is offered again.
Outcome decode(std::string_view stream, std::size_t piece) {
  Outcome outcome;
  ChunkedDecoder decoder(Side::kUpstream);
  std::size_t size = piece == 0 ? stream.size() : 1;
  std::size_t end = 0;
  while (!outcome.done && end < stream.size()) {
    end = std::min(stream.size(), end + size);
    size = piece == 0 ? size : size % piece + 1;
    bool more = false;
    while (!more && !outcome.done && outcome.consumed < end) {
      // A copy of its own, so that a read behind the piece is seen.
      const std::string in(stream.substr(outcome.consumed, end - outcome.consumed));
      const auto step = decoder.decode(std::as_bytes(std::span(in)));
      if (!step) {
        outcome.refused = true;
        return outcome;
      }
      WEIR_CHECK(step->consumed <= in.size() && step->data.size() <= step->consumed);
      outcome.content.append(reinterpret_cast<const char*>(step->data.data()), step->data.size());
      outcome.trailers += step->trailers;
      outcome.consumed += step->consumed;
      outcome.done = step->done;
      more = step->data.empty() && !step->done;
    }
  }
  return outcome;
}

// Lines by find, sizes by digits, for a stream that is known to be well formed.
std::string decode_naively(std::string_view stream) {
  std::string content;
  while (true) {
    std::size_t size = 0;
    for (const char c : stream.substr(0, stream.find_first_of("\r;"))) {
      size = size * 16 + std::string_view("0123456789abcdef").find(static_cast<char>(c < 'A' ? c : c | 0x20));
    }
    stream.remove_prefix(stream.find("\r\n") + 2);
    if (size == 0) return content;
    content += stream.substr(0, size);
    WEIR_CHECK(stream.substr(size, 2) == "\r\n");
    stream.remove_prefix(size + 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = decode(stream, 0);
  const Outcome split = decode(stream, data[0] % 67U + 1);
  if (whole.refused) {
    WEIR_CHECK(split.refused);
    return 0;
  }
  WEIR_CHECK(split == whole);
  Fields trailers;
  WEIR_CHECK(read_trailers(whole.trailers, trailers));
  WEIR_CHECK(!trailers.has_any(bits_of({Known::kContentLength, Known::kTransferEncoding, Known::kHost})));
  if (!whole.done) return 0;
  WEIR_CHECK(decode_naively(stream.substr(0, whole.consumed)) == whole.content);
  std::string encoded;
  if (!whole.content.empty()) {
    encoded += ChunkHead(whole.content.size()).text();
    encoded += whole.content;
    encoded += kChunkEnd;
  }
  encoded += whole.trailers.empty() ? kLastChunk : kLastChunkHead;
  encoded += whole.trailers;
  const Outcome again = decode(encoded, 3);
  WEIR_CHECK(again.done && again.content == whole.content && again.trailers == whole.trailers);
  WEIR_CHECK(again.consumed == encoded.size());
  return 0;
}
