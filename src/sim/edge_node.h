// EdgeNode: an edge of the simulated world: data plane, tunnels, discovery and reports as `weir edge` has
// them (role::RemoteEdge, without TLS and so without joining; the port for agents and other edges has it),
// with its snapshot on a real disk. On the loop of the world.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpc/channel.h"
#include "grpc/dialler.h"
#include "invariants/history.h"
#include "net/env.h"
#include "net/task_group.h"
#include "report/reporter.h"
#include "role/own_follower.h"
#include "role/traffic.h"
#include "role/tunnels.h"
#include "sim/controller_node.h"
#include "xds/client.h"

namespace weir::sim {

using invariants::Event;

inline constexpr std::uint16_t kHttpPort = 8080;
inline constexpr std::uint16_t kTunnelPort = 8444;

// An edge's reports to one controller.
struct ReportLine {
  ReportLine(net::Env& env, const std::string& controller, report::Hello hello,
             std::function<report::Load()> take_load)
      : dialler(env, {.host = controller, .port = kDiscoveryPort}),
        channel(env.loop, dialler, {.authority = controller, .scheme = "http"}),
        reporter(env, channel, std::move(hello), std::move(take_load), {}) {}
  grpc::Dialler dialler;
  grpc::Channel channel;
  report::Reporter reporter;
};

// How an edge reaches its controllers.
std::vector<grpc::Dialler::Target> targets_of(const std::vector<std::string>& controllers);

class EdgeNode {
 public:
  struct Options {
    std::string name;
    std::string ip;
    std::string region;
    std::vector<std::string> controllers;  // IP addresses
    std::string directory;
    std::shared_ptr<const tls::Authority> authority;  // of its tunnels; null: it has none
  };
  // Told whenever it serves something else.
  using Applied = std::function<void(std::uint64_t revision, Event::Held held)>;

  EdgeNode(net::Env& env, Options options, Applied applied);
  ~EdgeNode();

  void start();
  std::string trouble() const;  // how it lost its last controller
  net::Task<void> stop();       // to be awaited before it is destroyed

 private:
  void changed();
  void open_tunnels();

  net::Env& env_;
  Options options_;
  Applied applied_;
  net::Env* workers_[1] = {&env_};
  role::Tunnels tunnels_;
  role::Traffic traffic_;
  std::optional<translation::IssuedPair> port_;  // by which the tunnels were opened last
  std::unique_ptr<role::OwnFollower> follower_;
  std::unique_ptr<xds::Client> client_;
  std::vector<std::unique_ptr<ReportLine>> lines_;
  net::TaskGroup tasks_;
};

}  // namespace weir::sim
