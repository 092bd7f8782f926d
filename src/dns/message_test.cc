#include "dns/message.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::dns {
namespace {

// A response: example.com A 192.0.2.1, its owner compressed.
std::vector<std::uint8_t> response() {
  const std::string_view text(
      "\x12\x34\x84\x00\0\1\0\1\0\0\0\0"
      "\7example\3com\0\0\1\0\1"
      "\xC0\x0C\0\1\0\1\0\0\x0E\x10\0\4\xC0\0\2\1",
      45);
  return {text.begin(), text.end()};
}

TEST_CASE("header, question and record of a response") {
  const auto message = response();
  auto reader = MessageReader::start(message);
  REQUIRE(reader.has_value());
  CHECK(reader->header().id == 0x1234);
  CHECK(reader->header().flags == 0x8400);
  CHECK(reader->header().counts == std::array<std::uint16_t, 4>{1, 1, 0, 0});
  const auto question = reader->question();
  REQUIRE(question.has_value());
  CHECK(question->name.to_text() == "example.com.");
  CHECK(question->type == Type::kA);
  CHECK(question->record_class == kClassIn);
  const auto record = reader->record();
  REQUIRE(record.has_value());
  CHECK(record->owner.to_text() == "example.com.");
  CHECK(record->type == Type::kA);
  CHECK(record->record_class == kClassIn);
  CHECK(record->ttl_seconds == 3600);
  CHECK(record->rdata_at == 41);
  CHECK(same_bytes(record->rdata, Bytes(message).subspan(41)));
  CHECK(reader->at_end());
}

TEST_CASE("a message that ends early is refused where it ends") {
  const auto message = response();
  for (std::size_t size = 0; size < message.size(); ++size) {
    CAPTURE(size);
    auto reader = MessageReader::start(Bytes(message).first(size));
    CHECK(reader.has_value() == (size >= kHeaderBytes));
    if (!reader) continue;
    CHECK(reader->question().has_value() == (size >= 29));
    if (size >= 29) CHECK_FALSE(reader->record().has_value());
  }
  CHECK_FALSE(MessageReader::start(std::vector<std::uint8_t>(kMessageBytesMax + 1)).has_value());
}

}  // namespace
}  // namespace weir::dns
