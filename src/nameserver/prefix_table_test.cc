#include "nameserver/prefix_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "config/formats.h"

namespace weir::nameserver {
namespace {

using Entry = PrefixTable::Entry;

dns::Ip ip(const std::string& text) {
  const auto network = *config::parse_network(text);
  return {.octets = network.bytes, .size = static_cast<std::uint8_t>(network.v6 ? 16 : 4)};
}
Entry entry(const std::string& text, PrefixTable::Value value, std::uint8_t rank = 0) {
  return {.ip = ip(text), .bits = config::parse_network(text)->prefix_bits, .rank = rank, .value = value};
}

bool same_bits(const dns::Ip& left, const dns::Ip& right, std::size_t bits) {
  for (std::size_t i = 0; i < bits; ++i) {
    if (((left.octets.at(i / 8) ^ right.octets.at(i / 8)) >> (7 - i % 8) & 1) != 0) return false;
  }
  return left.size == right.size;
}

PrefixTable::Value naive(const std::vector<Entry>& entries, const dns::Ip& address) {
  const Entry* best = nullptr;
  for (const Entry& one : entries) {
    if (!same_bits(one.ip, address, one.bits)) continue;
    if (best == nullptr || std::tuple(one.rank, one.bits) >= std::tuple(best->rank, best->bits)) best = &one;
  }
  return best == nullptr ? PrefixTable::kNone : best->value;
}

TEST_CASE("the longest prefix counts, and of several ranks the highest") {
  const PrefixTable table({entry("10.0.0.0/8", 1), entry("10.1.0.0/16", 2), entry("10.1.2.3", 3),
                           entry("10.1.2.0/24", 4), entry("0.0.0.0/0", 5), entry("2001:db8::/32", 6),
                           entry("10.128.0.0/9", 7, 1), entry("10.200.0.0/16", 8)});
  const auto value = [&table](const char* address) { return table.find(ip(address)).value; };
  CHECK(value("10.0.0.0") == 1);
  CHECK(value("10.1.0.0") == 2);
  CHECK(value("10.1.2.3") == 3);
  CHECK(value("10.1.2.4") == 4);
  CHECK(value("10.127.255.255") == 1);
  CHECK(value("10.200.1.1") == 7);
  CHECK(value("11.0.0.0") == 5);
  CHECK(value("255.255.255.255") == 5);
  CHECK(value("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff") == 6);
  CHECK(value("2001:db9::") == PrefixTable::kNone);
  CHECK(value("::") == PrefixTable::kNone);
  CHECK(PrefixTable().find(ip("10.0.0.1")).value == PrefixTable::kNone);
  CHECK(PrefixTable().find(ip("10.0.0.1")).scope_bits == 0);
}

TEST_CASE("the scope is the shortest prefix in which the value is the same") {
  const PrefixTable table({entry("10.0.0.0/8", 1), entry("10.1.2.0/24", 2), entry("11.0.0.0/8", 1)});
  const auto scope = [&table](const char* address) {
    return static_cast<int>(table.find(ip(address)).scope_bits);
  };
  CHECK(scope("10.1.2.9") == 24);
  CHECK(scope("10.1.3.9") == 24);  // its neighbour is another
  CHECK(scope("10.200.0.0") == 9);
  CHECK(scope("11.1.1.1") == 8);
  CHECK(scope("200.0.0.1") == 1);
  CHECK(scope("8.0.0.1") == 7);
  CHECK(scope("2001:db8::1") == 0);
}

TEST_CASE("random tables and addresses are looked up as one by one, with the same scope") {
  Random random(7);
  for (int round = 0; round < 120; ++round) {
    std::vector<Entry> entries;
    const bool wide = random.next() % 3 == 0;
    const std::size_t count = round % 30 == 0 ? 400 : random.next() % 20;
    const auto address = [&] {
      dns::Ip made{.octets = {}, .size = static_cast<std::uint8_t>(wide ? 16 : 4)};
      // Few different octets, so that they meet
      for (std::size_t i = 0; i < made.size; ++i) {
        made.octets.at(i) = static_cast<std::uint8_t>(random.next() % 4 * 85);
      }
      return made;
    };
    for (std::size_t i = 0; i < count; ++i) {
      entries.push_back({.ip = address(),
                         .bits = static_cast<std::uint8_t>(random.next() % (wide ? 129 : 33)),
                         .rank = static_cast<std::uint8_t>(random.next() % 2),
                         .value = static_cast<PrefixTable::Value>(random.next() % 4)});
    }
    const PrefixTable table(entries);
    for (int i = 0; i < 40; ++i) {
      const dns::Ip at = address();
      const PrefixTable::Found found = table.find(at);
      REQUIRE(found.value == naive(entries, at));
      // Whatever bits behind the scope: the same. And the prefix that is one shorter has others, somewhere.
      const std::size_t bits = found.scope_bits;
      for (int j = 0; j < 40; ++j) {
        dns::Ip other = address();
        for (std::size_t bit = 0; bit < bits; ++bit) {
          const auto mask = static_cast<std::uint8_t>(0x80U >> bit % 8);
          auto& octet = other.octets.at(bit / 8);
          octet = static_cast<std::uint8_t>((octet & ~mask) | (at.octets.at(bit / 8) & mask));
        }
        REQUIRE(naive(entries, other) == found.value);
      }
      if (bits == 0) continue;
      // Values change where prefixes begin and behind their ends: of the shorter prefix, look at all those.
      bool differs = false;
      for (const Entry& one : entries) {
        dns::Ip first = one.ip;
        dns::Ip behind = one.ip;
        for (std::size_t bit = one.bits; bit < first.size * 8U; ++bit) {
          const auto mask = static_cast<std::uint8_t>(0x80U >> bit % 8);
          first.octets.at(bit / 8) &= static_cast<std::uint8_t>(~mask);
          behind.octets.at(bit / 8) |= mask;
        }
        for (std::size_t k = behind.size; k-- > 0 && ++behind.octets.at(k) == 0;) continue;
        dns::Ip edge = at;  // the shorter prefix begins there
        for (std::size_t bit = bits - 1; bit < edge.size * 8U; ++bit) {
          edge.octets.at(bit / 8) &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
        }
        for (const dns::Ip& point : {first, behind, edge}) {
          differs |= same_bits(point, at, bits - 1) && naive(entries, point) != found.value;
        }
      }
      REQUIRE(differs);
    }
  }
}

TEST_CASE("what is appended in order is found like what is sorted, in large tables, too") {
  PrefixTable ordered;
  std::vector<Entry> entries;
  for (unsigned i = 0; i < 3000; ++i) {
    const dns::Ip first{.octets = {static_cast<std::uint8_t>(20 + i / 1000),
                                   static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i)},
                        .size = 4};
    const auto value = static_cast<PrefixTable::Value>(i % 5);
    entries.push_back({.ip = first, .bits = 24, .value = value});
  }
  std::ranges::sort(entries, {}, [](const Entry& one) { return one.ip.octets; });
  for (const Entry& one : entries) {
    ordered.append(one.ip, one.value);
    dns::Ip behind = one.ip;
    for (std::size_t k = 3; k-- > 0 && ++behind.octets.at(k) == 0;) continue;
    ordered.append(behind, PrefixTable::kNone);
  }
  ordered.finish();
  const PrefixTable sorted(entries);
  CHECK(ordered.size() == sorted.size());
  CHECK(ordered.size() > 1000);
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    dns::Ip at{.octets = {static_cast<std::uint8_t>(19 + random.next() % 5)}, .size = 4};
    for (std::size_t octet = 1; octet < 4; ++octet)
      at.octets.at(octet) = static_cast<std::uint8_t>(random.next());
    const auto left = ordered.find(at);
    const auto right = sorted.find(at);
    REQUIRE(left.value == right.value);
    REQUIRE(left.scope_bits == right.scope_bits);
    REQUIRE(left.value == naive(entries, at));
  }
}

}  // namespace
}  // namespace weir::nameserver
