#include "config/whole.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

#include "base/text.h"
#include "config/formats.h"
#include "config/kinds.h"
#include "config/schema.h"
#include "config/schema_dns.h"

namespace weir::config {
namespace {

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

// What only one organization can have, and then as often as it likes.
constexpr std::string_view kHostClaim = "host ";
constexpr std::string_view kZoneClaim = "zone ";
constexpr std::string_view kWithinClaim = "within ";

bool is_of_one_organization(const Object& left, const Object& right) {
  return left.metadata.organization == right.metadata.organization;
}

// Two that claim the same.
bool conflict(const std::string& claim, const Object& left, const Object& right) {
  if (claim.starts_with(kHostClaim) || claim.starts_with(kZoneClaim) || claim.starts_with(kWithinClaim)) {
    return !is_of_one_organization(left, right);
  }
  const auto* one = std::get_if<LoadBalancerSpec>(&left.spec);
  const auto* other = std::get_if<LoadBalancerSpec>(&right.spec);
  return one == nullptr || other == nullptr || may_share_an_edge(one->edges.match, other->edges.match);
}

// Calls visit(host, port, report) for each listener and host name that it takes; host: in lower case, or
// empty for all, and with the protocol that clients must offer where that is told apart.
template <class Visit>
void each_host(const LoadBalancerSpec& spec, Report& report, const Visit& visit) {
  const Report::Step part(report, "spec");
  const Report::Step list(report, "listeners");
  for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
    const Listener& listener = spec.listeners[i];
    const Report::Step item(report, i);
    const std::uint32_t port = shared_or_own_port(listener);
    if (port == kNoPort) continue;
    const auto visit_each = [&](const std::string& host) {
      if (!is_passthrough(listener) || listener.tls->alpn.empty()) return visit(host, port);
      for (const std::string& protocol : listener.tls->alpn) visit(host + " (ALPN " + protocol + ")", port);
    };
    if (listener.hostnames.empty()) visit_each(std::string());
    for (std::size_t j = 0; j < listener.hostnames.size(); ++j) {
      const Report::Step field(report, "hostnames");
      const Report::Step hostname(report, j);
      visit_each(to_lower(listener.hostnames[j]));
    }
  }
}

// How many backends of it lead to that service, if it speaks what this load balancer does not.
std::size_t mismatched_backends(const LoadBalancerSpec& spec, std::string_view service, Protocol protocol) {
  if (is_of_connections(spec) == (protocol == Protocol::kTcp)) return 0;
  std::size_t count = 0;
  for (const Route& route : spec.routes) {
    count += static_cast<std::size_t>(std::ranges::count(route.backends, service, &Backend::service));
  }
  return count;
}

std::vector<std::string> matches_of(const LoadBalancerSpec& spec) {
  std::vector<std::string> matches;
  for (const Route& route : spec.routes) matches.push_back(canonical_match(route.match));
  // One provider of identities sends visitors back to a host.
  if (route_with_sign_in(spec) != nullptr) {
    matches.push_back(canonical_match({.path = std::string(kSignInCallbackPath)}));
  }
  return matches;
}

// Nobody else answers below a zone, nor above it.
void claim_zone(const Object& object, Claims& claims) {
  const std::string& name = object.metadata.name;
  claims.own.insert(std::string(kZoneClaim) + name);
  claims.rivals.insert(std::string(kWithinClaim) + name);
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    claims.own.insert(std::string(kWithinClaim).append(name, dot + 1));
    claims.rivals.insert(std::string(kZoneClaim).append(name, dot + 1));
  }
}

Claims claims_of(const Object& object) {
  const auto* spec = std::get_if<LoadBalancerSpec>(&object.spec);
  if (spec == nullptr) {
    Claims claims = record_claims(object);
    if (object.kind() == Kind::kZone) claim_zone(object, claims);
    return claims;
  }
  Claims claims;
  const std::vector<std::string> matches = matches_of(*spec);
  Report report;
  each_host(*spec, report, [&](const std::string& host, std::uint32_t port) {
    for (const std::string& match : matches) claims.own.insert(claim_of(host, port, match));
  });
  for (const Listener& listener : spec->listeners) {
    for (const std::string& host : listener.hostnames)
      claims.own.insert(std::string(kHostClaim) + to_lower(host));
  }
  claims.rivals = claims.own;
  return claims;
}

const LoadBalancerSpec& balancer_of(const Object& object) { return std::get<LoadBalancerSpec>(object.spec); }

bool precedes(const Object* left, const Object* right) {
  return std::tuple(left->kind(), std::string_view(left->metadata.name)) <
         std::tuple(right->kind(), std::string_view(right->metadata.name));
}

// Whether what it names is there for it: to an organization, what another has is not.
bool reaches(const Object& object, const Object* named) {
  if (named == nullptr) return false;
  switch (named->kind()) {
    case Kind::kUser:
    case Kind::kEdge:
    case Kind::kNode: return true;
    default: return is_of_one_organization(object, *named);
  }
}

// Behind a sentence: whose it is, for who may know.
std::string whose(const char* before, const Object& owner, const Object& told, const char* else_ = "") {
  return is_of_one_organization(owner, told) ? before + reference_of(owner) : std::string(else_);
}

bool lacks_key(const Object& object) {
  const auto* spec = std::get_if<CertificateSpec>(&object.spec);
  return spec != nullptr && spec->private_key.empty();
}

}  // namespace

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
  const auto referrers = static_cast<std::size_t>(std::ranges::count_if(
      this->referrers(object.kind(), object.metadata.name),
      [&](const Object* one) { return !names_loosely(one->kind()) && reaches(*one, &object); }));
  faults_ = enters ? faults_ - referrers : faults_ + referrers;
  if (lacks_key(object)) faults_ = enters ? faults_ + 1 : faults_ - 1;
  index_references(object, step);
  index_claims(object, step);
  if (const auto* spec = std::get_if<LoadBalancerSpec>(&object.spec)) index_demands(object, *spec, step);
  index_protocols(object, step);
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
    const bool leads_nowhere = !names_loosely(object.kind()) && !reaches(object, find(kind, name).get());
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

void Whole::index_claims(const Object& object, Step step) {
  const Claims claims = claims_of(object);
  const auto each_owners = [&](const auto& visit) {
    for (const std::string& claim : claims.own) {
      Owners& owners = claims_[claim];
      visit(owners, object);
      if (owners.empty()) claims_.erase(claim);
    }
  };
  if (step == Step::kLeave) each_owners(leave);
  for (const std::string& rival : claims.rivals) {
    const auto found = claims_.find(rival);
    if (found == claims_.end()) continue;
    const auto conflicts = static_cast<std::size_t>(std::ranges::count_if(
        found->second, [&](const Object* owner) { return conflict(rival, *owner, object); }));
    faults_ = step == Step::kEnter ? faults_ + conflicts : faults_ - conflicts;
  }
  if (step == Step::kEnter) each_owners(enter);
}

std::vector<Whole::Demand> Whole::demands_of(const Listener& listener) {
  using enum ListenerProtocol;
  const std::uint32_t number = shared_or_own_port(listener);
  if (number == kNoPort) return {};
  const std::string port = std::to_string(number);
  const bool secure = listener.protocol == kHttps || listener.protocol == kTls;
  const auto word = [](auto value) { return std::to_string(static_cast<unsigned>(value)); };
  std::vector<Demand> demands{
      {port, secure ? "tls" : word(listener.protocol), "wants another protocol on its port than "}};
  if (!secure) return demands;
  if (!is_passthrough(listener)) {
    const ListenerTls tls = listener.tls.value_or(ListenerTls{});
    demands.push_back({port + " tls",
                       word(tls.min_version) + ' ' + word(tls.client_certificates) + ' ' + tls.client_ca,
                       "wants other TLS versions or client certificates on the same port than ",
                       "; give it a port of its own", "tls"});
  }
  const auto add_host = [&](const std::string& host) {
    demands.push_back({port + " host " + host,
                       word(listener.protocol) + (is_passthrough(listener) ? "p" : ""),
                       "wants another protocol for the same host on the same port than "});
  };
  if (listener.hostnames.empty()) add_host("");
  for (const std::string& hostname : listener.hostnames) add_host(to_lower(hostname));
  return demands;
}

void Whole::index_demands(const Object& object, const LoadBalancerSpec& spec, Step step) {
  for (const Listener& listener : spec.listeners) {
    if (shared_or_own_port(listener) == kNoPort) faults_ = step == Step::kEnter ? faults_ + 1 : faults_ - 1;
    for (const Demand& demand : demands_of(listener)) {
      Shared& shared = shared_[demand.of];
      if (shared.demands.size() > 1) faults_ -= shared.demands.size() - 1;
      if (step == Step::kEnter) {
        shared.owners.insert(&object);
        ++shared.demands[demand.what];
      } else {
        shared.owners.erase(&object);
        const auto known = shared.demands.find(demand.what);
        if (--known->second == 0) shared.demands.erase(known);
      }
      if (shared.demands.size() > 1) faults_ += shared.demands.size() - 1;
      if (shared.demands.empty()) shared_.erase(demand.of);
    }
  }
}

void Whole::index_protocols(const Object& object, Step step) {
  std::size_t mismatched = 0;
  if (const auto* spec = std::get_if<LoadBalancerSpec>(&object.spec)) {
    std::set<std::string_view> services;
    for (const Route& route : spec->routes) {
      for (const Backend& backend : route.backends) services.insert(backend.service);
    }
    for (const std::string_view name : services) {
      const ObjectPointer service = find(Kind::kService, name);
      if (service)
        mismatched += mismatched_backends(*spec, name, std::get<ServiceSpec>(service->spec).protocol);
    }
  } else if (const auto* service = std::get_if<ServiceSpec>(&object.spec)) {
    for (const Object* referrer : referrers(Kind::kService, object.metadata.name)) {
      if (referrer->kind() != Kind::kLoadBalancer) continue;
      mismatched += mismatched_backends(balancer_of(*referrer), object.metadata.name, service->protocol);
    }
  }
  faults_ = step == Step::kEnter ? faults_ + mismatched : faults_ - mismatched;
}

void Whole::index_identities(const Object& object, Step step) {
  Report report;
  each_identity(object, report, [&](const std::string& identity, const std::string&) {
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
      if (!reaches(object, after(kind->kind, name)))
        report.add("there is no " + std::string(kind->name) + " \"" + name + '"');
    });
    if (const auto* spec = std::get_if<LoadBalancerSpec>(&object.spec)) {
      judge_ports(*spec, report);
      judge_claims(object, *spec, report);
      judge_demands(object, *spec, report);
      judge_protocols(object, *spec, report);
    }
    if (const auto* service = std::get_if<ServiceSpec>(&object.spec))
      judge_protocol(object, *service, report);
    judge_records(object, report);
    judge_names(object, report);
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
  const Object* owner_of(const std::string& claim, const Object& claimant) const {
    for (const Whole* whole : {&base_, static_cast<const Whole*>(&judged_)}) {
      const auto found = whole->claims_.find(claim);
      if (found == whole->claims_.end()) continue;
      for (const Object* owner : found->second) {
        if (stays(owner) && conflict(claim, *owner, claimant)) return owner;
      }
    }
    return nullptr;
  }

  void judge_claims(const Object& object, const LoadBalancerSpec& spec, Report& report) const {
    const std::vector<std::string> matches = matches_of(spec);
    each_host(spec, report, [&](const std::string& host, std::uint32_t port) {
      for (const std::string& match : matches) {
        if (report.full()) return;
        const Object* owner = owner_of(claim_of(host, port, match), object);
        if (owner == nullptr) continue;
        if (!host.empty() && !is_of_one_organization(*owner, object)) continue;  // see judge_names()
        const std::string by = whose(" by ", *owner, object);
        if (is_of_connections(spec)) {
          report.add((host.empty() ? "takes all of its port, which is taken" : "is taken") + by);
          continue;
        }
        report.add((host.empty() ? "takes all hosts, which are taken" : "is taken") + by + " for the " +
                   match);
      }
    });
  }

  void judge_records(const Object& object, Report& report) const {
    for (const std::string& rival : record_claims(object).rivals) {
      const Object* owner = owner_of(rival, object);
      if (owner == nullptr) continue;
      const Report::Step part(report, "spec");
      const Report::Step field(report, object.kind() == Kind::kZone ? "records" : "name");
      return report.add("can't be beside " + rival + reference_of(*owner));
    }
  }

  // Names that another organization has. It is not said which.
  void judge_names(const Object& object, Report& report) const {
    if (object.kind() == Kind::kZone) {
      Claims claims;
      claim_zone(object, claims);
      const Report::Step part(report, "metadata");
      const Report::Step field(report, "name");
      const auto in_the_way = [&](const std::string& claim) { return owner_of(claim, object) != nullptr; };
      if (std::ranges::any_of(claims.rivals, in_the_way))
        report.add("is taken, or what is above or below it");
    }
    const auto* spec = std::get_if<LoadBalancerSpec>(&object.spec);
    if (spec == nullptr) return;
    each_host(*spec, report, [&](const std::string& host, std::uint32_t) {
      const bool taken = owner_of(std::string(kHostClaim).append(host, 0, host.find(' ')), object) != nullptr;
      if (taken) report.add("is taken");
    });
  }

  void judge_identities(const Object& object, Report& report) const {
    each_identity(object, report, [&](const std::string& identity, const std::string& which) {
      for (const Whole* whole : {&base_, static_cast<const Whole*>(&judged_)}) {
        const auto found = whole->identities_.find(identity);
        if (found == whole->identities_.end()) continue;
        const auto owner =
            std::ranges::find_if(found->second, [this](const Object* one) { return stays(one); });
        if (owner == found->second.end()) continue;
        return report.add("is taken" + whose(" by ", **owner, object) + which);
      }
    });
  }

  // The first listener of those who stay or were judged that shares it. Null: nobody does.
  std::pair<const Object*, const Listener*> first_with(const std::string& what) const {
    for (const Whole* whole : {&base_, static_cast<const Whole*>(&judged_)}) {
      const auto shared = whole->shared_.find(what);
      if (shared == whole->shared_.end()) continue;
      const auto owner =
          std::ranges::find_if(shared->second.owners, [this](const Object* one) { return stays(one); });
      if (owner == shared->second.owners.end()) continue;
      return {*owner, first_of(balancer_of(**owner), what)};
    }
    return {};
  }
  static const Listener* first_of(const LoadBalancerSpec& spec, const std::string& what) {
    return &*std::ranges::find_if(spec.listeners, [&what](const Listener& listener) {
      const std::vector<Demand> demands = demands_of(listener);
      return std::ranges::find(demands, what, &Demand::of) != demands.end();
    });
  }

  void judge_demands(const Object& object, const LoadBalancerSpec& spec, Report& report) const {
    const Report::Step part(report, "spec");
    const Report::Step list(report, "listeners");
    for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
      const Report::Step item(report, i);
      for (const Demand& demand : demands_of(spec.listeners[i])) {
        auto [owner, first] = first_with(demand.of);
        if (owner == nullptr) {
          owner = &object;
          first = first_of(spec, demand.of);
        }
        const std::vector<Demand> others = demands_of(*first);
        if (std::ranges::find(others, demand.of, &Demand::of)->what == demand.what) continue;
        std::optional<Report::Step> field;
        if (!demand.field.empty()) field.emplace(report, demand.field);
        report.add(demand.refusal + whose("", *owner, object, "that of somebody else") + demand.advice);
        break;
      }
    }
  }

  void judge_ports(const LoadBalancerSpec& spec, Report& report) const {
    const Report::Step part(report, "spec");
    const Report::Step list(report, "listeners");
    for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
      if (shared_or_own_port(spec.listeners[i]) != kNoPort) continue;
      const Report::Step item(report, i);
      const Report::Step field(report, "port");
      report.add("is required: none can be handed out here");
    }
  }

  // The object as it would be; null: there would be none.
  const Object* after(Kind kind, std::string_view name) const {
    if (const ObjectPointer written = written_.find(kind, name)) return written.get();
    const ObjectPointer object = base_.find(kind, name);
    return object && stays(object.get()) ? object.get() : nullptr;
  }

  // Load balancers of connections lead to services of TCP, and nobody else does.
  void judge_protocols(const Object& object, const LoadBalancerSpec& spec, Report& report) const {
    const Report::Step part(report, "spec");
    const Report::Step routes(report, "routes");
    for (std::size_t i = 0; i < spec.routes.size(); ++i) {
      const Report::Step route(report, i);
      const Report::Step list(report, "backends");
      for (std::size_t j = 0; j < spec.routes[i].backends.size(); ++j) {
        const std::string& name = spec.routes[i].backends[j].service;
        const Object* service = after(Kind::kService, name);
        if (!reaches(object, service)) continue;
        if (mismatched_backends(spec, name, std::get<ServiceSpec>(service->spec).protocol) == 0) continue;
        const Report::Step item(report, j);
        const Report::Step field(report, "service");
        report.add(
            is_of_connections(spec)
                ? "leads to a Service that speaks HTTP; for TCP and TLS listeners it needs protocol: TCP"
                : "leads to a Service of protocol TCP, which speaks no HTTP");
      }
    }
  }
  void judge_protocol(const Object& object, const ServiceSpec& service, Report& report) const {
    const std::string& name = object.metadata.name;
    for (const Object* referrer : base_.referrers(Kind::kService, name)) {
      if (referrer->kind() != Kind::kLoadBalancer || !stays(referrer) || !reaches(*referrer, &object))
        continue;
      if (mismatched_backends(balancer_of(*referrer), name, service.protocol) == 0) continue;
      const Report::Step part(report, "spec");
      const Report::Step field(report, "protocol");
      return report.add("is not what " + reference_of(*referrer) + " needs, which leads to it");
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
