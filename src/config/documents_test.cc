#include "config/documents.h"

#include <doctest/doctest.h>

#include <string>

#include "config/object.h"

namespace weir::config {
namespace {

std::string problem_of(const Checked<std::vector<Document>>& result) {
  return result ? std::string("(none)") : to_text(result.error());
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("YAML documents become JSON, with the line that each begins at") {
  const auto documents = read_yaml(
      "# a comment\n"
      "kind: Service\n"
      "metadata: {name: web}\n"
      "---\n"
      "---\n"
      "list: [1, -2, +3, 1.5, 1e3, '1', \"x\", yes, true, ~, null, 5s, 0x10, 1.2.3]\n"
      "text: |\n"
      "  two\n"
      "  lines\n"
      "empty:\n"
      "tagged: !!str 5\n"
      "base: &base {a: 1}\n"
      "copy: *base\n");
  REQUIRE(documents.has_value());
  REQUIRE(documents->size() == 2);
  CHECK((*documents)[0].json == R"({"kind":"Service","metadata":{"name":"web"}})");
  CHECK((*documents)[0].line == 2);
  CHECK(
      (*documents)[1].json ==
      R"({"list":[1,-2,3,1.5,1000.0,"1","x","yes",true,null,null,"5s","0x10","1.2.3"],"text":"two\nlines\n",)"
      R"("empty":null,"tagged":"5","base":{"a":1},"copy":{"a":1}})");
  CHECK((*documents)[1].line == 6);
}

TEST_CASE("what YAML is refused, and where") {
  const struct {
    std::string text;
    std::string problem;
  } cases[] = {
      {"a: 1\nb: [1, 2", "is not YAML: line 2, column 1: end of sequence flow not found"},
      {"a: 1\n\tb: 2", "is not YAML: line 2, column 1: illegal tab when looking for indentation"},
      {"a: 1\nb: 2\na: 3\n", "line 3 has the key \"a\" twice"},
      {"a:\n  ? [x]\n  : 1\n", "line 2 has a key that is not a text"},
      {"a: *nowhere", "is not YAML: line 1, column 4: the referenced anchor is not defined"},
      {"{a: 1} ]", "is not YAML: line 1, column 8: illegal flow end"},
      {"\"a\",b", "is not YAML: line 1 has something that fits nowhere"},
      {"a: &a [*a]", "line 1 has an alias within what it stands for"},
      {"a: !!binary aGk=", "line 1 has the tag \"tag:yaml.org,2002:binary\"; tags are not used here"},
      {"a: " + repeated("[", 40) + repeated("]", 40), "line 1 is nested deeper than 32 levels"},
      {"a: \"\xff\"", "line 1 has a text that is not UTF-8"},
      {std::string(kListBytesMax + 1, ' '), "is larger than 8388608 bytes"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.text.substr(0, 40));
    CHECK(problem_of(read_yaml(one.text)) == one.problem);
  }
}

TEST_CASE("aliases can't grow without bound") {
  std::string text = "l0: &l0 [" + repeated("x,", 100) + "]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*l" + std::to_string(i - 1);
    text += 'l' + std::to_string(i) + ": &l" + std::to_string(i) + " [" + repeated(before + ",", 10) + "]\n";
  }
  CHECK(problem_of(read_yaml(text)).ends_with("holds too much"));
  const std::string long_text =
      "a: &a " + std::string(1'000'000, 'x') + "\nb: [" + repeated("*a,", 1000) + "]\n";
  CHECK(problem_of(read_yaml(long_text)) == "line 2 holds too much");
  std::string deep = "l0: &l0 []\n";
  for (int i = 1; i < 40; ++i) {
    deep += 'l' + std::to_string(i) + ": &l" + std::to_string(i) + " [*l" + std::to_string(i - 1) + "]\n";
  }
  CHECK(problem_of(read_yaml(deep)).ends_with("is nested deeper than 32 levels"));
}

TEST_CASE("what JSON is refused") {
  const auto problem = [](std::string_view text) {
    const auto object = parse_object(text, Origin::kClient);
    return object ? std::string("(none)") : to_text(object.error());
  };
  CHECK(problem("") ==
        "is not JSON: line 1, column 1: syntax error while parsing value - unexpected end of input; "
        "expected '[', '{', or a literal");
  CHECK(problem("{\"kind\":\n  nope}") ==
        "is not JSON: line 2, column 4: syntax error while parsing value - invalid literal; last read: "
        "'\"kind\":<U+000A>  "
        "no'");
  CHECK(problem("{} {}").starts_with("is not JSON: line 1, column 4: "));
  CHECK(problem(R"({"kind":"Service","kind":"Token"})") == "has the key \"kind\" twice");
  CHECK(problem("\"\xc3\x28\"").starts_with("is not JSON: line 1, column 3: "));
  CHECK(problem(repeated("[", 100'000)) == "is nested deeper than 32 levels");
  CHECK(problem("[" + repeated("1e999,", 2) + "1]").starts_with("is not JSON: "));
  CHECK(problem(std::string(kDocumentBytesMax + 1, ' ')) == "is larger than 1048576 bytes");
  std::string many = "{";
  for (int i = 0; i < 257; ++i) many += '"' + std::to_string(i) + "\":1,";
  CHECK(problem(many + "\"x\":1}") == "has an object of more than 256 fields");
}

TEST_CASE("JSON as YAML keeps types and order") {
  const std::string json =
      R"({"kind":"X","z":{"b":"1","a":"true","n":null,"t":"5s"},"list":[{"x":1},{"y":1.5}],"e":{},"f":[],)"
      R"("s":"","m":"a: b # c\nd"})";
  const auto yaml = to_yaml(json);
  REQUIRE(yaml.has_value());
  CHECK(
      yaml->starts_with("kind: X\nz:\n  b: \"1\"\n  a: \"true\"\n  n: ~\n  t: 5s\nlist:\n  - x: 1\n  - y: "
                        "1.5\ne: {}\nf: []\n"));
  const auto back = read_yaml(*yaml);
  REQUIRE(back.has_value());
  REQUIRE(back->size() == 1);
  CHECK((*back)[0].json == json);
}

TEST_CASE("merge patch (RFC 7396, appendix A)") {
  const struct {
    const char* target;
    const char* patch;
    const char* result;
  } cases[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.patch);
    CHECK(merge_patch(one.target, one.patch) == one.result);
  }
  CHECK_FALSE(merge_patch("{}", "{").has_value());
}

}  // namespace
}  // namespace weir::config
