// As whom a session lets in, and whether it still does: by what the objects say. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/problem.h"
#include "auth/token_table.h"
#include "base/time.h"
#include "config/object.h"
#include "config/specs.h"
#include "config/whole.h"

namespace weir::session {

inline config::SessionSpec& terms_of(config::Object& session) {
  return std::get<config::SessionSpec>(session.spec);
}
inline const config::SessionSpec& terms_of(const config::Object& session) {
  return std::get<config::SessionSpec>(session.spec);
}

// Whose it is: a User, or a Token. Null: nobody's, or not any more.
config::ObjectPointer owner_of(const config::Whole& world, const config::SessionSpec& spec);

// Why it lets nobody in any more: its time is over, or its user is disabled, gone, or has another password.
// Empty: it does.
std::string ended(const config::Whole& world, const config::Object& session, WallTime now);

// Nowhere else may this user anything.
bool is_only_in(const config::Whole& world, const config::Object& user, std::string_view organization);

// Where it can act.
struct Belonging {
  std::string organization;  // empty: the platform
  auth::Role role{};
};
// The platform first, if at all; then organizations by name.
std::vector<Belonging> belongings_of(const config::Whole& world, const auth::TokenTable& tokens,
                                     const config::Object& session, WallTime now);

// As whom it acts. organization: which is asked for; none: the platform for who may something there, else the
// only one. 403 for another's, 400 when there are several to choose from.
api::Answer<auth::Identity> identity_of(const config::Whole& world, const auth::TokenTable& tokens,
                                        const config::Object& session,
                                        std::optional<std::string_view> organization, WallTime now);

}  // namespace weir::session
