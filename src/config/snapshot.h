// Snapshot: the whole that an edge needs, validated, immutable, plain. Built on the control side or from
// disk, then shared by all cores as a pointer; a change is a new Snapshot. It holds private keys and secrets,
// and knows no JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/formats.h"
#include "config/object.h"
#include "config/specs.h"
#include "config/specs_dns.h"
#include "config/violation.h"
#include "config/whole.h"

namespace weir::config {

// An edge by which a tunnelled endpoint is reached.
struct TunnelEnd {
  std::string object;  // name of the Tunnel
  std::string edge;
  std::string provider;  // of the edge
  std::string zone;      // where it is: its region
  std::string relay;     // host:port for other edges; empty: they can't
  std::string session;
  friend bool operator==(const TunnelEnd&, const TunnelEnd&) = default;
};

// One member of a service's pool.
struct Endpoint {
  std::string key;  // the canonical address, unique in its service: an endpoint that keeps it is the same one
  std::uint64_t id = 0;  // hash of the key, equal in every process: for lb::Host
  Address address;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string zone;
  std::string object;              // name of the Endpoint that joined; empty: static, or tunnelled
  std::vector<TunnelEnd> tunnels;  // not empty: that is how it is reached
  // What service discovery tells of one that joined. Its lease is the controllers' business.
  std::string instance;
  std::string version;
  std::vector<std::string> text;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// A place that is kept for an endpoint which comes by a tunnel: its instance, when it has come.
struct Slot {
  std::string object;  // name of the Endpoint
  std::uint32_t port = 0;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string zone;
  friend bool operator==(const Slot&, const Slot&) = default;
};

struct Service {
  std::string name;
  std::string owner;                // the User whose it is, by its label kOwnerLabel; empty: nobody's
  ServiceSpec spec;                 // spec.endpoints are in `endpoints` already
  std::vector<Endpoint> endpoints;  // static ones in their order, then the joined and the tunnelled by name
  std::vector<Slot> slots;          // by name
  // Of a Workload that says so: edges in whose region none of its endpoints can be used leave the addresses
  // that they share with other edges to those.
  bool anycast = false;
  friend bool operator==(const Service&, const Service&) = default;
};

// Host names are in lower case, path prefixes have no slash at the end (but "/"), and every backend's service
// is in the snapshot.
struct LoadBalancer {
  std::string name;
  LoadBalancerSpec spec;
  friend bool operator==(const LoadBalancer&, const LoadBalancer&) = default;
};

// One that may come: whose keys they are.
struct User {
  std::string name;
  UserSpec spec;  // without its password
  friend bool operator==(const User&, const User&) = default;
};

// That lets in origins of a user.
struct TunnelToken {
  std::string name;
  TokenSpec spec;
  friend bool operator==(const TunnelToken&, const TunnelToken&) = default;
};

struct RecordSet {
  std::string name;
  RecordSetSpec spec;
  std::optional<DnsWeightsSpec> weights;  // of a balance, for its providers; none: those that are written
  friend bool operator==(const RecordSet&, const RecordSet&) = default;
};

struct Zone {
  std::string name;
  std::uint64_t serial = 0;  // the snapshot's revision when it became another
  ZoneSpec spec;
  std::vector<RecordSet> record_sets;  // by name
};

// An object that is used as it is written; the same one in successive snapshots while it does not change.
template <class T>
struct Named {
  std::string name;
  std::string uid;
  std::uint64_t revision = 0;
  T spec;
};
using Certificate = Named<CertificateSpec>;
using Secret = Named<SecretSpec>;

// By name. Successive snapshots hold the very same object while it does not change, so whoever compares two
// of them compares pointers.
template <class T>
using NamedList = std::vector<std::shared_ptr<const T>>;

// Calls visit(before, after) for each that is another object in `next` than in `previous`; null: not there.
template <class T, class Visit>
void each_difference(const NamedList<T>& previous, const NamedList<T>& next, const Visit& visit) {
  const std::shared_ptr<const T> none;
  auto old = previous.begin();
  for (const auto& one : next) {
    if (old != previous.end() && *old == one) {
      ++old;
      continue;
    }
    for (; old != previous.end() && (*old)->name < one->name; ++old) visit(*old, none);
    const bool known = old != previous.end() && (*old)->name == one->name;
    if (!known) {
      visit(none, one);
    } else if (*old != one) {
      visit(*old, one);
    }
    if (known) ++old;
  }
  for (; old != previous.end(); ++old) visit(*old, none);
}

struct Snapshot {
  std::uint64_t revision = 0;
  NamedList<LoadBalancer> load_balancers;
  NamedList<Service> services;
  NamedList<Certificate> certificates;
  NamedList<Secret> secrets;
  NamedList<User> users;  // but those that are disabled
  NamedList<TunnelToken> tunnel_tokens;
  NamedList<Zone> zones;

  // Null: none of that name.
  const Service* find_service(std::string_view name) const;
  std::shared_ptr<const Certificate> find_certificate(std::string_view name) const;
  const Secret* find_secret(std::string_view name) const;
  std::shared_ptr<const User> find_user(std::string_view name) const;
  const TunnelToken* find_tunnel_token(std::string_view name) const;
};
using SnapshotPointer = std::shared_ptr<const Snapshot>;

// From all objects (kinds that an edge does not need are passed over). edge_labels: those of the edge it is
// for, which leaves out the load balancers that select others; null: take all. previous: whose parts are kept
// where they are the same; may be null.
Checked<SnapshotPointer> build_snapshot(std::uint64_t revision, const Whole& whole,
                                        const Labels* edge_labels = nullptr,
                                        const Snapshot* previous = nullptr);
// The same, at the price of the changes: all that led from `previous`, made with the same edge_labels, to the
// whole as it is now.
Checked<SnapshotPointer> next_snapshot(const Snapshot& previous, std::uint64_t revision, const Whole& whole,
                                       std::span<const ObjectChange> changes,
                                       const Labels* edge_labels = nullptr);

// The labels that LoadBalancer.spec.edges selects by: the edge's own, and provider, region, city from its
// spec.
Labels selectable_labels(const Labels& labels, const EdgeSpec& spec);

// Whether LoadBalancer.spec.edges.match, `wanted`, takes an edge with those labels.
bool selects(const Labels& wanted, const Labels& labels);

bool is_carried(Kind kind);  // whether snapshots are made from objects of the kind
// Whether they may become others by that change: of such an object, or of a Workload's say about Services.
bool concerns_snapshots(const ObjectChange& change);

// What edges are told of a Service whose Workload says so, as a label of it.
inline constexpr std::string_view kAnycastLabel = "weir/anycast";
inline constexpr std::string_view kAnycastByRegion = "region";
// The object with all that others say of it, as edges are told of it; null: as it is written.
ObjectPointer as_told(const Object& object, const Whole& whole);

// The objects that it is made of, as far as it shows them: of them the same snapshot is made again.
std::vector<Object> objects_of(const Snapshot& snapshot);

// What a role keeps on disk, so that it can start without a controller: objects that make the same snapshot
// again, secrets included.
inline constexpr std::size_t kSnapshotBytesMax = std::size_t{256} << 20U;  // 10,000 hosts with their chains
std::string snapshot_text(const Snapshot& snapshot);
Checked<SnapshotPointer> read_snapshot(std::string_view text);

}  // namespace weir::config
