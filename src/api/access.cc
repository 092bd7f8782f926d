#include "api/access.h"

#include <algorithm>
#include <string>
#include <variant>

#include "auth/account_token.h"
#include "auth/permissions.h"
#include "auth/token.h"

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
  if (target.place == Place::kApply) return true;
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

bool Access::is_valid(std::string_view token_name) const {
  return tokens_.is_valid(token_name, env_.loop.clock().wall_now());
}

Answer<void> permit(const auth::Identity& caller, const Target& target, http::Method method) {
  if (caller.role == auth::Role::kMember) {
    if (is_for_members(caller, target, method)) return {};
    return not_a_members(caller);
  }
  const bool is_image = target.place == Place::kImages || target.place == Place::kImage;
  const std::string_view kind = target.kind != nullptr ? target.kind->name : is_image ? "Image" : "";
  const auth::Verb verb = verb_of(method);
  if (auth::allowed(caller.role, verb, kind)) return {};
  std::string detail = "a token of the role ";
  detail.append(auth::name_of(caller.role)).append(" may not ");
  detail.append(verb == auth::Verb::kRead ? "read this kind" : "write");
  return refuse(403, "forbidden", std::move(detail));
}

Answer<void> permit_write(const auth::Identity& caller, const config::Object* object) {
  if (caller.role != auth::Role::kMember || object == nullptr) return {};
  const auto* spec = std::get_if<config::EndpointSpec>(&object->spec);
  if (spec != nullptr && !spec->tunnel && is_among(caller, spec->service)) return {};
  return not_a_members(caller);
}

}  // namespace weir::api
