#include "http/h1_writer.h"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "http/h1_parser.h"

using namespace weir;
using namespace weir::http;

namespace {

// What the calls write into a room of exactly that size; "full" when it does not fit.
template <class Calls>
std::string written(std::size_t room, Calls calls) {
  std::vector<std::byte> bytes(room);
  HeadWriter writer(bytes);
  calls(writer);
  const auto size = writer.finish();
  if (!size) return "full";
  return {reinterpret_cast<const char*>(bytes.data()), *size};
}

void response(HeadWriter& writer) {
  writer.status_line(200);
  writer.field("A", "");
  writer.field(Known::kContentLength, std::uint64_t{1234567});
  writer.field(Known::kServer, std::string(40, 's'));
  writer.begin_field("X-Forwarded-For");
  writer.append("10.0.0.1");
  writer.append(", ");
  writer.append(std::uint64_t{42});
  writer.end_field();
  writer.raw("B: c\r\n");
}
const std::string kResponse =
    "HTTP/1.1 200 OK\r\nA: \r\nContent-Length: 1234567\r\nServer: " + std::string(40, 's') +
    "\r\nX-Forwarded-For: 10.0.0.1, 42\r\nB: c\r\n\r\n";

}  // namespace

TEST_CASE("heads are written, and overflow is told for every room that is too small") {
  CHECK(written(kResponse.size(), response) == kResponse);
  CHECK(written(kResponse.size() + 100, response) == kResponse);
  for (std::size_t room = 0; room < kResponse.size(); ++room) CHECK(written(room, response) == "full");
  // Running out is remembered, even if what comes after would fit.
  CHECK(written(20, [](HeadWriter& writer) {
          writer.field("name", "much too long for that room");
          writer.field("a", "b");
        }) == "full");
}

TEST_CASE("first lines") {
  CHECK(written(99, [](HeadWriter& writer) { writer.status_line(404); }) == "HTTP/1.1 404 Not Found\r\n\r\n");
  CHECK(written(99, [](HeadWriter& writer) { writer.status_line(299, ""); }) == "HTTP/1.1 299 \r\n\r\n");
  CHECK(written(99, [](HeadWriter& writer) { writer.request_line("GET", "/"); }) == "GET / HTTP/1.1\r\n\r\n");
  CHECK(written(99, [](HeadWriter& writer) { writer.request_line("GET", "/a", "b=c"); }) ==
        "GET /a?b=c HTTP/1.1\r\n\r\n");
  CHECK(written(99, [](HeadWriter& writer) { writer.request_line("GET", "/a", ""); }) ==
        "GET /a? HTTP/1.1\r\n\r\n");
  CHECK(written(99, [](HeadWriter& writer) { writer.request_line("OPTIONS", "*"); }) ==
        "OPTIONS * HTTP/1.1\r\n\r\n");
}

TEST_CASE("texts of every length are copied whole") {
  for (std::size_t size = 0; size < 100; ++size) {
    std::string value;
    for (std::size_t i = 0; i < size; ++i) value += static_cast<char>('!' + i % 90);
    CHECK(written(size + 7, [&](HeadWriter& writer) { writer.field("x", value); }) ==
          "x: " + value + "\r\n\r\n");
  }
}

TEST_CASE("numbers") {
  std::uint64_t power = 1;
  for (int digits = 1; digits <= 20; ++digits, power *= 10) {
    for (const std::uint64_t number : {power - 1, power, power + 1, power * 9}) {
      std::array<char, kDecimalBytesMax> place;
      const std::size_t size = write_decimal(number, place.data());
      CHECK(std::string(place.data(), size) == std::to_string(number));
    }
  }
  std::array<char, kDecimalBytesMax> place;
  CHECK(std::string(place.data(), write_decimal(std::numeric_limits<std::uint64_t>::max(), place.data())) ==
        "18446744073709551615");
}

TEST_CASE("what the parser took apart is written back") {
  const std::string text = "POST /a?b HTTP/1.1\r\nHost: c\r\nContent-Length: 5\r\nX: \xff y\r\n\r\n";
  RequestHead head;
  REQUIRE(parse_request_head(text, head).value_or(0) == text.size());
  CHECK(written(text.size(), [&](HeadWriter& writer) {
          writer.request_line(head.method_text, head.path, head.query);
          writer.fields(head.fields);
        }) == text);
}
