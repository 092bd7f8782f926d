#include "config/whole.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

#include "auth/ssh_key.h"
#include "base/text.h"
#include "config/formats.h"
#include "config/kinds.h"

namespace weir::config {
namespace {

// Calls visit(field, text) for each text of the struct that names an object of another kind.
template <class Visit>
void each_reference(const Type& type, const void* value, Report& report, const Visit& visit) {
  const auto walk = [&](const auto& self, const Field& field, const Type& at, const void* item) -> void {
    if (at.shape == Shape::kStruct) return each_reference(at, item, report, visit);
    if (at.shape == Shape::kText && !field.refers_to.empty()) {
      if (static_cast<const std::string*>(item)->empty()) return;
      return visit(field, *static_cast<const std::string*>(item));
    }
    if (at.element == nullptr) return;
    for (std::size_t i = 0; i < at.size(item); ++i) {
      if (at.shape == Shape::kOptional) {
        self(self, field, *at.element, at.at(item, i));
        continue;
      }
      const Report::Step step(report, i);
      self(self, field, *at.element, at.at(item, i));
    }
  };
  for (const Field& field : type.fields) {
    const Report::Step step(report, field.name);
    walk(walk, field, *field.type, field.in(value));
  }
}

template <class Visit>
void each_reference(const Object& object, Report& report, const Visit& visit) {
  const Report::Step step(report, "spec");
  each_reference(*info_of(object.kind()).spec, spec_of(object), report, visit);
}

// False when some label keeps every edge from being selected by both.
bool may_share_an_edge(const Labels& left, const Labels& right) {
  for (const auto& [key, value] : left) {
    const auto found = right.find(key);
    if (found != right.end() && found->second != value) return false;
  }
  return true;
}

std::string claim_of(const std::string& host, std::uint32_t port, const std::string& match) {
  return host + ' ' + std::to_string(port) + ' ' + match;
}

// Calls visit(host, port, report) for each listener and host name that it takes; host: in lower case, or
// empty for all.
template <class Visit>
void each_host(const LoadBalancerSpec& spec, Report& report, const Visit& visit) {
  const Report::Step part(report, "spec");
  const Report::Step list(report, "listeners");
  for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
    const Listener& listener = spec.listeners[i];
    const Report::Step item(report, i);
    if (listener.hostnames.empty()) visit(std::string(), shared_or_own_port(listener));
    for (std::size_t j = 0; j < listener.hostnames.size(); ++j) {
      const Report::Step field(report, "hostnames");
      const Report::Step hostname(report, j);
      visit(to_lower(listener.hostnames[j]), shared_or_own_port(listener));
    }
  }
}

std::vector<std::string> matches_of(const LoadBalancerSpec& spec) {
  std::vector<std::string> matches;
  for (const Route& route : spec.routes) matches.push_back(canonical_match(route.match));
  return matches;
}

std::string identity_of_email(std::string_view email) { return "email " + to_lower(email); }

// Calls visit(identity) for each thing that no other object can have: how a User is known, the port of a
// slot.
template <class Visit>
void each_identity(const Object& object, Report& report, const Visit& visit) {
  const Report::Step part(report, "spec");
  if (const auto* endpoint = std::get_if<EndpointSpec>(&object.spec);
      endpoint != nullptr && endpoint->tunnel) {
    const Report::Step slot(report, "tunnel");
    const Report::Step field(report, "port");
    visit("slot " + std::to_string(endpoint->tunnel->port));
  }
  const auto* user = std::get_if<UserSpec>(&object.spec);
  if (user == nullptr) return;
  {
    const Report::Step field(report, "email");
    visit(identity_of_email(user->email));
  }
  const Report::Step list(report, "ssh_keys");
  for (std::size_t i = 0; i < user->ssh_keys.size(); ++i) {
    const auto key = auth::parse_ssh_key(user->ssh_keys[i]);
    if (!key) continue;
    const Report::Step item(report, i);
    visit("ssh_key " + key->blob);
  }
}

const LoadBalancerSpec& balancer_of(const Object& object) { return std::get<LoadBalancerSpec>(object.spec); }

bool precedes(const Object* left, const Object* right) {
  return std::tuple(left->kind(), std::string_view(left->metadata.name)) <
         std::tuple(right->kind(), std::string_view(right->metadata.name));
}

bool lacks_key(const Object& object) {
  const auto* spec = std::get_if<CertificateSpec>(&object.spec);
  return spec != nullptr && spec->private_key.empty();
}

}  // namespace

std::vector<std::pair<Kind, std::string>> references_of(const Object& object) {
  std::vector<std::pair<Kind, std::string>> names;
  Report report;
  each_reference(object, report, [&names](const Field& field, const std::string& name) {
    names.emplace_back(find_kind(field.refers_to)->kind, name);
  });
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

ObjectPointer Whole::find(Kind kind, std::string_view name) const {
  const auto found = of(kind).find(name);
  return found == of(kind).end() ? nullptr : *found;
}

ObjectPointer Whole::user_of_email(std::string_view email) const {
  const auto found = identities_.find(identity_of_email(email));
  return found == identities_.end() ? nullptr : find(Kind::kUser, found->second.front()->metadata.name);
}

std::span<const Object* const> Whole::referrers(Kind kind, std::string_view name) const {
  const OwnersByText& by_name = referrers_[static_cast<std::size_t>(kind)];
  const auto found = by_name.find(name);
  return found == by_name.end() ? std::span<const Object* const>() : found->second;
}

ObjectPointer Whole::put(ObjectPointer object) {
  ObjectPointer before = remove(object->kind(), object->metadata.name);
  index(*object, Step::kEnter);
  objects_[object->spec.index()].insert(std::move(object));
  return before;
}

ObjectPointer Whole::remove(Kind kind, std::string_view name) {
  Objects& objects = objects_[static_cast<std::size_t>(kind)];
  const auto found = objects.find(name);
  if (found == objects.end()) return nullptr;
  ObjectPointer object = std::move(objects.extract(found).value());
  index(*object, Step::kLeave);
  return object;
}

void Whole::index(const Object& object, Step step) {
  const bool enters = step == Step::kEnter;
  // References to it lead somewhere now, or nowhere.
  const auto referrers = static_cast<std::size_t>(
      std::ranges::count_if(this->referrers(object.kind(), object.metadata.name),
                            [](const Object* one) { return !names_loosely(one->kind()); }));
  faults_ = enters ? faults_ - referrers : faults_ + referrers;
  if (lacks_key(object)) faults_ = enters ? faults_ + 1 : faults_ - 1;
  index_references(object, step);
  if (const auto* spec = std::get_if<LoadBalancerSpec>(&object.spec)) {
    index_claims(object, *spec, step);
    index_ports(object, *spec, step);
  }
  index_identities(object, step);
}

namespace {

// Puts it in its place, or takes it out.
void enter(std::vector<const Object*>& owners, const Object& object) {
  owners.insert(std::ranges::lower_bound(owners, &object, precedes), &object);
}
void leave(std::vector<const Object*>& owners, const Object& object) {
  owners.erase(std::ranges::lower_bound(owners, &object, precedes));
}

}  // namespace

void Whole::index_references(const Object& object, Step step) {
  for (const auto& [kind, name] : references_of(object)) {
    OwnersByText& by_name = referrers_[static_cast<std::size_t>(kind)];
    const bool leads_nowhere = !names_loosely(object.kind()) && !of(kind).contains(std::string_view(name));
    if (step == Step::kEnter) {
      enter(by_name[name], object);
      if (leads_nowhere) ++faults_;
      continue;
    }
    const auto known = by_name.find(name);
    leave(known->second, object);
    if (known->second.empty()) by_name.erase(known);
    if (leads_nowhere) --faults_;
  }
}

void Whole::index_claims(const Object& object, const LoadBalancerSpec& spec, Step step) {
  std::set<std::string> claims;
  const std::vector<std::string> matches = matches_of(spec);
  Report report;
  each_host(spec, report, [&](const std::string& host, std::uint32_t port) {
    for (const std::string& match : matches) claims.insert(claim_of(host, port, match));
  });
  for (const std::string& claim : claims) {
    Owners& owners = claims_[claim];
    if (step == Step::kLeave) leave(owners, object);
    const auto conflicts = static_cast<std::size_t>(std::ranges::count_if(owners, [&](const Object* owner) {
      return may_share_an_edge(balancer_of(*owner).edges.match, spec.edges.match);
    }));
    faults_ = step == Step::kEnter ? faults_ + conflicts : faults_ - conflicts;
    if (step == Step::kEnter) enter(owners, object);
    if (owners.empty()) claims_.erase(claim);
  }
}

Whole::Demand Whole::demand_of(const Listener& listener) {
  const ListenerTls tls = listener.tls.value_or(ListenerTls{});
  return {listener.protocol, tls.min_version, tls.client_certificates, tls.client_ca};
}

void Whole::index_ports(const Object& object, const LoadBalancerSpec& spec, Step step) {
  for (const Listener& listener : spec.listeners) {
    Port& port = ports_[shared_or_own_port(listener)];
    if (port.demands.size() > 1) faults_ -= port.demands.size() - 1;
    if (step == Step::kEnter) {
      port.owners.insert(&object);
      ++port.demands[demand_of(listener)];
    } else {
      port.owners.erase(&object);
      const auto demand = port.demands.find(demand_of(listener));
      if (--demand->second == 0) port.demands.erase(demand);
    }
    if (port.demands.size() > 1) faults_ += port.demands.size() - 1;
    if (port.demands.empty()) ports_.erase(shared_or_own_port(listener));
  }
}

void Whole::index_identities(const Object& object, Step step) {
  Report report;
  each_identity(object, report, [&](const std::string& identity) {
    Owners& owners = identities_[identity];
    if (step == Step::kLeave) leave(owners, object);
    faults_ = step == Step::kEnter ? faults_ + owners.size() : faults_ - owners.size();
    if (step == Step::kEnter) enter(owners, object);
    if (owners.empty()) identities_.erase(identity);
  });
}

// A whole as it would be: what stays of it, and what is written.
class Whole::Amended {
 public:
  Amended(const Whole& base, std::span<const ObjectChange> changes) : base_(base) {
    for (const ObjectChange& change : changes) {
      if (const auto touched = base.find(change.kind(), change.name())) touched_.insert(touched.get());
      if (change.after) written_.put(change.after);
    }
  }

  bool has(Kind kind, std::string_view name) const {
    if (written_.of(kind).contains(name)) return true;
    const ObjectPointer object = base_.find(kind, name);
    return object && stays(object.get());
  }
  template <class Visit>
  void each_referrer(Kind kind, std::string_view name, const Visit& visit) const {
    for (const Object* object : base_.referrers(kind, name)) {
      if (stays(object)) visit(*object);
    }
    for (const Object* object : written_.referrers(kind, name)) visit(*object);
  }

  // What is wrong with a written object, where those before it come first.
  Violations judge(const Object& object) {
    Report report(reference_of(object));
    each_reference(object, report, [&](const Field& field, const std::string& name) {
      const KindInfo* kind = find_kind(field.refers_to);
      if (names_loosely(object.kind())) return;
      if (!has(kind->kind, name)) report.add("there is no " + std::string(kind->name) + " \"" + name + '"');
    });
    if (const auto* spec = std::get_if<LoadBalancerSpec>(&object.spec)) {
      judge_claims(*spec, report);
      judge_demands(object, *spec, report);
    }
    judge_identities(object, report);
    if (lacks_key(object)) {
      const Report::Step part(report, "spec");
      const Report::Step field(report, "private_key");
      report.add("is required");
    }
    return report.take();
  }
  void pass(const ObjectPointer& object) { judged_.put(object); }

 private:
  bool stays(const Object* object) const { return !touched_.contains(object); }

  // Null: nobody who stays or was judged.
  const Object* owner_of(const std::string& claim, const Labels& edges) const {
    for (const Whole* whole : {&base_, static_cast<const Whole*>(&judged_)}) {
      const auto found = whole->claims_.find(claim);
      if (found == whole->claims_.end()) continue;
      for (const Object* owner : found->second) {
        if (stays(owner) && may_share_an_edge(balancer_of(*owner).edges.match, edges)) return owner;
      }
    }
    return nullptr;
  }

  void judge_claims(const LoadBalancerSpec& spec, Report& report) const {
    const std::vector<std::string> matches = matches_of(spec);
    each_host(spec, report, [&](const std::string& host, std::uint32_t port) {
      for (const std::string& match : matches) {
        if (report.full()) return;
        const Object* owner = owner_of(claim_of(host, port, match), spec.edges.match);
        if (owner == nullptr) continue;
        report.add((host.empty() ? "takes all hosts, which are taken" : "is taken") + std::string(" by ") +
                   reference_of(*owner) + " for the " + match);
      }
    });
  }

  void judge_identities(const Object& object, Report& report) const {
    each_identity(object, report, [&](const std::string& identity) {
      for (const Whole* whole : {&base_, static_cast<const Whole*>(&judged_)}) {
        const auto found = whole->identities_.find(identity);
        if (found == whole->identities_.end()) continue;
        const auto owner =
            std::ranges::find_if(found->second, [this](const Object* one) { return stays(one); });
        if (owner != found->second.end()) return report.add("is taken by " + reference_of(**owner));
      }
    });
  }

  // The first listener of those who stay or were judged. Null: nobody has the port.
  std::pair<const Object*, const Listener*> first_on(std::uint32_t number) const {
    for (const Whole* whole : {&base_, static_cast<const Whole*>(&judged_)}) {
      const auto port = whole->ports_.find(number);
      if (port == whole->ports_.end()) continue;
      const auto owner =
          std::ranges::find_if(port->second.owners, [this](const Object* one) { return stays(one); });
      if (owner == port->second.owners.end()) continue;
      return {*owner, &*std::ranges::find(balancer_of(**owner).listeners, number, shared_or_own_port)};
    }
    return {};
  }

  void judge_demands(const Object& object, const LoadBalancerSpec& spec, Report& report) const {
    const Report::Step part(report, "spec");
    const Report::Step list(report, "listeners");
    for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
      const Listener& listener = spec.listeners[i];
      const Report::Step item(report, i);
      auto [owner, first] = first_on(shared_or_own_port(listener));
      if (owner == nullptr) {
        owner = &object;
        first = &*std::ranges::find(spec.listeners, shared_or_own_port(listener), shared_or_own_port);
      }
      if (demand_of(*first) == demand_of(listener)) continue;
      if (first->protocol != listener.protocol) {
        report.add("wants another protocol on its port than " + reference_of(*owner));
        continue;
      }
      const Report::Step field(report, "tls");
      report.add("wants other TLS versions or client certificates on the same port than " +
                 reference_of(*owner) + "; give it a port of its own");
    }
  }

  const Whole& base_;
  std::set<const Object*> touched_;
  Whole written_;
  Whole judged_;
};

Violations Whole::check(std::span<const ObjectChange> changes) const {
  Amended amended(*this, changes);
  Violations violations;
  for (const ObjectChange& change : changes) {
    if (!change.after) continue;
    std::ranges::move(amended.judge(*change.after), std::back_inserter(violations));
    if (violations.size() >= Report::kViolationsMax) break;
    amended.pass(change.after);
  }
  return violations;
}

Violations Whole::check_deletions(std::span<const ObjectChange> changes) const {
  const Amended amended(*this, changes);
  Violations violations;
  for (const ObjectChange& change : changes) {
    if (change.after) continue;
    const KindInfo& kind = info_of(change.kind());
    amended.each_referrer(change.kind(), change.name(), [&](const Object& object) {
      if (violations.size() >= Report::kViolationsMax || names_loosely(object.kind())) return;
      Report report(reference_of(object));
      each_reference(object, report, [&](const Field& field, const std::string& name) {
        if (field.refers_to != kind.name || name != change.name()) return;
        report.add("still names " + std::string(kind.name) + " \"" + name + "\", which is to be deleted");
      });
      std::ranges::move(report.take(), std::back_inserter(violations));
    });
  }
  return violations;
}

std::vector<ObjectChange> Whole::as_changes() const {
  std::vector<ObjectChange> all;
  for (const Objects& objects : objects_) {
    for (const ObjectPointer& object : objects) all.push_back({nullptr, object});
  }
  return all;
}

Violations Whole::violations() const { return Whole().check(as_changes()); }

}  // namespace weir::config
