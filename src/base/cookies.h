// What a Cookie field says (RFC 6265 section 5.4). Pure, on views; every core.
#pragma once

#include <optional>
#include <string_view>

namespace weir {

// The next "name=value" of the field's text, which is left with what comes behind it. May be empty.
std::string_view take_cookie(std::string_view& field);

// The value of the first cookie of that name in the field's text, as it stands there; none: it has no such.
std::optional<std::string_view> cookie_in(std::string_view field, std::string_view name);

}  // namespace weir
