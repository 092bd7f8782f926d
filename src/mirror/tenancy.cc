#include "mirror/tenancy.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

#include "config/kinds.h"

namespace weir::mirror {
namespace {

using config::Kind;
using config::Object;
using config::ObjectChange;
using config::Report;

// Nobody but the platform has these.
bool is_of_platform(Kind kind) {
  return kind == Kind::kEdge || kind == Kind::kNode || kind == Kind::kRollout || kind == Kind::kUser ||
         kind == Kind::kOrganization || kind == Kind::kSession;
}

// As it would be; null: there would be none.
const config::OrganizationSpec* organization_after(const config::Whole& objects,
                                                   std::span<const ObjectChange> changes,
                                                   std::string_view name) {
  for (const ObjectChange& change : changes) {
    if (change.kind() != Kind::kOrganization || change.name() != name) continue;
    return change.after ? &std::get<config::OrganizationSpec>(change.after->spec) : nullptr;
  }
  const auto object = objects.find(Kind::kOrganization, name);
  return object ? &std::get<config::OrganizationSpec>(object->spec) : nullptr;
}

void check_token(const ObjectChange& change, const config::OrganizationSpec& organization, Report& report) {
  const auto& token = std::get<config::TokenSpec>(change.after->spec);
  const Report::Step part(report, "spec");
  if (token.role == config::Role::kJoin) {
    const Report::Step field(report, "role");
    report.add("is the platform's to give: machines are its own");
  }
  const bool same = change.before && std::get<config::TokenSpec>(change.before->spec).user == token.user;
  if (token.user.empty() || same) return;
  const auto member = std::ranges::find(organization.members, token.user, &config::OrganizationMember::user);
  if (member != organization.members.end()) return;
  // As to who is not there at all: who is, is nobody's business here.
  const Report::Step field(report, "user");
  report.add("there is no User \"" + token.user + '"');
}

// Whose label it has joins it with what is that user's: only a member can be.
void check_owner(const ObjectChange& change, const config::OrganizationSpec& organization, Report& report) {
  const std::string_view owner = config::owner_of(*change.after);
  if (owner.empty() || (change.before && config::owner_of(*change.before) == owner)) return;
  if (std::ranges::find(organization.members, owner, &config::OrganizationMember::user) !=
      organization.members.end())
    return;
  const Report::Step part(report, "metadata");
  const Report::Step labels(report, "labels");
  const Report::Step field(report, config::kOwnerLabel);
  report.add("there is no User \"" + std::string(owner) + '"');
}

// What nobody else claims is the platform's to answer.
void check_listeners(const config::LoadBalancerSpec& spec, Report& report) {
  const Report::Step part(report, "spec");
  const Report::Step list(report, "listeners");
  for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
    const config::Listener& listener = spec.listeners[i];
    const std::uint32_t port = config::shared_or_own_port(listener);
    const bool shares = port == config::kSharedHttp || port == config::kSharedHttps;
    if (!shares || !listener.hostnames.empty()) continue;
    const Report::Step item(report, i);
    const Report::Step field(report, "hostnames");
    report.add("is required: only the platform takes all hosts");
  }
}

void check(const config::Whole& objects, std::span<const ObjectChange> changes, const ObjectChange& change,
           Report& report) {
  const std::string& name = change.after->metadata.organization;
  const auto* organization = organization_after(objects, changes, name);
  {
    const Report::Step part(report, "metadata");
    const Report::Step field(report, "organization");
    if (is_of_platform(change.kind()))
      return report.add("is not for objects of this kind, which are the platform's");
    if (organization == nullptr) return report.add("there is no Organization \"" + name + '"');
  }
  check_owner(change, *organization, report);
  if (change.kind() == Kind::kToken) check_token(change, *organization, report);
  const auto* balancer = std::get_if<config::LoadBalancerSpec>(&change.after->spec);
  if (balancer != nullptr) check_listeners(*balancer, report);
}

}  // namespace

config::Violations check_organizations(const config::Whole& objects, std::span<const ObjectChange> changes) {
  config::Violations violations;
  for (const ObjectChange& change : changes) {
    if (!change.after || change.after->metadata.organization.empty()) continue;
    Report report(config::reference_of(*change.after));
    check(objects, changes, change, report);
    std::ranges::move(report.take(), std::back_inserter(violations));
    if (violations.size() >= Report::kViolationsMax) break;
  }
  return violations;
}

config::Violations check_emptied(const config::Whole& objects, std::span<const ObjectChange> changes) {
  config::Violations violations;
  for (const ObjectChange& change : changes) {
    if (change.kind() != Kind::kOrganization || change.after) continue;
    const auto goes = [&](const Object& object) {
      return std::ranges::any_of(changes, [&](const ObjectChange& other) {
        return !other.after && other.kind() == object.kind() && other.name() == object.metadata.name;
      });
    };
    for (const config::KindInfo& kind : config::kKinds) {
      if (config::names_loosely(kind.kind)) continue;
      for (const config::ObjectPointer& object : objects.of(kind.kind)) {
        if (object->metadata.organization != change.name() || goes(*object)) continue;
        if (violations.size() >= Report::kViolationsMax) return violations;
        violations.push_back({"metadata.organization",
                              "still names Organization \"" + change.name() + "\", which is to be deleted",
                              config::reference_of(*object)});
      }
    }
  }
  return violations;
}

std::string exceeded_quota(const config::Whole& objects, std::span<const ObjectChange> changes) {
  std::map<std::pair<std::string, Kind>, std::ptrdiff_t> more;
  for (const ObjectChange& change : changes) {
    const std::string& organization = change.either().metadata.organization;
    if (organization.empty() || (change.before && change.after)) continue;
    more[{organization, change.kind()}] += change.after ? 1 : -1;
  }
  for (const auto& [which, count] : more) {
    const auto& [name, kind] = which;
    const auto* organization = count > 0 ? organization_after(objects, changes, name) : nullptr;
    if (organization == nullptr) continue;
    const std::string_view plural = config::info_of(kind).plural;
    const auto quota = std::ranges::find(organization->quotas, plural, &config::Quota::kind);
    if (quota == organization->quotas.end()) continue;
    const auto has = std::ranges::count_if(objects.of(kind), [&](const config::ObjectPointer& object) {
      return object->metadata.organization == name;
    });
    if (has + count <= static_cast<std::ptrdiff_t>(quota->max)) continue;
    return "the organization " + name + " has " + std::to_string(has) + " of the " +
           std::to_string(quota->max) + ' ' + std::string(plural) + " that it may have";
  }
  return {};
}

bool concerns_organizations(std::span<const ObjectChange> changes) {
  return std::ranges::any_of(changes, [](const ObjectChange& change) {
    return change.kind() == Kind::kOrganization || !change.either().metadata.organization.empty();
  });
}

}  // namespace weir::mirror
