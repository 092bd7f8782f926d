#include "h2/field_section.h"

#include <doctest/doctest.h>

#include <string>

#include "h2/limits.h"

namespace weir::h2 {
namespace {

using http::Known;

TEST_CASE("cookies that come one by one are one field again, in order") {
  Arena arena;
  http::Fields fields;
  FieldSection section(arena);
  section.begin(fields);
  section.add("cookie", "a=1");
  section.add("accept", "*/*");
  section.add("cookie", "b=2");
  section.add("x-own", "");
  section.add("cookie", "c=3");
  section.finish();
  CHECK(fields.size() == 3);
  CHECK(fields.value_of(Known::kCookie) == "a=1; b=2; c=3");
  CHECK(fields.value_of(Known::kAccept) == "*/*");
  REQUIRE(fields.find("x-own") != nullptr);

  section.begin(fields);
  section.add("cookie", "only=1");
  section.finish();
  CHECK(fields.size() == 1);
  CHECK(fields.value_of(Known::kCookie) == "only=1");
}

TEST_CASE("a section keeps what it was given when it outgrows its first block") {
  Arena arena;
  http::Fields fields;
  FieldSection section(arena);
  section.begin(fields);
  for (int i = 0; i < 100; ++i)
    section.add("x-" + std::to_string(i), std::string(150, static_cast<char>('a' + i % 26)));
  section.finish();
  REQUIRE_FALSE(section.too_large());
  REQUIRE(fields.size() == 100);
  for (int i = 0; i < 100; ++i) {
    CHECK(fields[static_cast<std::size_t>(i)].name == "x-" + std::to_string(i));
    CHECK(fields[static_cast<std::size_t>(i)].value == std::string(150, static_cast<char>('a' + i % 26)));
  }
}

TEST_CASE("too many bytes, counted as RFC 9113 does, and too many fields") {
  struct Row {
    int fields;
    std::size_t value_bytes;
    bool too_large;
  };
  constexpr Row kRows[] = {
      {1, kHeadListBytesMax - 33, false}, {1, kHeadListBytesMax - 32, true}, {128, 1, false}, {129, 1, true}};
  for (const Row& row : kRows) {
    CAPTURE(row.fields);
    CAPTURE(row.value_bytes);
    Arena arena;
    http::Fields fields;
    FieldSection section(arena);
    section.begin(fields);
    for (int i = 0; i < row.fields; ++i) section.add("x", std::string(row.value_bytes, 'v'));
    section.finish();
    CHECK(section.too_large() == row.too_large);
    CHECK(section.decoded_bytes() == static_cast<std::size_t>(row.fields) * (33 + row.value_bytes));
  }
}

TEST_CASE("names that are known are static text in lower case") {
  CHECK(lower_name_of(Known::kContentLength) == "content-length");
  CHECK(lower_name_of(Known::kWwwAuthenticate) == "www-authenticate");
  CHECK(lower_name_of(Known::kOther).empty());
}

}  // namespace
}  // namespace weir::h2
