#include "http/h1_chunked.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "base/limits.h"

using namespace std::string_view_literals;
using namespace weir;
using namespace weir::http;

namespace {

struct Outcome {
  std::string content;
  std::string trailers;
  std::size_t consumed = 0;
  bool done = false;
  bool refused = false;
  Code code{};

  bool operator==(const Outcome&) const = default;
};

// Offers the stream in pieces that end at the cuts, as a connection would: what is not consumed stays in
// front.
Outcome decode_cut(std::string_view stream, std::initializer_list<std::size_t> cuts) {
  Outcome outcome;
  ChunkedDecoder decoder(Side::kDownstream);
  std::string buffer;
  std::size_t fed = 0;
  const auto feed = [&](std::size_t until) {
    buffer += stream.substr(fed, until - fed);
    fed = until;
    while (!outcome.done && !buffer.empty()) {
      const auto step = decoder.decode(std::as_bytes(std::span(buffer)));
      if (!step) {
        outcome.refused = true;
        outcome.code = step.error().code;
        return;
      }
      outcome.content.append(reinterpret_cast<const char*>(step->data.data()), step->data.size());
      outcome.trailers += step->trailers;
      outcome.consumed += step->consumed;
      outcome.done = step->done;
      buffer.erase(0, step->consumed);
      if (step->data.empty() && !step->done) return;  // more is needed
    }
  };
  for (const std::size_t cut : cuts) {
    if (!outcome.done && !outcome.refused) feed(cut);
  }
  if (!outcome.done && !outcome.refused) feed(stream.size());
  return outcome;
}

}  // namespace

TEST_CASE("chunked content is decoded, however it is split") {
  const struct {
    std::string_view stream;
    std::string_view content;
    std::string_view trailers;
    std::size_t left;  // bytes of the next message
  } table[] = {
      {"0\r\n\r\n", "", "", 0},
      {"5\r\nhello\r\n0\r\n\r\n", "hello", "", 0},
      {"5\r\nhello\r\n1\r\n!\r\n000\r\n\r\nGET /", "hello!", "", 5},
      {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", "", 0},
      {"00000000000000000003\r\na\r\n\r\n0\r\n\r\n", "a\r\n", "", 0},
      {"1;a\r\nx\r\n0;b=c\r\n\r\n", "x", "", 0},
      {"1;a=\"b c\\\"\\\\;d\t\xff\";e=f;g\r\nx\r\n0\r\n\r\n", "x", "", 0},
      {"1\r\nx\r\n0\r\nA: b\r\n\r\n", "x", "A: b\r\n\r\n", 0},
      {"1\r\nx\r\n0;e\r\nA: b\r\nC:  d \r\n\r\n0\r\n\r\n", "x", "A: b\r\nC:  d \r\n\r\n", 5},
  };
  for (const auto& row : table) {
    CAPTURE(row.stream);
    const Outcome whole = decode_cut(row.stream, {});
    CHECK(whole.done);
    CHECK(whole.content == row.content);
    CHECK(whole.trailers == row.trailers);
    CHECK(whole.consumed == row.stream.size() - row.left);
    for (std::size_t first = 0; first <= row.stream.size(); ++first) {
      for (std::size_t second = first; second <= row.stream.size(); ++second) {
        REQUIRE(decode_cut(row.stream, {first, second}) == whole);
      }
    }
  }
}

TEST_CASE("what is not exactly chunked is refused, however it is split") {
  const std::string_view table[] = {
      "\r\n",
      "g\r\n",
      "+5\r\nhello\r\n",
      "-5\r\n",
      " 5\r\nhello\r\n",
      "5 \r\nhello\r\n",
      "5\t\r\n",
      "0x5\r\nhello\r\n",
      "5,\r\n",
      "5\nhello\r\n",
      "5\rhello\r\n",
      "5\r\rhello\r\n",
      "5\r\nhelloo\r\n",
      "5\r\nhell\r\n0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhello\r0\r\n\r\n",
      "5\r\nhello0\r\n\r\n",
      "5\r\nhello\r\n\r\n",
      "5\0\r\n"sv,
      "5;\r\n",
      "5; a\r\n",
      "5 ;a\r\n",
      "5;a b\r\n",
      "5;a =b\r\n",
      "5;a= b\r\n",
      "5;a=\r\n",
      "5;=b\r\n",
      "5;a=b;\r\n",
      "5;a=\"b\r\n",
      "5;a=\"b\"c\r\n",
      "5;a=\"b\\\r\n",
      "5;a\n",
      "5;a\rb\r\n",
      "5;a=\"\n\"\r\n",
      "5;a\x01\r\n",
      "5;a=\"\0\"\r\n"sv,
      "5;\xff\r\n",
      "10000000000000000\r\n",
      "fffffffffffffffff\r\n",
      "ffffffffffffffff\r\n",
      "4000000000000000\r\n",
      "0\r\n\n",
      "0\r\n\rX",
      "0\n\n",
      "0\r\nA\r\n\r\n",
      "0\r\nA : b\r\n\r\n",
      "0\r\n A: b\r\n\r\n",
      "0\r\nA: b\r\n c\r\n\r\n",
      "0\r\nA: b\n\r\n",
      "0\r\nA: \0\r\n\r\n"sv,
  };
  for (const std::string_view stream : table) {
    CAPTURE(stream);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      const Outcome outcome = decode_cut(stream, {cut});
      CHECK(outcome.refused);
      CHECK(outcome.code == Code::kMalformed);
    }
  }
}

TEST_CASE("chunk lines and trailers are bounded") {
  const auto line = [](std::size_t bytes) { return std::string(bytes - 3, '0') + "1\r\n"; };
  CHECK(decode_cut(line(limits::kChunkLineBytesMax) + "x\r\n0\r\n\r\n", {}).done);
  CHECK(decode_cut(line(limits::kChunkLineBytesMax + 1) + "x\r\n0\r\n\r\n", {}).refused);
  CHECK(decode_cut(std::string(limits::kChunkLineBytesMax + 1, '0'), {}).refused);
  CHECK(decode_cut("1;" + std::string(limits::kChunkLineBytesMax, 'a'), {}).refused);
  // Every line has the whole bound.
  CHECK(decode_cut(
            line(limits::kChunkLineBytesMax) + "x\r\n" + line(limits::kChunkLineBytesMax) + "x\r\n0\r\n\r\n",
            {})
            .content == "xx");

  const auto trailers = [](std::size_t bytes) { return "A: " + std::string(bytes - 7, 'b') + "\r\n\r\n"; };
  CHECK(decode_cut("0\r\n" + trailers(limits::kTrailerBytesMax), {}).done);
  const Outcome over = decode_cut("0\r\n" + trailers(limits::kTrailerBytesMax + 1), {});
  CHECK(over.refused);
  CHECK(over.code == Code::kHeadTooLarge);
  CHECK(decode_cut("0\r\nA: " + std::string(limits::kTrailerBytesMax, 'b'), {}).refused);
}

TEST_CASE("the largest chunk, by view and past the decoder") {
  ChunkedDecoder decoder(Side::kUpstream);
  const std::string start = "3fffffffffffffff\r\nabc";
  auto step = decoder.decode(std::as_bytes(std::span(start)));
  REQUIRE(step.has_value());
  CHECK(reinterpret_cast<const char*>(step->data.data()) == start.data() + 18);  // no copy
  CHECK(step->data.size() == 3);
  CHECK(decoder.chunk_bytes_left() == 0x3fffffffffffffff - 3);
  decoder.skip(decoder.chunk_bytes_left() - 1);
  const std::string end = "z\r\n0\r\n\r\n";
  step = decoder.decode(std::as_bytes(std::span(end)));
  REQUIRE(step.has_value());
  CHECK(step->consumed == 1);
  CHECK(decoder.chunk_bytes_left() == 0);
  step = decoder.decode(std::as_bytes(std::span(end)).subspan(1));
  REQUIRE(step.has_value());
  CHECK(step->done);

  ChunkedDecoder skipper(Side::kUpstream);
  const std::string head = "2\r\n";
  REQUIRE(skipper.decode(std::as_bytes(std::span(head))).has_value());
  skipper.skip(2);
  const std::string bad = "x";
  const auto refused = skipper.decode(std::as_bytes(std::span(bad)));
  REQUIRE(!refused.has_value());
  CHECK(refused.error().side == Side::kUpstream);
}

TEST_CASE("only fields that may be trailers are read from them") {
  Fields out;
  CHECK(read_trailers("", out));
  CHECK(out.empty());
  CHECK(read_trailers(
      "X-Sum: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: a\r\nETag: \"e\"\r\n"
      "Authorization: b\r\nX-Forwarded-For: c\r\nX-Forwarded-User: d\r\nConnection: close\r\n"
      "Set-Cookie: e\r\nX_Forwarded_For: f\r\nContent_Length: 5\r\nX-Forwarded_Client_Cert: "
      "g\r\ngrpc-status: 0\r\n\r\n",
      out));
  REQUIRE(out.size() == 3);
  CHECK(out[0].name == "X-Sum");
  CHECK(out[1].known == Known::kEtag);
  CHECK(out[2].value == "0");
}

TEST_CASE("chunk heads") {
  CHECK(ChunkHead(0).text() == "0\r\n");
  CHECK(ChunkHead(0x1a4).text() == "1a4\r\n");
  CHECK(ChunkHead(std::numeric_limits<std::uint64_t>::max()).text() == "ffffffffffffffff\r\n");
}
