// Tunnels: origins that come to this machine's edge by themselves, as a part of a process: the doors on every
// core, and the networks by which the traffic reaches what came in. Made before the traffic, and outlives it.
// Lives on the control loop; what is on the workers is theirs.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/snapshot.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "report/report.h"
#include "tunnel/admission.h"
#include "tunnel/network.h"
#include "tunnel/registry.h"
#include "tunnel/ssh_door.h"

namespace weir::role {

struct TunnelsOptions {
  std::optional<net::Address> ssh;  // none: nobody comes in by SSH
  bool ssh_is_preset = true;        // nobody asked for it: when the port is taken, there is none
};

// What is known once this machine is a part of a weir.
struct TunnelsIdentity {
  std::string ssh_host_key;  // OpenSSH's format; a secret
  tunnel::AdmissionOptions admission;
};

class Tunnels {
 public:
  Tunnels(net::Env& control, std::span<net::Env* const> workers);
  Tunnels(const Tunnels&) = delete;
  Tunnels& operator=(const Tunnels&) = delete;
  ~Tunnels();

  // In the place of those that this was made with, for whoever is to reach origins.
  net::Env& control() { return cores_.front()->env; }
  std::span<net::Env* const> workers() const { return worker_envs_; }
  // Where the traffic tells what visitors ask for.
  record::LiveRequests& live() { return live_; }

  // Before any core runs: takes the ports. The error is a sentence.
  std::expected<void, std::string> listen(TunnelsOptions options);
  // Once: lets clients in, of whom those before have waited.
  void open(TunnelsIdentity identity);
  // Where clients come in by SSH; none: nowhere.
  const std::optional<net::Address>& ssh() const { return options_.ssh; }

  // Who is let in from now on.
  void apply(const config::SnapshotPointer& snapshot);
  // Told on the control loop of each origin that comes or goes; first, of those that are there.
  using Told = std::function<void(const report::TunnelSeen&)>;
  void on_seen(Told told);

  // Nobody comes in any more, and who is in is shown out.
  net::Task<void> stop();

 private:
  struct Core {
    Core(tunnel::Registry& registry, net::Env& below);
    net::Env& below;
    tunnel::Attachments attachments;
    tunnel::Network network;
    net::Env env;
    std::unique_ptr<net::Listener> ssh_listener;
    std::unique_ptr<tunnel::SshDoor> ssh_door;  // touched on its own loop
    net::TaskGroup serving;
    net::TaskGroup ending;
  };

  net::Task<void> stop_core(Core& core, net::Event& stopped);
  std::expected<void, std::string> listen_ssh();
  void open_ssh(Core& core);
  void see(report::TunnelSeen seen);

  net::Env& control_;
  TunnelsOptions options_;
  std::optional<TunnelsIdentity> identity_;
  config::SnapshotPointer snapshot_;
  tunnel::Registry registry_;
  record::LiveRequests live_;
  std::vector<std::unique_ptr<Core>> cores_;  // the control core's first
  std::vector<net::Env*> worker_envs_;
  tunnel::AdmissionPointer admission_;
  Told told_;
  std::map<std::pair<std::string, std::string>, report::TunnelSeen> present_;  // by service and instance
};

}  // namespace weir::role
