// Objects: reading the JSON that the API sends, whatever version it is of, and showing it as rows of a table.
// Pure functions; what is not there, or is of another type, reads as nothing.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/object.h"

namespace weir::client {

using Tree = nlohmann::ordered_json;

Tree parse_tree(std::string_view json);
// pointer: "/spec/routes/0" (RFC 6901, without its escapes); null when there is nothing.
const Tree& at(const Tree& tree, std::string_view pointer);
// A text as it is, null as nothing, all else as JSON.
std::string text_of(const Tree& value);
std::string text_at(const Tree& tree, std::string_view pointer);
std::string to_json_text(const Tree& tree);  // on one line
std::string to_yaml_text(const Tree& tree);

using Row = std::vector<std::string>;

// "NAME", "PROTOCOL", ...
Row titles_of(config::Kind kind);
// One cell for each title; "-" for what is not there.
Row cells_of(config::Kind kind, const Tree& object, WallTime now);

// Lays rows out. The columns are as wide as their widest cell was so far, so that rows that come later line
// up with those before, as far as they can.
class Table {
 public:
  // The text of these rows, two spaces between columns.
  std::string lay_out(std::span<const Row> rows);
  // Makes the columns wide enough for this row, which may have fewer cells.
  void widen(const Row& row);

 private:
  std::vector<std::size_t> widths_;
};

// "45s", "12m", "5h", "3d"; "-" when there is no such time.
std::string age_of(std::string_view rfc3339, WallTime now);

}  // namespace weir::client
