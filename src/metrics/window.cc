#include "metrics/window.h"

#include <utility>

namespace weir::metrics {
namespace {

// The first byte: another layout has another one.
constexpr char kVersion = 2;
constexpr std::uint64_t kStepsEnd = std::uint64_t{1} << 30U;  // of five minutes

// Names stand once each: those of endpoints are the same for every edge.
class Names {
 public:
  std::uint64_t place_of(const std::string& name) {
    const auto [found, is_new] = places_.try_emplace(name, places_.size());
    if (is_new) put_text(texts_, name);
    return found->second;
  }
  void put(std::string& to) const {
    put_number(to, places_.size());
    to += texts_;
  }

 private:
  std::map<std::string, std::uint64_t> places_;
  std::string texts_;
};

std::optional<std::vector<std::string_view>> take_names(std::string_view& from) {
  const auto count = take_number(from);
  if (!count || *count > from.size()) return std::nullopt;
  std::vector<std::string_view> names;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto name = take_text(from);
    if (!name) return std::nullopt;
    names.push_back(*name);
  }
  return names;
}

bool take_heard(std::string_view& from, const std::vector<std::string_view>& names, Window& window) {
  const auto count = take_number(from);
  if (!count) return false;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto source = take_number(from);
    const auto run = take_number(from);
    const auto sequence = take_number(from);
    if (!source || !run || !sequence || *source >= names.size()) return false;
    window.heard[std::string(names[*source])] = {.run = *run, .sequence = *sequence};
  }
  return true;
}

}  // namespace

std::string to_bytes(const Window& window) {
  Names names;
  std::string body;
  put_number(body, window.heard.size());
  for (const auto& [source, heard] : window.heard) {
    put_number(body, names.place_of(source));
    put_number(body, heard.run);
    put_number(body, heard.sequence);
  }
  for (const Window::Entry& entry : window.entries) {
    put_number(body, static_cast<std::uint64_t>(entry.key.sort));
    put_number(body, names.place_of(entry.key.name));
    put_number(body, names.place_of(entry.key.source));
    put_number(body, static_cast<std::uint64_t>(entry.slot));
    put_point(body, entry.point);
  }
  std::string bytes(1, kVersion);
  names.put(bytes);
  return bytes + body;
}

std::optional<Window> parse_window(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != kVersion) return std::nullopt;
  bytes.remove_prefix(1);
  Window window;
  const auto names = take_names(bytes);
  if (!names || !take_heard(bytes, *names, window)) return std::nullopt;
  while (!bytes.empty()) {
    const auto sort = take_number(bytes);
    const auto name = take_number(bytes);
    const auto source = take_number(bytes);
    const auto slot = take_number(bytes);
    const auto point = take_point(bytes);
    if (!sort || *sort > static_cast<std::uint64_t>(Sort::kInstance) || !name || *name >= names->size() ||
        !source || *source >= names->size() || !slot || !point || point->steps == 0 ||
        point->steps >= kStepsEnd) {
      return std::nullopt;
    }
    window.entries.push_back({.key = {.sort = static_cast<Sort>(*sort),
                                      .name = std::string((*names)[*name]),
                                      .source = std::string((*names)[*source])},
                              .slot = static_cast<std::int64_t>(*slot),
                              .point = *point});
  }
  return window;
}

}  // namespace weir::metrics
