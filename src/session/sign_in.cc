#include "session/sign_in.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "auth/permissions.h"
#include "base/text.h"
#include "config/kinds.h"
#include "mirror/accounts.h"

namespace weir::session {
namespace {

using api::refuse;
using config::Kind;
using Tree = nlohmann::ordered_json;

constexpr int kNamesTried = 8;

const config::UserSpec& account_of(const config::Object& user) {
  return std::get<config::UserSpec>(user.spec);
}

bool is_known_as(const config::Object& user, const oidc::Claims& claims) {
  return std::ranges::find(account_of(user).open_ids, config::OpenIdName{claims.issuer, claims.subject}) !=
         account_of(user).open_ids.end();
}

config::ObjectPointer user_known_as(const config::Whole& world, const oidc::Claims& claims) {
  for (const config::ObjectPointer& user : world.of(Kind::kUser)) {
    if (is_known_as(*user, claims)) return user;
  }
  return nullptr;
}

bool lets_in(const config::SignIn& terms, std::string_view email) {
  const std::size_t at = email.rfind('@');
  if (at == std::string_view::npos) return false;
  return std::ranges::any_of(terms.domains, [domain = email.substr(at + 1)](const std::string& one) {
    return equal_ignoring_case(one, domain);
  });
}

std::string free_name(const config::Whole& world, std::string_view email, Random& random) {
  const std::string plain = mirror::user_name_of(email);
  std::string name = plain;
  for (int i = 0; i < kNamesTried && world.find(Kind::kUser, name); ++i) {
    const std::uint64_t bits = random.next();
    name = plain + '-' + to_hex(std::as_bytes(std::span(&bits, 1))).substr(0, 8);
  }
  return name;
}

api::Answer<api::Intent> new_user(std::string name, const oidc::Claims& claims) {
  config::Object wanted;
  wanted.metadata.name = std::move(name);
  wanted.spec = config::UserSpec{.email = claims.email,
                                 .display_name = claims.name,
                                 .password = {},
                                 .ssh_keys = {},
                                 .open_ids = {{claims.issuer, claims.subject}}};
  // By the rules for all who write objects.
  auto object =
      config::parse_object(config::to_json(wanted, config::Secrets::kKeep), config::Origin::kClient);
  if (!object) return refuse(api::invalid(std::move(object.error())));
  api::Intent intent{.verb = api::Verb::kCreate, .kind = Kind::kUser, .name = wanted.metadata.name};
  intent.wanted = std::move(*object);
  return intent;
}

api::Intent patch_of(Kind kind, const std::string& name, Tree spec) {
  api::Intent intent{.verb = api::Verb::kPatch, .kind = kind, .name = name};
  intent.patch = Tree{{"spec", std::move(spec)}}.dump(-1, ' ', false, Tree::error_handler_t::replace);
  return intent;
}

api::Intent with_name(const config::Object& user, const oidc::Claims& claims) {
  Tree names = Tree::array();
  for (const config::OpenIdName& one : account_of(user).open_ids) {
    names.push_back({{"issuer", one.issuer}, {"subject", one.subject}});
  }
  names.push_back({{"issuer", claims.issuer}, {"subject", claims.subject}});
  return patch_of(Kind::kUser, user.metadata.name, {{"open_ids", std::move(names)}});
}

api::Intent with_member(const config::Object& organization, const std::string& user) {
  const auto& spec = std::get<config::OrganizationSpec>(organization.spec);
  Tree members = Tree::array();
  for (const config::OrganizationMember& one : spec.members) {
    members.push_back({{"user", one.user}, {"role", auth::name_of(mirror::role_of(one.role))}});
  }
  const config::Role role = spec.sign_in->role.value_or(config::Role::kViewer);
  members.push_back({{"user", user}, {"role", auth::name_of(mirror::role_of(role))}});
  return patch_of(Kind::kOrganization, organization.metadata.name, {{"members", std::move(members)}});
}

}  // namespace

api::Answer<SignedIn> sign_in(const config::Whole& world, std::string_view organization,
                              const oidc::Claims& claims, Random& random) {
  const config::ObjectPointer object = world.find(Kind::kOrganization, organization);
  const auto* spec = object ? &std::get<config::OrganizationSpec>(object->spec) : nullptr;
  if (spec == nullptr || !spec->sign_in || spec->sign_in->issuer != claims.issuer) {
    return refuse(403, "forbidden", "nobody signs in so any more");
  }
  config::ObjectPointer user = user_known_as(world, claims);
  const bool is_new_here = !user;
  const bool has_email = claims.email_verified && !claims.email.empty();
  if (!user && !has_email) {
    return refuse(403, "forbidden", "the provider of identities vouches for no e-mail address of yours");
  }
  if (!user) user = world.user_of_email(claims.email);
  if (user && account_of(*user).disabled) return refuse(403, "forbidden", "this account is disabled");
  const bool is_member = user && std::ranges::find(spec->members, user->metadata.name,
                                                   &config::OrganizationMember::user) != spec->members.end();
  if (!is_member && !(has_email && lets_in(*spec->sign_in, claims.email))) {
    return refuse(
        403, "forbidden",
        "you are no member of " + std::string(organization) + "; one of its administrators adds you");
  }
  SignedIn signed_in;
  if (!user) {
    signed_in.user = free_name(world, claims.email, random);
    auto made = new_user(signed_in.user, claims);
    if (!made) return refuse(std::move(made.error()));
    signed_in.intents.push_back(std::move(*made));
  } else {
    signed_in.user = user->metadata.name;
    if (is_new_here) signed_in.intents.push_back(with_name(*user, claims));
  }
  if (!is_member) signed_in.intents.push_back(with_member(*object, signed_in.user));
  return signed_in;
}

}  // namespace weir::session
