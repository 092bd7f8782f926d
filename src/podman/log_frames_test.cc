#include "podman/log_frames.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace weir::podman {
namespace {

std::string frame(char stream, std::string_view text) {
  std::string bytes{stream, 0, 0, 0, 0, 0, 0, 0};
  bytes[6] = static_cast<char>(text.size() >> 8U);
  bytes[7] = static_cast<char>(text.size() & 0xffU);
  return bytes += text;
}

// What is told, with the stream before each piece; "!" and why not when these are no frames.
std::string told(std::string_view bytes, std::size_t piece, bool& complete) {
  LogFrames frames;
  std::string all;
  LogStream last{};
  const auto tell = [&](LogStream stream, std::string_view text) {
    if (stream != last) all += stream == LogStream::kOut ? "1:" : "2:";
    last = stream;
    all += text;
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (const auto taken = frames.take(bytes.substr(0, piece), tell); !taken) {
      return all + "!" + taken.error().text;
    }
  }
  complete = frames.complete();
  return all;
}

TEST_CASE("frames are told apart, however the bytes come") {
  const std::string bytes =
      frame(1, "one\n") + frame(2, "two\n") + frame(2, "") + frame(1, std::string(300, 'x')) + frame(3, "oh");
  for (const std::size_t piece : {1UL, 3UL, 8UL, 11UL, 10'000UL}) {
    CAPTURE(piece);
    bool complete = false;
    CHECK(told(bytes, piece, complete) == "1:one\n2:two\n1:" + std::string(300, 'x') + "2:oh");
    CHECK(complete);
  }
}

TEST_CASE("an end within a frame is seen") {
  const std::string bytes = frame(1, "one");
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    bool complete = true;
    (void)told(std::string_view(bytes).substr(0, cut), 100, complete);
    CHECK_FALSE(complete);
  }
}

TEST_CASE("what is no log is refused") {
  bool complete = false;
  CHECK(told("HTTP/1.1", 100, complete) == "!this is no log of a container");
  CHECK(told(std::string("\1\0\0\1\0\0\0\1a", 9), 100, complete) == "!this is no log of a container");
  CHECK(told(std::string("\4\0\0\0\0\0\0\1a", 9), 100, complete) == "!this is no log of a container");
  CHECK(told(std::string("\1\0\0\0\0\x20\0\0a", 9), 100, complete) == "!a line of a log is too long");
  CHECK(told(std::string("\1\0\0\0\xff\xff\xff\xff", 8), 1, complete) == "!a line of a log is too long");
}

}  // namespace
}  // namespace weir::podman
