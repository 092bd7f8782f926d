#include "dns/name.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::dns {
namespace {

Name name(std::string_view text) { return *Name::parse(text, Name()); }

std::vector<std::uint8_t> octets(std::string_view text) { return {text.begin(), text.end()}; }

TEST_CASE("text becomes labels, relative to the origin unless it ends with a dot") {
  CHECK(Name::parse("www", name("Example.com."))->to_text() == "www.Example.com.");
  CHECK(Name::parse("www.", name("example.com."))->to_text() == "www.");
  CHECK(Name::parse(".", name("example.com."))->to_text() == ".");
  CHECK(name("a.bc").wire().size() == 6);
}

TEST_CASE("escapes mean octets, and every octet has a text that means it") {
  CHECK(name("a\\.b.c.").to_text() == "a\\.b.c.");
  CHECK(name("\\097.").to_text() == "a.");
  CHECK(name("\\000\\255\\032.").to_text() == "\\000\\255\\032.");
  for (int octet = 0; octet < 256; ++octet) {
    const std::vector<std::uint8_t> wire = {1, static_cast<std::uint8_t>(octet), 0};
    CHECK(same_bytes(name(name_text(wire)).wire(), wire));
  }
}

TEST_CASE("names beyond the limits are refused") {
  const std::string label(63, 'x');
  CHECK(Name::parse(label, Name()).has_value());
  const std::string longest = label + "." + label + "." + label + ".";
  CHECK(Name::parse(longest + std::string(61, 'y'), Name())->wire().size() == kNameBytesMax);
  for (const std::string& text :
       {std::string(), label + "x", longest + std::string(62, 'y'), longest + std::string(61, 'y') + ".z",
        std::string(".."), std::string("a..b"), std::string(".a"), std::string("a\\"), std::string("a\\25"),
        std::string("a\\256"), std::string("a\\1x1")}) {
    CAPTURE(text);
    CHECK_FALSE(Name::parse(text, Name()).has_value());
  }
  CHECK_FALSE(Name::parse(longest + std::string(58, 'y'), name("a.b")).has_value());
}

TEST_CASE("the order of RFC 4034 section 6.1") {
  const std::vector<std::string> sorted = {"example.",         "a.example.",      "yljkjljk.a.example.",
                                           "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                                           "\\001.z.example.", "*.z.example.",    "\\200.z.example."};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      CHECK((canonical_order(name(sorted[i]).wire(), name(sorted[j]).wire()) <=> 0) == (i <=> j));
    }
  }
  CHECK(canonical_order(name("A.b.").wire(), name("a.B.").wire()) == 0);
}

TEST_CASE("a name is within a zone by whole labels") {
  CHECK(is_within(name("a.Example.").wire(), name("example.").wire()));
  CHECK(is_within(name("example.").wire(), name("example.").wire()));
  CHECK(is_within(name("example.").wire(), Name().wire()));
  CHECK_FALSE(is_within(name("xexample.").wire(), name("example.").wire()));
  CHECK_FALSE(is_within(Name().wire(), name("example.").wire()));
  CHECK(is_wildcard(name("*.example.").wire()));
  CHECK_FALSE(is_wildcard(name("*a.example.").wire()));
}

TEST_CASE("a compressed name is followed backwards, and only so") {
  const auto message = octets(std::string("\3com\0\3foo\xC0\0\1a\xC0\5\xC0\x0F", 17));
  Name read;
  CHECK(read_name(message, 5, read) == Result<std::size_t>(11));
  CHECK(read.to_text() == "foo.com.");
  CHECK(read_name(message, 11, read) == Result<std::size_t>(15));
  CHECK(read.to_text() == "a.foo.com.");
  CHECK_FALSE(read_name(message, 15, read).has_value());  // to itself
  CHECK_FALSE(read_name(message, 17, read).has_value());
  CHECK_FALSE(read_name(octets("\3ab"), 0, read).has_value());
  CHECK_FALSE(read_name(octets("\x41x"), 0, read).has_value());
  // A pointer to a label that runs into the same pointer again
  CHECK_FALSE(read_name(octets(std::string("\1a\xC0\0", 4)), 0, read).has_value());
}

TEST_CASE("the hash of a suffix is that of the same name alone, whatever its case") {
  const HashedName whole(name("A.longer-than-eight.Example.COM").wire());
  REQUIRE(whole.labels() == 4);
  CHECK(name_text(whole.wire()) == "a.longer-than-eight.example.com.");
  for (std::size_t dropped = 0; dropped <= whole.labels(); ++dropped) {
    const HashedName alone(whole.suffix(dropped));
    CHECK(alone.hash(0) == whole.hash(dropped));
    const HashedName wildcard(Name::parse("*", Name(whole.suffix(dropped)))->wire());
    CHECK(wildcard.hash(0) == whole.wildcard_hash(dropped));
  }
  CHECK(HashedName(name("ab.c").wire()).hash(0) != HashedName(name("a.bc").wire()).hash(0));
}

}  // namespace
}  // namespace weir::dns
