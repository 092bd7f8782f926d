#include "reference/reference.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/codec.h"
#include "config/kinds.h"
#include "config/schema.h"

namespace weir::reference {
namespace {

using config::Checked;
using config::Field;
using config::find_kind_loosely;
using config::in_quotes;
using config::KindInfo;
using config::kKinds;
using config::kNumberMax;
using config::metadata_type;
using config::print_field;
using config::Secrets;
using config::Shape;
using config::Type;
using config::unknown_field;
using config::Violations;

using Tree = nlohmann::ordered_json;

std::string words_of(const Type& type) {
  std::string text;
  for (const std::string_view word : type.words) text += (text.empty() ? "" : " or ") + std::string(word);
  return text;
}

// "whole number, 1 to 65535"
std::string type_text(const Field& field, const Type& type) {
  switch (type.shape) {
    case Shape::kText: return "text";
    case Shape::kBool: return "true or false";
    case Shape::kInteger:
      if (field.max == kNumberMax) return "whole number";
      return "whole number, " + std::to_string(field.min) + " to " + std::to_string(field.max);
    case Shape::kDuration:
      return "duration, " + format_duration(Duration(field.min)) + " to " +
             format_duration(Duration(field.max));
    case Shape::kTime: return "time (RFC 3339)";
    case Shape::kWord: return words_of(type);
    case Shape::kStatusRange: return "status or range of them";
    case Shape::kJson: return "object";
    case Shape::kLabels: return "texts by key, up to " + std::to_string(field.items_max);
    case Shape::kStruct: return "object";
    case Shape::kOptional: return type_text(field, *type.element);
    case Shape::kList: break;
  }
  std::string text =
      "list of up to " + std::to_string(field.items_max) + ": " + type_text(field, *type.element);
  return text;
}

// "required", "default 5s", "set by the server", or nothing.
std::string presence_text(const Type& owner, const Field& field) {
  if (field.server_set) return "set by the server";
  if (field.required) return "required";
  if (owner.seen) return {};
  if (field.type->shape == Shape::kStruct) return {};  // its own fields have their defaults
  const Tree standard = print_field(field, *field.type, field.in(owner.defaults()), Secrets::kHide);
  if (standard.is_null()) return {};
  return "default " + (standard.is_string() ? standard.get<std::string>() : standard.dump());
}

struct Line {
  std::string path;
  std::string type;
  std::string presence;
  std::string_view doc;
};

const Type& inner_type(const Type& type) { return type.element == nullptr ? type : *type.element; }

void collect(const Type& type, const std::string& prefix, std::vector<Line>& lines) {
  for (const Field& field : type.fields) {
    if (field.secret && field.server_set) continue;
    const std::string path =
        prefix + std::string(field.name) + (field.type->shape == Shape::kList ? "[]" : "");
    lines.push_back({path, type_text(field, *field.type), presence_text(type, field), field.doc});
    const Type& inner = inner_type(*field.type);
    if (inner.shape == Shape::kStruct) collect(inner, path + '.', lines);
  }
}

std::string table_of(const std::vector<Line>& lines) {
  std::string text = "| field | value | | meaning |\n|---|---|---|---|\n";
  for (const Line& line : lines) {
    text += "| `" + line.path + "` | " + line.type + " | " + line.presence + " | " + std::string(line.doc) +
            " |\n";
  }
  return text;
}

// "  path   value; default\n           meaning\n"
std::string plain_of(const std::vector<Line>& lines) {
  std::size_t width = 0;
  for (const Line& line : lines) width = std::max(width, line.path.size());
  std::string text;
  for (const Line& line : lines) {
    text += "  " + line.path + std::string(width - line.path.size() + 2, ' ') + line.type;
    if (!line.presence.empty()) text += "; " + line.presence;
    text += '\n' + std::string(width + 4, ' ') + std::string(line.doc) + '\n';
  }
  return text;
}

std::unexpected<Violations> refuse(std::string message) {
  return std::unexpected(Violations{{"", std::move(message), ""}});
}

// Takes the next name off the path; "listeners[]" and "listeners" are the same.
std::string_view next_name(std::string_view& rest) {
  const std::size_t dot = rest.find('.');
  std::string_view name = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  if (name.ends_with("[]")) name.remove_suffix(2);
  return name;
}

}  // namespace

std::string kind_reference() {
  std::string text =
      "# Kinds\n\nEvery object has `kind`, `metadata`, `spec` (what is wanted) and `status` (what is seen, "
      "set by the\n"
      "server). A field without a default is absent unless it is given.\n\n## metadata\n\n";
  std::vector<Line> lines;
  collect(metadata_type(), "metadata.", lines);
  text += table_of(lines);
  for (const KindInfo& kind : kKinds) {
    lines.clear();
    collect(*kind.spec, "spec.", lines);
    if (kind.status != nullptr) collect(*kind.status, "status.", lines);
    text += "\n## " + std::string(kind.name) + "\n\n" + std::string(kind.doc) + ". In the API: `/v1/" +
            std::string(kind.plural) + "`" + (kind.client_writes ? "" : ", to read only") + ".\n\n" +
            table_of(lines);
  }
  return text;
}

Checked<std::string> explain(std::string_view path) {
  std::string_view rest = path;
  const std::string_view word = next_name(rest);
  const KindInfo* kind = find_kind_loosely(word);
  if (kind == nullptr) {
    std::array<std::string_view, kKinds.size()> names;
    std::ranges::transform(kKinds, names.begin(), &KindInfo::name);
    const std::string_view near = nearest(word.substr(0, 64), names);
    return refuse("no kind " + in_quotes(word) +
                  (near.empty() ? "" : "; did you mean " + std::string(near) + '?'));
  }
  const Field metadata{
      .name = "metadata", .doc = "name, labels, and what the server sets", .type = &metadata_type()};
  const Field spec{.name = "spec", .doc = kind->doc, .type = kind->spec};
  const Field status{.name = "status", .doc = "what is seen; set by the server", .type = kind->status};
  const std::array top{metadata, spec, status};
  const std::span<const Field> parts(top.data(), kind->status == nullptr ? 2 : 3);
  const Type root{.shape = Shape::kStruct, .name = kind->name, .fields = parts};
  const Type* owner = &root;
  const Field* field = nullptr;
  std::string place(kind->name);
  while (!rest.empty()) {
    const std::string_view name = next_name(rest);
    const Type& type = field == nullptr ? root : inner_type(*field->type);
    const auto found = std::ranges::find(type.fields, name, &Field::name);
    if (found == type.fields.end()) {
      std::vector<std::string_view> known;
      for (const Field& one : type.fields) known.push_back(one.name);
      return refuse(place + ": " + unknown_field(name, known));
    }
    owner = &type;
    field = &*found;
    place += '.' + std::string(name);
  }
  std::vector<Line> lines;
  if (field == nullptr) {
    collect(*kind->spec, "spec.", lines);
    if (kind->status != nullptr) collect(*kind->status, "status.", lines);
    return place + ": " + std::string(kind->doc) + "\n\n" + plain_of(lines);
  }
  std::string text = place + ": " + std::string(field->doc) + "\n  " + type_text(*field, *field->type);
  if (owner != &root && !presence_text(*owner, *field).empty()) text += "; " + presence_text(*owner, *field);
  text += '\n';
  const Type& inner = inner_type(*field->type);
  if (inner.shape == Shape::kStruct && !inner.fields.empty()) {
    collect(inner, "", lines);
    text += '\n' + plain_of(lines);
  }
  return text;
}

}  // namespace weir::reference
