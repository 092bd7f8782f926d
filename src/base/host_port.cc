#include "base/host_port.h"

namespace weir {

std::string in_brackets(std::string_view host) {
  const bool is_bare_ip6 = host.contains(':') && !host.starts_with('[');
  return is_bare_ip6 ? '[' + std::string(host) + ']' : std::string(host);
}

std::string_view without_brackets(std::string_view host) {
  const bool has_brackets = host.size() >= 2 && host.starts_with('[') && host.ends_with(']');
  return has_brackets ? host.substr(1, host.size() - 2) : host;
}

std::string with_port(std::string_view host, std::uint32_t port) {
  return in_brackets(host) + ':' + std::to_string(port);
}

}  // namespace weir
