// A host with its port, or alone, as an authority has it: IPv6 in brackets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

// An address of IPv6 in brackets, which it may have already; anything else as it is.
std::string in_brackets(std::string_view host);
std::string_view without_brackets(std::string_view host);
std::string with_port(std::string_view host, std::uint32_t port);

}  // namespace weir
