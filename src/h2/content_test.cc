#include "h2/content.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::h2 {
namespace {

TEST_CASE("what comes in pieces of any size is read in order, and counted when it is done with") {
  for (const std::size_t piece_bytes : {1U, 7U, 1000U, 1025U, 5000U, 16384U}) {
    CAPTURE(piece_bytes);
    Content content;
    std::string sent;
    std::string read;
    std::size_t done = 0;
    for (std::size_t i = 0; sent.size() < 100000; ++i) {
      const std::string piece(piece_bytes, static_cast<char>('a' + i % 26));
      content.append(net::as_slice(piece));
      sent += piece;
      if (i % 3 != 0) continue;
      read += net::as_text(content.take());
      done += content.done_bytes();
      CHECK(done <= read.size());
    }
    content.end();
    while (!content.empty()) read += net::as_text(content.take());
    CHECK(content.take().empty());
    done += content.done_bytes();
    CHECK(read == sent);
    CHECK(done == sent.size());
    CHECK(content.ended());
  }
}

TEST_CASE("what is dropped counts too, also a piece that is being read") {
  Content content;
  content.append(net::as_slice(std::string(50000, 'x')));
  const std::size_t first = content.take().size();
  CHECK(first > 0);
  CHECK(content.clear() == 50000);
  CHECK(content.empty());
  CHECK(content.clear() == 0);
}

TEST_CASE("an end is no error any more") {
  Content content;
  content.end();
  content.fail({Code::kReset});
  CHECK_FALSE(content.error());
}

}  // namespace
}  // namespace weir::h2
