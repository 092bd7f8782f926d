// Codec: values to JSON trees and back, by the tables. For the .cc files of rooms that have tables.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "config/object.h"
#include "config/schema.h"
#include "config/violation.h"

namespace weir::config {

// Fills a default-constructed struct from a tree; what is wrong goes into the report, at its place.
void read_struct(const Type& type, const nlohmann::ordered_json& tree, void* value, Origin origin,
                 Report& report);

// Secret fields and what is empty are left out.
nlohmann::ordered_json print_struct(const Type& type, const void* value, Secrets secrets);

// One field; null when there is nothing to print.
nlohmann::ordered_json print_field(const Field& field, const Type& type, const void* value, Secrets secrets);

// `unknown field "endpoint"; did you mean "endpoints"?`
std::string unknown_field(std::string_view written, std::span<const std::string_view> known);

// What someone wrote, fit for a message: UTF-8, without control characters, and not too long.
std::string shown(std::string_view text, std::size_t bytes_max = 64);
std::string in_quotes(std::string_view text);

}  // namespace weir::config
