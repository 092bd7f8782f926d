#include "dns/message.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::dns {
namespace {

using namespace std::string_view_literals;

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

TEST_CASE("which messages are queries, and what the others are refused with") {
  struct Case {
    const char* what;
    std::string_view counts_and_flags;  // flags, then the counts
    std::string_view rest;
    std::optional<Rcode> rcode;
  };
  constexpr auto kPlain = "\1\0\0\1\0\0\0\0\0\0"sv;
  constexpr auto kWithOpt = "\1\0\0\1\0\0\0\0\0\1"sv;
  constexpr auto kQuestion = "\1a\0\0\1\0\1"sv;
  const Case cases[] = {
      {"plain", kPlain, kQuestion, Rcode::kNoError},
      {"the root", kPlain, "\0\0\2\0\1"sv, Rcode::kNoError},
      {"a reply", "\x81\0\0\1\0\0\0\0\0\0"sv, kQuestion, std::nullopt},
      {"NOTIFY", "\x20\0\0\1\0\0\0\0\0\0"sv, kQuestion, Rcode::kNotImp},
      {"UPDATE", "\x28\0\0\1\0\0\0\0\0\0"sv, ""sv, Rcode::kNotImp},
      {"no question", "\1\0\0\0\0\0\0\0\0\0"sv, ""sv, Rcode::kFormErr},
      {"two questions", "\1\0\0\2\0\0\0\0\0\0"sv, "\1a\0\0\1\0\1\1a\0\0\1\0\1"sv, Rcode::kFormErr},
      {"half a question", kPlain, "\1a\0\0\1\0"sv, Rcode::kFormErr},
      {"half a name", kPlain, "\1a"sv, Rcode::kFormErr},
      {"a pointer to the header", kPlain, "\xC0\4\0\1\0\1"sv, Rcode::kFormErr},
      {"trailing octets", kPlain, "\1a\0\0\1\0\1\0"sv, Rcode::kFormErr},
      {"OPT", kWithOpt, "\1a\0\0\1\0\1\0\0\x29\4\xD0\0\0\0\0\0\0"sv, Rcode::kNoError},
      {"OPT of version 1", kWithOpt, "\1a\0\0\1\0\1\0\0\x29\4\xD0\0\1\0\0\0\0"sv, Rcode::kBadVers},
      {"OPT with an owner", kWithOpt, "\1a\0\0\1\0\1\1a\0\0\x29\4\xD0\0\0\0\0\0\0"sv, Rcode::kFormErr},
      {"OPT that ends early", kWithOpt, "\1a\0\0\1\0\1\0\0\x29\4\xD0\0\0\0\0\0\1"sv, Rcode::kFormErr},
      {"OPT as an answer", "\1\0\0\1\0\1\0\0\0\0"sv, "\1a\0\0\1\0\1\0\0\x29\4\xD0\0\0\0\0\0\0"sv,
       Rcode::kFormErr},
      {"two of OPT", "\1\0\0\1\0\0\0\0\0\2"sv,
       "\1a\0\0\1\0\1\0\0\x29\4\xD0\0\0\0\0\0\0\0\0\x29\4\xD0\0\0\0\0\0\0"sv, Rcode::kFormErr},
      {"another record beside OPT", "\1\0\0\1\0\0\0\1\0\1"sv,
       "\1a\0\0\1\0\1\xC0\x0C\0\6\0\1\0\0\0\0\0\1x\0\0\x29\4\xD0\0\0\0\0\0\0"sv, Rcode::kNoError},
      {"a cookie and no question", "\1\0\0\0\0\0\0\0\0\1"sv,
       "\0\0\x29\4\xD0\0\0\0\0\0\x0C\0\x0A\0\x08"
       "12345678"sv,
       Rcode::kNoError},
      {"records that are not there", "\1\0\0\1\xff\xff\xff\xff\xff\xff"sv, kQuestion, Rcode::kFormErr},
  };
  for (const Case& test : cases) {
    CAPTURE(test.what);
    std::string message = "\x12\x34";
    message += test.counts_and_flags;
    message += test.rest;
    const std::vector<std::uint8_t> octets(message.begin(), message.end());
    Query query;
    CHECK(read_query(octets, query) == test.rcode);
    CHECK(query.header.id == 0x1234);
    if (test.rcode == Rcode::kNoError && query.header.counts[0] == 1) {
      CHECK(same_bytes(query.question(), Bytes(octets).subspan(12, query.name.size() + 4)));
    }
  }
  Query query;
  CHECK(read_query(std::vector<std::uint8_t>(11), query) == std::nullopt);
}

}  // namespace
}  // namespace weir::dns
