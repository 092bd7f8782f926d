#include "h2/frame_scanner.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "h2/frames_fixture.h"

namespace weir::h2 {
namespace {

std::vector<FrameHead> scan(std::string_view bytes, std::size_t piece_bytes) {
  FrameScanner scanner;
  std::vector<FrameHead> heads;
  for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
    net::Slice piece = net::as_slice(bytes.substr(at, piece_bytes));
    while (!piece.empty()) {
      const FrameScanner::Step step = scanner.next(piece);
      REQUIRE(step.bytes > 0);
      if (step.head) heads.push_back(*step.head);
      piece = piece.subspan(step.bytes);
    }
  }
  return heads;
}

TEST_CASE("every split finds the same heads") {
  const std::string bytes = settings({{3, 100}}) + get(1, "/") +
                            frame(FrameType::kPriority, 0, 5, std::string("\0\0\0\3\x10", 5)) +
                            frame(FrameType::kPriority, 0, 7, "123") + data(1, std::string(300, 'x'), true) +
                            frame(static_cast<FrameType>(0xbe), 0xff, 0x7fffffff) + ping();
  const std::vector<FrameHead> whole = scan(bytes, bytes.size());
  REQUIRE(whole.size() == 7);
  CHECK(whole[0].type == FrameType::kSettings);
  CHECK(whole[0].length == 6);
  CHECK(whole[1].type == FrameType::kHeaders);
  CHECK(whole[1].flags == (kFlagEndHeaders | kFlagEndStream));
  CHECK(whole[1].stream_id == 1);
  CHECK(whole[2].depends_on == 3);
  CHECK(whole[3].depends_on == 0);  // not of the size that has one
  CHECK(whole[4].length == 300);
  CHECK(whole[5].stream_id == 0x7fffffff);
  CHECK(whole[6].type == FrameType::kPing);
  for (std::size_t piece = 1; piece < 40; ++piece) {
    CAPTURE(piece);
    const std::vector<FrameHead> heads = scan(bytes, piece);
    REQUIRE(heads.size() == whole.size());
    for (std::size_t i = 0; i < heads.size(); ++i) {
      CHECK(heads[i].type == whole[i].type);
      CHECK(heads[i].length == whole[i].length);
      CHECK(heads[i].stream_id == whole[i].stream_id);
      CHECK(heads[i].depends_on == whole[i].depends_on);
    }
  }
}

}  // namespace
}  // namespace weir::h2
