#include "base/cookies.h"

#include <algorithm>

#include "base/text.h"

namespace weir {

std::string_view take_cookie(std::string_view& field) {
  const std::size_t end = std::min(field.find(';'), field.size());
  const std::string_view pair = trim(field.substr(0, end));
  field.remove_prefix(std::min(end + 1, field.size()));
  return pair;
}

std::optional<std::string_view> cookie_in(std::string_view field, std::string_view name) {
  while (!field.empty()) {
    const std::string_view pair = take_cookie(field);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

}  // namespace weir
