#include "mirror/sight.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "mirror/records.h"

namespace weir::mirror {

using config::Kind;

Sight::Sight(const auth::Identity& caller, const config::Whole& objects)
    : objects_(caller.is_platform() ? nullptr : &objects),
      organization_(caller.organization),
      user_(caller.user) {}

bool Sight::sees(Kind kind, std::string_view name, std::string_view organization) const {
  switch (kind) {
    case Kind::kOrganization: return name == organization_;
    case Kind::kUser: {
      const auto own = objects_->find(Kind::kOrganization, organization_);
      if (!own) return false;
      const auto& members = std::get<config::OrganizationSpec>(own->spec).members;
      return std::ranges::find(members, name, &config::OrganizationMember::user) != members.end();
    }
    case Kind::kSession: {
      const auto session = objects_->find(Kind::kSession, name);
      return session && !user_.empty() && std::get<config::SessionSpec>(session->spec).user == user_;
    }
    default: return organization == organization_;
  }
}

bool Sight::sees(const config::Object& object) const {
  return is_whole() || sees(object.kind(), object.metadata.name, object.metadata.organization);
}

bool Sight::may_see(Kind kind, std::string_view name, std::string_view value) const {
  if (is_whole()) return true;
  const auto organization = organization_in(value);
  return !organization || sees(kind, name, *organization);
}

void Sight::redact(config::Object& object) const {
  auto* user = std::get_if<config::UserSpec>(&object.spec);
  if (is_whole() || user == nullptr) return;
  config::UserSpec shown;
  shown.email = std::move(user->email);
  shown.display_name = std::move(user->display_name);
  *user = std::move(shown);
  object.metadata.labels.clear();
  object.metadata.annotations.clear();
  object.status.clear();
}

}  // namespace weir::mirror
