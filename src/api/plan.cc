#include "api/plan.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iterator>
#include <set>
#include <utility>
#include <variant>

#include "api/access.h"
#include "config/documents.h"
#include "config/kinds.h"
#include "config/schema.h"
#include "mirror/overlay.h"
#include "mirror/records.h"
#include "mirror/sight.h"
#include "mirror/tenancy.h"
#include "zones/found_bounds.h"

namespace weir::api {
namespace {

using config::Object;

// Visits the fields whose content the server makes up at creation and tells once, such as a token's hash.
template <class Visit>
void each_made_secret(Object& object, Visit visit) {
  for (const config::Field& field : config::info_of(object.kind()).spec->fields) {
    if (!field.secret || !field.server_set || field.type->shape != config::Shape::kText) continue;
    visit(*static_cast<std::string*>(field.member(config::spec_of(object))));
  }
}

std::string new_uid(Random& random) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string uid;
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = random.next();
    for (int i = 0; i < 16; ++i, bits >>= 4U) uid += kDigits[bits & 15U];
  }
  return uid;
}

std::string reference(const Intent& intent) {
  return std::string(config::info_of(intent.kind).name) + '/' + intent.name;
}

std::unexpected<Problem> not_current(const Intent& intent, const Object& stored) {
  return refuse(412, "revision-mismatch",
                reference(intent) + " is at revision " + std::to_string(stored.metadata.revision) +
                    " by now; read it again");
}

// Whether the write may go on, by what is there and what the client expects.
Answer<void> check_expectation(const Intent& intent, const Object* stored) {
  const Precondition& expects = intent.precondition;
  if (stored == nullptr) {
    if (intent.verb == Verb::kPatch || intent.verb == Verb::kDelete) {
      return refuse(404, "not-found", "there is no " + reference(intent));
    }
    const bool edited = intent.verb == Verb::kReplace && intent.wanted.metadata.revision != 0;
    if (expects.match_given || (edited && !expects.only_new)) {
      return refuse(412, "revision-mismatch", "there is no " + reference(intent) + " any more");
    }
    return {};
  }
  if (intent.verb == Verb::kCreate) {
    return refuse(409, "exists", reference(intent) + " exists; PUT or PATCH changes it");
  }
  if (expects.only_new) return refuse(412, "exists", reference(intent) + " exists");
  if (expects.match_given) {
    if (expects.met_by(stored->metadata.revision)) return {};
    return not_current(intent, *stored);
  }
  if (intent.verb != Verb::kReplace) return {};
  if (intent.wanted.metadata.revision == stored->metadata.revision) return {};
  if (intent.wanted.metadata.revision != 0) return not_current(intent, *stored);
  return refuse(428, "precondition-required",
                reference(intent) + " exists; say which one you mean to replace with If-Match: \"" +
                    std::to_string(stored->metadata.revision) + "\" (or * for any)");
}

// RFC 7396 upon what a client could have written itself.
Answer<Object> patched(const Intent& intent, const Object& stored) {
  Object target = stored;
  each_made_secret(target, [](std::string& hash) { hash.clear(); });
  const auto text = config::merge_patch(config::to_json(target, config::Secrets::kKeep), intent.patch);
  if (!text) return refuse(400, "malformed", "the patch is not JSON", text.error());
  auto object = config::parse_object(*text, config::Origin::kClient);
  if (!object) return refuse(invalid(std::move(object.error())));
  if (object->kind() != intent.kind || object->metadata.name != intent.name) {
    return refuse(invalid({{"metadata.name", "kind and name of an object can't change", {}}}));
  }
  return std::move(*object);
}

Answer<void> fill_new(Object& object, Planned& planned, const PlanInputs& inputs) {
  const Object fresh{.metadata = {}, .spec = config::info_of(object.kind()).make(), .status = {}};
  config::carry_server_fields(fresh, object);
  object.metadata.uid = new_uid(inputs.random);
  object.metadata.created_at = object.metadata.updated_at = inputs.now;
  if (inputs.make_secret == nullptr) return {};
  Answer<void> result;
  each_made_secret(object, [&](std::string& hash) {
    auto made = inputs.make_secret();
    if (!made) {
      result = refuse(problem_of(made.error()));
      return;
    }
    hash = std::move(made->hash);
    planned.secret = std::move(made->secret);
  });
  return result;
}

Answer<void> fill_updated(Object& wanted, Planned& planned, const PlanInputs& inputs) {
  const Object& stored = *planned.before;
  config::carry_server_fields(stored, wanted);
  if (auto* spec = std::get_if<config::LoadBalancerSpec>(&wanted.spec)) {
    mirror::keep_ports(std::get<config::LoadBalancerSpec>(stored.spec), *spec);
  }
  planned.outcome = wanted == stored ? Outcome::kUnchanged : Outcome::kUpdated;
  if (planned.outcome == Outcome::kUpdated) wanted.metadata.updated_at = inputs.now;
  if (auto violations = config::validate_spec(wanted); !violations.empty()) {
    return refuse(invalid(std::move(violations)));
  }
  return {};
}

// Who writes an Endpoint has renewed it.
void begin_lease(Object& object, WallTime now) {
  auto* spec = std::get_if<config::EndpointSpec>(&object.spec);
  if (spec == nullptr) return;
  spec->expires_at.reset();
  if (spec->lease) spec->expires_at = now + std::chrono::floor<WallTime::duration>(*spec->lease);
}

auth::Verb verb_of(const Intent& intent) {
  switch (intent.verb) {
    case Verb::kCreate: return auth::Verb::kCreate;
    case Verb::kDelete: return auth::Verb::kDelete;
    case Verb::kReplace:
    case Verb::kPatch:
    case Verb::kApply: break;
  }
  return auth::Verb::kUpdate;
}

// Whether the caller may write such a thing at all, and what there is of it for the caller; null: nothing.
Answer<config::ObjectPointer> find_for(const config::Whole& world, const Intent& intent,
                                       const PlanInputs& inputs) {
  config::ObjectPointer stored = world.find(intent.kind, intent.name);
  if (inputs.caller == nullptr) return stored;
  const auth::Identity& caller = *inputs.caller;
  if (auto permitted = permit_member(caller, stored.get()); !permitted) return refuse(permitted.error());
  if (auto permitted = permit_kind(caller, intent.kind, verb_of(intent)); !permitted) {
    return refuse(std::move(permitted.error()));
  }
  if (!stored || mirror::Sight(caller, world).sees(*stored)) return stored;
  if (auto expected = check_expectation(intent, nullptr); !expected) return refuse(expected.error());
  if (intent.kind == config::Kind::kOrganization) return nullptr;  // as one that is not there
  return refuse(409, "exists", "the name of " + reference(intent) + " is taken");
}

// Whose it is stays so. A new one is its maker's; the platform may name another.
Answer<void> settle_organization(Object& wanted, const Object* stored, const PlanInputs& inputs) {
  std::string& organization = wanted.metadata.organization;
  if (stored != nullptr) {
    if (organization == stored->metadata.organization) return {};
    return refuse(invalid({{"metadata.organization", "can't change", {}}}));
  }
  if (inputs.caller == nullptr || inputs.caller->is_platform()) return {};
  if (organization.empty()) organization = inputs.caller->organization;
  if (organization == inputs.caller->organization) return {};
  return refuse(403, "forbidden", "what an organization makes is its own");
}

Answer<Planned> plan_one(const config::Whole& world, const Intent& intent, const PlanInputs& inputs) {
  const auto found = find_for(world, intent, inputs);
  if (!found) return refuse(found.error());
  const config::ObjectPointer& stored = *found;
  if (auto expected = check_expectation(intent, stored.get()); !expected) {
    return refuse(std::move(expected.error()));
  }
  Planned planned{.kind = intent.kind, .name = intent.name, .before = stored};
  const auto permitted = [&](const Object* after) {
    return inputs.caller != nullptr ? permit_write(*inputs.caller, stored.get(), after) : Answer<void>();
  };
  if (intent.verb == Verb::kDelete) {
    if (auto may = permitted(nullptr); !may) return refuse(std::move(may.error()));
    planned.outcome = Outcome::kDeleted;
    return planned;
  }
  auto wanted = intent.verb == Verb::kPatch ? patched(intent, *stored) : Answer<Object>(intent.wanted);
  if (!wanted) return refuse(std::move(wanted.error()));
  if (inputs.caller != nullptr) {
    if (auto may = permit_member(*inputs.caller, &*wanted); !may) return refuse(std::move(may.error()));
  }
  wanted->status.clear();
  if (stored == nullptr) {
    planned.outcome = Outcome::kCreated;
    if (auto filled = fill_new(*wanted, planned, inputs); !filled) return refuse(std::move(filled.error()));
  } else if (auto updated = fill_updated(*wanted, planned, inputs); !updated) {
    return refuse(std::move(updated.error()));
  }
  if (auto settled = settle_organization(*wanted, stored.get(), inputs); !settled) {
    return refuse(std::move(settled.error()));
  }
  if (auto may = permitted(&*wanted); !may) return refuse(std::move(may.error()));
  if (planned.outcome != Outcome::kUnchanged) begin_lease(*wanted, inputs.now);
  planned.after = std::make_shared<Object>(std::move(*wanted));
  return planned;
}

// What the store could not give back: the canonical form has all defaults written out.
config::Violations too_large(const Plan& plan) {
  config::Violations violations;
  for (const Planned& planned : plan.objects) {
    if (planned.outcome != Outcome::kCreated && planned.outcome != Outcome::kUpdated) continue;
    if (mirror::encode(*planned.after).size() <= config::kDocumentBytesMax) continue;
    violations.push_back(
        {"", "is larger than 1 MiB with its defaults", config::reference_of(*planned.after)});
  }
  return violations;
}

// Of the whole as it would be. What was wrong before, in objects that this write leaves alone, is not its
// fault: an object that a newer version would refuse must not stop every other change.
Answer<void> check_whole(const config::Whole& world, const Plan& plan, std::string_view domain) {
  std::vector<config::ObjectChange> changes;
  for (const Planned& planned : plan.objects) changes.push_back({planned.before, planned.after});
  if (config::Violations violations = world.check_deletions(changes); !violations.empty()) {
    return refuse(409, "referenced", "other objects need it", std::move(violations));
  }
  if (config::Violations violations = world.check(changes); !violations.empty()) {
    return refuse(invalid(std::move(violations)));
  }
  if (config::Violations violations = zones::check_found(world, changes, domain); !violations.empty()) {
    return refuse(invalid(std::move(violations)));
  }
  return {};
}

// Of organizations, and what is theirs.
Answer<void> check_tenancy(const config::Whole& world, const Plan& plan) {
  std::vector<config::ObjectChange> changes;
  for (const Planned& planned : plan.objects) changes.push_back({planned.before, planned.after});
  if (!mirror::concerns_organizations(changes)) return {};
  if (config::Violations violations = mirror::check_emptied(world, changes); !violations.empty()) {
    return refuse(409, "referenced", "it still has objects", std::move(violations));
  }
  if (config::Violations violations = mirror::check_organizations(world, changes); !violations.empty()) {
    return refuse(invalid(std::move(violations)));
  }
  if (std::string sentence = mirror::exceeded_quota(world, changes); !sentence.empty()) {
    return refuse(403, "quota-exceeded", std::move(sentence));
  }
  return {};
}

// A rollout is judged by what it was when it began: from then on only its pace can be changed.
Answer<void> check_rollouts(const config::Whole& world, const Plan& plan) {
  std::vector<config::ObjectChange> along;
  for (const Planned& planned : plan.objects) along.push_back({planned.before, planned.after});
  mirror::Overlays overlays(world);
  for (const Planned& planned : plan.objects) {
    if (planned.kind != config::Kind::kRollout || !planned.after) continue;
    if (planned.outcome == Outcome::kUnchanged) continue;
    const config::RolloutSpec& after = mirror::rollout_of(*planned.after);
    if (after.progress) {
      const std::string name = config::reference_of(*planned.after);
      config::RolloutSpec same = mirror::rollout_of(*planned.before);
      if (mirror::has_ended(after) && same != after) {
        return refuse(409, "rollout-ended", name + " has ended; a new one needs another name");
      }
      same.gates = after.gates;
      same.paused = after.paused;
      if (same == after) continue;
      return refuse(409, "rollout-under-way",
                    name + " is under way: only paused and gates can be changed; delete it to withdraw it");
    }
    if (auto violations = overlays.check(*planned.after, along); !violations.empty()) {
      return refuse(invalid(std::move(violations)));
    }
  }
  return {};
}

// The endpoints of its instances go with a workload: they would hold up the deletion of their service for as
// long as it takes until the instances are gone.
void drop_endpoints(const config::Whole& world, Plan& plan) {
  constexpr const char* kWorkloadLabel = "weir/workload";
  std::set<std::string, std::less<>> dropped;
  for (const Planned& planned : plan.objects) {
    if (planned.kind == config::Kind::kEndpoint) dropped.insert(planned.name);
  }
  std::vector<Planned> along;
  const auto& endpoints = world.of(config::Kind::kEndpoint);
  for (const Planned& planned : plan.objects) {
    if (planned.kind != config::Kind::kWorkload || planned.outcome != Outcome::kDeleted) continue;
    for (const Object* instance : world.referrers(config::Kind::kWorkload, planned.name)) {
      const std::string_view name = instance->metadata.name;
      for (auto one = endpoints.lower_bound(name); one != endpoints.end(); ++one) {
        const Object& endpoint = **one;
        if (!endpoint.metadata.name.starts_with(name)) break;
        if (std::get<config::EndpointSpec>(endpoint.spec).instance != name) continue;
        if (!endpoint.metadata.labels.contains(kWorkloadLabel)) continue;
        if (!dropped.insert(endpoint.metadata.name).second) continue;
        along.push_back({.kind = config::Kind::kEndpoint,
                         .name = endpoint.metadata.name,
                         .outcome = Outcome::kDeleted,
                         .before = *one});
      }
    }
  }
  std::ranges::move(along, std::back_inserter(plan.objects));
}

}  // namespace

std::string_view word_of(Outcome outcome) {
  constexpr std::array<std::string_view, 4> kWords{"created", "updated", "unchanged", "deleted"};
  return kWords[static_cast<std::size_t>(outcome)];
}

bool Plan::writes() const {
  return std::ranges::any_of(objects,
                             [](const Planned& planned) { return planned.outcome != Outcome::kUnchanged; });
}

Answer<Plan> make_plan(const config::Whole& world, std::span<const Intent> intents,
                       const PlanInputs& inputs) {
  Plan plan;
  plan.objects.reserve(intents.size());
  for (const Intent& intent : intents) {
    auto planned = plan_one(world, intent, inputs);
    if (!planned) return refuse(std::move(planned.error()));
    plan.objects.push_back(std::move(*planned));
  }
  if (!plan.writes()) return plan;
  drop_endpoints(world, plan);
  std::vector<Object*> balancers;
  for (const Planned& planned : plan.objects) {
    if (planned.kind == config::Kind::kLoadBalancer && planned.after)
      balancers.push_back(planned.after.get());
  }
  mirror::hand_out_ports(world, balancers, inputs.ports);
  if (config::Violations violations = too_large(plan); !violations.empty()) {
    return refuse(invalid(std::move(violations)));
  }
  if (auto tenancy = check_tenancy(world, plan); !tenancy) {
    return refuse(std::move(tenancy.error()));
  }
  if (auto whole = check_whole(world, plan, inputs.domain); !whole) return refuse(std::move(whole.error()));
  if (auto rollouts = check_rollouts(world, plan); !rollouts) return refuse(std::move(rollouts.error()));
  return plan;
}

}  // namespace weir::api
