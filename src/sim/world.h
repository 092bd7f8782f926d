// World: controllers, edges, origins, agents and clients in one process, on the memory network and a manual
// clock, and what befalls them by a Script. One thread; the same script gives the same History. What is of
// agents stands in world_agents.cc.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "invariants/history.h"
#include "invariants/invariants.h"
#include "net/task_group.h"
#include "sim/agent_node.h"
#include "sim/controller_node.h"
#include "sim/edge_node.h"
#include "sim/origin.h"
#include "sim/script.h"
#include "sim/writer.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"
#include "tls/authority.h"

namespace weir::sim {

using invariants::History;
using invariants::Invariant;

struct Outcome {
  std::uint64_t digest = 0;        // of all that happened
  std::vector<std::string> lines;  // the same, to read
  std::string log;                 // what the machines wrote; when an invariant is broken
  std::string broken;              // which invariant; empty: all held
  std::string sentence;            // how
  std::size_t acknowledged = 0;    // writes
  std::size_t applied = 0;         // revisions, by all edges
  std::size_t served = 0;          // requests, by all origins
  std::size_t tunnelled = 0;       // of those, by what agents bring
  Duration lasted{};               // of the world's time
};

class World {
 public:
  World(const Script& script, std::shared_ptr<const tls::Authority> authority);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  // To the end of the script and until all is quiet, or until an invariant is broken.
  Outcome run();

 private:
  // A computer: its place in the network, and what runs on it now.
  struct Machine {
    std::string name;
    std::string ip;
    std::unique_ptr<net::Network> network;
    std::unique_ptr<net::Env> env;
    StoreFaults faults;  // of a controller
    std::string directory;
    std::unique_ptr<ControllerNode> controller;
    std::unique_ptr<EdgeNode> edge;
    std::vector<std::unique_ptr<AgentNode>> agents;  // the last is the present one; those before are leaving
    bool down = false;
    int troubles = 0;  // faults that touch it
  };

  // An origin behind NAT, whose sessions run on one of two machines in turn.
  struct Tenant {
    AgentPlan plan;
    std::array<Machine*, 2> machines{};
    std::size_t sessions = 0;
    std::string service() const { return "t" + std::to_string(plan.service + 1); }
    Machine& now() const { return *machines.at(sessions % 2); }
  };

  Machine& add_machine(std::string name, std::string ip);
  std::vector<std::string> controllers() const;
  Machine& edge(std::size_t at) { return *machines_.at(script_.controllers + at); }
  Machine* machine_at(const std::string& ip);
  void add_origins();
  void add_writers();
  void found();
  void start(Machine& machine);
  net::Task<void> stop(Machine& machine);
  bool leads(const Machine& asking) const;
  net::Task<void> watch_store();
  void committed(const store::Change& change);
  net::Task<void> visit(std::size_t edge);
  net::Task<void> stop_all();

  // --- agents
  void add_agents();
  void put_accounts(store::Transaction& transaction);
  void come(Tenant& tenant);
  net::Task<void> go(Machine& machine, bool kindly);
  void asked(const std::string& session, const std::string& host, const std::string& path);
  net::Task<void> visit_tunnels(std::size_t at_edge);
  net::Task<void> visit_tunnel(Machine& at, std::string service, std::size_t number);
  net::Task<void> befall(Step step);
  net::Task<void> move(Step step);
  net::Task<void> flap(Machine& machine, Duration lasts);
  net::Task<void> release(Step step);
  void part(Machine& one, Machine& other, const Step& step, bool on);
  void set_agent_fault(const Step& step, Machine& machine, bool on);
  void reached(const std::string& one, const std::string& other, int change);

  void take(const Step& step);
  net::Task<void> fault(Step step);
  void set_fault(const Step& step, bool on);
  net::Task<void> restart(Machine& machine, Step step);
  void obstruct(const std::string& from, const std::string& to, bool on);
  void isolate(const std::string& ip, bool both_ways, bool on);
  void trouble(Machine& machine, bool on);
  bool settled() const;
  void pass(Duration time);
  void tell(Event event);
  void judge(const Event& event);

  Script script_;
  std::shared_ptr<const tls::Authority> authority_;
  testing::FakeEnv fake_;
  store::TemporaryDirectory disk_;
  std::unique_ptr<store::Engine> engine_;
  store::EngineStore store_;  // the truth: not reached through any fault
  Instant began_;
  History history_;
  std::vector<std::pair<std::string_view, std::unique_ptr<Invariant>>> invariants_;
  Outcome outcome_;
  std::vector<std::unique_ptr<Machine>> machines_;  // controllers, edges, origins, the clients', agents'
  Machine* visitors_ = nullptr;
  std::vector<std::unique_ptr<Origin>> origins_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<Tenant> tenants_;
  std::vector<std::unique_ptr<Writer>> releases_;  // of services that agents bring
  std::shared_ptr<tls::ClientContext> agents_tls_;
  std::map<std::string, std::pair<std::string, Duration>> visits_;  // by path: to which edge, and when
  std::map<std::pair<std::string, std::string>, int> obstructions_;
  std::map<std::pair<std::string, std::string>, int> parted_;  // machines: obstructions in either direction
  int faults_ = 0;                                             // under way
  net::TaskGroup tasks_;
};

}  // namespace weir::sim
