#include "config/documents.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <utility>

#include "config/codec.h"
#include "config/formats.h"
#include "config/object.h"

namespace weir::config {
namespace {

using Tree = nlohmann::ordered_json;

// What a tree may cost: this much for each value, and the bytes of its texts. Aliases copy what they stand
// for, so without a bound a few lines of YAML could ask for gigabytes.
constexpr std::size_t kValueCost = 16;
constexpr std::size_t kTreeCostMax = std::size_t{32} << 20U;
constexpr std::size_t kProblemBytesMax = 200;  // of a library's sentence
constexpr std::size_t kKeysMax = 256;  // of one object; the kinds need fewer, and looking for a key is linear

std::unexpected<Violations> refuse(std::string message) {
  return std::unexpected(Violations{{"", std::move(message), ""}});
}

struct Part {
  Tree tree;
  std::size_t cost = kValueCost;
  int height = 0;  // levels below
};

// Makes a tree from the events of a parser and keeps the bounds. After the first problem it takes nothing
// more. anchor: of YAML, under which a value can be used again; 0: none.
class TreeBuilder {
 public:
  bool open(Tree empty, std::size_t anchor = 0) {
    if (!problem_.empty()) return false;
    if (levels_.size() >= kDepthMax) return refuse_with("is nested deeper than 32 levels");
    levels_.push_back({.part = {.tree = std::move(empty)}, .anchor = anchor});
    return spend(kValueCost);
  }

  bool close() {
    if (!problem_.empty()) return false;
    Level level = std::move(levels_.back());
    levels_.pop_back();
    return add(std::move(level.part), level.anchor);
  }

  bool key(std::string text) {
    if (!problem_.empty()) return false;
    Level& level = levels_.back();
    if (!is_utf8(text)) return refuse_with("has a key that is not UTF-8");
    if (level.part.tree.size() >= kKeysMax) return refuse_with("has an object of more than 256 fields");
    if (level.part.tree.contains(text)) return refuse_with("has the key " + in_quotes(text) + " twice");
    const std::size_t cost = text.size();
    level.part.cost += cost;
    level.key = std::move(text);
    level.has_key = true;
    return spend(cost);
  }

  bool scalar(Tree tree, std::size_t anchor = 0) {
    if (!problem_.empty()) return false;
    Part part{.tree = std::move(tree)};
    if (const auto* text = part.tree.get_ptr<const std::string*>()) {
      if (!is_utf8(*text)) return refuse_with("has a text that is not UTF-8");
      part.cost += text->size();
    }
    return spend(part.cost) && add(std::move(part), anchor);
  }

  // What stands under an anchor, again: as a value, or when it is a text as a key.
  bool alias(std::size_t anchor) {
    if (!problem_.empty()) return false;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) return refuse_with("has an alias within what it stands for");
    if (!at_key()) return spend(found->second.cost) && add(Part(found->second), 0);
    const auto* text = found->second.tree.get_ptr<const std::string*>();
    return text == nullptr ? refuse_with("has a key that is not a text") : key(*text);
  }

  bool refuse_with(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }

  bool at_key() const {
    return !levels_.empty() && levels_.back().part.tree.is_object() && !levels_.back().has_key;
  }
  const std::string& problem() const { return problem_; }
  Tree take() { return std::move(root_); }

 private:
  struct Level {
    Part part;
    std::size_t anchor = 0;
    std::string key = {};
    bool has_key = false;
  };

  bool spend(std::size_t cost) {
    cost_ += cost;
    return cost_ <= kTreeCostMax || refuse_with("holds too much");
  }

  bool add(Part part, std::size_t anchor) {
    if (static_cast<int>(levels_.size()) + part.height > kDepthMax) {
      return refuse_with("is nested deeper than 32 levels");
    }
    if (anchor != 0) {
      if (!spend(part.cost)) return false;
      anchors_[anchor] = part;
    }
    if (levels_.empty()) {
      root_ = std::move(part.tree);
      return true;
    }
    Level& level = levels_.back();
    level.part.cost += part.cost;
    level.part.height = std::max(level.part.height, part.height + 1);
    if (level.part.tree.is_array()) {
      level.part.tree.push_back(std::move(part.tree));
    } else {
      level.part.tree[level.key] = std::move(part.tree);
      level.has_key = false;
    }
    return true;
  }

  std::vector<Level> levels_;
  std::map<std::size_t, Part> anchors_;
  Tree root_;
  std::size_t cost_ = 0;  // of all that was made, copies included
  std::string problem_;
};

// nlohmann's event interface. It knows the place only when the syntax is wrong.
class JsonHandler final : public Tree::json_sax_t {
 public:
  bool null() override { return builder_.scalar(nullptr); }
  bool boolean(bool value) override { return builder_.scalar(value); }
  bool number_integer(number_integer_t value) override { return builder_.scalar(value); }
  bool number_unsigned(number_unsigned_t value) override { return builder_.scalar(value); }
  bool number_float(number_float_t value, const string_t&) override { return builder_.scalar(value); }
  bool string(string_t& value) override { return builder_.scalar(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // JSON has none
  bool start_object(std::size_t) override { return builder_.open(Tree::object()); }
  bool end_object() override { return builder_.close(); }
  bool start_array(std::size_t) override { return builder_.open(Tree::array()); }
  bool end_array() override { return builder_.close(); }
  bool key(string_t& text) override { return builder_.key(std::move(text)); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    const std::string_view what = error.what();
    const std::size_t place = what.find("line ");  // after the library's own numbering of errors
    const std::string_view sentence = what.substr(place == std::string_view::npos ? 0 : place);
    return builder_.refuse_with("is not JSON: " +
                                shown(sentence, kProblemBytesMax));  // it quotes what it read
  }

  TreeBuilder& builder() { return builder_; }

 private:
  TreeBuilder builder_;
};

bool is_number_text(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789.eE+-") == std::string_view::npos &&
         (text[0] == '.' || (text[0] >= '0' && text[0] <= '9'));
}

// A scalar without quotes or tag, by the core schema of YAML 1.2 (section 10.3.2); numbers are decimal.
Tree plain_scalar(const std::string& text) {
  if (text == "null" || text == "Null" || text == "NULL" || text == "~" || text.empty()) return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (!is_number_text(text)) return text;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto [stop, error] = std::from_chars(begin, end, whole); stop == end && error == std::errc())
    return whole;
  std::uint64_t large = 0;
  if (const auto [stop, error] = std::from_chars(begin, end, large); stop == end && error == std::errc())
    return large;
  double real = 0;
  if (const auto [stop, error] = std::from_chars(begin, end, real); stop == end && error == std::errc())
    return real;
  return text;
}

class YamlHandler final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    builder_ = {};
    line_ = 0;
    last_line_ = mark.line;
    position_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { plain(mark, nullptr, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { note(mark, builder_.alias(anchor)); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const bool is_text = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!is_text && tag != "?" && !tag.empty()) {
      note(mark, builder_.refuse_with("has the tag " + in_quotes(tag) + "; tags are not used here"));
    } else if (builder_.at_key()) {
      note(mark, anchor == 0 ? builder_.key(text) : builder_.refuse_with("has an anchor on a key"));
    } else {
      plain(mark, is_text ? Tree(text) : plain_scalar(text), anchor);
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, Tree::array(), anchor);
  }
  void OnSequenceEnd() override { note({}, builder_.close()); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, Tree::object(), anchor);
  }
  void OnMapEnd() override { note({}, builder_.close()); }

  TreeBuilder& builder() { return builder_; }
  int line() const { return line_; }
  int last_line() const { return last_line_ + 1; }
  int problem_line() const { return problem_line_; }
  int position() const { return position_; }

 private:
  void plain(const YAML::Mark& mark, Tree value, std::size_t anchor) {
    note(mark, builder_.at_key() ? builder_.refuse_with("has a key that is not a text")
                                 : builder_.scalar(std::move(value), anchor));
  }
  void open(const YAML::Mark& mark, Tree empty, std::size_t anchor) {
    note(mark, builder_.at_key() ? builder_.refuse_with("has a key that is not a text")
                                 : builder_.open(std::move(empty), anchor));
  }
  // Remembers the last line on which all was well.
  void note(const YAML::Mark& mark, bool good) {
    if (line_ == 0) line_ = mark.line + 1;  // of the first event
    if (mark.line > last_line_) last_line_ = mark.line;
    if (!good && problem_line_ == 0) problem_line_ = last_line_ + 1;
  }

  TreeBuilder builder_;
  int line_ = 0;
  int position_ = -1;  // of the document, in characters
  int last_line_ = 0;
  int problem_line_ = 0;
};

void emit(YAML::Emitter& out, const Tree& tree) {
  if (tree.is_object()) {
    if (tree.empty()) out << YAML::Flow;
    out << YAML::BeginMap;
    for (const auto& [key, value] : tree.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (tree.is_array()) {
    if (tree.empty()) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const Tree& item : tree) emit(out, item);
    out << YAML::EndSeq;
  } else if (const auto* text = tree.get_ptr<const std::string*>()) {
    if (!plain_scalar(*text).is_string()) out << YAML::DoubleQuoted;  // or it would be read as something else
    out << *text;
  } else if (tree.is_null()) {
    out << YAML::Null;
  } else {
    out << tree.dump();
  }
}

}  // namespace

Checked<Tree> read_json(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return refuse("is larger than " + std::to_string(bytes_max) + " bytes");
  JsonHandler handler;
  try {
    if (Tree::sax_parse(text, &handler)) return handler.builder().take();
  } catch (const std::exception& error) {
    return refuse("is not JSON: " + shown(error.what(), kProblemBytesMax));
  }
  return refuse(handler.builder().problem());
}

Checked<std::vector<Document>> read_yaml(std::string_view text) {
  if (text.size() > kListBytesMax)
    return refuse("is larger than " + std::to_string(kListBytesMax) + " bytes");
  std::vector<Document> documents;
  YamlHandler handler;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    int position = -1;
    while (parser.HandleNextDocument(handler)) {
      // Before a token that fits nowhere (a lone "]") yaml-cpp finds empty documents for ever.
      if (handler.position() == position) {
        return refuse("is not YAML: line " + std::to_string(handler.last_line()) +
                      " has something that fits nowhere");
      }
      position = handler.position();
      if (!handler.builder().problem().empty()) {
        return refuse("line " + std::to_string(handler.problem_line()) + " " + handler.builder().problem());
      }
      const Tree tree = handler.builder().take();
      if (tree.is_null()) continue;
      if (documents.size() >= kObjectsMax) return refuse("has more than 10000 documents");
      documents.push_back({tree.dump(), handler.line()});
    }
  } catch (const YAML::Exception& error) {
    return refuse("is not YAML: line " + std::to_string(error.mark.line + 1) + ", column " +
                  std::to_string(error.mark.column + 1) + ": " + shown(error.msg, kProblemBytesMax));
  } catch (const std::exception& error) {
    return refuse("is not YAML: " + shown(error.what(), kProblemBytesMax));
  }
  return documents;
}

Checked<std::string> to_yaml(std::string_view json) {
  const auto tree = read_json(json, kListBytesMax);
  if (!tree) return std::unexpected(tree.error());
  YAML::Emitter out;
  emit(out, *tree);
  return std::string(out.c_str(), out.size()) + '\n';
}

Checked<std::string> merge_patch(std::string_view target, std::string_view patch) {
  auto tree = read_json(target, kDocumentBytesMax);
  if (!tree) return std::unexpected(tree.error());
  const auto change = read_json(patch, kDocumentBytesMax);
  if (!change) return std::unexpected(change.error());
  tree->merge_patch(*change);
  return tree->dump();
}

}  // namespace weir::config
