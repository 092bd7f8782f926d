// GeoDatabase: in which country and on which continent addresses are, out of a file of MaxMind's format
// (GeoLite2 and GeoIP2 Country or City, DB-IP). All of it is read and checked at once, into a table of our
// own: what becomes of the file afterwards touches no query. Never changed; read by any core.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dns/bytes.h"
#include "nameserver/prefix_table.h"

namespace weir::nameserver {

class GeoDatabase {
 public:
  static constexpr std::size_t kFileBytesMax = std::size_t{1} << 30U;
  static constexpr std::size_t kNodesMax = 50'000'000;  // looked at, of the file's search tree
  static constexpr std::size_t kLocationsMax = 10'000;  // there are 250 countries

  struct Location {
    std::string country;    // ISO 3166: "DE"; empty: not known
    std::string continent;  // "EU"; empty: not known
    friend auto operator<=>(const Location&, const Location&) = default;
  };

  // May take a second. The error is a sentence.
  static std::expected<std::shared_ptr<const GeoDatabase>, std::string> read(const std::string& file);

  // The value is a place in locations(), or kNone.
  PrefixTable::Found find(const dns::Ip& ip) const { return table_.find(ip); }
  std::span<const Location> locations() const { return locations_; }
  // Of whom and when: "GeoLite2-Country of 2026-11-24"
  const std::string& title() const { return title_; }
  // How often the place changes from one address to the next
  std::size_t size() const { return table_.size(); }

 private:
  class Reading;
  GeoDatabase() = default;

  PrefixTable table_;
  std::vector<Location> locations_;
  std::string title_;
};
using GeoDatabasePointer = std::shared_ptr<const GeoDatabase>;

}  // namespace weir::nameserver
