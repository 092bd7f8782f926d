// ForeignFollower: an edge led by somebody else's control plane, in Envoy's API: listeners and clusters, and
// by and by what those lead to. Begins to change what the edge does when everything that was to be asked for
// has come. On the control loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "role/traffic.h"
#include "translation/foreign.h"
#include "xds/client.h"

namespace weir::role {

class ForeignFollower final : public xds::Consumer {
 public:
  // After this the first configuration is applied without what has not come, as Envoy does.
  static constexpr Duration kCompleteWithin = std::chrono::seconds(15);

  // traffic: outlives it, and is prepared.
  ForeignFollower(net::Env& env, Traffic& traffic, xds::Node node, grpc::Dialler::Target control_plane);

  void start();
  net::Task<void> stop();

  std::optional<std::string> apply(xds::Type type, const std::vector<xds::Change>& changes) override;
  void attached(std::optional<std::size_t> controller) override;

 private:
  void ask_for_more();
  void publish();
  net::Task<void> begin_late();

  net::Env& env_;
  Traffic& traffic_;
  translation::Foreign foreign_;
  xds::Client client_;
  std::map<xds::Type, std::set<std::string>> asked_;
  std::set<xds::Type> told_;
  std::uint64_t revision_;
  bool attached_ = false;
  bool begun_ = false;  // the edge does what it is told
  net::TaskGroup tasks_;
};

}  // namespace weir::role
