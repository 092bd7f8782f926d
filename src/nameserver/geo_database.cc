#include "nameserver/geo_database.h"

#include <fcntl.h>
#include <maxminddb.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/time.h"
#include "net/epoll.h"

namespace weir::nameserver {
namespace {

constexpr std::size_t kCodeBytes = 2;
constexpr std::size_t kTitleBytesMax = 64;

std::string os_error() { return std::strerror(errno); }

// A copy in memory: the library maps what it reads, and who shortens a file takes pages away.
std::expected<net::Descriptor, std::string> copied(const std::string& file) {
  const net::Descriptor from(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (from.get() < 0) return std::unexpected("it can't be opened: " + os_error());
  struct stat seen{};
  if (::fstat(from.get(), &seen) != 0 || !S_ISREG(seen.st_mode)) {
    return std::unexpected(std::string("it is no file"));
  }
  net::Descriptor to(::memfd_create("weir-geoip", MFD_CLOEXEC));
  if (to.get() < 0) return std::unexpected("there is no memory for it: " + os_error());
  std::vector<char> block(std::size_t{1} << 20U);
  for (std::size_t all = 0;;) {
    const ssize_t got = ::read(from.get(), block.data(), block.size());
    if (got < 0) return std::unexpected("it can't be read: " + os_error());
    if (got == 0) return to;
    all += static_cast<std::size_t>(got);
    if (all > GeoDatabase::kFileBytesMax) {
      return std::unexpected("it has more than " + std::to_string(GeoDatabase::kFileBytesMax) + " bytes");
    }
    for (ssize_t written = 0; written < got;) {
      const ssize_t done = ::write(to.get(), block.data() + written, static_cast<std::size_t>(got - written));
      if (done < 0) return std::unexpected("there is no memory for it: " + os_error());
      written += done;
    }
  }
}

std::string text_at(MMDB_entry_s entry, const char* map, const char* key) {
  const std::array<const char*, 3> path{map, key, nullptr};
  MMDB_entry_data_s data{};
  if (MMDB_aget_value(&entry, &data, path.data()) != MMDB_SUCCESS || !data.has_data) return {};
  if (data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != kCodeBytes) return {};
  std::string code(data.utf8_string, data.data_size);
  return std::ranges::all_of(code, [](char c) { return c >= 'A' && c <= 'Z'; }) ? code : "";
}

}  // namespace

// The tree of a file from left to right, which is the order of addresses.
class GeoDatabase::Reading {
 public:
  explicit Reading(GeoDatabase& to) : to_(to) {}
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() {
    if (open_) MMDB_close(&file_);
  }

  // What is wrong, or nothing.
  std::string read(const std::string& name) {
    if (const int status = MMDB_open(name.c_str(), MMDB_MODE_MMAP, &file_); status != MMDB_SUCCESS) {
      return MMDB_strerror(status);
    }
    open_ = true;
    to_.title_ = std::string(file_.metadata.database_type).substr(0, kTitleBytesMax) + " of " +
                 date_text(file_.metadata.build_epoch);
    const bool wide = file_.metadata.ip_version == 6;
    // In files with both, IPv4 is at ::/96, and other parts of IPv6 lead there as well.
    if (wide && file_.ipv4_start_node.netmask == kV4Bits && !is_leaf(file_.ipv4_start_node.node_value)) {
      v4_node_ = file_.ipv4_start_node.node_value;
      walk(v4_node_, 4);
    }
    if (problem_.empty()) walk(0, wide ? 16 : 4);
    if (problem_.empty() && to_.locations_.empty()) problem_ = "there are no countries in it";
    to_.table_.finish();
    return problem_;
  }

 private:
  static constexpr std::uint32_t kNowhere = 0xffffffff;
  static constexpr std::uint16_t kV4Bits = 96;  // before IPv4 in a file of IPv6

  struct Branch {
    std::uint64_t record;
    std::uint8_t type;
    MMDB_entry_s entry;
    dns::Ip first;
    std::uint8_t bits;
  };

  bool is_leaf(std::uint64_t node) const { return node >= file_.metadata.node_count; }

  static std::string date_text(std::uint64_t seconds) {
    const WallTime time{std::chrono::seconds(static_cast<std::int64_t>(seconds & 0xffffffffU))};
    return format_rfc3339(time).substr(0, std::string_view("2026-11-24").size());
  }

  void walk(std::uint32_t root, std::uint8_t size) {
    std::vector<Branch> waiting;
    waiting.push_back({root, MMDB_RECORD_TYPE_SEARCH_NODE, {}, {.octets = {}, .size = size}, 0});
    while (!waiting.empty() && problem_.empty()) {
      const Branch branch = waiting.back();
      waiting.pop_back();
      const bool v4_again =
          size == 16 && branch.record == v4_node_ && branch.type == MMDB_RECORD_TYPE_SEARCH_NODE;
      if (branch.type == MMDB_RECORD_TYPE_SEARCH_NODE && !v4_again) {
        open(branch, waiting);
      } else {
        to_.table_.append(branch.first, branch.type == MMDB_RECORD_TYPE_DATA ? location_of(branch.entry)
                                                                             : PrefixTable::kNone);
      }
    }
  }

  void open(const Branch& branch, std::vector<Branch>& waiting) {
    MMDB_search_node_s node{};
    const bool good =
        branch.bits < branch.first.size * 8 &&
        MMDB_read_node(&file_, static_cast<std::uint32_t>(branch.record), &node) == MMDB_SUCCESS &&
        node.left_record_type != MMDB_RECORD_TYPE_INVALID &&
        node.right_record_type != MMDB_RECORD_TYPE_INVALID;
    if (!good) {
      problem_ = "its search tree is damaged";
    } else if (++nodes_ > kNodesMax) {
      problem_ = "its search tree has more than " + std::to_string(kNodesMax) + " ways";
    } else {
      const auto bits = static_cast<std::uint8_t>(branch.bits + 1);
      dns::Ip right = branch.first;
      right.octets.at(branch.bits / 8) |= static_cast<std::uint8_t>(0x80U >> (branch.bits % 8U));
      waiting.push_back({node.right_record, node.right_record_type, node.right_record_entry, right, bits});
      waiting.push_back(
          {node.left_record, node.left_record_type, node.left_record_entry, branch.first, bits});
    }
  }

  PrefixTable::Value location_of(const MMDB_entry_s& entry) {
    const auto known = by_offset_.find(entry.offset);
    if (known != by_offset_.end()) return known->second;
    Location location{text_at(entry, "country", "iso_code"), text_at(entry, "continent", "code")};
    if (location.country.empty()) location.country = text_at(entry, "registered_country", "iso_code");
    PrefixTable::Value value = PrefixTable::kNone;
    if (location != Location()) {
      const auto [place, is_new] =
          by_location_.emplace(location, static_cast<PrefixTable::Value>(to_.locations_.size()));
      if (is_new) to_.locations_.push_back(std::move(location));
      value = place->second;
      if (to_.locations_.size() > kLocationsMax) problem_ = "it has too many countries";
    }
    by_offset_.emplace(entry.offset, value);
    return value;
  }

  GeoDatabase& to_;
  MMDB_s file_{};
  bool open_ = false;
  std::uint32_t v4_node_ = kNowhere;
  std::size_t nodes_ = 0;
  std::string problem_;
  std::unordered_map<std::uint32_t, PrefixTable::Value> by_offset_;
  std::map<Location, PrefixTable::Value> by_location_;
};

std::expected<GeoDatabasePointer, std::string> GeoDatabase::read(const std::string& file) {
  const auto fail = [&file](const std::string& why) {
    return std::unexpected("countries can't be read from " + file + ": " + why);
  };
  const auto copy = copied(file);
  if (!copy) return fail(copy.error());
  std::shared_ptr<GeoDatabase> made(new GeoDatabase);
  Reading reading(*made);
  if (std::string wrong = reading.read("/proc/self/fd/" + std::to_string(copy->get())); !wrong.empty()) {
    return fail(wrong);
  }
  return made;
}

}  // namespace weir::nameserver
