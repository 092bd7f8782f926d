// RecordSet: the records of one name and type as providers of DNS have them, in the texts of master files
// (RFC 1035 section 5). Plain values, made normal, so that equal records have equal texts. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cloud {

struct RecordSet {
  std::string name;  // "www.example.com.", in lower case
  std::string type;  // "A"
  std::uint32_t ttl = 0;
  std::vector<std::string> values;  // in order, each once
  // Of a set at a provider: what it is beyond plain records ("weighted", "proxied"). It is never changed.
  std::string beyond = {};
  friend bool operator==(const RecordSet&, const RecordSet&) = default;
};
using RecordSets = std::vector<RecordSet>;  // by name and type, each once

// "www.example.com. A"
std::string key_of(const RecordSet& set);
// The two words of such a text.
struct Key {
  std::string name;
  std::string type;
};
std::optional<Key> read_key(std::string_view text);

// As weir writes that data; of a type or form that it does not know, as it is.
std::string normal_value(std::string_view type, std::string_view value);
// The same of all, sorted, each once; the name in lower case.
void make_normal(RecordSet& set);
// Sorts them, and puts those of one name and type together: their lowest TTL, all their values.
RecordSets normal_sets(std::vector<RecordSet> sets);

// "example.com." of "example.com" and of itself, in lower case.
std::string absolute_name(std::string_view name);
bool is_below(std::string_view name, std::string_view zone);  // or it; both absolute

}  // namespace weir::cloud
