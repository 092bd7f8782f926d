#include "images/name.h"

#include <algorithm>

namespace weir::images {
namespace {

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool joins(char c) { return c == '.' || c == '-' || c == '_'; }

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kNameBytesMax || !is_plain(text.front()) || !is_plain(text.back())) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_plain(text[i]) && (!joins(text[i]) || joins(text[i - 1]))) return false;
  }
  return true;
}

bool is_tag(std::string_view text) {
  const auto good = [](char c) { return is_plain(c) || (c >= 'A' && c <= 'Z') || joins(c); };
  return !text.empty() && text.size() <= kTagBytesMax && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(text, good);
}

}  // namespace

std::optional<std::string> full_name(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string_view tag = colon == std::string_view::npos ? "latest" : text.substr(colon + 1);
  if (!is_name(name) || !is_tag(tag)) return std::nullopt;
  return std::string(name) + ':' + std::string(tag);
}

std::optional<std::string> pushed_name(std::string_view image) {
  if (!image.starts_with(kPrefix)) return std::nullopt;
  return full_name(image.substr(kPrefix.size()));
}

}  // namespace weir::images
