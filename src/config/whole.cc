#include "config/whole.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

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

class Claims {
 public:
  void add(const Object& object, const LoadBalancerSpec& spec, Report& report) {
    const Report::Step part(report, "spec");
    const Report::Step list(report, "listeners");
    std::vector<std::string> matches;
    for (const Route& route : spec.routes) matches.push_back(canonical_match(route.match));
    for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
      const Listener& listener = spec.listeners[i];
      const Report::Step item(report, i);
      const std::uint32_t port = shared_or_own_port(listener);
      if (listener.hostnames.empty()) add(object, spec, matches, port, "", report);
      for (std::size_t j = 0; j < listener.hostnames.size(); ++j) {
        const Report::Step field(report, "hostnames");
        const Report::Step hostname(report, j);
        add(object, spec, matches, port, to_lower(listener.hostnames[j]), report);
      }
    }
  }

 private:
  void add(const Object& object, const LoadBalancerSpec& spec, const std::vector<std::string>& matches,
           std::uint32_t port, const std::string& host, Report& report) {
    for (const std::string& match : matches) {
      if (report.full()) return;
      auto& owners = owners_[host + ' ' + std::to_string(port) + ' ' + match];
      for (const Object* owner : owners) {
        if (owner == &object) continue;
        if (!may_share_an_edge(std::get<LoadBalancerSpec>(owner->spec).edges.match, spec.edges.match))
          continue;
        report.add((host.empty() ? "takes all hosts, which are taken" : "is taken") + std::string(" by ") +
                   reference_of(*owner) + " for the " + match);
        break;
      }
      owners.push_back(&object);
    }
  }

  // By host name in lower case (empty: all), port (see shared_or_own_port), what is matched.
  std::unordered_map<std::string, std::vector<const Object*>> owners_;
};

// What all listeners of a port have in common: a client's SNI and its Host may differ, so that a demand of
// one listener alone could be walked around.
class PortDemands {
 public:
  void add(const Object& object, const LoadBalancerSpec& spec, Report& report) {
    const Report::Step part(report, "spec");
    const Report::Step list(report, "listeners");
    for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
      const Listener& listener = spec.listeners[i];
      const Report::Step item(report, i);
      const ListenerTls tls = listener.tls.value_or(ListenerTls{});
      const auto [known, is_first] = ports_.try_emplace(
          shared_or_own_port(listener),
          Demand{&object, listener.protocol, tls.min_version, tls.client_certificates, tls.client_ca});
      const Demand& demand = known->second;
      if (is_first) continue;
      if (demand.protocol != listener.protocol) {
        report.add("wants another protocol on its port than " + reference_of(*demand.owner));
      } else if (demand.min_version != tls.min_version || demand.clients != tls.client_certificates ||
                 demand.client_ca != tls.client_ca) {
        const Report::Step field(report, "tls");
        report.add("wants other TLS versions or client certificates on the same port than " +
                   reference_of(*demand.owner) + "; give it a port of its own");
      }
    }
  }

 private:
  struct Demand {
    const Object* owner;
    ListenerProtocol protocol;
    TlsVersion min_version;
    ClientCertificates clients;
    std::string client_ca;
  };
  std::map<std::uint32_t, Demand> ports_;
};

}  // namespace

ObjectPointer Whole::find(Kind kind, std::string_view name) const {
  const auto found = of(kind).find(name);
  return found == of(kind).end() ? nullptr : *found;
}

ObjectPointer Whole::put(ObjectPointer object) {
  ObjectPointer before = remove(object->kind(), object->metadata.name);
  objects_[object->spec.index()].insert(std::move(object));
  return before;
}

ObjectPointer Whole::remove(Kind kind, std::string_view name) {
  Objects& objects = objects_[static_cast<std::size_t>(kind)];
  const auto found = objects.find(name);
  if (found == objects.end()) return nullptr;
  return std::move(objects.extract(found).value());
}

Violations validate_whole(std::span<const Object* const> objects) {
  std::array<std::unordered_set<std::string_view>, kKinds.size()> names;
  for (const Object* object : objects) names[object->spec.index()].insert(object->metadata.name);

  Violations violations;
  Claims claims;
  PortDemands demands;
  for (const Object* object : objects) {
    Report report(reference_of(*object));
    each_reference(*object, report, [&](const Field& field, const std::string& name) {
      const KindInfo* kind = find_kind(field.refers_to);
      if (names[static_cast<std::size_t>(kind->kind)].contains(name)) return;
      report.add("there is no " + std::string(kind->name) + " \"" + name + '"');
    });
    if (const auto* spec = std::get_if<LoadBalancerSpec>(&object->spec)) {
      claims.add(*object, *spec, report);
      demands.add(*object, *spec, report);
    }
    if (const auto* spec = std::get_if<CertificateSpec>(&object->spec); spec && spec->private_key.empty()) {
      const Report::Step part(report, "spec");
      const Report::Step field(report, "private_key");
      report.add("is required");
    }
    for (Violation& violation : report.take()) violations.push_back(std::move(violation));
    if (violations.size() >= Report::kViolationsMax) break;
  }
  return violations;
}

Violations validate_deletion(Kind kind, std::string_view name, std::span<const Object* const> objects) {
  Violations violations;
  for (const Object* object : objects) {
    Report report(reference_of(*object));
    each_reference(*object, report, [&](const Field& field, const std::string& text) {
      if (field.refers_to != info_of(kind).name || text != name) return;
      report.add("still names " + std::string(info_of(kind).name) + " \"" + text +
                 "\", which is to be deleted");
    });
    for (Violation& violation : report.take()) violations.push_back(std::move(violation));
    if (violations.size() >= Report::kViolationsMax) break;
  }
  return violations;
}

}  // namespace weir::config
