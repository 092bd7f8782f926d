#include "dns/zone.h"

#include <doctest/doctest.h>

#include <string>

#include "dns/zone_fixture.h"

namespace weir::dns {
namespace {

using fixture::add_lines;
using fixture::name;

constexpr std::string_view kApex =
    "example. 3600 SOA ns.example. host.example. 7 3600 600 86400 300\n"
    "example. 3600 NS ns.example.\n";

std::string refused(std::string_view text, bool with_apex = true) {
  ZoneBuilder builder(name("example.").wire());
  if (with_apex) CHECK(add_lines(builder, kApex) == "");
  const std::string why = add_lines(builder, text);
  if (!why.empty()) return why;
  const auto built = std::move(builder).build();
  return built ? "" : built.error().owner.to_text() + ": " + built.error().text;
}

TEST_CASE("what is no zone is refused by a sentence") {
  struct Case {
    std::string_view text;
    std::string_view why;
    bool with_apex = true;
  };
  const Case cases[] = {
      {"a.example. 1 A 192.0.2.1\na.example. 1 A 192.0.2.1", ""},
      {"example. 3600 NS ns.example.", "example.: a zone needs an SOA record at its apex", false},
      {"example. 1 SOA a. b. 1 2 3 4 5", "example.: a zone needs NS records at its apex", false},
      {"example. 1 SOA a. b. 1 2 3 4 5", "example.: a zone has one SOA record"},
      {"a.example. 1 SOA a. b. 1 2 3 4 5", "a.example.: SOA is at the apex of the zone only"},
      {"example. 1 DS x", "example.: DS of a zone is in its parent"},
      {"a.example. 1 CNAME b.\na.example. 1 A 192.0.2.1",
       "a.example.: a name with a CNAME has no other records"},
      {"example. 1 CNAME b.", "example.: a name with a CNAME has no other records"},
      {"a.example. 1 CNAME b.\na.example. 1 CNAME c.", "a.example.: a name has one CNAME"},
      {"a.example. 1 CNAME b.\na.example. 1 CNAME b.", ""},
      {"*.example. 1 NS b.", "*.example.: a wildcard cannot be delegated (RFC 4592 section 4.2)"},
      {"a.test. 1 A 192.0.2.1", "the name is not within the zone"},
      {"a.example. 1 ANY x", "this type is of messages, no zone has it"},
      {"a.example. 1 DNAME x", "DNAME is not served"},
      {"a.example. 2147483648 A 192.0.2.1", "a TTL is at most 2,147,483,647 seconds"},
      {"a.example. steer A 1\na.example. steer A 2",
       "a.example.: a set that is steered has one policy and no records"},
      {"a.example. 1 A 192.0.2.1\na.example. steer A 2",
       "a.example.: a set that is steered has one policy and no records"},
      {"a.example. steer NS 1", "SOA, NS and DS are not steered"},
  };
  for (const Case& test : cases) {
    CAPTURE(test.text);
    CHECK(refused(test.text, test.with_apex) == test.why);
  }
}

TEST_CASE("rdata that answering could not rely on, and sets beyond a message, are refused") {
  ZoneBuilder builder(name("example.").wire());
  const Name owner = name("a.example.");
  const std::vector<std::uint8_t> octets(kSetBytesMax, 0);
  const auto added = [&](Type type, std::size_t bytes) {
    return builder.add(owner.wire(), type, 1, Bytes(octets).first(bytes)).has_value();
  };
  CHECK_FALSE(added(Type::kA, 3));
  CHECK_FALSE(added(Type::kAaaa, 4));
  CHECK_FALSE(added(Type::kNs, 0));
  CHECK_FALSE(added(Type::kNs, 2));
  CHECK_FALSE(added(Type::kMx, 2));
  CHECK_FALSE(added(Type::kSrv, 6));
  CHECK_FALSE(added(Type::kHttps, 2));
  CHECK_FALSE(added(Type::kSoa, 21));
  CHECK(added(Type::kHttps, 3));
  CHECK(added(static_cast<Type>(65280), 0));
  CHECK_FALSE(added(Type::kTxt, kSetBytesMax - kPackedHeadBytes + 1));
  CHECK(added(Type::kTxt, kSetBytesMax - kPackedHeadBytes));
  CHECK(added(Type::kTxt, 1));
  CHECK(add_lines(builder, kApex) == "");
  const auto built = std::move(builder).build();
  REQUIRE_FALSE(built.has_value());
  CHECK(built.error().type == Type::kTxt);
  CHECK(std::string(built.error().text) == "the records of this name and type are too large for a message");
}

TEST_CASE("a set is sorted, has each record once and the lowest TTL") {
  const auto zone = fixture::zone("example.", std::string(kApex) +
                                                  "A.example. 300 A 192.0.2.9\n"
                                                  "a.example. 1 TXT x\n"
                                                  "a.Example. 200 A 192.0.2.1\n"
                                                  "a.example. 400 A 192.0.2.9\n");
  const HashedName owner(name("A.EXAMPLE.").wire());
  const Found found = zone->find(owner, Type::kA);
  REQUIRE(found.outcome == Outcome::kSet);
  CHECK(found.set->count == 2);
  const Bytes packed = packed_of(*found.node, *found.set);
  REQUIRE(packed.size() == 32);
  CHECK(load_u32(packed.data() + 6) == 200);
  CHECK(packed[15] == 1);
  CHECK(load_u32(packed.data() + 22) == 200);
  CHECK(packed[31] == 9);
  CHECK(zone->serial() == 7);
  CHECK(zone->records() == 5);
}

TEST_CASE("all names can be gone through, parents first") {
  const auto zone = fixture::zone("example.", std::string(kApex) + "a.b.c.example. 1 A 192.0.2.1\n");
  std::string seen;
  for (const Node* node = zone->first(); node != nullptr; node = zone->next(node))
    seen += name_text(name_of(*node)) + std::to_string(node->sets) + " ";
  CHECK(seen == "example.2 c.example.0 b.c.example.0 a.b.c.example.1 ");
}

TEST_CASE("the zone of a name has the longest apex; DS of an apex is its parent's") {
  const auto make = [](std::string_view apex) {
    std::string text = std::string(apex) + " 1 SOA a. b. 1 2 3 4 5\n" + std::string(apex) + " 1 NS a.\n";
    return fixture::zone(apex, text);
  };
  const Zones zones({make("example."), make("b.a.example."), make("test."), make("x.y.z.test.")});
  struct Case {
    std::string_view owner;
    Type type;
    std::string_view apex;
  };
  const Case cases[] = {
      {"example.", Type::kA, "example."},
      {"EXAMPLE.", Type::kA, "example."},
      {"a.example.", Type::kA, "example."},
      {"b.a.example.", Type::kA, "b.a.example."},
      {"x.b.a.example.", Type::kA, "b.a.example."},
      {"b.a.example.", Type::kDs, "example."},
      {"x.b.a.example.", Type::kDs, "b.a.example."},
      {"example.", Type::kDs, "example."},
      {"y.z.test.", Type::kA, "test."},
      {"1.x.y.z.test.", Type::kA, "x.y.z.test."},
      {"com.", Type::kA, ""},
      {".", Type::kA, ""},
  };
  for (const Case& test : cases) {
    CAPTURE(test.owner);
    const Zone* zone = zones.find(HashedName(name(test.owner).wire()), test.type);
    CHECK((zone == nullptr ? "" : name_text(zone->apex())) == test.apex);
  }
  CHECK(Zones().find(HashedName(name("a.").wire()), Type::kA) == nullptr);
  const Zones root({make(".")});
  CHECK(root.find(HashedName(name("a.").wire()), Type::kA) != nullptr);
}

TEST_CASE("names deeper than any of the zone, and of every depth, find their closest encloser") {
  const auto zone = fixture::zone("example.", std::string(kApex) +
                                                  "*.e.d.c.b.a.example. 1 TXT deep\n"
                                                  "*.c.b.a.example. 1 A 192.0.2.1\n");
  std::string owner = "e.d.c.b.a.example.";
  for (int labels = 0; labels < 60; ++labels) {
    owner.insert(0, "x.");
    const HashedName hashed(name(owner).wire());
    CHECK(zone->find(hashed, Type::kTxt).outcome == Outcome::kSet);
    CHECK(zone->find(hashed, Type::kA).outcome == Outcome::kNoData);
  }
  const auto outcome = [&](std::string_view text) {
    return zone->find(HashedName(name(text).wire()), Type::kA).outcome;
  };
  CHECK(outcome("y.c.b.a.example.") == Outcome::kSet);
  CHECK(outcome("z.y.c.b.a.example.") == Outcome::kSet);
  CHECK(outcome("z.y.d.c.b.a.example.") == Outcome::kNoName);
  CHECK(outcome("z.b.a.example.") == Outcome::kNoName);
  CHECK(outcome("b.a.example.") == Outcome::kNoData);
}

}  // namespace
}  // namespace weir::dns
