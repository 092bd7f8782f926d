#include "cloud/cloudflare_record.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <vector>

#include "base/text.h"

namespace weir::cloud {
namespace {

enum class Form : std::uint8_t {
  kNumber,
  kName,   // a host name, there without the dot at its end
  kText,   // in quotes here, without there
  kPlain,  // hex digits
  kRest,   // of the line
};
struct Part {
  const char* field;
  Form form;
};

constexpr std::array kSrv{Part{"priority", Form::kNumber}, Part{"weight", Form::kNumber},
                          Part{"port", Form::kNumber}, Part{"target", Form::kName}};
constexpr std::array kCaa{Part{"flags", Form::kNumber}, Part{"tag", Form::kPlain},
                          Part{"value", Form::kText}};
constexpr std::array kDs{Part{"key_tag", Form::kNumber}, Part{"algorithm", Form::kNumber},
                         Part{"digest_type", Form::kNumber}, Part{"digest", Form::kPlain}};
constexpr std::array kSshfp{Part{"algorithm", Form::kNumber}, Part{"type", Form::kNumber},
                            Part{"fingerprint", Form::kPlain}};
constexpr std::array kTlsa{Part{"usage", Form::kNumber}, Part{"selector", Form::kNumber},
                           Part{"matching_type", Form::kNumber}, Part{"certificate", Form::kPlain}};
constexpr std::array kSvcb{Part{"priority", Form::kNumber}, Part{"target", Form::kName},
                           Part{"value", Form::kRest}};
constexpr std::array kNaptr{Part{"order", Form::kNumber}, Part{"preference", Form::kNumber},
                            Part{"flags", Form::kText},   Part{"service", Form::kText},
                            Part{"regex", Form::kText},   Part{"replacement", Form::kName}};

struct TypeParts {
  std::string_view type;
  std::span<const Part> parts;
};
constexpr std::array kTypes{TypeParts{"SRV", kSrv},     TypeParts{"CAA", kCaa},    TypeParts{"DS", kDs},
                            TypeParts{"SSHFP", kSshfp}, TypeParts{"TLSA", kTlsa},  TypeParts{"SVCB", kSvcb},
                            TypeParts{"HTTPS", kSvcb},  TypeParts{"NAPTR", kNaptr}};
// Whose data is one text there.
constexpr std::array<std::string_view, 6> kWhole{"A", "AAAA", "TXT", "CNAME", "NS", "PTR"};

std::span<const Part> parts_of(std::string_view type) {
  const auto* found = std::ranges::find(kTypes, type, &TypeParts::type);
  return found == kTypes.end() ? std::span<const Part>() : found->parts;
}

bool is_host(std::string_view type) { return type == "CNAME" || type == "NS" || type == "PTR"; }

std::string without_dot(std::string_view name) {
  if (name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);
  return std::string(name);
}
std::string with_dot(std::string_view name) {
  std::string text(name);
  if (!text.ends_with('.')) text += '.';
  return text;
}

// The first word, which may be in quotes, and what is behind it.
std::string_view take_word(std::string_view& line) {
  while (line.starts_with(' ')) line.remove_prefix(1);
  bool quoted = false;
  std::size_t end = 0;
  for (; end < line.size() && (quoted || line[end] != ' '); ++end) {
    if (line[end] == '\\') {
      ++end;
    } else if (line[end] == '"') {
      quoted = !quoted;
    }
  }
  const std::string_view word = line.substr(0, std::min(end, line.size()));
  line.remove_prefix(word.size());
  while (line.starts_with(' ')) line.remove_prefix(1);
  return word;
}

// Nothing: it has octets that only \DDD can say.
std::optional<std::string> unquoted(std::string_view word) {
  if (word.size() >= 2 && word.starts_with('"') && word.ends_with('"'))
    word = word.substr(1, word.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '\\' && i + 1 < word.size()) {
      ++i;
      if (word[i] >= '0' && word[i] <= '9') return std::nullopt;
    }
    text += word[i];
  }
  return text;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::expected<Tree, std::string> data_of(std::span<const Part> parts, std::string_view line) {
  Tree data = Tree::object();
  for (const Part& part : parts) {
    if (part.form == Form::kRest) {
      data[part.field] = std::string(line);
      break;
    }
    const std::string_view word = take_word(line);
    const auto number = parse_decimal(word);
    const auto text = unquoted(word);
    if (part.form == Form::kNumber ? !number : !text) {
      return std::unexpected("has data that Cloudflare's API can't say");
    }
    switch (part.form) {
      case Form::kNumber: data[part.field] = *number; break;
      case Form::kName: data[part.field] = without_dot(word); break;
      case Form::kText: data[part.field] = *text; break;
      case Form::kPlain:
      case Form::kRest: data[part.field] = std::string(word); break;
    }
  }
  return data;
}

std::string line_of(std::span<const Part> parts, const Tree& data) {
  std::string line;
  for (const Part& part : parts) {
    const auto number = number_at(data, part.field);
    const std::string text = text_at(data, part.field);
    if (!line.empty()) line += ' ';
    switch (part.form) {
      case Form::kNumber:
        if (!number) return {};
        line += std::to_string(*number);
        break;
      case Form::kName: line += with_dot(text); break;
      case Form::kText: line += in_quotes(text); break;
      case Form::kPlain:
      case Form::kRest: line += text; break;
    }
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace

std::expected<Tree, std::string> cloudflare_data(std::string_view type, std::string_view value) {
  Tree record{{"type", std::string(type)}};
  if (const auto parts = parts_of(type); !parts.empty()) {
    auto data = data_of(parts, value);
    if (!data) return std::unexpected(data.error());
    record["data"] = std::move(*data);
    return record;
  }
  if (type == "MX") {
    const std::string_view word = take_word(value);
    const auto priority = parse_decimal(word);
    if (!priority) return std::unexpected("has data that Cloudflare's API can't say");
    record["content"] = without_dot(value);
    record["priority"] = *priority;
    return record;
  }
  if (std::ranges::find(kWhole, type) == kWhole.end()) {
    return std::unexpected("Cloudflare has no records of the type " + std::string(type));
  }
  record["content"] = is_host(type) ? without_dot(value) : std::string(value);
  return record;
}

std::string value_of_cloudflare(const Tree& record) {
  const std::string type = text_at(record, "type");
  const std::string content = text_at(record, "content");
  const auto parts = parts_of(type);
  if (const Tree* data = field_at(record, "data"); data != nullptr && !parts.empty()) {
    return line_of(parts, *data);
  }
  if (type == "MX") {
    const auto priority = number_at(record, "priority");
    return priority && !content.empty() ? std::to_string(*priority) + ' ' + with_dot(content) : std::string();
  }
  return is_host(type) && !content.empty() ? with_dot(content) : content;
}

}  // namespace weir::cloud
