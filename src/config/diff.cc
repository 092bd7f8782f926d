#include "config/object.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "config/codec.h"
#include "config/kinds.h"
#include "config/schema.h"

namespace weir::config {
namespace {

using Tree = nlohmann::ordered_json;

constexpr std::string_view kSecret = "\"(secret)\"";

class Differ {
 public:
  void compare_struct(const Type& type, const void* before, const void* after, const std::string& path) {
    for (const Field& field : type.fields) {
      // A secret that only the server sets is still worth a line: it says that the token is another one.
      if (field.server_set && !field.secret) continue;
      const std::string inner = path + '.' + std::string(field.name);
      compare(field, *field.type, field.in(before), field.in(after), inner);
    }
  }

  std::vector<Change> take() { return std::move(changes_); }

 private:
  void compare(const Field& field, const Type& type, const void* before, const void* after,
               const std::string& path) {
    if (type.shape == Shape::kStruct) return compare_struct(type, before, after, path);
    const bool structs = type.element != nullptr && type.element->shape == Shape::kStruct;
    if (!structs) {
      const Tree left = print_field(field, type, before, Secrets::kKeep);
      const Tree right = print_field(field, type, after, Secrets::kKeep);
      if (type.shape == Shape::kLabels) return compare_labels(field, left, right, path);
      if (left != right) add(field, path, left, right);
      return;
    }
    const std::size_t left_size = type.size(before);
    const std::size_t right_size = type.size(after);
    for (std::size_t i = 0; i < std::max(left_size, right_size); ++i) {
      const std::string inner = type.shape == Shape::kList ? path + '[' + std::to_string(i) + ']' : path;
      if (i < left_size && i < right_size) {
        compare_struct(*type.element, type.at(before, i), type.at(after, i), inner);
      } else if (i < left_size) {
        add(field, inner, print_struct(*type.element, type.at(before, i), Secrets::kHide), {});
      } else {
        add(field, inner, {}, print_struct(*type.element, type.at(after, i), Secrets::kHide));
      }
    }
  }

  void compare_labels(const Field& field, const Tree& before, const Tree& after, const std::string& path) {
    const auto value_in = [](const Tree& tree, const std::string& key) {
      return tree.is_object() && tree.contains(key) ? tree[key] : Tree();
    };
    const auto place_of = [&](const std::string& key) {
      std::string place = path;
      return place.append(1, '.').append(key);
    };
    for (const auto& [key, value] : before.items()) {
      if (value != value_in(after, key)) add(field, place_of(key), value, value_in(after, key));
    }
    for (const auto& [key, value] : after.items()) {
      if (value_in(before, key).is_null()) add(field, place_of(key), {}, value);
    }
  }

  void add(const Field& field, const std::string& path, const Tree& before, const Tree& after) {
    const auto show = [&](const Tree& tree) {
      if (tree.is_null()) return std::string();
      return field.secret ? std::string(kSecret) : tree.dump();
    };
    changes_.push_back({path, show(before), show(after)});
  }

  std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> diff(const Object& before, const Object& after) {
  WEIR_CHECK(before.kind() == after.kind());
  Differ differ;
  differ.compare_struct(metadata_type(), &before.metadata, &after.metadata, "metadata");
  differ.compare_struct(*info_of(before.kind()).spec, spec_of(before), spec_of(after), "spec");
  return differ.take();
}

}  // namespace weir::config
