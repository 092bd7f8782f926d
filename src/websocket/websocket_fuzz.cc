// Whatever comes: the same messages in whatever pieces, none beyond the limit, and once the end has come,
// nothing more.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "websocket/frames.h"

namespace {

constexpr std::size_t kMax = 4096;

std::string told_in_pieces(std::string_view bytes, std::size_t piece, weir::websocket::Frames::End end) {
  weir::websocket::Frames frames(end, kMax);
  std::string told;
  bool reads = true;
  const auto tell = [&](std::string_view message) {
    WEIR_CHECK(reads && message.size() <= kMax);
    told.append(message) += '|';
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    reads = frames.take(bytes.substr(0, piece), tell) && reads;
  }
  if (!reads) frames.put("late");
  if (!reads) (void)frames.take_output();
  WEIR_CHECK(reads || frames.finished());
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using weir::websocket::Frames;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto end : {Frames::End::kServer, Frames::End::kClient}) {
    const std::string whole = told_in_pieces(bytes, bytes.size() + 1, end);
    WEIR_CHECK(whole == told_in_pieces(bytes, 1, end));
    WEIR_CHECK(whole == told_in_pieces(bytes, 5, end));
  }
  return 0;
}
