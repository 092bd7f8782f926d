#include "cloud/json.h"

#include <nlohmann/json.hpp>

#include "config/documents.h"

namespace weir::cloud {
namespace {

// Of an answer, which is bounded already where it is read.
constexpr std::size_t kBytesMax = std::size_t{64} << 20U;

}  // namespace

Tree parse_json(std::string_view text) {
  auto tree = config::read_json(text, kBytesMax);
  return tree ? std::move(*tree) : Tree(Tree::value_t::discarded);
}

std::string text_of(const Tree& tree) { return tree.dump(-1, ' ', false, Tree::error_handler_t::replace); }

const Tree* field_at(const Tree& tree, const char* field) {
  if (!tree.is_object()) return nullptr;
  const auto found = tree.find(field);
  return found == tree.end() ? nullptr : &*found;
}

const Tree* list_at(const Tree& tree, const char* field) {
  const Tree* found = field_at(tree, field);
  return found != nullptr && found->is_array() ? found : nullptr;
}

std::string text_at(const Tree& tree, const char* field) {
  const Tree* found = field_at(tree, field);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::uint64_t> number_at(const Tree& tree, const char* field) {
  const Tree* found = field_at(tree, field);
  if (found == nullptr || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

bool flag_at(const Tree& tree, const char* field) {
  const Tree* found = field_at(tree, field);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

}  // namespace weir::cloud
