#include "filter/paths.h"

namespace weir::filter {

std::string replaced_path(std::string_view path, std::string_view matched_prefix,
                          const std::optional<std::string>& whole, const std::optional<std::string>& prefix) {
  if (whole) return *whole;
  if (!prefix) return std::string(path);
  std::string_view rest = path.substr(matched_prefix == "/" ? 0 : matched_prefix.size());
  std::string replaced = *prefix;
  while (replaced.ends_with('/')) replaced.pop_back();
  if (!rest.empty() && !rest.starts_with('/')) replaced += '/';
  replaced += rest;
  return replaced.empty() ? "/" : replaced;
}

}  // namespace weir::filter
