// JSON as text, and what edges say of requests as trees of it. For the .cc files of this room.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace weir::insight {

using Tree = nlohmann::ordered_json;

// An object that is not deep, with the edge that said it. Null: it is none.
Tree read_request(std::string_view text, const std::string& edge);
// On one line.
std::string text_of(const Tree& tree);

}  // namespace weir::insight
