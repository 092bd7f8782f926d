// Foreign: all that somebody else's control plane has told an edge, and the Snapshot that it makes. What
// waits for something that was not told yet is left out until it comes. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "translation/from_envoy.h"
#include "xds/resource.h"

namespace weir::translation {

class Foreign {
 public:
  // Nothing: it is taken. Else why not, for the NACK; what was there of that name stays.
  std::optional<std::string> put(xds::Type type, std::string_view name, std::string_view body);
  void remove(xds::Type type, const std::string& name);

  // What others lead to, and so is to be asked for: kEndpoints, kRoutes, kSecret.
  std::set<std::string> wanted(xds::Type type) const;

  // Everything that is to be asked for has been told.
  bool complete() const;

  config::SnapshotPointer snapshot(std::uint64_t revision) const;

 private:
  using LoadBalancers = std::map<std::string, config::LoadBalancer>;
  using Services = std::map<std::string, config::Service>;

  std::vector<std::string> certificates_of(const ReadListener& listener) const;
  Services services() const;
  void add_listener(const std::string& name, const ReadListener& listener, LoadBalancers& into,
                    Services& services) const;

  std::map<std::string, ReadCluster, std::less<>> clusters_;
  std::map<std::string, std::vector<config::Endpoint>, std::less<>> endpoints_;
  std::map<std::string, ReadListener, std::less<>> listeners_;
  std::map<std::string, ReadRoutes, std::less<>> routes_;
  std::map<std::string, std::shared_ptr<const config::Certificate>, std::less<>> certificates_;
};

}  // namespace weir::translation
