#include "api/query.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::api {
namespace {

TEST_CASE("parameters are decoded and checked") {
  const auto query =
      parse_query("label=tier%3Dweb&label=canary&limit=20&continue=31303a61", QueryKind::kList);
  REQUIRE(query);
  REQUIRE(query->labels.size() == 2);
  CHECK(query->labels[0].key == "tier");
  CHECK(query->labels[0].value == "web");
  CHECK(query->labels[1].key == "canary");
  CHECK_FALSE(query->labels[1].value);
  CHECK(query->limit == 20);
  CHECK(parse_token(query->continue_token)->name == "a");
  CHECK(parse_query("", QueryKind::kNone));
  CHECK(parse_query("&&", QueryKind::kNone));
  CHECK(parse_query("watch&from=7", QueryKind::kList)->from == 7);
  CHECK(parse_query("label=note=a+b%2Bc", QueryKind::kList)->labels[0].value == "a b+c");
}

TEST_CASE("a flag is true, false or alone") {
  for (const auto& [text, expected] :
       std::initializer_list<std::pair<const char*, bool>>{{"dry_run", true},
                                                           {"dry_run=", true},
                                                           {"dry_run=true", true},
                                                           {"dry_run=false", false},
                                                           {"", false}}) {
    CAPTURE(text);
    const auto query = parse_query(text, QueryKind::kWrite);
    REQUIRE(query);
    CHECK(query->dry_run == expected);
  }
}

TEST_CASE("what is wrong is refused with its name") {
  struct Line {
    const char* text;
    QueryKind kind;
    const char* field;
    const char* message;  // the beginning
  };
  for (const Line& line : std::initializer_list<Line>{
           {"dryrun=true", QueryKind::kWrite, "?dryrun", "is not known; did you mean dry_run?"},
           {"watch=true", QueryKind::kWrite, "?watch", "is not known; this request takes dry_run, edges"},
           {"edges=true", QueryKind::kWrite, "?edges", "goes with dry_run=true"},
           {"a=1", QueryKind::kNone, "?a", "is not taken here"},
           {"dry_run=yes", QueryKind::kWrite, "?dry_run", "must be true or false"},
           {"dry_run=true&dry_run=false", QueryKind::kWrite, "?dry_run", "is there twice"},
           {"limit=0", QueryKind::kList, "?limit", "must be a number from 1 to 10000"},
           {"limit=10001", QueryKind::kList, "?limit", "must be a number from 1 to 10000"},
           {"limit=-1", QueryKind::kList, "?limit", "must be a number from 1 to 10000"},
           {"from=abc&watch=true", QueryKind::kList, "?from", "must be a revision"},
           {"from=7", QueryKind::kList, "?from", "goes with watch=true"},
           {"watch=true&limit=1", QueryKind::kList, "?watch", "does not go with"},
           {"label==web", QueryKind::kList, "?label", "must be like tier=web"},
           {"continue=zz", QueryKind::kList, "?continue", "is not what an earlier page said"},
           {"continue=313a2e2e2f61", QueryKind::kList, "?continue", "is not what"},  // 1:../a
           {"kind=service", QueryKind::kWatch, "?kind", "must be the plural"},
           {"kind=services&kind=services", QueryKind::kWatch, "?kind", "names a kind twice"},
           {"from=7", QueryKind::kWatch, "?kind", "must be there"},
           {"kind=services&limit=1", QueryKind::kWatch, "?limit", "is not known"},
       }) {
    CAPTURE(line.text);
    const auto query = parse_query(line.text, line.kind);
    REQUIRE_FALSE(query);
    CHECK(query.error().status == 400);
    REQUIRE(query.error().violations.size() == 1);
    CHECK(query.error().violations[0].field == line.field);
    CHECK(query.error().violations[0].message.starts_with(line.message));
  }
}

TEST_CASE("bytes that mean nothing are refused") {
  for (const char* text : {"a=%", "a=%4", "a=%zz", "%ff=1", "label=%ff"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_query(text, QueryKind::kList));
  }
  std::string many;
  for (int i = 0; i < 33; ++i) many += "label=a&";
  CHECK_FALSE(parse_query(many, QueryKind::kList));
  CHECK(parse_query(many.substr(8), QueryKind::kList));
}

TEST_CASE("labels match when all filters do") {
  const config::Labels labels{{"tier", "web"}, {"city", "ams"}};
  CHECK(matches({}, labels));
  CHECK(matches({{"tier", "web"}, {"city", {}}}, labels));
  CHECK_FALSE(matches({{"tier", "web"}, {"city", "fra"}}, labels));
  CHECK_FALSE(matches({{"country", {}}}, labels));
}

TEST_CASE("a cursor survives its token") {
  const auto cursor = parse_token(to_token({42, "web-1"}));
  REQUIRE(cursor);
  CHECK(cursor->revision == 42);
  CHECK(cursor->name == "web-1");
  for (const char* token : {"", "3", "31", "xx", "3a61", "313a", "613a61"}) {
    CAPTURE(token);
    CHECK_FALSE(parse_token(token));
  }
}

}  // namespace
}  // namespace weir::api
