#include "cloud/records.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "dns/name.h"
#include "dns/rdata.h"

namespace weir::cloud {

std::string key_of(const RecordSet& set) { return set.name + ' ' + set.type; }

std::optional<Key> read_key(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == 0 || space == std::string_view::npos || space + 1 == text.size()) return std::nullopt;
  return Key{std::string(text.substr(0, space)), std::string(text.substr(space + 1))};
}

std::string normal_value(std::string_view type, std::string_view value) {
  const auto known = dns::read_type(type);
  if (!known || dns::is_meta(*known)) return std::string(value);
  const auto rdata = dns::read_rdata(*known, value, dns::Name());
  if (!rdata) return std::string(value);
  std::string text;
  dns::write_rdata(text, *known, *rdata);
  return text;
}

void make_normal(RecordSet& set) {
  set.name = to_lower(set.name);
  for (std::string& value : set.values) value = normal_value(set.type, value);
  std::ranges::sort(set.values);
  const auto twice = std::ranges::unique(set.values);
  set.values.erase(twice.begin(), twice.end());
}

RecordSets normal_sets(std::vector<RecordSet> sets) {
  for (RecordSet& set : sets) set.name = to_lower(set.name);
  std::ranges::sort(sets, {}, [](const RecordSet& set) { return std::tie(set.name, set.type); });
  RecordSets all;
  for (RecordSet& set : sets) {
    if (all.empty() || all.back().name != set.name || all.back().type != set.type) {
      all.push_back(std::move(set));
      continue;
    }
    RecordSet& same = all.back();
    same.ttl = std::min(same.ttl, set.ttl);
    if (same.beyond.empty()) same.beyond = std::move(set.beyond);
    std::ranges::move(set.values, std::back_inserter(same.values));
  }
  for (RecordSet& set : all) make_normal(set);
  return all;
}

std::string absolute_name(std::string_view name) {
  std::string text = to_lower(name);
  if (!text.ends_with('.')) text += '.';
  return text;
}

bool is_below(std::string_view name, std::string_view zone) {
  if (!name.ends_with(zone)) return false;
  return name.size() == zone.size() || name[name.size() - zone.size() - 1] == '.';
}

}  // namespace weir::cloud
