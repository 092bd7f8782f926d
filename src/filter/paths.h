// How redirects and rewrites change a path.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::filter {

// whole: takes the place of the path. prefix: of the prefix that matched (Gateway API's ReplacePrefixMatch:
// "/a/b" matched by "/a" becomes "/x/b" with "/x", "/b" with "/").
std::string replaced_path(std::string_view path, std::string_view matched_prefix,
                          const std::optional<std::string>& whole, const std::optional<std::string>& prefix);

}  // namespace weir::filter
