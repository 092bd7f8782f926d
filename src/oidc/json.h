// Reading of JSON, and showing of texts, that strangers sent, within bounds. For .cc files alone.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace weir::oidc {

// Nothing: it is no object, is deeper than kDepthMax, or has a name twice in one object.
std::optional<nlohmann::json> parse_object(std::string_view text);
// Nothing: it is not there, no text, or longer.
std::optional<std::string> text_at(const nlohmann::json& tree, const char* name, std::size_t bytes_max);
// Its beginning, for the log.
std::string printable(std::string_view text);

}  // namespace weir::oidc
