#include "grpc/framing.h"

#include <doctest/doctest.h>

#include <vector>

namespace weir::grpc {
namespace {

using namespace std::string_literals;

std::vector<std::string> read_all(MessageReader& reader, std::string_view content) {
  std::vector<std::string> messages;
  while (auto message = reader.take(content)) messages.push_back(std::move(*message));
  if (!reader.failure()) CHECK(content.empty());
  return messages;
}

TEST_CASE("messages are read however their content is cut") {
  std::string content;
  append_message(content, "first");
  append_message(content, "");
  append_message(content, std::string(300, 'x'));
  CHECK(content.substr(0, 15) ==
        "\0\0\0\0\x05"
        "first\0\0\0\0\0"s);
  CHECK(content.substr(15, 5) == "\0\0\0\x01\x2c"s);
  for (std::size_t size = 1; size <= content.size(); ++size) {
    MessageReader reader(300);
    std::vector<std::string> messages;
    for (std::size_t at = 0; at < content.size(); at += size) {
      for (std::string& message : read_all(reader, content.substr(at, size))) {
        messages.push_back(std::move(message));
      }
    }
    CHECK(messages == std::vector{"first"s, ""s, std::string(300, 'x')});
    CHECK(reader.at_boundary());
  }
}

TEST_CASE("content that ends amid a message is seen") {
  MessageReader reader(10);
  CHECK(reader.at_boundary());
  CHECK(read_all(reader, "\0\0"s).empty());
  CHECK_FALSE(reader.at_boundary());
  CHECK(read_all(reader, "\0\0\2a"s).empty());
  CHECK_FALSE(reader.at_boundary());
  CHECK(read_all(reader, "b").size() == 1);
  CHECK(reader.at_boundary());
}

TEST_CASE("what is no message ends the reading, with the status for it") {
  MessageReader large(4);
  CHECK(read_all(large, "\0\0\0\0\4four\0\0\0\0\5fiver"s) == std::vector{"four"s});
  REQUIRE(large.failure());
  CHECK(*large.failure() ==
        Status{StatusCode::kResourceExhausted, "a message of 5 bytes; at most 4 are taken"});
  CHECK(read_all(large, "\0\0\0\0\0"s).empty());

  MessageReader huge(1000);
  CHECK(read_all(huge, "\0\xff\xff\xff\xff"s).empty());
  REQUIRE(huge.failure());
  CHECK(huge.failure()->message == "a message of 4294967295 bytes; at most 1000 are taken");

  MessageReader compressed(4);
  CHECK(read_all(compressed, "\1\0\0\0\1x"s).empty());
  REQUIRE(compressed.failure());
  CHECK(compressed.failure()->code == StatusCode::kUnimplemented);

  MessageReader other(4);
  CHECK(read_all(other, "GET / HTTP/1.1"s).empty());
  REQUIRE(other.failure());
  CHECK(other.failure()->code == StatusCode::kInternal);
}

}  // namespace
}  // namespace weir::grpc
