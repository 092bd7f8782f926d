// Scale: a world of a size, in calm: what controllers take of memory and processor for so many edges, load
// balancers, endpoints and tunnels. On the memory network and a manual clock, in one thread, so that
// processor time is that of all who take part: controllers, database and edges. Most edges have no data plane
// (LightEdge), some are whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "net/task_group.h"
#include "sim/controller_node.h"
#include "sim/edge_node.h"
#include "sim/light_edge.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"
#include "tls/authority.h"

namespace weir::sim {

// As docs/scale.md has it, one tenth.
struct ScaleSize {
  std::size_t controllers = 1;
  std::size_t edges = 1'000;
  std::size_t whole_edges = 4;      // of these
  std::size_t groups = 100;         // of edges: each load balancer selects one
  std::size_t balancers = 100'000;  // each with a service
  std::size_t endpoints = 10;       // of each service
  std::size_t tunnels = 10'000;
};

// One thing that was done, and what it took.
struct ScaleStep {
  std::string what;
  Duration processor{};
  std::int64_t heap_bytes = 0;  // more than before
  std::uint64_t edges = 0;      // without a data plane, that were told something
  std::uint64_t resources = 0;  // that they were told
  std::uint64_t bytes = 0;      // of these
};

class Scale {
 public:
  using Told = std::function<void(const ScaleStep&)>;
  // told: of each step, when it is done.
  Scale(const ScaleSize& size, std::shared_ptr<const tls::Authority> authority, Told told);
  Scale(const Scale&) = delete;
  Scale& operator=(const Scale&) = delete;
  ~Scale();

  // False: the edges did not come to have all in time.
  bool run();

 private:
  struct Machine {
    std::string ip;
    std::unique_ptr<net::Network> network;
    std::unique_ptr<net::Env> env;
  };
  Machine& add_machine(std::string ip);
  void fill();
  void commit(std::vector<std::pair<std::string, std::string>> objects);
  void start_controllers();
  void start_edges(std::size_t from, std::size_t count);
  void start_whole_edges();
  bool apply(const std::string& objects);
  bool wait_for_edges(std::size_t count);
  net::Task<void> stop_controllers();
  net::Task<void> stop_all();
  template <class Do>
  auto step(std::string what, Do act);
  LightEdge::Told told(std::uint64_t& edges);

  ScaleSize size_;
  std::shared_ptr<const tls::Authority> authority_;
  Told told_;
  testing::FakeEnv fake_;
  store::TemporaryDirectory disk_;
  std::unique_ptr<store::Engine> engine_;
  store::EngineStore store_;
  StoreFaults faults_;  // none
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::string> controller_ips_;
  std::vector<std::unique_ptr<ControllerNode>> controllers_;
  std::vector<std::unique_ptr<LightEdge>> edges_;
  std::vector<std::uint64_t> times_;  // by edge: when it was looked at last
  std::vector<std::unique_ptr<EdgeNode>> whole_edges_;
  std::size_t whole_told_ = 0;
};

}  // namespace weir::sim
