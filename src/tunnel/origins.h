// Origins: which edges every tunnelled origin is attached to, as the last Snapshot says, by what it is
// dialled by. One for all cores, with a lock that is taken when a connection to another edge is opened. A
// Snapshot costs what it changes.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "config/snapshot.h"
#include "net/network.h"

namespace weir::tunnel {

class Origins {
 public:
  struct Place {
    std::shared_ptr<const config::Service> service;
    const config::Endpoint* endpoint;  // of the service

    const std::string& instance() const { return endpoint->address.host; }
    const std::vector<config::TunnelEnd>& ends() const { return endpoint->tunnels; }
  };

  // On the control loop.
  void apply(const config::SnapshotPointer& snapshot);
  // On any core. Nothing: no edge has it.
  std::optional<Place> find(const net::Address& origin) const;

 private:
  config::SnapshotPointer snapshot_;  // the control loop's
  mutable std::mutex mutex_;
  std::map<net::Address, Place> places_;  // guarded
};

}  // namespace weir::tunnel
