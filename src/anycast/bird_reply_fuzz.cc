// Whatever a program on BIRD's socket says: replies within the limits, and the same ones however the bytes
// come in pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "anycast/bird_reply.h"
#include "base/check.h"

namespace {

std::string told_in_pieces(std::string_view bytes, std::size_t piece) {
  weir::anycast::BirdReader reader;
  std::string told;
  const auto tell = [&told](const auto& reply) {
    WEIR_CHECK((*reply)->text.size() <= weir::anycast::kBirdTextBytesMax);
    WEIR_CHECK((*reply)->code <= 9999);
    told += std::to_string((*reply)->code) + " " + (*reply)->text + "\n";
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    auto reply = reader.take(bytes.substr(0, piece));
    for (; reply && *reply; reply = reader.next()) tell(reply);
    if (!reply) return told + "malformed";
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.size() > weir::anycast::kBirdLineBytesMax)
    return 0;  // a line that is too long ends sooner in one piece
  const std::string whole = told_in_pieces(bytes, bytes.size() + 1);
  WEIR_CHECK(whole == told_in_pieces(bytes, 1));
  WEIR_CHECK(whole == told_in_pieces(bytes, 7));
  return 0;
}
