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
#include "tls/authority.h"
#include "tls/server_context.h"
#include "tunnel/admission.h"
#include "tunnel/agent_guests.h"
#include "tunnel/network.h"
#include "tunnel/origins.h"
#include "tunnel/port.h"
#include "tunnel/registry.h"
#include "tunnel/relay.h"
#include "tunnel/ssh_door.h"

namespace weir::role {

// A port; is_preset: nobody asked for it, so when it is taken, there is none.
struct TunnelsPort {
  std::optional<net::Address> at;  // none: nobody comes in
  bool is_preset = true;
};
struct TunnelsOptions {
  TunnelsPort ssh;
  TunnelsPort tunnel;  // agents, and other edges
};

// What is known once this machine is a part of a weir. Secrets are in it.
struct TunnelsIdentity {
  std::string ssh_host_key;  // OpenSSH's format
  tunnel::AdmissionOptions admission;
  wire::Welcome welcome;  // who we are
  std::string ca;         // PEM: whose edges these are
  tls::PemPair port;      // a certificate for wire::kServerName
  tls::PemPair edge;      // our own; other edges ask for it
};
// The same for an edge that has the authority itself.
Result<TunnelsIdentity> make_identity(const tls::Authority& authority, wire::Welcome welcome,
                                      tunnel::AdmissionOptions admission, WallTime now);

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
  // Lets clients in, of whom those before have waited. Again: with newer certificates.
  void open(TunnelsIdentity identity);
  // Where agents and other edges come in; none: nowhere.
  const std::optional<net::Address>& tunnel() const { return options_.tunnel.at; }

  // Who is let in from now on.
  void apply(const config::SnapshotPointer& snapshot);
  // Told on the control loop of each origin that comes or goes; first, of those that are there.
  using Told = std::function<void(const report::TunnelSeen&)>;
  void on_seen(Told told);

  // Another process has let them in so far: they are expected here from now on. On the control loop.
  void expect();
  // Agents are told to find other edges; they go on here until they have.
  void drain();
  // Nobody comes in any more, and who is in is shown out.
  net::Task<void> stop();
  // Another process lets them in from now on: agents are told to go there, and sessions of SSH, which can't
  // be told, end after a while. stop() follows.
  net::Task<void> leave();

 private:
  struct Core {
    Core(tunnel::Registry& registry, const tunnel::Origins& origins, net::Env& below);
    net::Env& below;
    tunnel::Attachments attachments;
    tunnel::Relay relay;
    tunnel::Network network;
    net::Env env;
    std::unique_ptr<net::Listener> ssh_listener;
    std::unique_ptr<net::Listener> tunnel_listener;
    // --- touched on its own loop
    std::unique_ptr<tunnel::SshDoor> ssh_door;
    std::unique_ptr<tunnel::AgentGuests> guests;
    std::unique_ptr<tunnel::Port> port;
    net::TaskGroup serving;
    net::TaskGroup ending;
  };

  net::Task<void> stop_core(Core& core, net::Event& stopped);
  net::Task<void> end_ssh(Core& core, net::Event& ended);
  using Listener = std::unique_ptr<net::Listener> Core::*;
  std::expected<void, std::string> listen_at(const char* flag, TunnelsPort& port, Listener listener);
  void open_ssh(Core& core);
  void open_port(Core& core);
  Result<void> take_certificates(const TunnelsIdentity& identity);
  Result<void> reach_others(const TunnelsIdentity& identity);
  std::function<void(report::TunnelSeen)> announce();
  void see(report::TunnelSeen seen);

  net::Env& control_;
  TunnelsOptions options_;
  std::optional<TunnelsIdentity> identity_;
  config::SnapshotPointer snapshot_;
  tunnel::Registry registry_;
  tunnel::Origins origins_;
  record::LiveRequests live_;
  std::vector<std::unique_ptr<Core>> cores_;  // the control core's first
  std::vector<net::Env*> worker_envs_;
  tunnel::AdmissionPointer admission_;
  std::shared_ptr<tls::ServerContext> port_context_;  // null: there is none yet
  Told told_;
  std::map<std::pair<std::string, std::string>, report::TunnelSeen> present_;  // by service and instance
};

}  // namespace weir::role
