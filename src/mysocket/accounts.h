// Accounts: Users as mysocket shows and makes them, and which User a token is of. Pure: the objects, the time
// and randomness come in.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "api/plan.h"
#include "api/problem.h"
#include "base/random.h"
#include "base/time.h"
#include "config/object.h"
#include "config/whole.h"
#include "mysocket/bodies.h"

namespace weir::mysocket {

// Accounts that people make themselves, so that a script can't fill the store; admins may make more.
inline constexpr std::size_t kUsersMax = 10'000;

// The user_id of a User's name. Names that weir makes are UUIDs without their dashes, and mysocket shows them
// with; other names are ids as they are.
std::string user_id_of(std::string_view name);
std::string name_of_user(std::string_view user_id);

nlohmann::ordered_json user_json(const config::Object& user);

// The hash that a password is held against: of a User without one, or none at all, one that nothing fits, so
// that it takes as long.
const std::string& hash_to_compare(const config::ObjectPointer& user);
bool can_log_in(const config::ObjectPointer& user);

// The User whose token this is; null: nobody's, or not any more. key: of all accounts.
config::ObjectPointer user_of_token(const config::Whole& world, std::string_view token,
                                    std::span<const std::byte> key, WallTime now);

// The User that somebody wants to be.
api::Answer<api::Intent> sign_up_intent(const SignUp& sign_up, Random& random);

// What a refusal says, in one sentence and mysocket's words for the fields; not who has what others want.
std::string sentence_of(const api::Problem& problem);

}  // namespace weir::mysocket
