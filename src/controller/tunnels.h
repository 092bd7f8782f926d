// Tunnels: what edges say of the origins that came to them becomes Tunnel objects, so that every other edge
// learns of them; and who asks for a name that nobody has gets a Service and a LoadBalancer of that name,
// which stay theirs. What an edge has not said anew some time after it attached, or had when it was lost, is
// removed, unless another controller hears of it. On the control loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log_limit.h"
#include "config/object.h"
#include "config/specs.h"
#include "config/whole.h"
#include "controller/fleet.h"
#include "mirror/handed_ports.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task_group.h"
#include "report/report.h"
#include "store/store.h"

namespace weir::controller {

// Of one edge; beyond them what it says is not taken, and the log says so.
inline constexpr std::size_t kTunnelsOfEdgeMax = 100'000;
// Changes that are committed together: what comes meanwhile waits for the next.
inline constexpr std::size_t kTunnelsOfCommitMax = 500;
// An edge that is lost comes back in less, to this controller or to another.
inline constexpr Duration kTunnelGrace = std::chrono::seconds(5);
// What is given up by the controller whom its edge has told of it last is taken over in less by another one
// that hears of it, too: that has to see it in the store.
inline constexpr Duration kTunnelTaken = std::chrono::seconds(1);

// The name of the object: "web-3f9c0d2a71b4".
std::string tunnel_name(std::string_view service, std::string_view instance, std::string_view edge);

class Tunnels {
 public:
  // controller: what this one is called.
  // ports: for services of TCP that come by a tunnel.
  Tunnels(net::Env& env, store::Store& store, mirror::Mirror& mirror, Fleet& fleet, std::string controller,
          mirror::PortRange ports = {});
  Tunnels(const Tunnels&) = delete;
  Tunnels& operator=(const Tunnels&) = delete;

  void start();
  net::Task<void> stop();

 private:
  struct Wanted {
    config::TunnelSpec spec;
    std::string hostname;
    std::string type;  // see report::TunnelSeen
  };
  struct Edge {
    std::map<std::string, Wanted> tunnels;  // by the object's name
    std::set<std::string> unsaid;           // of those: since it attached anew, or was lost
    bool attached = false;
    WallTime since{};                  // that it is, or is not
    std::optional<Instant> judged_at;  // when what is still unsaid goes
  };

  Edge& edge_of(const std::string& name);
  void take(const std::string& edge, const report::TunnelSeen& seen);
  void edge_changed(const std::string& name);
  void adopt();
  void forget(const std::string& edge, const std::string& object, bool said);
  void settle(const std::string& object);
  void moved(std::span<const config::ObjectChange> changes);
  void sweep();
  net::Task<void> tick();
  net::Task<void> run();
  net::Task<bool> commit_some();
  // What is to be written for it; nothing when the store has it already.
  std::vector<config::ObjectChange> changes_for(const std::string& name, const std::string& edge);
  std::vector<config::ObjectChange> end_of(const std::string& name, const config::ObjectPointer& stored);
  std::vector<config::ObjectChange> end_of_outlived(const config::ObjectPointer& stored,
                                                    const std::string& session) const;
  std::vector<config::ObjectChange> place_for(const Wanted& wanted) const;
  bool allows(const Wanted& wanted, const config::ObjectPointer& service);
  void refuse(const Wanted& wanted, std::string_view why);

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  Fleet& fleet_;
  std::string controller_;
  mirror::PortRange ports_;
  std::map<std::string, Edge, std::less<>> edges_;
  struct Gone {
    std::string edge;
    std::string session;                // that has ended, or that nobody speaks of here any more
    bool said = false;                  // the edge has said so; else other controllers may hear of it
    std::optional<Instant> taken_till;  // by one of them, or it is removed then
  };
  std::map<std::string, Gone> gone_;  // by the object's name
  using ByObject = std::map<std::string, std::string>;
  ByObject dirty_;        // to be looked at, with the edge that speaks of it
  ByObject refused_;      // the same, but not soon
  bool adopted_ = false;  // what the store had at the start
  LogLimit log_limit_;
  mirror::Follower follower_;
  net::Event wake_;
  net::TaskGroup tasks_;
};

}  // namespace weir::controller
