// What spans the fields of the kinds that say who may do what: Token, User and Organization.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "auth/ssh_key.h"
#include "base/text.h"
#include "config/kinds.h"
#include "config/schema_kinds.h"

namespace weir::config {
namespace {

constexpr bool is_of_people(Role role) { return role <= Role::kViewer; }
static_assert(is_of_people(Role::kEditor) && !is_of_people(Role::kJoin));

void check_people(Role role, Report& report) {
  if (is_of_people(role)) return;
  const Report::Step field(report, "role");
  report.add("must be owner, admin, editor or viewer; the others are for tokens");
}

void check_scopes(const TokenSpec& spec, Report& report) {
  const Report::Step list(report, "scopes");
  if (!spec.scopes.empty() && !is_of_people(spec.role)) report.add("are for tokens of people");
  for (std::size_t i = 0; i < spec.scopes.size(); ++i) {
    const std::string_view scope = spec.scopes[i];
    const std::size_t colon = std::min(scope.find(':'), scope.size());
    const std::string_view kind = scope.substr(0, colon);
    const std::string_view what = scope.substr(std::min(colon + 1, scope.size()));
    const Report::Step item(report, i);
    if (what != "read" && what != "write") {
      report.add("must be like services:read, services:write or *:read");
    } else if (kind != "*" && find_plural(kind) == nullptr) {
      report.add("names no kind; write it as in services:read");
    }
  }
}

}  // namespace

void Schema<TokenSpec>::validate(const TokenSpec& spec, Report& report) {
  if (spec.role == Role::kTunnel && spec.user.empty()) {
    const Report::Step field(report, "user");
    report.add("is required: whose origins come in by it");
  }
  if (!spec.user.empty() && spec.role != Role::kTunnel && !is_of_people(spec.role)) {
    const Report::Step field(report, "user");
    report.add("is for tokens of people and of the role tunnel");
  }
  check_scopes(spec, report);
  if ((spec.role == Role::kMember) == spec.services.empty()) {
    const Report::Step field(report, "services");
    report.add(spec.services.empty() ? "is required: which services are joined by it"
                                     : "is for tokens of the role member");
  }
  if (spec.role == Role::kJoin) return;
  constexpr const char* kOnlyJoin = "is for tokens of the role join";
  if (spec.join) {
    const Report::Step field(report, "join");
    report.add(kOnlyJoin);
  }
  if (spec.uses != 1) {
    const Report::Step field(report, "uses");
    report.add(kOnlyJoin);
  }
}

void Schema<UserSpec>::validate(const UserSpec& spec, Report& report) {
  if (spec.role) check_people(*spec.role, report);
  const Report::Step list(report, "ssh_keys");
  std::set<std::pair<bool, std::string>> keys;
  for (std::size_t i = 0; i < spec.ssh_keys.size(); ++i) {
    const auto line = auth::parse_ssh_line(spec.ssh_keys[i]);
    if (!line || keys.emplace(line->is_authority, line->key.blob).second) continue;
    const Report::Step item(report, i);
    report.add("is there twice");
  }
}

void Schema<OrganizationSpec>::validate(const OrganizationSpec& spec, Report& report) {
  {
    const Report::Step list(report, "members");
    std::set<std::string_view> users;
    for (std::size_t i = 0; i < spec.members.size(); ++i) {
      const Report::Step item(report, i);
      check_people(spec.members[i].role, report);
      if (users.insert(spec.members[i].user).second) continue;
      const Report::Step field(report, "user");
      report.add("is a member already");
    }
  }
  {
    const Report::Step list(report, "quotas");
    std::set<std::string_view> kinds;
    for (std::size_t i = 0; i < spec.quotas.size(); ++i) {
      const Report::Step item(report, i);
      const Report::Step field(report, "kind");
      const std::string& kind = spec.quotas[i].kind;
      if (find_plural(kind) == nullptr) report.add("is no kind; write it as in services");
      if (!kinds.insert(kind).second) report.add("has a quota already");
    }
  }
  if (!spec.sign_in) return;
  const Report::Step sign_in(report, "sign_in");
  if (spec.sign_in->role) check_people(*spec.sign_in->role, report);
  const Report::Step list(report, "domains");
  for (std::size_t i = 0; i < spec.sign_in->domains.size(); ++i) {
    const Report::Step item(report, i);
    if (std::string wrong = check_dotted_name(spec.sign_in->domains[i]); !wrong.empty()) report.add(wrong);
  }
}

std::string identity_of_email(std::string_view email) { return "email " + to_lower(email); }

void each_identity(const Object& object, Report& report, const IdentityVisit& visit) {
  const Report::Step part(report, "spec");
  if (const auto* endpoint = std::get_if<EndpointSpec>(&object.spec);
      endpoint != nullptr && endpoint->tunnel) {
    const Report::Step slot(report, "tunnel");
    const Report::Step field(report, "port");
    visit("slot " + std::to_string(endpoint->tunnel->port), "");
  }
  const auto* user = std::get_if<UserSpec>(&object.spec);
  if (user == nullptr) return;
  {
    const Report::Step field(report, "email");
    visit(identity_of_email(user->email), "");
  }
  const Report::Step list(report, "ssh_keys");
  for (std::size_t i = 0; i < user->ssh_keys.size(); ++i) {
    const auto line = auth::parse_ssh_line(user->ssh_keys[i]);
    if (!line) continue;
    const Report::Step item(report, i);
    if (!line->is_authority) visit("ssh_key " + line->key.blob, "");
    for (const std::string& principal : line->principals_of(object.metadata.name)) {
      visit("ssh_authority " + line->key.blob + ' ' + principal, " for the principal \"" + principal + '"');
    }
  }
}

}  // namespace weir::config
