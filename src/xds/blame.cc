#include "xds/blame.h"

#include <algorithm>
#include <utility>

namespace weir::xds {

namespace {

bool of_a_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '/' || c == ':';
}

// A dot or colon may belong to a name, or end a sentence.
bool ends_name(std::string_view text, std::size_t at) {
  if (at < text.size() && (text[at] == '.' || text[at] == ':')) ++at;
  return at >= text.size() || !of_a_name(text[at]);
}

}  // namespace

bool mentions(std::string_view text, std::string_view name) {
  if (name.empty()) return false;
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const bool begins = at == 0 || !(of_a_name(text[at - 1]) || text[at - 1] == '.');
    if (begins && ends_name(text, at + name.size())) return true;
  }
  return false;
}

void Blame::skip() {
  close_group();
  if (groups_.empty()) trials_ = 0;
}

// Its trial has proven nothing of those who were accused.
void Blame::close_group() {
  const std::vector<Slot> accused = std::move(groups_.back().accused);
  groups_.pop_back();
  if (!accused.empty()) groups_.push_back({accused, {}});
}

std::vector<Slot> Blame::refused(const std::vector<Suspect>& tried, bool complete, std::string_view message) {
  if (!groups_.empty()) close_group();
  if (tried.empty()) {
    if (groups_.empty()) trials_ = 0;
    return {};
  }
  if (!complete) {
    groups_.emplace_back();
    for (const Suspect& suspect : tried) groups_.back().slots.push_back(suspect.slot);
    return {};
  }
  if (tried.size() == 1) {
    const std::vector<Slot> guilty = {tried.front().slot};
    if (groups_.empty()) trials_ = 0;
    return guilty;
  }
  Group named;
  Group unnamed;
  for (const Suspect& suspect : tried) {
    (mentions(message, suspect.name) ? named : unnamed).slots.push_back(suspect.slot);
  }
  if (!named.slots.empty() && !unnamed.slots.empty()) {
    unnamed.accused = std::move(named.slots);
    groups_.push_back(std::move(unnamed));
  } else {
    Group& all = named.slots.empty() ? unnamed : named;
    const auto middle = all.slots.begin() + static_cast<std::ptrdiff_t>(all.slots.size() / 2);
    groups_.push_back({{middle, all.slots.end()}, {}});
    groups_.push_back({{all.slots.begin(), middle}, {}});
  }
  return ++trials_ > kTrialsMax ? give_up() : std::vector<Slot>();
}

std::vector<Slot> Blame::accepted() {
  if (groups_.empty()) return {};
  std::vector<Slot> guilty = std::move(groups_.back().accused);
  groups_.pop_back();
  if (groups_.empty()) trials_ = 0;
  return guilty;
}

void Blame::pardon(Slot slot) {
  for (Group& group : groups_) {
    std::erase(group.accused, slot);
    if (std::erase(group.slots, slot) == 0) continue;
    // without it, the trial proves nothing of the accused: they share it
    group.slots.insert(group.slots.end(), group.accused.begin(), group.accused.end());
    group.accused.clear();
  }
}

std::vector<Slot> Blame::give_up() {
  std::vector<Slot> all;
  for (const Group& group : groups_) {
    all.insert(all.end(), group.slots.begin(), group.slots.end());
    all.insert(all.end(), group.accused.begin(), group.accused.end());
  }
  groups_.clear();
  trials_ = 0;
  return all;
}

}  // namespace weir::xds
