// The whole's indexes against a plain reading of its rules, over random changes.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "auth/crypto.h"
#include "auth/ssh_key.h"
#include "base/random.h"
#include "base/text.h"
#include "config/snapshot.h"
#include "config/whole.h"

namespace weir::config {
namespace {

class Writer {
 public:
  explicit Writer(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_.below(bound); }
  std::string one(const char* letter, std::size_t of) { return letter + std::to_string(below(of)); }

  ObjectPointer object() {
    Object object;
    switch (below(9)) {
      case 0:
      case 1:
      case 2:
        object.metadata.name = one("l", 5);
        object.spec = balancer();
        break;
      case 3:
      case 4: {
        object.metadata.name = one("s", 3);
        ServiceSpec spec;
        spec.endpoints.push_back({.address = "10.0.0." + std::to_string(below(3)) + ":80"});
        if (below(3) == 0) spec.tls = UpstreamTls{.certificate = one("c", 2)};
        object.spec = spec;
        break;
      }
      case 5:
        object.metadata.name = one("c", 2);
        object.spec = CertificateSpec{.certificate = "chain", .private_key = below(8) == 0 ? "" : "key"};
        break;
      case 6: {
        object.metadata.name = one("u", 4);
        UserSpec spec{.email = (below(2) == 0 ? one("u", 4) : one("U", 4)) + "@x"};
        if (below(2) == 0) spec.ssh_keys.push_back(ssh_key(below(3)));
        if (below(3) == 0) spec.ssh_keys.push_back(authority());
        object.spec = spec;
        break;
      }
      default:
        object.metadata.name = one("e", 4);
        object.spec =
            EndpointSpec{.service = one("s", 3), .address = "10.0.0." + std::to_string(below(5)) + ":80"};
    }
    object.metadata.revision = ++revision_;
    return std::make_shared<const Object>(std::move(object));
  }

 private:
  static std::string ssh_key(std::size_t fill) {
    std::string blob("\0\0\0\x0bssh-ed25519\0\0\0\x20", 19);
    blob.append(32, static_cast<char>('a' + fill));
    return "ssh-ed25519 " + auth::to_base64(auth::bytes_of(blob));
  }
  std::string authority() {
    constexpr std::array kPrincipals{"", ",principals=\"u0\"", ",principals=\"u1,U1\"",
                                     ",principals=\"u2,u0\""};
    return std::string("cert-authority") + kPrincipals[below(4)] + ' ' + ssh_key(below(2));
  }
  LoadBalancerSpec balancer() {
    LoadBalancerSpec spec;
    for (std::size_t count = 1 + below(2); count > 0; --count) {
      Listener listener;
      if (below(3) == 0) listener.port = 81 + static_cast<std::uint32_t>(below(2));
      if (below(3) == 0) {
        listener.protocol = ListenerProtocol::kHttps;
        listener.tls = ListenerTls{.min_version = below(4) == 0 ? TlsVersion::k13 : TlsVersion::k12};
        if (below(2) == 0) listener.tls->certificates.push_back(one("c", 2));
      }
      for (const char* name : {"a.example", "B.example", "*.example"}) {
        if (below(4) == 0) listener.hostnames.emplace_back(name);
      }
      spec.listeners.push_back(listener);
    }
    for (std::size_t count = 1 + below(2); count > 0; --count) {
      Route route;
      route.match.path_prefix = below(2) == 0 ? "/" : "/a";
      route.backends.push_back({.service = one("s", 3)});
      spec.routes.push_back(route);
    }
    constexpr std::array kRegions{"", "eu", "us"};
    if (const std::string region = kRegions[below(3)]; !region.empty()) spec.edges.match = {{"r", region}};
    return spec;
  }

  Random random_;
  std::uint64_t revision_ = 0;
};

using List = std::vector<ObjectPointer>;

// Calls visit(path, kind, name) for each name of another object.
template <class Visit>
void each_name(const Object& object, const Visit& visit) {
  if (const auto* endpoint = std::get_if<EndpointSpec>(&object.spec)) {
    visit(std::string("spec.service"), Kind::kService, endpoint->service);
  } else if (const auto* service = std::get_if<ServiceSpec>(&object.spec); service && service->tls) {
    visit(std::string("spec.tls.certificate"), Kind::kCertificate, service->tls->certificate);
  } else if (const auto* spec = std::get_if<LoadBalancerSpec>(&object.spec)) {
    for (std::size_t i = 0; i < spec->listeners.size(); ++i) {
      if (!spec->listeners[i].tls || spec->listeners[i].tls->certificates.empty()) continue;
      visit("spec.listeners[" + std::to_string(i) + "].tls.certificates[0]", Kind::kCertificate,
            spec->listeners[i].tls->certificates[0]);
    }
    for (std::size_t i = 0; i < spec->routes.size(); ++i) {
      visit("spec.routes[" + std::to_string(i) + "].backends[0].service", Kind::kService,
            spec->routes[i].backends[0].service);
    }
  }
}

std::vector<std::string> hosts_of(const Listener& listener) {
  std::vector<std::string> hosts;
  for (const std::string& name : listener.hostnames) hosts.push_back(to_lower(name));
  if (hosts.empty()) hosts.emplace_back();
  return hosts;
}

bool claims(const LoadBalancerSpec& spec, std::uint32_t port, const std::string& host,
            const RouteMatch& match) {
  const bool route = std::ranges::any_of(spec.routes, [&](const Route& one) { return one.match == match; });
  return route && std::ranges::any_of(spec.listeners, [&](const Listener& listener) {
           return shared_or_own_port(listener) == port && std::ranges::count(hosts_of(listener), host) > 0;
         });
}

void judge_claims(const Object& object, const List& before, Violations& violations) {
  const auto& spec = std::get<LoadBalancerSpec>(object.spec);
  for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
    const std::vector<std::string> hosts = hosts_of(spec.listeners[i]);
    for (std::size_t j = 0; j < hosts.size(); ++j) {
      for (const Route& route : spec.routes) {
        const auto taken = std::ranges::find_if(before, [&](const ObjectPointer& other) {
          const auto* their = std::get_if<LoadBalancerSpec>(&other->spec);
          if (their == nullptr) return false;
          const bool apart = !their->edges.match.empty() && !spec.edges.match.empty() &&
                             their->edges.match != spec.edges.match;
          return !apart && claims(*their, shared_or_own_port(spec.listeners[i]), hosts[j], route.match);
        });
        if (taken == before.end()) continue;
        const std::string owner = reference_of(**taken) + " for the path prefix " + route.match.path_prefix;
        std::string path = "spec.listeners[" + std::to_string(i) + "]";
        if (!hosts[j].empty()) path += ".hostnames[" + std::to_string(j) + "]";
        violations.push_back(
            {path, (hosts[j].empty() ? "takes all hosts, which are taken by " : "is taken by ") + owner,
             reference_of(object)});
      }
    }
  }
}

void judge_ports(const ObjectPointer& object, const List& before, Violations& violations) {
  List until = before;
  until.push_back(object);
  const auto& spec = std::get<LoadBalancerSpec>(object->spec);
  for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
    const Listener& listener = spec.listeners[i];
    const std::string path = "spec.listeners[" + std::to_string(i) + "]";
    const auto judge = [&](const ObjectPointer& other) {
      const auto* their = std::get_if<LoadBalancerSpec>(&other->spec);
      if (their == nullptr) return false;
      const auto first =
          std::ranges::find(their->listeners, shared_or_own_port(listener), shared_or_own_port);
      if (first == their->listeners.end()) return false;
      const auto version = [](const Listener& one) { return one.tls.value_or(ListenerTls{}).min_version; };
      if (first->protocol != listener.protocol) {
        violations.push_back(
            {path, "wants another protocol on its port than " + reference_of(*other), reference_of(*object)});
      } else if (version(*first) != version(listener)) {
        violations.push_back({path + ".tls",
                              "wants other TLS versions or client certificates on the same port than " +
                                  reference_of(*other) + "; give it a port of its own",
                              reference_of(*object)});
      }
      return true;
    };
    (void)std::ranges::any_of(until, judge);
  }
}

// What is one user's alone.
struct Possession {
  std::string path;
  std::string what;
  std::string which;
};

std::vector<Possession> possessions_of(const Object& object) {
  const auto* spec = std::get_if<UserSpec>(&object.spec);
  if (spec == nullptr) return {};
  std::vector<Possession> all{{"spec.email", to_lower(spec->email), ""}};
  for (std::size_t i = 0; i < spec->ssh_keys.size(); ++i) {
    const std::string path = "spec.ssh_keys[" + std::to_string(i) + "]";
    const auth::SshLine line = *auth::parse_ssh_line(spec->ssh_keys[i]);
    if (!line.is_authority) all.push_back({path, line.key.blob, ""});
    for (const std::string& principal : line.principals_of(object.metadata.name)) {
      all.push_back({path, principal + ' ' + line.key.blob, " for the principal \"" + principal + '"'});
    }
  }
  return all;
}

void judge_identities(const ObjectPointer& object, const List& before, Violations& violations) {
  for (const Possession& one : possessions_of(*object)) {
    const auto owner = std::ranges::find_if(before, [&](const ObjectPointer& other) {
      const auto theirs = possessions_of(*other);
      return std::ranges::find(theirs, one.what, &Possession::what) != theirs.end();
    });
    if (owner == before.end()) continue;
    violations.push_back(
        {one.path, "is taken by " + reference_of(**owner) + one.which, reference_of(*object)});
  }
}

// By the rules alone: each object against all those before it.
Violations violations_of(const List& objects) {
  Violations violations;
  List before;
  for (const ObjectPointer& object : objects) {
    each_name(*object, [&](const std::string& path, Kind kind, const std::string& name) {
      const bool there = std::ranges::any_of(objects, [&](const ObjectPointer& other) {
        return other->kind() == kind && other->metadata.name == name;
      });
      if (there) return;
      violations.push_back({path, "there is no " + std::string(info_of(kind).name) + " \"" + name + '"',
                            reference_of(*object)});
    });
    if (object->kind() == Kind::kLoadBalancer) {
      judge_claims(*object, before, violations);
      judge_ports(object, before, violations);
    }
    if (object->kind() == Kind::kUser) judge_identities(object, before, violations);
    const auto* certificate = std::get_if<CertificateSpec>(&object->spec);
    if (certificate != nullptr && certificate->private_key.empty()) {
      violations.push_back({"spec.private_key", "is required", reference_of(*object)});
    }
    before.push_back(object);
  }
  return violations;
}

List list_of(const Whole& whole) {
  List list;
  for (const ObjectChange& change : whole.as_changes()) list.push_back(change.after);
  return list;
}

// Some changes of different objects, by kind and name.
std::vector<ObjectChange> some_changes(Writer& writer, const Whole& whole) {
  std::map<std::pair<Kind, std::string>, ObjectChange> changes;
  for (std::size_t count = 1 + writer.below(3); count > 0; --count) {
    const ObjectPointer object = writer.object();
    const ObjectPointer before = whole.find(object->kind(), object->metadata.name);
    const bool deletes = before && writer.below(4) == 0;
    changes[{object->kind(), object->metadata.name}] = {before, deletes ? nullptr : object};
  }
  std::vector<ObjectChange> list;
  for (auto& [key, change] : changes) list.push_back(std::move(change));
  return list;
}

void carry_out(Whole& whole, const std::vector<ObjectChange>& changes) {
  for (const ObjectChange& change : changes) {
    const auto before = change.after ? whole.put(change.after) : whole.remove(change.kind(), change.name());
    CHECK(before == change.before);
  }
}

// Takes out all that is wrong, and what that makes wrong.
std::vector<ObjectChange> mend(Whole& whole) {
  std::vector<ObjectChange> changes;
  while (!whole.holds()) {
    for (const Violation& violation : whole.violations()) {
      for (const ObjectPointer& object : list_of(whole)) {
        if (reference_of(*object) != violation.object) continue;
        changes.push_back({whole.remove(object->kind(), object->metadata.name), nullptr});
      }
    }
  }
  return changes;
}

TEST_CASE("the indexes tell what the rules say, after each of many changes") {
  Writer writer(1);
  Whole whole;
  int held = 0;
  for (int round = 0; round < 3000; ++round) {
    carry_out(whole, some_changes(writer, whole));
    if (round % 10 == 9) mend(whole);
    const Violations expected = violations_of(list_of(whole));
    CHECK(to_text(whole.violations()) == to_text(expected));
    CHECK(whole.holds() == expected.empty());
    held += whole.holds() ? 1 : 0;
  }
  CHECK(held > 100);
}

TEST_CASE("a change is judged as if everything were") {
  Writer writer(2);
  Whole whole;
  std::map<bool, int> verdicts;
  std::map<bool, int> deletions;
  for (int round = 0; round < 5000; ++round) {
    const std::vector<ObjectChange> changes = some_changes(writer, whole);
    List after = list_of(whole);
    std::set<std::string> written;
    for (const ObjectChange& change : changes) std::erase(after, change.before);
    for (const ObjectChange& change : changes) {
      if (!change.after) continue;
      after.push_back(change.after);
      written.insert(reference_of(*change.after));
    }
    Violations named;
    for (const ObjectChange& change : changes) {
      if (change.after) continue;
      for (const ObjectPointer& object : after) {
        each_name(*object, [&](const std::string& path, Kind kind, const std::string& name) {
          if (kind != change.kind() || name != change.name()) return;
          named.push_back(
              {path,
               "still names " + std::string(info_of(kind).name) + " \"" + name + "\", which is to be deleted",
               reference_of(*object)});
        });
      }
    }
    Violations expected = violations_of(after);
    std::erase_if(expected, [&](const Violation& one) { return !written.contains(one.object); });
    CHECK(to_text(whole.check(changes)) == to_text(expected));
    CHECK(to_text(whole.check_deletions(changes)) == to_text(named));
    ++verdicts[expected.empty()];
    ++deletions[named.empty()];
    if (expected.empty() && named.empty()) {
      carry_out(whole, changes);
      CHECK(whole.holds());
    }
  }
  for (const auto& counts : {verdicts, deletions}) {
    for (const auto& [empty, count] : counts) CHECK(count > 100);
    CHECK(counts.size() == 2);
  }
}

template <class T>
void check_same(const NamedList<T>& next, const NamedList<T>& built, const NamedList<T>& previous) {
  REQUIRE(next.size() == built.size());
  for (std::size_t i = 0; i < next.size(); ++i) {
    CHECK(next[i]->name == built[i]->name);
    CHECK(next[i]->spec == built[i]->spec);
    if constexpr (std::is_same_v<T, Service>) CHECK(next[i]->endpoints == built[i]->endpoints);
    const auto before = std::ranges::find(previous, next[i]->name, [](const auto& one) { return one->name; });
    const bool kept = before != previous.end() && (*before)->spec == next[i]->spec;
    if constexpr (std::is_same_v<T, LoadBalancer>) CHECK((!kept || *before == next[i]));
  }
}

TEST_CASE("the next snapshot is the one that is built from everything") {
  Writer writer(3);
  Whole whole;
  const Labels here{{"r", "eu"}};
  SnapshotPointer snapshot = *build_snapshot(0, whole, &here);
  std::vector<ObjectChange> unpublished;
  int published = 0;
  for (std::uint64_t round = 1; round < 2000; ++round) {
    std::vector<ObjectChange> changes = some_changes(writer, whole);
    if (round % 10 != 0 && (!whole.check(changes).empty() || !whole.check_deletions(changes).empty()))
      continue;
    carry_out(whole, changes);
    std::ranges::move(changes, std::back_inserter(unpublished));
    const auto built = build_snapshot(round, whole, &here);
    const auto next = next_snapshot(*snapshot, round, whole, unpublished, &here);
    REQUIRE(next.has_value() == built.has_value());
    if (!next) {
      std::ranges::move(mend(whole), std::back_inserter(unpublished));
      continue;
    }
    ++published;
    check_same((*next)->load_balancers, (*built)->load_balancers, snapshot->load_balancers);
    check_same((*next)->services, (*built)->services, snapshot->services);
    check_same((*next)->certificates, (*built)->certificates, snapshot->certificates);
    snapshot = *next;
    unpublished.clear();
  }
  CHECK(published > 100);
}

}  // namespace
}  // namespace weir::config
