#include "enroll/registrar.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <utility>

#include "auth/token.h"
#include "base/text.h"
#include "config/kinds.h"
#include "mirror/records.h"
#include "mirror/writes.h"

namespace weir::enroll {
namespace {

using config::Kind;
using config::Object;
using mirror::encode;
using mirror::key_of;

constexpr int kTriesMax = 5;  // another writer came between: rare, and never so often in a row

std::unexpected<Refusal> refuse(int status, std::string_view slug, std::string sentence) {
  return std::unexpected(Refusal{status, slug, std::move(sentence), 0});
}
std::unexpected<Refusal> unavailable(const Error& error) {
  return std::unexpected(Refusal{503, "unavailable", std::string("the store: ") + error.text, 1});
}

// What the client did wrong, as against what went wrong here.
bool is_judged(const Refusal& refusal) { return refusal.status < 500; }

std::string random_hex(Random& random) {
  const std::array<std::uint64_t, 1> bits{random.next()};
  return to_hex(std::as_bytes(std::span(bits)));
}

// What an Edge and a Node have in common.
template <class Some, class Visit>
auto with_machine(Some& object, const Visit& visit) {
  if (auto* node = std::get_if<config::NodeSpec>(&object.spec)) return visit(*node);
  return visit(std::get<config::EdgeSpec>(object.spec));
}
bool is_revoked(const Object& object) {
  return with_machine(object, [](const auto& machine) { return machine.revoked; });
}
std::string_view role_of(const Object& object) {
  return object.kind() == Kind::kNode ? auth::kNodeRole : auth::kEdgeRole;
}
std::string called(const Object& object) {  // "the edge fra-1"
  return "the " + std::string(role_of(object)) + ' ' + object.metadata.name;
}
constexpr std::string_view an(std::string_view role) {
  return role == auth::kEdgeRole ? "an edge" : "a node";
}

const config::TokenSpec& token_of(const Object& object) { return std::get<config::TokenSpec>(object.spec); }

void take(std::string& place, const std::string& wanted) {
  if (!wanted.empty()) place = wanted;
}
// A node that joins anew is still not to get instances, where somebody has said so.
void keep_orders(const Object& before, Object& after) {
  auto* node = std::get_if<config::NodeSpec>(&after.spec);
  if (node == nullptr) return;
  node->cordoned = std::get<config::NodeSpec>(before.spec).cordoned;
  node->drained = std::get<config::NodeSpec>(before.spec).drained;
}

}  // namespace

bool is_node(const config::Whole& objects, std::string_view domain, const http::TlsInfo* tls) {
  const std::string_view names = tls == nullptr ? std::string_view() : tls->client_names;
  const auto node = objects.find(config::Kind::kNode, auth::name_in(names, domain, auth::kNodeRole));
  return node && !std::get<config::NodeSpec>(node->spec).revoked;
}

// What a request comes to when it is granted.
struct Registrar::Entitled {
  std::string actor;
  std::string_view verb;         // static
  std::optional<Object> token;   // as it was; none: a renewal
  std::optional<Object> before;  // the machine's; none: there was none
  Object after;
};

Registrar::Registrar(net::Env& env, store::Store& store, const auth::TokenTable& tokens,
                     std::shared_ptr<const tls::Authority> authority, std::string domain,
                     std::uint16_t discovery_port)
    : env_(env),
      store_(store),
      tokens_(tokens),
      authority_(std::move(authority)),
      domain_(std::move(domain)),
      discovery_port_(discovery_port) {}

net::Task<std::expected<Enrolled, Refusal>> Registrar::enroll(Request request, Caller caller) {
  const std::string name = request.machine.metadata.name;
  const std::string_view kind = config::info_of(request.machine.kind()).name;
  const bool renews = request.token.empty() && caller.machine;
  std::expected<Enrolled, Refusal> result;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto entitled = co_await entitle(request, caller);
    if (!entitled) {
      result = std::unexpected(entitled.error());
      break;
    }
    const auth::Machine machine{domain_, std::string(role_of(request.machine)), name};
    auto chain = authority_->certify(request.csr, machine.uri(), env_.loop.clock().wall_now());
    if (!chain) {
      const bool theirs = chain.error().code == Code::kInvalid;
      result = refuse(theirs ? 422 : 500, theirs ? "invalid" : "internal", chain.error().text);
      break;
    }
    const auto revision = co_await commit(*entitled, caller);
    if (revision) {
      enrolled_.add();
      env_.log.info("a machine is let in", {{"name", name},
                                            {"kind", std::string(kind)},
                                            {"by", entitled->actor},
                                            {"verb", std::string(entitled->verb)},
                                            {"from", caller.address.ip()}});
      co_return Enrolled{{name, std::move(*chain), authority_->root_pem(), discovery_port_}, *revision};
    }
    result = std::unexpected(revision.error());
    if (revision.error().slug != "conflict") break;
  }
  refused_.add();
  if (!is_judged(result.error())) co_return result;
  const Instant now = env_.loop.now();
  if (const Duration wait = throttle_.wait(caller.address, now); wait > Duration::zero()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
    co_return std::unexpected(Refusal{429, "too-many-failures",
                                      "too many refused attempts came from this address",
                                      static_cast<std::uint32_t>(seconds)});
  }
  throttle_.failed(caller.address, now);
  std::string actor = renews ? caller.machine->role + '/' + caller.machine->name : std::string("nobody");
  co_await audit({.actor = std::move(actor),
                  .verb = renews ? "renew" : "enroll",
                  .kind = std::string(kind),
                  .name = name,
                  .remote_address = caller.address.ip(),
                  .reason = result.error().sentence,
                  .before = {},
                  .after = {}});
  co_return result;
}

net::Task<Registrar::Decided> Registrar::entitle(const Request& request, const Caller& caller) {
  if (!request.token.empty()) co_return co_await entitle_by_token(request);
  if (caller.machine) co_return co_await entitle_by_certificate(request, *caller.machine);
  co_return refuse(401, "unauthenticated",
                   "a join token is needed, or the certificate that the machine has already");
}

net::Task<Registrar::Decided> Registrar::entitle_by_token(const Request& request) {
  if (!tokens_.is_known()) {
    co_return std::unexpected(Refusal{503, "unavailable", "it is not known yet which tokens are valid", 1});
  }
  const WallTime now = env_.loop.clock().wall_now();
  const auth::Verdict verdict = tokens_.check(request.token, now);
  if (verdict.outcome == auth::Outcome::kExpired) {
    co_return refuse(401, "unauthenticated", "the join token has expired");
  }
  if (!verdict.identity) co_return refuse(401, "unauthenticated", "the join token is not valid");
  if (verdict.identity->role != auth::Role::kJoin) {
    co_return refuse(403, "forbidden", "the token is none of the role join");
  }
  auto token = co_await read(Kind::kToken, verdict.identity->token);
  if (!token) co_return unavailable(token.error());
  const auto hash = *token ? auth::TokenHash::parse(token_of(**token).hash) : std::nullopt;
  if (!hash || hash->id != verdict.id) {  // deleted, or another one by now
    co_return refuse(401, "unauthenticated", "the join token is not valid");
  }
  const config::TokenSpec& spec = token_of(**token);
  if (spec.role != config::Role::kJoin || (spec.expires_at && now >= *spec.expires_at)) {
    co_return refuse(401, "unauthenticated", "the join token has expired");
  }
  if (spec.used >= spec.uses) {
    co_return refuse(403, "used-up",
                     "the join token has been used already (" + std::to_string(spec.used) + " of " +
                         std::to_string(spec.uses) + ")");
  }
  const config::Join join = spec.join.value_or(config::Join{});
  const std::string& name = request.machine.metadata.name;
  const std::string_view role = role_of(request.machine);
  const std::string_view wanted = join.role == config::MachineRole::kNode ? auth::kNodeRole : auth::kEdgeRole;
  if (role != wanted) {
    co_return refuse(
        403, "forbidden",
        "the join token is for " + std::string(an(wanted)) + ", not for " + std::string(an(role)));
  }
  if (!join.name.empty() && join.name != name) {
    co_return refuse(403, "forbidden", "the join token is for the name " + join.name);
  }
  auto before = co_await read(request.machine.kind(), name);
  if (!before) co_return unavailable(before.error());
  if (*before && is_revoked(**before)) co_return refuse(403, "revoked", called(**before) + " is revoked");
  if (*before && join.name.empty()) {
    co_return refuse(409, "exists",
                     "there is " + std::string(an(role)) + ' ' + name +
                         " already; only a join token for that name may replace it");
  }
  Object after = request.machine;
  config::Labels labels = *before ? (*before)->metadata.labels : config::Labels{};
  after.metadata.labels.merge(labels);
  for (const auto& [key, value] : join.labels) after.metadata.labels.insert_or_assign(key, value);
  with_machine(after, [&join](auto& machine) {
    take(machine.provider, join.provider);
    take(machine.region, join.region);
    take(machine.city, join.city);
  });
  if (*before) keep_orders(**before, after);
  std::string actor = (*token)->metadata.name;
  co_return Entitled{std::move(actor), "enroll", std::move(*token), std::move(*before), std::move(after)};
}

net::Task<Registrar::Decided> Registrar::entitle_by_certificate(const Request& request,
                                                                const auth::Machine& machine) {
  const std::string& name = request.machine.metadata.name;
  const std::string role(role_of(request.machine));
  if (machine.domain != domain_ || machine.role != role) {
    co_return refuse(403, "forbidden",
                     "the certificate is of " + machine.uri() + ", which is no " + role + " of " + domain_);
  }
  if (machine.name != name) {
    co_return refuse(403, "forbidden",
                     "the certificate is of the " + role + ' ' + machine.name + ", not of " + name);
  }
  auto before = co_await read(request.machine.kind(), name);
  if (!before) co_return unavailable(before.error());
  if (!*before) co_return refuse(403, "revoked", called(request.machine) + " has been deleted");
  if (is_revoked(**before)) co_return refuse(403, "revoked", called(**before) + " is revoked");
  Object after = **before;
  with_machine(after, [&request](auto& machine_then) {
    const auto& now = std::get<std::remove_reference_t<decltype(machine_then)>>(request.machine.spec);
    take(machine_then.version, now.version);
    take(machine_then.address, now.address);
  });
  std::string actor = machine.role + '/' + machine.name;
  co_return Entitled{std::move(actor), "renew", std::nullopt, std::move(*before), std::move(after)};
}

net::Task<Result<std::optional<Object>>> Registrar::read(Kind kind, std::string name) {
  const auto entry = co_await store_.get(key_of(kind, name));
  if (!entry && entry.error().code == Code::kNotFound) co_return std::nullopt;
  if (!entry) co_return fail(entry.error());
  auto object = mirror::decode(entry->value, entry->revision);
  if (!object) co_return fail(object.error());
  co_return std::move(*object);
}

net::Task<std::expected<store::Revision, Refusal>> Registrar::commit(const Entitled& entitled,
                                                                     const Caller& caller) {
  const WallTime now = env_.loop.clock().wall_now();
  store::Transaction transaction;
  if (entitled.token) {
    Object token = *entitled.token;
    const store::Revision expected = token.metadata.revision;
    ++std::get<config::TokenSpec>(token.spec).used;
    token.metadata.updated_at = now;
    transaction.put(key_of(Kind::kToken, token.metadata.name), encode(token), expected);
  }
  Object machine = entitled.after;
  const std::string key = key_of(machine.kind(), machine.metadata.name);
  const store::Revision expected = entitled.before ? entitled.before->metadata.revision : 0;
  if (!entitled.before) {
    machine.metadata.uid = random_hex(env_.random) + random_hex(env_.random);
    machine.metadata.created_at = now;
  } else {
    config::carry_server_fields(*entitled.before, machine);
  }
  if (entitled.before && machine == *entitled.before) {
    transaction.check(key, expected);
  } else {
    machine.metadata.updated_at = now;
    transaction.put(key, encode(machine), expected);
  }
  const auto shown = [](const Object& object) { return config::to_json(object, config::Secrets::kHide); };
  config::EventSpec event{.time = now,
                          .actor = entitled.actor,
                          .verb = std::string(entitled.verb),
                          .kind = std::string(config::info_of(machine.kind()).name),
                          .name = machine.metadata.name,
                          .remote_address = caller.address.ip(),
                          .reason = {},
                          .before = entitled.before ? shown(*entitled.before) : std::string(),
                          .after = shown(machine)};
  mirror::put_event(transaction, std::move(event), random_hex(env_.random));
  const auto committed = co_await store_.commit(std::move(transaction));
  if (committed) co_return *committed;
  switch (committed.error().error.code) {
    case Code::kConflict:
    case Code::kExists:
    case Code::kNotFound: co_return refuse(503, "conflict", "other writes kept coming between; try again");
    default: co_return unavailable(committed.error().error);
  }
}

net::Task<void> Registrar::refused_certificate(net::Address from, std::string why) {
  refused_.add();
  const Instant now = env_.loop.now();
  if (throttle_.wait(from, now) > Duration::zero()) co_return;
  throttle_.failed(from, now);
  co_await audit({.actor = "nobody",
                  .verb = "connect",
                  .kind = "Edge",
                  .name = {},
                  .remote_address = from.ip(),
                  .reason = std::move(why),
                  .before = {},
                  .after = {}});
}

bool Registrar::may_audit() {
  const Instant now = env_.loop.now();
  if (minute_ == Instant::min() || now - minute_ >= std::chrono::minutes(1)) {
    minute_ = now;
    audited_ = 0;
  }
  return ++audited_ <= kAuditedPerMinute;
}

net::Task<void> Registrar::audit(config::EventSpec event) {
  env_.log.warning(
      "a machine is refused",
      {{"name", event.name}, {"verb", event.verb}, {"from", event.remote_address}, {"reason", event.reason}});
  if (!may_audit()) co_return;
  event.time = env_.loop.clock().wall_now();
  store::Transaction transaction;
  mirror::put_event(transaction, std::move(event), random_hex(env_.random));
  const auto committed = co_await store_.commit(std::move(transaction));
  if (!committed) env_.log.error("a refusal is not in the audit", {{"reason", committed.error().error.text}});
}

}  // namespace weir::enroll
