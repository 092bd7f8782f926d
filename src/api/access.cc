#include "api/access.h"

#include <algorithm>
#include <string>
#include <variant>

#include "auth/account_token.h"
#include "auth/permissions.h"
#include "auth/token.h"
#include "config/kinds.h"
#include "mirror/accounts.h"

namespace weir::api {
namespace {

auth::Verb verb_of(http::Method method) {
  switch (method) {
    case http::Method::kPost: return auth::Verb::kCreate;
    case http::Method::kPut:
    case http::Method::kPatch: return auth::Verb::kUpdate;
    case http::Method::kDelete: return auth::Verb::kDelete;
    default: return auth::Verb::kRead;
  }
}

// What is not of organizations: the machines, and what goes over all of them.
constexpr bool kind_of_platform(config::Kind kind) {
  switch (kind) {
    case config::Kind::kEdge:
    case config::Kind::kNode:
    case config::Kind::kRollout: return true;
    case config::Kind::kLoadBalancer:
    case config::Kind::kService:
    case config::Kind::kEndpoint:
    case config::Kind::kToken:
    case config::Kind::kEvent:
    case config::Kind::kCertificate:
    case config::Kind::kSecret:
    case config::Kind::kTunnel:
    case config::Kind::kUser:
    case config::Kind::kZone:
    case config::Kind::kRecordSet:
    case config::Kind::kDnsProvider:
    case config::Kind::kDnsLedger:
    case config::Kind::kDnsWeights:
    case config::Kind::kWorkload:
    case config::Kind::kInstance:
    case config::Kind::kOrganization:
    case config::Kind::kSession: return false;
  }
  return true;
}

// A place without a kind that shows more than the caller's own. The others look at each object.
constexpr bool place_of_platform(Place place) {
  switch (place) {
    case Place::kMetrics:
    case Place::kRollback:
    case Place::kImages:
    case Place::kImage: return true;
    case Place::kFront:
    case Place::kKinds:
    case Place::kApply:
    case Place::kCollection:
    case Place::kObject:
    case Place::kOpenApi:
    case Place::kHealth:
    case Place::kReady:
    case Place::kExplain:
    case Place::kEnroll:
    case Place::kRenew:
    case Place::kProviderPlan:
    case Place::kProviderSync:
    case Place::kLogs:
    case Place::kExec:
    case Place::kRequests:
    case Place::kRequest:
    case Place::kReplay:
    case Place::kWatch:
    case Place::kServiceHealth:
    case Place::kGraphs:
    case Place::kSession: return false;
  }
  return true;
}

bool is_of_platform(const Target& target) {
  return target.kind != nullptr ? kind_of_platform(target.kind->kind) : place_of_platform(target.place);
}

std::unexpected<Problem> of_platform() {
  return refuse(403, "forbidden", "this is the platform's, and not for an organization");
}

std::unexpected<Problem> not_of_role(const auth::Identity& caller, auth::Verb verb) {
  std::string detail = "a token of the role ";
  detail.append(auth::name_of(caller.role)).append(" may not ");
  detail.append(verb == auth::Verb::kRead ? "read this kind" : "write");
  if (verb != auth::Verb::kRead && auth::allowed(caller.role, verb, "")) detail.append(" this kind");
  return refuse(403, "forbidden", std::move(detail));
}

std::unexpected<Problem> not_in_scopes(const auth::Identity& caller) {
  std::string scopes;
  for (const std::string& scope : caller.scopes) scopes.append(scopes.empty() ? "" : ", ").append(scope);
  return refuse(403, "forbidden", "this token's scopes leave only " + scopes);
}

// What is written at /v1/apply, and what is watched together, is looked at one by one.
Answer<void> permit_scopes(const auth::Identity& caller, const Target& target, http::Method method) {
  if (target.place == Place::kKinds || target.place == Place::kApply || target.place == Place::kWatch)
    return {};
  const bool is_image = target.place == Place::kImages || target.place == Place::kImage;
  const std::string_view plural = target.kind != nullptr ? target.kind->plural : is_image ? "images" : "";
  const auth::Verb verb = target.place == Place::kExec ? auth::Verb::kUpdate : verb_of(method);
  if (auth::in_scopes(caller.scopes, verb, plural)) return {};
  return not_in_scopes(caller);
}

// Admins of the platform may give any role; elsewhere only an owner makes owners.
bool is_above(const auth::Identity& caller, config::Role role) {
  const bool has_all = caller.is_platform() && caller.role <= auth::Role::kAdmin;
  return !has_all && mirror::role_of(role) < caller.role;
}

std::unexpected<Problem> above(const auth::Identity& caller) {
  return refuse(403, "forbidden",
                "who has the role " + std::string(auth::name_of(caller.role)) +
                    " can't give, change or take a higher one");
}

// "*:write" is all there is to write and read.
bool covers(const auth::Identity& caller, std::string_view scope) {
  if (caller.scopes.empty()) return true;
  const std::size_t colon = scope.find(':');
  const bool writes = scope.substr(colon + 1) == "write";
  return auth::in_scopes(caller.scopes, writes ? auth::Verb::kUpdate : auth::Verb::kRead,
                         scope.substr(0, colon));
}

Answer<void> permit_token(const auth::Identity& caller, const config::Object* before,
                          const config::Object* after) {
  for (const config::Object* object : {before, after}) {
    if (object == nullptr) continue;
    const auto& spec = std::get<config::TokenSpec>(object->spec);
    if (is_above(caller, spec.role)) return above(caller);
    if (!caller.is_platform() && spec.role == config::Role::kJoin) return of_platform();
  }
  if (caller.scopes.empty() || after == nullptr) return {};
  const auto& scopes = std::get<config::TokenSpec>(after->spec).scopes;
  const auto is_covered = [&](const std::string& scope) { return covers(caller, scope); };
  if (!scopes.empty() && std::ranges::all_of(scopes, is_covered)) return {};
  return refuse(403, "forbidden", "a token with scopes makes only tokens that have no others");
}

Answer<void> permit_user(const auth::Identity& caller, const config::Object* before,
                         const config::Object* after) {
  for (const config::Object* object : {before, after}) {
    if (object == nullptr) continue;
    const auto& role = std::get<config::UserSpec>(object->spec).role;
    if (role && is_above(caller, *role)) return above(caller);
  }
  return {};
}

// Members that one has and the other has not, as they are there.
bool moves_owner(const config::OrganizationSpec& one, const config::OrganizationSpec& other) {
  return std::ranges::any_of(one.members, [&](const config::OrganizationMember& member) {
    return member.role == config::Role::kOwner &&
           std::ranges::find(other.members, member) == other.members.end();
  });
}

// By one of its own people.
Answer<void> permit_organization(const auth::Identity& caller, const config::Object* before,
                                 const config::Object* after) {
  if (caller.is_platform()) return {};
  if (before == nullptr || after == nullptr) return of_platform();
  const auto& was = std::get<config::OrganizationSpec>(before->spec);
  config::OrganizationSpec is = std::get<config::OrganizationSpec>(after->spec);
  if (is.quotas != was.quotas) {
    return refuse(403, "forbidden", "quotas are the platform's to give");
  }
  // Or else an organization could have the controller knock at doors of its own machine.
  if (is.sign_in && is.sign_in != was.sign_in && is.sign_in->issuer.starts_with("http://")) {
    return refuse(403, "forbidden", "an issuer without https:// is the platform's to set");
  }
  if (caller.role == auth::Role::kOwner) return {};
  if (moves_owner(was, is) || moves_owner(is, was)) return above(caller);
  is.members = was.members;
  const bool same = is == was && before->metadata.labels == after->metadata.labels &&
                    before->metadata.annotations == after->metadata.annotations;
  if (same) return {};
  return refuse(403, "forbidden", "only an owner changes more of its organization than the members");
}

bool is_among(const auth::Identity& caller, std::string_view service) {
  return std::ranges::find(caller.services, service) != caller.services.end();
}

std::unexpected<Problem> not_a_members(const auth::Identity& caller) {
  std::string names;
  for (const std::string& service : caller.services) names.append(names.empty() ? "" : ", ").append(service);
  return refuse(403, "forbidden",
                "this token is for Endpoints with an address, to join and leave " +
                    std::string(caller.services.size() == 1 ? "the service " : "the services ") + names +
                    ", and for nothing else");
}

bool is_for_members(const auth::Identity& caller, const Target& target, http::Method method) {
  // Both are looked at again, when it is known what they are about.
  if (target.place == Place::kApply || target.place == Place::kGraphs) return true;
  if (target.kind == nullptr || !auth::allowed(caller.role, verb_of(method), target.kind->name)) return false;
  return !http::is_safe(method) || (target.place == Place::kObject && is_among(caller, target.name));
}

}  // namespace

Answer<auth::Identity> Access::identify(const http::Request& request) {
  if (!tokens_.is_known()) {
    return refuse(Problem{503, "not-ready", "it is not known yet which tokens are valid", {}, {}, 1});
  }
  const std::string_view bearer = auth::bearer_of(request.head.fields.value_of(http::Known::kAuthorization));
  auth::Verdict verdict = tokens_.check(bearer, env_.loop.clock().wall_now());
  if (verdict.identity) {
    if (throttle_.size() > 0) throttle_.succeeded(request.peer);
    return std::move(*verdict.identity);
  }
  refused_.add();
  if (auth::looks_like_account_token(bearer)) {
    return refuse(403, "forbidden", "the token of an account is for its own sockets; the API takes others");
  }
  if (verdict.outcome != auth::Outcome::kMissing) {
    const Instant now = env_.loop.now();
    if (const Duration wait = throttle_.wait(request.peer, now); wait > Duration::zero()) {
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
      return refuse(Problem{429,
                            "too-many-failures",
                            "too many wrong tokens came from this address",
                            {},
                            {},
                            static_cast<std::uint32_t>(seconds)});
    }
    throttle_.failed(request.peer, now);
    env_.log.warning("a token is refused", {{"reason", std::string(name_of(verdict.outcome))},
                                            {"token_id", verdict.id},
                                            {"from", request.peer.ip()}});
  }
  return refuse(401, "unauthenticated", verdict.identity.error().text);
}

bool Access::is_valid(const auth::Identity& caller) const {
  return tokens_.is_valid(caller, env_.loop.clock().wall_now());
}

Answer<void> permit(const auth::Identity& caller, const Target& target, http::Method method) {
  if (caller.role == auth::Role::kMember) {
    if (!is_for_members(caller, target, method)) return not_a_members(caller);
    return permit_scopes(caller, target, method);
  }
  if (!caller.is_platform() && is_of_platform(target)) return of_platform();
  const bool is_image = target.place == Place::kImages || target.place == Place::kImage;
  const std::string_view kind = target.kind != nullptr ? target.kind->name : is_image ? "Image" : "";
  const auth::Verb verb = verb_of(method);
  const bool sees_self = !caller.is_platform() && target.kind != nullptr && verb == auth::Verb::kRead &&
                         target.kind->kind == config::Kind::kOrganization &&
                         caller.role <= auth::Role::kViewer;
  if (!sees_self && !auth::allowed(caller.role, verb, kind)) return not_of_role(caller, verb);
  return permit_scopes(caller, target, method);
}

Answer<void> permit_member(const auth::Identity& caller, const config::Object* object) {
  if (caller.role != auth::Role::kMember || object == nullptr) return {};
  const auto* spec = std::get_if<config::EndpointSpec>(&object->spec);
  if (spec != nullptr && !spec->tunnel && is_among(caller, spec->service)) return {};
  return not_a_members(caller);
}

Answer<void> permit_kind(const auth::Identity& caller, config::Kind kind, auth::Verb verb) {
  const config::KindInfo& info = config::info_of(kind);
  if (!caller.is_platform()) {
    if (kind_of_platform(kind)) return of_platform();
    const bool is_fixed =
        kind == config::Kind::kOrganization && (verb == auth::Verb::kCreate || verb == auth::Verb::kDelete);
    if (is_fixed || (kind == config::Kind::kUser && verb != auth::Verb::kRead)) return of_platform();
  }
  if (!auth::allowed(caller.role, verb, info.name)) return not_of_role(caller, verb);
  if (!auth::in_scopes(caller.scopes, verb, info.plural)) return not_in_scopes(caller);
  return {};
}

Answer<void> permit_write(const auth::Identity& caller, const config::Object* before,
                          const config::Object* after) {
  switch ((after != nullptr ? after : before)->kind()) {
    case config::Kind::kToken: return permit_token(caller, before, after);
    case config::Kind::kUser: return permit_user(caller, before, after);
    case config::Kind::kOrganization: return permit_organization(caller, before, after);
    default: return {};
  }
}

}  // namespace weir::api
