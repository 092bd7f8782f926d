#include "translation/difference.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

namespace weir::translation {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kHidden = "(secret)";
// Fields of what the translation makes that hold a secret: keys, and the hashes of passwords.
constexpr std::array<std::string_view, 3> kSecretFields{"private_key", "password", "users"};

bool is_secret(std::string_view field) {
  return std::ranges::find(kSecretFields, field) != kSecretFields.end();
}

Json tree_of(const xds::Resource& resource) {
  google::protobuf::Any any;
  any.set_type_url(std::string(xds::info_of(resource.type).url));
  any.set_value(resource.body);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(any, &text, options).ok()) return Json::object();
  Json tree = Json::parse(text, nullptr, false);
  if (!tree.is_object()) return Json::object();
  tree.erase("@type");  // the kind of resource says it
  return tree;
}

void hide(Json& tree) {
  for (auto& item : tree.items()) {
    if (tree.is_object() && is_secret(item.key())) {
      item.value() = kHidden;
    } else if (item.value().is_structured()) {
      hide(item.value());
    }
  }
}

std::string text_of(Json tree) {
  if (tree.is_structured()) hide(tree);
  return tree.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Differ {
 public:
  void compare(const Json& before, const Json& after, const std::string& path) {
    if (before == after) return;
    if (before.is_object() && after.is_object()) return compare_objects(before, after, path);
    if (before.is_array() && after.is_array()) return compare_lists(before, after, path);
    changes_.push_back({path, text_of(before), text_of(after)});
  }
  std::vector<config::Change> take() { return std::move(changes_); }

 private:
  void compare_objects(const Json& before, const Json& after, const std::string& path) {
    for (const auto& [key, value] : before.items()) {
      const std::string inner = path.empty() ? key : path + '.' + key;
      const auto found = after.find(key);
      if (found != after.end() && *found == value) continue;
      if (is_secret(key)) {
        changes_.push_back({inner, text_of(kHidden), found == after.end() ? "" : text_of(kHidden)});
      } else if (found == after.end()) {
        changes_.push_back({inner, text_of(value), {}});
      } else {
        compare(value, *found, inner);
      }
    }
    for (const auto& [key, value] : after.items()) {
      if (before.contains(key)) continue;
      const std::string inner = path.empty() ? key : path + '.' + key;
      changes_.push_back({inner, {}, text_of(is_secret(key) ? Json(kHidden) : value)});
    }
  }

  // By name; without names, what is in both has not changed, and the rest is compared in its order.
  void compare_lists(const Json& before, const Json& after, const std::string& path) {
    if (are_named(before) && are_named(after)) {
      const auto by_name = [](const Json& list) {
        Json all = Json::object();
        for (const Json& one : list) all[one["name"].get<std::string>()] = one;
        return all;
      };
      return compare_elements(by_name(before), by_name(after), path);
    }
    const auto rest = [](const Json& list, const Json& other) {
      Json all = Json::object();
      std::size_t place = 0;
      for (const Json& one : list) {
        if (std::ranges::find(other, one) == other.end()) all[std::to_string(place)] = one;
        ++place;
      }
      return all;
    };
    const Json left = rest(before, after);
    const Json right = rest(after, before);
    if (left.empty() && right.empty()) changes_.push_back({path, text_of(before), text_of(after)});
    compare_elements(left, right, path);
  }

  void compare_elements(const Json& before, const Json& after, const std::string& path) {
    for (const auto& [key, value] : before.items()) {
      const std::string inner = path + '[' + key + ']';
      const auto found = after.find(key);
      if (found == after.end()) {
        changes_.push_back({inner, text_of(value), {}});
      } else {
        compare(value, *found, inner);
      }
    }
    for (const auto& [key, value] : after.items()) {
      if (!before.contains(key)) changes_.push_back({path + '[' + key + ']', {}, text_of(value)});
    }
  }

  static bool are_named(const Json& list) {
    std::set<std::string> names;
    return std::ranges::all_of(list, [&names](const Json& one) {
      const auto name = one.is_object() ? one.find("name") : one.end();
      return one.is_object() && name != one.end() && name->is_string() &&
             names.insert(name->get<std::string>()).second;
    });
  }

  std::vector<config::Change> changes_;
};

}  // namespace

std::vector<config::Change> difference(const xds::Resource& before, const xds::Resource& after) {
  Differ differ;
  differ.compare(tree_of(before), tree_of(after), {});
  return differ.take();
}

std::string shown(const xds::Resource& resource) { return text_of(tree_of(resource)); }

}  // namespace weir::translation
