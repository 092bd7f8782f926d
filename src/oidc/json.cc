#include "oidc/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "oidc/token.h"

namespace weir::oidc {

std::optional<nlohmann::json> parse_object(std::string_view text) {
  using Event = nlohmann::json::parse_event_t;
  bool is_plain = true;
  std::vector<std::set<std::string>> names;
  const auto look = [&](int depth, Event event, nlohmann::json& value) {
    if (depth > kDepthMax) is_plain = false;
    if (!is_plain) return false;
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(value.get<std::string>()).second) is_plain = false;
    return is_plain;
  };
  nlohmann::json tree = nlohmann::json::parse(text, look, false);
  if (!is_plain || !tree.is_object()) return std::nullopt;
  return tree;
}

std::optional<std::string> text_at(const nlohmann::json& tree, const char* name, std::size_t bytes_max) {
  const auto found = tree.find(name);
  if (found == tree.end() || !found->is_string()) return std::nullopt;
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() > bytes_max) return std::nullopt;
  return text;
}

std::string printable(std::string_view text) {
  std::string shown(text.substr(0, 80));
  std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return shown;
}

}  // namespace weir::oidc
