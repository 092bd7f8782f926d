// Accounts: who may do what, as the objects say: of Users on the platform and in organizations, and of
// Tokens, which never may more than the User whose they are. Pure; on any core.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/token_table.h"
#include "config/whole.h"

namespace weir::mirror {

// What config reads and auth enforces are two rooms' words.
auth::Role role_of(config::Role role);

// What a User may do in an organization; on the platform, when that is empty. None: nothing, since there is
// no such user, it is disabled, or it is no member.
std::optional<auth::Role> role_of(const config::Whole& objects, std::string_view user,
                                  std::string_view organization);
// Somebody who is known to be this user, there. None: as above.
std::optional<auth::Identity> identity_of(const config::Whole& objects, std::string_view user,
                                          std::string_view organization);
// By which somebody who has this address is called, unless the name is taken: what stands before its "@".
std::string user_name_of(std::string_view email);
// Those of which it is a member, by name. Disabled: of none.
std::vector<std::string> organizations_of(const config::Whole& objects, std::string_view user);

// Of all Tokens, as they are in force: those of a person have what is left by their user's role, and are
// revoked where none is. unreadable: told of a Token that has no hash.
std::vector<auth::TokenRecord> token_records(const config::Whole& objects,
                                             const std::function<void(const config::Object&)>& unreadable);

// What is the organization's of such a user's doing where nobody says which: the only one that it is a member
// of; else the platform's.
std::string home_of(const config::Whole& objects, std::string_view user);

}  // namespace weir::mirror
