// The admin token's file: "<data directory>/admin.token", readable by its owner alone. Made at the first
// start, read at every later one. Blocking; at start only. Never logs; its sentences never hold the token.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir::auth {

inline constexpr std::string_view kAdminTokenName = "admin.token";

struct AdminToken {
  std::string text;   // the secret
  bool made = false;  // just now: to be shown once
};

struct FileRefusal {
  Error error;
  std::string sentence;  // for a person
};

// The directory must exist. The file appears with its whole content or not at all, also when the machine
// stops. Refused: a file that others may read or that somebody else owns, and one without a token in it.
std::expected<AdminToken, FileRefusal> read_or_make_admin_token(const std::string& directory);

}  // namespace weir::auth
