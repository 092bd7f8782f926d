// AgentNode: an origin of the simulated world that nobody can reach, and the agent beside it, as `weir agent`
// has it: one session, from its start until it leaves or is killed. On the loop of the world.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/agent.h"
#include "invariants/history.h"
#include "net/env.h"
#include "net/task_group.h"
#include "sim/origin.h"

namespace weir::sim {

using invariants::Event;

class AgentNode final : private agent::AgentWatch {
 public:
  struct Options {
    std::string name;  // "a1.3"
    std::string service;
    std::string instance;
    net::Address origin;
    std::string token;
    std::shared_ptr<tls::ClientContext> tls;
    std::map<std::string, std::string> edges;  // names, by IP address
  };
  // kAttached and kDetached.
  using Told = std::function<void(Event)>;

  AgentNode(net::Env& env, Options options, Told told, Origin::Served served);

  const std::string& name() const { return options_.name; }
  net::Task<void> leave();  // returns when it has, when nobody has listened for a while, or it was stopped
  net::Task<void> stop();   // to be awaited before it is destroyed

 private:
  void registered(const wire::Welcome& edge, const wire::Registered& answer) override;
  void detached(const std::string& host, std::string_view why) override;
  void lose(std::string edge, std::string why);
  net::Task<void> leave_edges(std::shared_ptr<net::Event> left);

  net::Loop& loop_;
  Options options_;
  Told told_;
  Origin origin_;
  std::set<std::string> attached_;  // edges
  bool leaving_ = false;
  agent::Agent agent_;
  net::TaskGroup tasks_;
};

}  // namespace weir::sim
