// Reading of JSON that strangers sent: what is not there, or of another form, is empty. For .cc files alone,
// which include <nlohmann/json.hpp> themselves. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace weir::cloud {

using Tree = nlohmann::ordered_json;

Tree parse_json(std::string_view text);  // discarded when it is none
std::string text_of(const Tree& tree);

// Of an object's field.
const Tree* field_at(const Tree& tree, const char* field);  // null: it has none
const Tree* list_at(const Tree& tree, const char* field);   // null: it is no list
std::string text_at(const Tree& tree, const char* field);
std::optional<std::uint64_t> number_at(const Tree& tree, const char* field);
bool flag_at(const Tree& tree, const char* field);

}  // namespace weir::cloud
