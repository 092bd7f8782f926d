#include "config/codec.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "config/formats.h"
#include "config/kinds.h"

namespace weir::config {
namespace {

using Tree = nlohmann::ordered_json;

// What was found in place of what should be there.
std::string but_found(const Tree& tree) {
  if (tree.is_object()) return ", not an object";
  if (tree.is_array()) return ", not a list";
  if (tree.is_boolean()) return ", not " + tree.dump();
  if (tree.is_number()) return ", not the number " + tree.dump();
  if (tree.is_string()) return ", not the text " + in_quotes(tree.get_ref<const std::string&>());
  return ", not null";
}

std::string list_of(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

// True and stored when within the bounds of the field.
bool within(const Field& field, std::int64_t number, Report& report) {
  if (number >= field.min && number <= field.max) return true;
  const auto show = [&](std::int64_t bound) {
    return field.type->shape == Shape::kDuration ||
                   (field.type->element != nullptr && field.type->element->shape == Shape::kDuration)
               ? format_duration(Duration(bound))
               : std::to_string(bound);
  };
  if (field.max == kNumberMax) {
    report.add("must be at least " + show(field.min));
  } else {
    report.add("must be between " + show(field.min) + " and " + show(field.max));
  }
  return false;
}

void read_text(const Field& field, const Tree& tree, std::string& value, Report& report) {
  const auto* text = tree.get_ptr<const std::string*>();
  if (text == nullptr) {
    const bool quotes = tree.is_number() || tree.is_boolean();
    report.add(quotes ? "must be a text; put it in quotes: \"" + tree.dump() + '"'
                      : "must be a text" + but_found(tree));
    return;
  }
  const auto size = static_cast<std::int64_t>(text->size());
  const auto is_control = [&field](char c) {
    if (field.lines && (c == '\n' || c == '\r' || c == '\t')) return false;
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  };
  if (size < field.min) {
    report.add("must not be empty");
  } else if (size > field.max) {
    report.add("must be at most " + std::to_string(field.max) + " bytes long, not " + std::to_string(size));
  } else if (const auto bad = std::ranges::find_if(*text, is_control); bad != text->end()) {
    report.add("has a control character at byte " + std::to_string(bad - text->begin() + 1));
  } else if (std::string problem = field.check == nullptr || text->empty() ? "" : field.check(*text);
             !problem.empty()) {
    report.add(std::move(problem));
  } else {
    value = *text;
  }
}

void read_integer(const Field& field, const Type& type, const Tree& tree, void* value, Report& report) {
  if (!tree.is_number_integer()) {
    report.add("must be a whole number" + but_found(tree));
    return;
  }
  const std::int64_t number =
      tree.is_number_unsigned() && tree.get<std::uint64_t>() > std::uint64_t{kNumberMax}
          ? kNumberMax
          : tree.get<std::int64_t>();
  if (within(field, number, report)) type.set(value, number);
}

void read_duration(const Field& field, const Type& type, const Tree& tree, void* value, Report& report) {
  const auto* text = tree.get_ptr<const std::string*>();
  const auto duration = parse_duration(text == nullptr ? std::string_view() : *text);
  if (!duration) {
    report.add("must be a duration such as 5s" + but_found(tree));
  } else if (within(field, duration->count(), report)) {
    type.set(value, duration->count());
  }
}

void read_time(const Tree& tree, WallTime& value, Report& report) {
  const auto* text = tree.get_ptr<const std::string*>();
  const auto time = text == nullptr ? std::nullopt : parse_rfc3339(*text);
  if (!time) {
    report.add("must be a time such as 2026-11-21T03:11:19Z" + but_found(tree));
    return;
  }
  value = *time;
}

void read_word(const Field& field, const Type& type, const Tree& tree, void* value, Report& report) {
  const auto* text = tree.get_ptr<const std::string*>();
  const auto found = text == nullptr ? type.words.end() : std::ranges::find(type.words, *text);
  if (found != type.words.end()) {
    type.set(value, found - type.words.begin());
    return;
  }
  const std::string choices = (type.words.size() == 1 ? "must be " : "must be one of ") + list_of(type.words);
  if (text != nullptr && std::ranges::find(field.later, *text) != field.later.end()) {
    report.add(choices + "; " + *text + " is not there in this version");
    return;
  }
  const std::string_view near = text == nullptr ? std::string_view() : nearest(*text, type.words);
  report.add(choices + but_found(tree) + (near.empty() ? "" : "; did you mean " + std::string(near) + '?'));
}

void read_status_range(const Tree& tree, StatusRange& value, Report& report) {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
  if (tree.is_number_unsigned() || (tree.is_number_integer() && tree.get<std::int64_t>() >= 0)) {
    first = last = tree.get<std::uint64_t>();
  } else if (const auto* text = tree.get_ptr<const std::string*>()) {
    const std::size_t dash = text->find('-');
    first = parse_decimal(std::string_view(*text).substr(0, dash));
    last = dash == std::string::npos ? first : parse_decimal(std::string_view(*text).substr(dash + 1));
  }
  if (!first || !last || *first < 100 || *last > 599 || *first > *last) {
    report.add("must be a status from 100 to 599 or a range such as \"200-299\"" + but_found(tree));
    return;
  }
  value = {static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

void read_json_text(const Field& field, const Tree& tree, std::string& value, Report& report) {
  std::string text = tree.dump();
  if (static_cast<std::int64_t>(text.size()) > field.max) {
    report.add("must be at most " + std::to_string(field.max) + " bytes of JSON");
    return;
  }
  value = std::move(text);
}

void read_bool(const Type& type, const Tree& tree, void* value, Report& report) {
  if (!tree.is_boolean()) {
    report.add("must be true or false" + but_found(tree));
    return;
  }
  type.set(value, tree.get<bool>() ? 1 : 0);
}

void read_labels(const Field& field, const Tree& tree, Labels& value, Report& report) {
  if (!tree.is_object()) {
    report.add("must be an object of texts" + but_found(tree));
    return;
  }
  if (tree.size() > field.items_max) {
    report.add("must have at most " + std::to_string(field.items_max) + " entries, not " +
               std::to_string(tree.size()));
  }
  for (const auto& [key, item] : tree.items()) {
    if (report.full()) return;
    const Report::Step step(report, shown(key));
    if (std::string problem = check_label_key(key); !problem.empty()) {
      report.add("as a key " + problem);
    } else {
      read_text(Field{.name = key, .doc = {}, .max = field.max}, item, value[key], report);
    }
  }
}

void read_value(const Field& field, const Type& type, const Tree& tree, void* value, Origin origin,
                Report& report) {
  switch (type.shape) {
    case Shape::kText: return read_text(field, tree, *static_cast<std::string*>(value), report);
    case Shape::kBool: return read_bool(type, tree, value, report);
    case Shape::kInteger: return read_integer(field, type, tree, value, report);
    case Shape::kDuration: return read_duration(field, type, tree, value, report);
    case Shape::kTime: return read_time(tree, *static_cast<WallTime*>(value), report);
    case Shape::kWord: return read_word(field, type, tree, value, report);
    case Shape::kStatusRange: return read_status_range(tree, *static_cast<StatusRange*>(value), report);
    case Shape::kJson: return read_json_text(field, tree, *static_cast<std::string*>(value), report);
    case Shape::kLabels: return read_labels(field, tree, *static_cast<Labels*>(value), report);
    case Shape::kStruct: return read_struct(type, tree, value, origin, report);
    case Shape::kOptional: return read_value(field, *type.element, tree, type.append(value), origin, report);
    case Shape::kList: break;
  }
  if (!tree.is_array()) {
    report.add("must be a list" + but_found(tree));
    return;
  }
  if (tree.size() < field.items_min)
    report.add("must have at least " + std::to_string(field.items_min) + " in it");
  if (tree.size() > field.items_max) {
    report.add("must have at most " + std::to_string(field.items_max) + " in it, not " +
               std::to_string(tree.size()));
    return;
  }
  type.clear(value);
  for (std::size_t i = 0; i < tree.size() && !report.full(); ++i) {
    const Report::Step step(report, i);
    read_value(field, *type.element, tree[i], type.append(value), origin, report);
  }
}

}  // namespace

std::string shown(std::string_view text, std::size_t bytes_max) {
  std::string clean(text.substr(0, bytes_max));
  if (text.size() > bytes_max) {
    // Not in the middle of a character.
    for (int i = 0; i < 3 && !clean.empty() && !is_utf8(clean); ++i) clean.pop_back();
    clean += "...";
  }
  const bool good = is_utf8(clean);
  std::ranges::replace_if(
      clean,
      [good](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f || (byte > 0x7f && !good);
      },
      '?');
  return clean;
}

std::string in_quotes(std::string_view text) { return '"' + shown(text) + '"'; }

std::string unknown_field(std::string_view written, std::span<const std::string_view> known) {
  std::string message = "unknown field " + in_quotes(written);
  const std::string_view near = nearest(written.substr(0, 64), known);
  if (!near.empty()) return message + "; did you mean \"" + std::string(near) + "\"?";
  if (known.empty()) return message + "; there are none here";
  return message + "; there are " + list_of(known);
}

void read_struct(const Type& type, const Tree& tree, void* value, Origin origin, Report& report) {
  if (!tree.is_object()) {
    report.add("must be an object" + but_found(tree));
    return;
  }
  std::vector<std::string_view> known;
  for (const Field& field : type.fields) {
    if (!(field.secret && field.server_set && origin == Origin::kClient)) known.push_back(field.name);
  }
  for (const auto& [key, item] : tree.items()) {
    if (std::ranges::find(type.fields, key, &Field::name) != type.fields.end()) continue;
    const Report::Step step(report, shown(key));
    report.add(unknown_field(key, known));
  }
  for (const Field& field : type.fields) {
    if (report.full()) return;
    const Report::Step step(report, field.name);
    const auto found = tree.find(field.name);
    if (found == tree.end() || found->is_null()) {
      if (field.required) report.add("is required");
      continue;
    }
    if (field.secret && field.server_set && origin == Origin::kClient) {
      report.add("is set by the server and can't be written");
      continue;
    }
    read_value(field, *field.type, *found, field.member(value), origin, report);
  }
  if (type.validate != nullptr) type.validate(value, report);
}

Tree print_field(const Field& field, const Type& type, const void* value, Secrets secrets) {
  switch (type.shape) {
    case Shape::kText: {
      const auto& text = *static_cast<const std::string*>(value);
      return text.empty() ? Tree() : Tree(text);
    }
    case Shape::kBool: return type.get(value) != 0;
    case Shape::kInteger: {
      const std::int64_t number = type.get(value);
      return number == 0 && field.server_set ? Tree() : Tree(number);
    }
    case Shape::kDuration: return format_duration(Duration(type.get(value)));
    case Shape::kTime: return format_rfc3339(*static_cast<const WallTime*>(value));
    case Shape::kWord: return type.words[static_cast<std::size_t>(type.get(value))];
    case Shape::kStatusRange: {
      const auto& range = *static_cast<const StatusRange*>(value);
      if (range.first == range.last) return range.first;
      return std::to_string(range.first) + '-' + std::to_string(range.last);
    }
    case Shape::kJson: {
      const auto& text = *static_cast<const std::string*>(value);
      return text.empty() ? Tree() : Tree::parse(text, nullptr, false);
    }
    case Shape::kLabels: {
      Tree tree;
      for (const auto& [key, text] : *static_cast<const Labels*>(value)) tree[key] = text;
      return tree;
    }
    case Shape::kStruct: {
      Tree tree = print_struct(type, value, secrets);
      return tree.empty() ? Tree() : tree;
    }
    case Shape::kOptional: {
      if (type.size(value) == 0) return {};
      const Type& element = *type.element;
      // There, and empty, is not the same as not there.
      if (element.shape == Shape::kStruct) return print_struct(element, type.at(value, 0), secrets);
      return print_field(field, element, type.at(value, 0), secrets);
    }
    case Shape::kList: break;
  }
  Tree tree;
  for (std::size_t i = 0; i < type.size(value); ++i) {
    const void* item = type.at(value, i);
    tree.push_back(type.element->shape == Shape::kStruct ? print_struct(*type.element, item, secrets)
                                                         : print_field(field, *type.element, item, secrets));
  }
  return tree;
}

Tree print_struct(const Type& type, const void* value, Secrets secrets) {
  Tree tree = Tree::object();
  for (const Field& field : type.fields) {
    if (field.secret && secrets == Secrets::kHide) continue;
    Tree printed = print_field(field, *field.type, field.in(value), secrets);
    if (field.quiet && printed == print_field(field, *field.type, field.in(type.defaults()), secrets))
      continue;
    if (!printed.is_null()) tree[std::string(field.name)] = std::move(printed);
  }
  return tree;
}

}  // namespace weir::config
