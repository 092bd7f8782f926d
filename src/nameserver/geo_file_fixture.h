// For tests: files of MaxMind's format (https://maxmind.github.io/MaxMind-DB/), as small as they can be.
#pragma once

#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "config/formats.h"

namespace weir::nameserver {

class GeoFile {
 public:
  // version: 4 or 6; in a file of 6, IPv4 is at ::/96.
  explicit GeoFile(int version = 6) : version_(version) {}

  // country, continent: "" leaves the entry out. More specific networks after wider ones.
  GeoFile& add(const std::string& network, const std::string& country, const std::string& continent) {
    const auto parsed = *config::parse_network(network);
    std::vector<int> bits;
    if (!parsed.v6 && version_ == 6) bits.assign(96, 0);
    for (std::size_t i = 0; i < parsed.prefix_bits; ++i) {
      bits.push_back(parsed.bytes.at(i / 8) >> (7 - i % 8) & 1);
    }
    std::int64_t at = 0;
    for (std::size_t i = 0; i + 1 < bits.size(); ++i) {
      const std::int64_t child = nodes_[static_cast<std::size_t>(at)][static_cast<std::size_t>(bits[i])];
      if (child <= kEmpty) {
        nodes_[static_cast<std::size_t>(at)][static_cast<std::size_t>(bits[i])] =
            static_cast<std::int64_t>(nodes_.size());
        nodes_.push_back({child, child});
      }
      at = nodes_[static_cast<std::size_t>(at)][static_cast<std::size_t>(bits[i])];
    }
    nodes_[static_cast<std::size_t>(at)][static_cast<std::size_t>(bits.back())] =
        kEmpty - 1 - offset_of(country, continent);
    return *this;
  }

  // A record of the tree leads to another node than it should.
  GeoFile& tie(std::size_t node, std::size_t side, std::int64_t to) {
    nodes_[node][side] = to;
    return *this;
  }

  std::string bytes() const {
    std::string out;
    for (const auto& node : nodes_) {
      for (const std::int64_t child : node) {
        const auto count = static_cast<std::int64_t>(nodes_.size());
        const std::int64_t value = child > kEmpty    ? child
                                   : child == kEmpty ? count
                                                     : count + 16 + (kEmpty - 1 - child);
        for (const int shift : {16, 8, 0}) out += static_cast<char>(value >> shift & 0xff);
      }
    }
    out += std::string(16, '\0') + data_ + "\xab\xcd\xefMaxMind.com";
    out += head(7, 9) + text("node_count") + number(6, nodes_.size(), 4) + text("record_size") +
           number(5, 24, 2) + text("ip_version") + number(5, static_cast<std::uint64_t>(version_), 2) +
           text("database_type") + text("Weir-Test") + text("languages") + std::string("\x00\x04", 2) +
           text("binary_format_major_version") + number(5, 2, 2) + text("binary_format_minor_version") +
           number(5, 0, 2) + text("build_epoch") + std::string("\x04\x02", 2) + digits(1'795'996'800, 4) +
           text("description") + head(7, 0);
    return out;
  }

 private:
  static constexpr std::int64_t kEmpty = -1;  // below it: where the data is

  static std::string head(unsigned type, std::size_t size) { return {static_cast<char>(type << 5U | size)}; }
  static std::string text(const std::string& value) { return head(2, value.size()) + value; }
  static std::string digits(std::uint64_t value, unsigned bytes) {
    std::string out;
    while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes) & 0xffU);
    return out;
  }
  static std::string number(unsigned type, std::uint64_t value, unsigned bytes) {
    return head(type, bytes) + digits(value, bytes);
  }
  std::int64_t offset_of(const std::string& country, const std::string& continent) {
    std::string entry = head(7, (country.empty() ? 0U : 1U) + (continent.empty() ? 0U : 1U));
    if (!country.empty()) entry += text("country") + head(7, 1) + text("iso_code") + text(country);
    if (!continent.empty()) entry += text("continent") + head(7, 1) + text("code") + text(continent);
    const auto [known, is_new] = offsets_.emplace(entry, static_cast<std::int64_t>(data_.size()));
    if (is_new) data_ += entry;
    return known->second;
  }

  int version_;
  std::vector<std::array<std::int64_t, 2>> nodes_{{kEmpty, kEmpty}};
  std::string data_;
  std::map<std::string, std::int64_t> offsets_;
};

// A file that is gone with it.
struct FileOfTest {
  explicit FileOfTest(const std::string& content) {
    std::string name = "/tmp/weir-geo-XXXXXX";
    const int made = ::mkstemp(name.data());
    path = name;
    ::close(made);
    write(content);
  }
  FileOfTest(const FileOfTest&) = delete;
  FileOfTest& operator=(const FileOfTest&) = delete;
  ~FileOfTest() { ::unlink(path.c_str()); }
  void write(const std::string& content) const { std::ofstream(path, std::ios::binary) << content; }
  // As who brings a new one does: beside it, and then into its place.
  void replace(const std::string& content) const {
    std::ofstream(path + ".new", std::ios::binary) << content;
    ::rename((path + ".new").c_str(), path.c_str());
  }
  std::string path;
};

}  // namespace weir::nameserver
