#include "mirror/accounts.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/text.h"

namespace weir::mirror {
namespace {

using config::Kind;

constexpr std::size_t kUserNameBytesMax = 40;

// Empty: whoever holds it is a machine, or nobody else's business.
bool is_personal(const config::TokenSpec& spec) {
  return !spec.user.empty() && spec.role <= config::Role::kViewer;
}

const config::UserSpec* active_user(const config::Whole& objects, std::string_view name) {
  const auto object = objects.find(Kind::kUser, name);
  const auto* spec = object ? &std::get<config::UserSpec>(object->spec) : nullptr;
  return spec != nullptr && !spec->disabled ? spec : nullptr;
}

const config::OrganizationMember* member_of(const config::Object& organization, std::string_view user) {
  const auto& members = std::get<config::OrganizationSpec>(organization.spec).members;
  const auto found = std::ranges::find(members, user, &config::OrganizationMember::user);
  return found != members.end() ? &*found : nullptr;
}

}  // namespace

std::string user_name_of(std::string_view email) {
  std::string name;
  for (const char c : to_lower(email.substr(0, email.find('@')))) {
    const bool is_letter = c >= 'a' && c <= 'z';
    const bool is_digit = c >= '0' && c <= '9';
    if (name.size() == kUserNameBytesMax) break;
    if (is_letter || (is_digit && !name.empty())) {
      name += c;
    } else if (!name.empty() && !name.ends_with('-')) {
      name += '-';
    }
  }
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "user" : name;
}

auth::Role role_of(config::Role role) {
  switch (role) {
    case config::Role::kOwner: return auth::Role::kOwner;
    case config::Role::kAdmin: return auth::Role::kAdmin;
    case config::Role::kEditor: return auth::Role::kEditor;
    case config::Role::kJoin: return auth::Role::kJoin;
    case config::Role::kTunnel: return auth::Role::kTunnel;
    case config::Role::kMember: return auth::Role::kMember;
    case config::Role::kViewer: break;
  }
  return auth::Role::kViewer;
}

std::optional<auth::Role> role_of(const config::Whole& objects, std::string_view user,
                                  std::string_view organization) {
  const config::UserSpec* spec = active_user(objects, user);
  if (spec == nullptr) return std::nullopt;
  if (organization.empty()) return spec->role ? std::optional(role_of(*spec->role)) : std::nullopt;
  const auto object = objects.find(Kind::kOrganization, organization);
  const auto* member = object ? member_of(*object, user) : nullptr;
  return member != nullptr ? std::optional(role_of(member->role)) : std::nullopt;
}

std::optional<auth::Identity> identity_of(const config::Whole& objects, std::string_view user,
                                          std::string_view organization) {
  const auto role = role_of(objects, user, organization);
  if (!role) return std::nullopt;
  return auth::Identity{
      .token = {}, .role = *role, .user = std::string(user), .organization = std::string(organization)};
}

std::vector<std::string> organizations_of(const config::Whole& objects, std::string_view user) {
  std::vector<std::string> names;
  if (active_user(objects, user) == nullptr) return names;
  for (const config::Object* object : objects.referrers(Kind::kUser, user)) {
    if (object->kind() == Kind::kOrganization) names.push_back(object->metadata.name);
  }
  return names;
}

std::vector<auth::TokenRecord> token_records(const config::Whole& objects,
                                             const std::function<void(const config::Object&)>& unreadable) {
  std::vector<auth::TokenRecord> records;
  records.reserve(objects.of(Kind::kToken).size());
  for (const config::ObjectPointer& object : objects.of(Kind::kToken)) {
    const auto& spec = std::get<config::TokenSpec>(object->spec);
    const auto hash = auth::TokenHash::parse(spec.hash);
    if (!hash) {
      unreadable(*object);
      continue;
    }
    auth::TokenRecord record{.name = object->metadata.name,
                             .hash = *hash,
                             .role = role_of(spec.role),
                             .expires_at = spec.expires_at,
                             .services = spec.services,
                             .user = spec.user,
                             .organization = object->metadata.organization,
                             .scopes = spec.scopes};
    if (is_personal(spec)) {
      const auto role = role_of(objects, spec.user, record.organization);
      record.revoked = !role;
      record.role = std::max(record.role, role.value_or(record.role));
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::string home_of(const config::Whole& objects, std::string_view user) {
  auto names = organizations_of(objects, user);
  return names.size() == 1 ? std::move(names.front()) : std::string();
}

}  // namespace weir::mirror
