// Documents: JSON and YAML text to trees and back, with bounds that the libraries do not keep by themselves:
// size, depth, keys given twice, aliases that grow. Pure functions.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/violation.h"

namespace weir::config {

// JSON text as a tree, for .cc files alone.
Checked<nlohmann::ordered_json> read_json(std::string_view text, std::size_t bytes_max);

struct Document {
  std::string json;
  int line = 1;  // of the YAML text, where it begins
};

// The documents of a YAML text, empty ones left out. Plain scalars are what YAML 1.2's core schema says: yes
// and no are texts, 1 is a number, "1" a text. JSON is YAML, so this reads JSON too.
Checked<std::vector<Document>> read_yaml(std::string_view text);

// JSON text as YAML, in the same order of fields; nothing when it is not JSON.
Checked<std::string> to_yaml(std::string_view json);

// RFC 7396: what is null in the patch is removed, objects are merged, all else is replaced. Both are JSON
// texts.
Checked<std::string> merge_patch(std::string_view target, std::string_view patch);

}  // namespace weir::config
