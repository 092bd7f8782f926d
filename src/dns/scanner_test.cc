#include "dns/scanner.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/text.h"

namespace weir::dns {
namespace {

// Entries as text: words between bars, [in quotes], a leading blank as "_"; a refusal as its sentence.
std::vector<std::string> entries(std::string_view text) {
  std::vector<std::string> all;
  Scanner scanner(text);
  for (;;) {
    const auto found = scanner.next();
    if (!found) {
      all.push_back(std::to_string(scanner.line()) + ": " + found.error().text);
      return all;
    }
    if (!*found) return all;
    std::string entry = scanner.begins_blank() ? "_" : "";
    for (const Word& word : scanner.words()) {
      entry += '|';
      entry += word.quotes == Quotes::kAround ? "[" + std::string(word.text) + "]" : std::string(word.text);
    }
    all.push_back(entry);
  }
}

TEST_CASE("lines become entries of words") {
  using Entries = std::vector<std::string>;
  CHECK(entries("") == Entries{});
  CHECK(entries("a b\n") == Entries{"|a|b"});
  CHECK(entries("a\tb") == Entries{"|a|b"});
  CHECK(entries("a b\r\n c\r\n") == Entries{"|a|b", "_|c"});
  CHECK(entries("\n\n ; nothing\n;a\n  \na ; b\n") == Entries{"|a"});
  CHECK(entries("  \nb") == Entries{"|b"});
  CHECK(entries("a ( b ; c )\n d\n\n) e\n f") == Entries{"|a|b|d|e", "_|f"});
  CHECK(entries("a(b)c") == Entries{"|a|b|c"});
  CHECK(entries("( a\n b )") == Entries{"|a|b"});
  CHECK(entries("a ((b) \n c)") == Entries{"|a|b|c"});
  CHECK(entries("a \"b ;( c\" \"\"") == Entries{"|a|[b ;( c]|[]"});
  CHECK(entries("\"a\"\"b\";c") == Entries{"|[a]|[b]"});
  CHECK(entries("\"a\\\"b\" c\\\"d e\\ f \\;") == Entries{"|[a\\\"b]|c\\\"d|e\\ f|\\;"});
  CHECK(entries("k=\"v w\" x=") == Entries{"|k=\"v w\"|x="});
}

TEST_CASE("what cannot be words is refused, with its line") {
  using Entries = std::vector<std::string>;
  CHECK(entries("a\n b (\n\n") == Entries{"|a", "4: the text ends within parentheses"});
  CHECK(entries("a\n b )\n") == Entries{"|a", "2: a closing parenthesis without an opening one"});
  CHECK(entries("a \"b\n\"") == Entries{"1: a quoted string is closed on the line where it begins"});
  CHECK(entries("a \"b") == Entries{"1: a quoted string is closed on the line where it begins"});
  CHECK(entries("a b\"c\"") == Entries{"1: a quote stands within a word"});
  CHECK(entries("a \"b\"c") == Entries{"1: a blank is missing after a closing quote"});
  CHECK(entries("a \\\nb") == Entries{"1: a backslash at the end of a line escapes nothing"});
  CHECK(entries("a \"b\\") == Entries{"1: a backslash at the end of a line escapes nothing"});
  std::string many = "(";
  for (std::size_t i = 0; i <= kWordsMax; ++i) many += "a\n";
  CHECK(entries(many) == Entries{"131079: an entry has at most 131,078 words"});
}

TEST_CASE("words of an entry know their lines") {
  Scanner scanner("\na ( b\n c )\n");
  REQUIRE(*scanner.next());
  Words words(scanner.words());
  CHECK(words.line() == 2);
  CHECK(words.plain() == "a");
  CHECK(words.plain() == "b");
  CHECK(words.line() == 2);
  CHECK(words.take()->text == "c");
  CHECK(words.line() == 3);
  CHECK(words.empty());
  CHECK_FALSE(words.take().has_value());
}

TEST_CASE("every octet has a quoted form that means it") {
  Octets all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
  std::string text;
  append_quoted(text, all);
  Scanner scanner(text);
  REQUIRE(*scanner.next());
  REQUIRE(scanner.words().size() == 1);
  Octets again;
  CHECK(append_unescaped(scanner.words()[0].text, again).has_value());
  CHECK(again == all);
}

TEST_CASE("times with units") {
  CHECK(read_seconds("0") == 0U);
  CHECK(read_seconds("5400") == 5400U);
  CHECK(read_seconds("1h30m") == 5400U);
  CHECK(read_seconds("1W2D3H4M5S") == 788645U);
  CHECK(read_seconds("4294967295") == 4294967295U);
  for (const char* text :
       {"", "h", "1h30", "1y", "-1", "1.5h", "4294967296", "8000w", "99999999999999999999", "1hh"}) {
    CAPTURE(text);
    CHECK_FALSE(read_seconds(text).has_value());
  }
}

TEST_CASE("IPv4 addresses") {
  for (const auto& [text, digits] : std::vector<std::pair<const char*, const char*>>{
           {"0.0.0.0", "00000000"},
           {"255.10.1.99", "ff0a0163"},
           {"1.2.3", ""},
           {"1.2.3.4.5", ""},
           {"1.2.3.", ""},
           {".1.2.3", ""},
           {"1.2.3.1234", ""},
           {"1.2.3.00", ""},
           {"1.2.3.4 ", ""},
           {"", ""},
       }) {
    CAPTURE(text);
    Octets octets;
    CHECK(append_ipv4(text, octets).has_value() == (*digits != 0));
    CHECK(to_hex(std::as_bytes(std::span(octets))) == digits);
  }
}

}  // namespace
}  // namespace weir::dns
