// What the tests of this room translate: the documents of golden/<name>.yaml, as a Snapshot.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "config/documents.h"
#include "config/object.h"
#include "config/snapshot.h"
#include "translation/translator.h"

namespace weir::translation {

// Wherever the test is run from.
inline std::filesystem::path repository() {
  for (std::filesystem::path folder = std::filesystem::current_path();; folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / "src" / "LAYERS")) return folder;
    if (folder == folder.parent_path()) break;
  }
  return {};
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Golden {
  std::vector<config::Object> objects;
  config::SnapshotPointer snapshot;
  std::vector<ObjectName> names;

  explicit Golden(const std::string& yaml) {
    const auto documents = config::read_yaml(yaml);
    REQUIRE(documents.has_value());
    for (const config::Document& document : *documents) {
      auto object = config::parse_object(document.json, config::Origin::kClient);
      if (!object) FAIL("refused: ", config::to_text(object.error()));
      objects.push_back(std::move(*object));
    }
    build();
  }
  void build() {
    names.clear();
    config::Whole whole;
    for (const config::Object& object : objects) {
      whole.put(std::make_shared<const config::Object>(object));
      names.push_back({object.kind(), object.metadata.name});
    }
    auto built = config::build_snapshot(1, whole);
    if (!built) FAIL("refused: ", config::to_text(built.error()));
    snapshot = *built;
  }
};

}  // namespace weir::translation
