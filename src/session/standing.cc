#include "session/standing.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "mirror/accounts.h"
#include "session/secret.h"

namespace weir::session {
namespace {

using config::Kind;

bool is_disabled(const config::Object& owner) {
  const auto* user = std::get_if<config::UserSpec>(&owner.spec);
  return user != nullptr && user->disabled;
}

// The token's own; one of the platform's may look at one organization alone.
std::optional<auth::Identity> token_identity(const auth::TokenTable& tokens, const std::string& token,
                                             std::string_view organization, WallTime now) {
  auto identity = tokens.find(token, now);
  if (!identity) return std::nullopt;
  if (identity->organization != organization && !identity->is_platform()) return std::nullopt;
  identity->organization = organization;
  return identity;
}

std::optional<auth::Identity> user_identity(const config::Whole& world, const std::string& user,
                                            std::string_view organization) {
  auto here = mirror::identity_of(world, user, organization);
  auto everywhere = mirror::identity_of(world, user, {});
  if (!everywhere || organization.empty()) return here;
  if (!world.find(Kind::kOrganization, organization)) return std::nullopt;
  everywhere->organization = organization;
  return here && here->role < everywhere->role ? std::move(here) : std::move(everywhere);
}

std::optional<auth::Identity> identity_in(const config::Whole& world, const auth::TokenTable& tokens,
                                          const config::Object& session, std::string_view organization,
                                          WallTime now) {
  const config::SessionSpec& spec = terms_of(session);
  // One that an organization's provider of identities has vouched for acts as nothing more than its member.
  const std::string& only = session.metadata.organization;
  if (!only.empty() && organization != only) return std::nullopt;
  auto identity = !spec.token.empty() ? token_identity(tokens, spec.token, organization, now)
                  : only.empty()      ? user_identity(world, spec.user, organization)
                                      : mirror::identity_of(world, spec.user, organization);
  if (!identity) return std::nullopt;
  identity->session = session.metadata.name;
  return identity;
}

std::string choice_of(const std::vector<Belonging>& all) {
  std::string names;
  for (const Belonging& one : all) names.append(names.empty() ? "" : ", ").append(one.organization);
  return names;
}

}  // namespace

config::ObjectPointer owner_of(const config::Whole& world, const config::SessionSpec& spec) {
  if (!spec.token.empty()) return world.find(Kind::kToken, spec.token);
  return spec.user.empty() ? nullptr : world.find(Kind::kUser, spec.user);
}

std::string ended(const config::Whole& world, const config::Object& session, WallTime now) {
  const config::SessionSpec& spec = terms_of(session);
  if (spec.expires_at && now >= *spec.expires_at) return "its time is over";
  if (spec.pending) return {};
  const config::ObjectPointer owner = owner_of(world, spec);
  if (!owner) return spec.token.empty() ? "its user is gone" : "its token is gone";
  if (is_disabled(*owner)) return "its user is disabled";
  const auto kept = Kept::parse(spec.hash);
  if (!kept || kept->mark != mark_of(*owner)) {
    return spec.token.empty() ? "its user has another password" : "its token is another";
  }
  return {};
}

bool is_only_in(const config::Whole& world, const config::Object& user, std::string_view organization) {
  const std::vector<std::string> all = mirror::organizations_of(world, user.metadata.name);
  return !std::get<config::UserSpec>(user.spec).role && all.size() == 1 && all.front() == organization;
}

std::vector<Belonging> belongings_of(const config::Whole& world, const auth::TokenTable& tokens,
                                     const config::Object& session, WallTime now) {
  const config::SessionSpec& spec = terms_of(session);
  std::vector<Belonging> all;
  const auto add = [&](std::string_view organization) {
    const auto identity = identity_in(world, tokens, session, organization, now);
    if (identity) all.push_back({std::string(organization), identity->role});
  };
  if (!session.metadata.organization.empty()) {
    add(session.metadata.organization);
    return all;
  }
  add({});
  if (!all.empty()) {  // of the platform: it can look at each
    for (const config::ObjectPointer& one : world.of(Kind::kOrganization)) add(one->metadata.name);
  } else if (!spec.token.empty()) {
    if (const auto identity = tokens.find(spec.token, now)) add(identity->organization);
  } else {
    for (const std::string& name : mirror::organizations_of(world, spec.user)) add(name);
  }
  return all;
}

api::Answer<auth::Identity> identity_of(const config::Whole& world, const auth::TokenTable& tokens,
                                        const config::Object& session,
                                        std::optional<std::string_view> organization, WallTime now) {
  if (organization) {
    auto identity = identity_in(world, tokens, session, *organization, now);
    if (identity) return std::move(*identity);
    return api::refuse(403, "forbidden", "you are no member of that organization");
  }
  if (auto platform = identity_in(world, tokens, session, {}, now)) return std::move(*platform);
  const std::vector<Belonging> all = belongings_of(world, tokens, session, now);
  if (all.empty()) return api::refuse(403, "forbidden", "you belong to no organization yet");
  if (all.size() > 1) {
    return api::refuse(
        400, "organization-needed",
        "you belong to several organizations; say which one by X-Weir-Organization: " + choice_of(all));
  }
  return *identity_in(world, tokens, session, all.front().organization, now);
}

}  // namespace weir::session
