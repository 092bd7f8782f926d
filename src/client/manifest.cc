#include "client/manifest.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "client/objects.h"
#include "config/documents.h"
#include "config/object.h"
#include "role/machine.h"

namespace weir::client {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 10'000;  // as many as objects

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

std::string label_of(const Tree& tree) {
  const std::string kind = text_at(tree, "/kind");
  const std::string name = text_at(tree, "/metadata/name");
  return kind.empty() || name.empty() ? "" : kind + '/' + name;
}

// The list that a document stands for, or null when it is one object.
const Tree* list_in(const Tree& document) {
  if (document.is_array()) return &document;
  if (!document.is_object() || document.contains("kind")) return nullptr;
  for (const char* place : {"/objects", "/items"}) {
    if (at(document, place).is_array()) return &at(document, place);
  }
  return nullptr;
}

// The files of a folder, by name.
std::expected<std::vector<std::string>, std::string> files_in(const std::string& folder) {
  constexpr std::array<std::string_view, 3> kEndings{".yaml", ".yml", ".json"};
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string ending = to_lower(entry->path().extension().string());
    std::error_code unknown;
    if (std::ranges::find(kEndings, ending) == kEndings.end() || entry->is_directory(unknown)) continue;
    files.push_back(entry->path().string());
    if (files.size() > kFilesMax) return refuse(folder + ": holds more than 10000 files");
  }
  if (error) return refuse(folder + ": " + error.message());
  if (files.empty()) return refuse(folder + ": holds no .yaml, .yml or .json file");
  std::ranges::sort(files);
  return files;
}

}  // namespace

std::expected<void, std::string> Manifest::add(const std::string& file, std::string_view text) {
  const auto documents = config::read_yaml(text);
  if (!documents) return refuse(file + ": " + config::to_text(documents.error()));
  const std::size_t before = size();
  for (const config::Document& document : *documents) {
    const Tree tree = parse_tree(document.json);
    const Tree* list = list_in(tree);
    const auto add_one = [&](const Tree& object, std::string json) {
      if (std::string label = label_of(object); !label.empty()) by_label_.emplace(std::move(label), size());
      bytes_ += json.size() + 1;
      objects_.push_back(std::move(json));
      places_.push_back({file, document.line});
    };
    if (list == nullptr) {
      add_one(tree, document.json);
    } else {
      for (const Tree& object : *list) add_one(object, object.dump());
    }
    if (bytes_ > config::kListBytesMax) return refuse(file + ": all objects together are larger than 8 MiB");
    if (size() > config::kObjectsMax) return refuse(file + ": these are more than 10000 objects");
  }
  if (size() == before) return refuse(file + ": holds no object");
  return {};
}

std::string Manifest::request() const {
  std::string json = "{\"objects\":[";
  json.reserve(bytes_ + 16);
  for (std::size_t i = 0; i < objects_.size(); ++i) json.append(i == 0 ? "" : ",").append(objects_[i]);
  return json + "]}";
}

const Place* Manifest::place_of(std::string_view label) const {
  constexpr std::string_view kByNumber = "object ";
  if (label.starts_with(kByNumber)) {
    const auto number = parse_decimal(label.substr(kByNumber.size()));
    return number && *number >= 1 && *number <= size() ? &places_[*number - 1] : nullptr;
  }
  const auto found = by_label_.find(label);
  return found == by_label_.end() ? nullptr : &places_[found->second];
}

std::expected<Manifest, std::string> read_manifest(std::span<const std::string> paths) {
  Manifest manifest;
  bool stdin_read = false;
  for (const std::string& path : paths) {
    std::vector<std::string> files{path};
    std::error_code unknown;
    if (path == "-") {
      if (std::exchange(stdin_read, true)) return refuse("-f - is given twice, and there is one stdin");
    } else if (fs::is_directory(path, unknown)) {
      auto found = files_in(path);
      if (!found) return refuse(found.error());
      files = std::move(*found);
    }
    for (const std::string& file : files) {
      const std::string shown = file == "-" ? "stdin" : file;
      const auto text = role::read_file(file, config::kListBytesMax);
      if (!text) return refuse(shown + ": " + why_not(text.error()));
      if (auto added = manifest.add(shown, *text); !added) return refuse(added.error());
    }
  }
  return manifest;
}

}  // namespace weir::client
