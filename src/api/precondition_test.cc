#include "api/precondition.h"

#include <doctest/doctest.h>

namespace weir::api {
namespace {

using http::Known;

http::Fields with(Known known, std::string_view value) {
  http::Fields fields;
  fields.add(known, value);
  return fields;
}

TEST_CASE("If-Match takes revisions") {
  struct Line {
    const char* value;
    bool met_by_17;
  };
  for (const Line& line : std::initializer_list<Line>{{"\"17\"", true},
                                                      {"\"16\", \"17\"", true},
                                                      {"*", true},
                                                      {"\"16\"", false},
                                                      {"W/\"17\"", false},
                                                      {"\"117\"", false}}) {
    CAPTURE(line.value);
    const auto precondition = precondition_of(with(Known::kIfMatch, line.value));
    REQUIRE(precondition);
    CHECK(precondition->match_given);
    CHECK(precondition->met_by(17) == line.met_by_17);
  }
  for (const char* value : {"17", "\"\"", "\"a\"", "\"17.1\"", "\"17", "\"-1\""}) {
    CAPTURE(value);
    CHECK(precondition_of(with(Known::kIfMatch, value)).error().status == 400);
  }
  CHECK_FALSE(precondition_of({})->match_given);
}

TEST_CASE("If-None-Match of a write means: create") {
  CHECK(precondition_of(with(Known::kIfNoneMatch, "*"))->only_new);
  CHECK_FALSE(precondition_of(with(Known::kIfNoneMatch, "\"17\"")));
}

TEST_CASE("a reader that has the same is told so") {
  CHECK(entity_tag(17) == "\"17\"");
  for (const char* value : {"\"17\"", "W/\"17\"", "\"1\", \"17\"", "*"}) {
    CAPTURE(value);
    CHECK(none_match_has(with(Known::kIfNoneMatch, value), "\"17\""));
  }
  CHECK_FALSE(none_match_has(with(Known::kIfNoneMatch, "\"16\""), "\"17\""));
  CHECK_FALSE(none_match_has({}, "\"17\""));
}

}  // namespace
}  // namespace weir::api
