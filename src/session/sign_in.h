// Which User somebody is whom an organization's provider of identities vouches for, and what has to be
// written for him to be it: an account, its name at the provider, a membership. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/plan.h"
#include "api/problem.h"
#include "base/random.h"
#include "config/object.h"
#include "config/whole.h"
#include "oidc/token.h"

namespace weir::session {

struct SignedIn {
  std::string user;
  std::vector<api::Intent> intents;  // none: he is known already
};
// 403 for whom the organization does not let in, in a sentence.
api::Answer<SignedIn> sign_in(const config::Whole& world, std::string_view organization,
                              const oidc::Claims& claims, Random& random);

}  // namespace weir::session
