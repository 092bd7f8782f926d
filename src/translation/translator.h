// Translator: the resources of all objects for one sort of Envoy node, kept up to date: it is told which
// objects have changed and answers with the resources that have. A change costs as much as what depends on
// the object: a Service its cluster and the ports that lead to it, an endpoint its service's endpoints, a
// LoadBalancer its ports. One thread, on the control side.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/snapshot.h"
#include "config/whole.h"
#include "translation/to_envoy.h"
#include "xds/resource.h"

namespace weir::translation {

// An object by its kind and name.
struct ObjectName {
  config::Kind kind{};
  std::string name;
  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;
};

// What has to be looked at when these have changed: an Endpoint's change is one of its Service.
std::vector<ObjectName> names_of(std::span<const config::ObjectChange> changes);

class Translator {
 public:
  explicit Translator(EnvoyNode node) : node_(std::move(node)) {}

  // snapshot: as it is now. changed: all that differ from the one before, those that are gone included.
  std::vector<xds::Change> update(const config::Snapshot& snapshot, std::span<const ObjectName> changed);
  // The verdicts on a service have changed. Empty when nothing follows from it.
  std::vector<xds::Change> update_health(const config::Snapshot& snapshot, const std::string& service,
                                         UnhealthyKeys unhealthy);

  const std::map<std::pair<xds::Type, std::string>, xds::ResourcePtr>& resources() const {
    return resources_;
  }
  // All that Envoy can't be told, by object.
  std::vector<Unsaid> unsaid() const;
  // The same of one object, at the price of its ports.
  std::vector<Unsaid> unsaid_of(const ObjectName& object) const;

 private:
  struct Port {
    std::set<std::string> load_balancers;
    std::set<std::string> services;
    std::set<std::string> certificates;
    std::vector<Unsaid> unsaid;
  };
  // What of a service stands in Envoy's routes.
  struct RouteParts {
    std::optional<config::HashOn> hash_on;
    std::optional<config::StickyCookie> sticky;
    config::Retries retries;
    Duration request_timeout{};
    friend bool operator==(const RouteParts&, const RouteParts&) = default;
  };
  struct Service {
    std::string certificate;  // that is shown to its endpoints
    RouteParts route_parts;
    UnhealthyKeys unhealthy;
    std::vector<Unsaid> unsaid;
  };
  // What an update has to look at.
  struct Dirty {
    std::set<std::uint32_t> ports;
    std::set<std::string> services;
    std::set<std::string> certificates;
  };

  Dirty dirty_of(const config::Snapshot& snapshot, std::span<const ObjectName> changed);
  void move_load_balancer(const config::LoadBalancer* balancer, const std::string& name, Dirty& dirty);
  bool update_service(const config::Snapshot& snapshot, const std::string& name, Dirty& dirty,
                      std::vector<xds::Change>& changes);
  void update_port(const config::Snapshot& snapshot, std::uint32_t number, Dirty& dirty,
                   std::vector<xds::Change>& changes);
  void update_certificate(const config::Snapshot& snapshot, const std::string& name,
                          std::vector<xds::Change>& changes);
  bool taken(std::uint32_t port) const;
  bool wanted(const std::string& certificate) const;
  // Takes the place of what was there of this type and name.
  void put(xds::Type type, const std::string& name, xds::ResourcePtr resource,
           std::vector<xds::Change>& changes);
  void put_all(std::span<const xds::Type> types, const std::string& name, const Translation& translation,
               std::vector<xds::Change>& changes);

  EnvoyNode node_;
  std::map<std::pair<xds::Type, std::string>, xds::ResourcePtr> resources_;
  std::map<std::uint32_t, Port> ports_;
  std::map<std::string, std::set<std::uint32_t>> ports_of_balancer_;
  std::map<std::string, std::set<std::uint32_t>> ports_of_service_;
  std::map<std::string, std::size_t> users_of_certificate_;  // ports and services that name it
  std::map<std::string, Service> services_;
};

// The order in which changes are told: additions by type, then removals the other way round.
void sort_for_sending(std::vector<xds::Change>& changes);

}  // namespace weir::translation
