#include "auth/machine.h"

#include <algorithm>

namespace weir::auth {
namespace {

constexpr std::string_view kScheme = "spiffe://";
constexpr std::size_t kPartBytesMax = 253;

bool is_part(std::string_view text) {
  return !text.empty() && text.size() <= kPartBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

std::string Machine::uri() const {
  return std::string(kScheme).append(domain).append("/").append(role).append("/").append(name);
}

std::optional<Machine> parse_machine(std::string_view uri) {
  if (!uri.starts_with(kScheme)) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  const std::size_t first = uri.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = uri.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view domain = uri.substr(0, first);
  const std::string_view role = uri.substr(first + 1, second - first - 1);
  const std::string_view name = uri.substr(second + 1);
  if (!is_part(domain) || !is_part(role) || !is_part(name)) return std::nullopt;
  return Machine{std::string(domain), std::string(role), std::string(name)};
}

std::optional<Machine> machine_of(std::string_view names) {
  constexpr std::string_view kBetween = ", ";
  constexpr std::string_view kUri = "URI:";
  std::optional<Machine> found;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(kBetween));
    names.remove_prefix(std::min(names.size(), name.size() + kBetween.size()));
    if (!name.starts_with(kUri)) continue;
    if (found) return std::nullopt;
    found = parse_machine(name.substr(kUri.size()));
    if (!found) return std::nullopt;
  }
  return found;
}

std::string_view name_in(std::string_view names, std::string_view domain, std::string_view role) {
  const auto machine = machine_of(names);
  const bool fits =
      machine && machine->domain == domain && machine->role == role && names == "URI:" + machine->uri();
  return fits ? names.substr(names.size() - machine->name.size()) : std::string_view();
}

}  // namespace weir::auth
