// A zone that was changed must be the one that would have been built: held against random changes.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/random.h"
#include "dns/zone_fixture.h"

namespace weir::dns {
namespace {

using fixture::name;

constexpr std::string_view kApex =
    "example. 3600 SOA ns.example. host.example. 7 3600 600 86400 300\n"
    "example. 3600 NS ns.example.\n";

// The name and type of a set, and its lines.
using Sets = std::map<std::pair<std::string, std::string>, std::string>;

void add_line(ZoneChange& change, const std::string& line) {
  std::istringstream words(line);
  std::string owner;
  std::string ttl;
  std::string type;
  words >> owner >> ttl >> type;
  const Name parsed = name(owner);
  if (ttl == "steer") {
    std::uint32_t policy = 0;
    words >> policy;
    REQUIRE(change.steer(parsed.wire(), fixture::type_of(type), policy));
    return;
  }
  const auto data = fixture::rdata(fixture::type_of(type), words);
  REQUIRE(
      change.add(parsed.wire(), fixture::type_of(type), static_cast<std::uint32_t>(std::stoul(ttl)), data));
}

void put(ZoneChange& change, const std::string& owner, const std::string& type, const std::string& text) {
  REQUIRE(change.clear(name(owner).wire(), fixture::type_of(type)));
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) add_line(change, line);
}

std::string all_of(const Sets& sets) {
  std::string text;
  for (const auto& [key, lines] : sets) text += lines;
  return text;
}

std::string names_of(const Zone& zone) {
  std::set<std::string> names;
  for (const Node* node = zone.first(); node != nullptr; node = zone.next(node)) {
    const bool is_new = names
                            .insert(name_text(name_of(*node)) + ' ' + std::to_string(node->sets) + ' ' +
                                    std::to_string(node->flags & static_cast<std::uint8_t>(~kHasNames)))
                            .second;
    CHECK(is_new);
  }
  std::string text;
  for (const std::string& one : names) text += one + '\n';
  return text;
}

std::expected<Zone, ZoneRefusal> built(const Sets& sets) {
  ZoneBuilder builder(name("example.").wire());
  REQUIRE(fixture::add_lines(builder, all_of(sets)) == "");
  return std::move(builder).build();
}

void check_same(std::shared_ptr<const Zone> changed, std::shared_ptr<const Zone> whole,
                const std::vector<std::string>& owners) {
  CHECK(names_of(*changed) == names_of(*whole));
  CHECK(changed->records() == whole->records());
  CHECK(changed->serial() == whole->serial());
  fixture::Server left({std::move(changed)});
  fixture::Server right({std::move(whole)});
  for (const std::string& owner : owners) {
    for (const char* type : {"A", "MX"}) {
      CAPTURE(owner);
      CAPTURE(type);
      CHECK(left.ask(owner, type) == right.ask(owner, type));
    }
  }
}

const std::vector<std::string>& owners() {
  static const std::vector<std::string> kOwners{
      "example.",     "a.example.",     "b.example.",       "c.a.example.",   "d.c.a.example.",
      "*.a.example.", "*.c.a.example.", "e.d.c.a.example.", "f.b.example.",   "*.example.",
      "x.y.example.", "y.example.",     "g.f.b.example.",   "z.x.y.example.", "*.x.y.example.",
      "ns.example.",  "q.c.a.example."};
  return kOwners;
}

// Lines of a set that may not fit the others.
std::string random_set(const std::string& owner, const std::string& type, Random& random) {
  if (type == "A" && random.below(4) == 0)
    return owner + " steer A " + std::to_string(random.below(9)) + '\n';
  std::string text;
  const std::uint64_t count = type == "CNAME" ? 1 : 1 + random.below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    text += owner + ' ' + std::to_string(60 + random.below(3)) + ' ' + type + ' ';
    const std::string target = owners()[random.below(owners().size())];
    if (type == "A") text += "192.0.2." + std::to_string(random.below(5));
    if (type == "TXT") text += std::string(1 + random.below(40), 'x');
    if (type == "MX") text += "10 ";
    if (type == "NS" || type == "CNAME" || type == "MX") text += target;
    text += '\n';
  }
  return text;
}

void run_random(std::uint64_t seed) {
  CAPTURE(seed);
  Random random(seed);
  Sets sets;
  sets[{"example.", "SOA"}] = "example. 3600 SOA ns.example. host.example. 7 3600 600 86400 300\n";
  sets[{"example.", "NS"}] = "example. 3600 NS ns.example.\n";
  auto zone = std::make_shared<const Zone>(*built(sets));
  int refused = 0;
  for (int step = 0; step < 40; ++step) {
    Sets next = sets;
    ZoneChange change(*zone);
    std::set<std::pair<std::string, std::string>> touched;
    for (std::uint64_t i = 0; i < 1 + random.below(3); ++i) {
      const std::string owner = owners()[random.below(owners().size())];
      static const std::vector<std::string> kTypes{"A", "A", "TXT", "MX", "CNAME", "NS"};
      const std::string type = kTypes[random.below(kTypes.size())];
      if (owner == "example." && type == "NS") continue;
      if (!touched.emplace(owner, type).second) continue;
      if (random.below(5) < 2) {
        next.erase({owner, type});
        REQUIRE(change.clear(name(owner).wire(), fixture::type_of(type)));
      } else {
        const std::string text = random_set(owner, type, random);
        next[{owner, type}] = text;
        put(change, owner, type, text);
      }
    }
    const std::string soa =
        "example. 3600 SOA ns.example. host.example. " + std::to_string(step + 8) + " 3600 600 86400 300\n";
    next[{"example.", "SOA"}] = soa;
    put(change, "example.", "SOA", soa);
    auto whole = built(next);
    auto changed = std::move(change).made();
    REQUIRE(changed.has_value() == whole.has_value());
    if (!changed) {
      ++refused;
      continue;
    }
    const auto before = zone;
    const std::string old_names = names_of(*before);
    zone = std::make_shared<const Zone>(std::move(*changed));
    check_same(zone, std::make_shared<const Zone>(std::move(*whole)), owners());
    CHECK(names_of(*before) == old_names);
    sets = next;
  }
  CHECK(refused < 40);
}

TEST_CASE("after any changes, a zone is the one that would have been built") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) run_random(seed);
}

TEST_CASE("a set can be taken over from another zone, or be gone as it is there") {
  const auto base = fixture::zone("example.", std::string(kApex) + "a.example. 60 A 192.0.2.1\n");
  ZoneChange first(*base);
  put(first, "a.example.", "A", "a.example. 60 A 192.0.2.9\n");
  put(first, "b.example.", "A", "b.example. 60 A 192.0.2.8\n");
  const auto changed = std::make_shared<const Zone>(*std::move(first).made());
  CHECK(fixture::Server({changed}).ask("b.example.", "A") == "NOERROR aa\nan b.example. 60 A 192.0.2.8\n");
  ZoneChange second(*changed);
  REQUIRE(second.take(*base, name("a.example.").wire(), Type::kA));
  REQUIRE(second.take(*base, name("b.example.").wire(), Type::kA));
  const auto back = std::make_shared<const Zone>(*std::move(second).made());
  check_same(back, base, {"a.example.", "b.example."});
  CHECK(fixture::Server({changed}).ask("a.example.", "A") == "NOERROR aa\nan a.example. 60 A 192.0.2.9\n");
}

TEST_CASE("a change of one name of many costs no room for the others, and what is dead goes some time") {
  std::string text(kApex);
  for (int i = 0; i < 2000; ++i) text += "n" + std::to_string(i) + ".example. 60 A 192.0.2.1\n";
  auto zone = fixture::zone("example.", text);
  const std::size_t bytes = zone->memory_bytes();
  for (int i = 0; i < 5000; ++i) {
    ZoneChange change(*zone);
    put(change, "n7.example.", "A", "n7.example. " + std::to_string(i) + " A 192.0.2.2\n");
    zone = std::make_shared<const Zone>(*std::move(change).made());
    REQUIRE(zone->memory_bytes() < 3 * bytes);
  }
  CHECK(zone->records() == 2002);
}

TEST_CASE("what no zone can have is refused in a change, too") {
  const auto base = fixture::zone("example.", kApex);
  ZoneChange outside(*base);
  CHECK_FALSE(outside.clear(name("a.test.").wire(), Type::kA));
  CHECK_FALSE(outside.steer(name("a.example.").wire(), Type::kNs, 1));
  ZoneChange without(*base);
  REQUIRE(without.clear(name("example.").wire(), Type::kNs));
  const auto made = std::move(without).made();
  REQUIRE_FALSE(made);
  CHECK(std::string(made.error().text) == "a zone needs NS records at its apex");
}

}  // namespace
}  // namespace weir::dns
