// What is kept of a session's secret: the hash of its token, and a mark of the User or Token that it is of,
// which is another once that has another password or secret, or is another of the same name. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/crypto.h"
#include "auth/token.h"
#include "config/object.h"

namespace weir::session {

struct Kept {
  auth::TokenHash hash;
  std::string mark;  // empty: of nobody yet

  std::string to_text() const;
  static std::optional<Kept> parse(std::string_view text);
};

std::string mark_of(const config::Object& user_or_token);

// Of what its user types to approve a device, under a key that is not in the store: the code is short.
std::string code_hash(std::span<const std::byte> key, std::string_view code);

// What a page that knows of its session sends with what it writes.
std::string csrf_of(std::string_view secret);

}  // namespace weir::session
