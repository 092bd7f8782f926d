// LightEdge: an edge without a data plane: discovery and reports as EdgeNode has them; what it is told it
// counts and forgets. For worlds with more edges than a process has room for. On the loop of the world.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/env.h"
#include "net/task_group.h"
#include "sim/edge_node.h"
#include "xds/client.h"

namespace weir::sim {

class LightEdge final : private xds::Consumer {
 public:
  struct Told {
    std::uint64_t times = 0;  // something came
    std::uint64_t resources = 0;
    std::uint64_t bytes = 0;  // of these
  };

  // controllers: IP addresses.
  LightEdge(net::Env& env, std::string name, const std::vector<std::string>& controllers);

  net::Task<void> stop();  // to be awaited before it is destroyed
  const Told& told() const { return told_; }
  bool attached() const { return attached_; }

 private:
  std::optional<std::string> apply(xds::Type type, const std::vector<xds::Change>& changes) override;
  std::uint64_t revision() const override { return revision_; }
  void attached(std::optional<std::size_t> controller) override { attached_ = controller.has_value(); }

  Told told_;
  bool attached_ = false;
  std::uint64_t revision_ = 0;
  xds::Client client_;
  std::vector<std::unique_ptr<ReportLine>> lines_;
  net::TaskGroup tasks_;
};

}  // namespace weir::sim
