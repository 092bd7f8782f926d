#include "nameserver/geo_database.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"
#include "config/formats.h"
#include "nameserver/geo_file_fixture.h"

namespace weir::nameserver {
namespace {

std::string place(const GeoDatabase& database, const std::string& address) {
  const auto network = *config::parse_network(address);
  const auto found =
      database.find({.octets = network.bytes, .size = static_cast<std::uint8_t>(network.v6 ? 16 : 4)});
  const std::string scope = "/" + std::to_string(found.scope_bits);
  if (found.value == PrefixTable::kNone) return "-" + scope;
  const GeoDatabase::Location& location = database.locations()[found.value];
  return location.country + "," + location.continent + scope;
}

TEST_CASE("countries and continents of both families, with how far around they are the same") {
  const FileOfTest file(GeoFile()
                            .add("192.0.2.0/24", "DE", "EU")
                            .add("198.51.100.0/24", "", "AS")
                            .add("192.0.3.0/24", "DE", "EU")
                            .add("2001:db8::/32", "FR", "EU")
                            .add("2001:db8:1::/48", "US", "NA")
                            .bytes());
  const auto database = GeoDatabase::read(file.path);
  REQUIRE_MESSAGE(database.has_value(), database.error());
  CHECK((*database)->title() == "Weir-Test of 2026-11-30");
  CHECK((*database)->locations().size() == 4);
  CHECK(place(**database, "192.0.2.77") == "DE,EU/23");
  CHECK(place(**database, "192.0.3.0") == "DE,EU/23");
  CHECK(place(**database, "192.0.4.0") == "-/22");
  CHECK(place(**database, "198.51.100.1") == ",AS/24");
  CHECK(place(**database, "2001:db8:2::1") == "FR,EU/47");
  CHECK(place(**database, "2001:db8:1::1") == "US,NA/48");
  CHECK(place(**database, "::192.0.2.77") == "-/3");  // that is how files have IPv4, no address of a client
}

TEST_CASE("a file of IPv4 only") {
  const FileOfTest file(GeoFile(4).add("10.0.0.0/8", "CH", "EU").bytes());
  const auto database = GeoDatabase::read(file.path);
  REQUIRE_MESSAGE(database.has_value(), database.error());
  CHECK(place(**database, "10.1.2.3") == "CH,EU/8");
  CHECK(place(**database, "2001:db8::1") == "-/0");
}

TEST_CASE("what is no such file is refused with a sentence") {
  const auto problem = [](const std::string& path) {
    const auto read = GeoDatabase::read(path);
    REQUIRE_FALSE(read.has_value());
    return read.error();
  };
  CHECK(problem("/nowhere/geo.mmdb") ==
        "countries can't be read from /nowhere/geo.mmdb: it can't be opened: No such file or directory");
  CHECK(problem("/tmp") == "countries can't be read from /tmp: it is no file");
  const FileOfTest file("");
  const std::string begin = "countries can't be read from " + file.path + ": ";
  CHECK(problem(file.path).starts_with(begin));
  file.write("this is no database");
  CHECK(problem(file.path) == begin + "The MaxMind DB file contains invalid metadata");
  file.write(GeoFile().add("10.0.0.0/8", "", "").bytes());
  CHECK(problem(file.path) == begin + "there are no countries in it");
  file.write(GeoFile().add("10.0.0.0/8", "Germany", "").bytes());
  CHECK(problem(file.path) == begin + "there are no countries in it");
  file.write(GeoFile(4).add("10.0.0.0/8", "DE", "EU").tie(3, 0, 1).bytes());  // goes round in circles
  CHECK(problem(file.path) == begin + "its search tree is damaged");
}

TEST_CASE("a damaged file is refused or read, and nothing else") {
  const std::string good = GeoFile().add("10.0.0.0/8", "DE", "EU").add("2001:db8::/32", "FR", "EU").bytes();
  Random random(11);
  const FileOfTest file("");
  for (int i = 0; i < 300; ++i) {
    std::string bad = good;
    for (int j = 0; j < 1 + i % 4; ++j) bad[random.next() % bad.size()] = static_cast<char>(random.next());
    if (i % 5 == 0) bad.resize(random.next() % bad.size());
    file.write(bad);
    const auto read = GeoDatabase::read(file.path);
    if (read) CHECK((*read)->locations().size() <= 10);
  }
}

}  // namespace
}  // namespace weir::nameserver
