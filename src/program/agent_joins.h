// AgentJoins: the services that a `weir agent` joins by address: each for as long as its health check, if it
// has one, passes. Asks the first API that answers. On the control loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/agent_file.h"
#include "client/membership.h"
#include "health/monitor.h"
#include "net/env.h"
#include "net/task_group.h"

namespace weir::program {

class AgentJoins {
 public:
  struct Api {
    std::unique_ptr<client::ApiClient> client;
    client::ApiUrl url;
  };
  // apis: in the order in which they are tried. on_joined: whenever something has joined.
  AgentJoins(net::Env& env, std::vector<Api> apis, std::function<void()> on_joined);
  ~AgentJoins();

  // From now on these and no others: who is not among them leaves, who is as before goes on.
  void set(const agent::FileJoin& file);
  // All leave, as far as the API answers.
  net::Task<void> leave();
  // That is not waited for any longer.
  void cut() { ending_.cancel(); }

 private:
  struct Joined;
  net::Task<Result<client::ApiAnswer>> ask(http::Method method, std::string target, std::string content);
  client::MemberApi api_for(const std::string& service);
  void start(std::shared_ptr<Joined> one, std::shared_ptr<Joined> before);
  net::Task<void> run(Joined& one, std::shared_ptr<Joined> before);
  net::Task<void> end(std::shared_ptr<Joined> one);
  void watch_health();

  net::Env& env_;
  std::vector<Api> apis_;
  std::size_t current_ = 0;  // of apis_: that answered last
  std::function<void()> on_joined_;
  std::vector<std::shared_ptr<Joined>> joined_;
  health::Monitor monitor_;
  net::TaskGroup ending_;
};

// What joins, as the file has it.
client::Member member_of(const agent::FileMember& member, Duration lease);

}  // namespace weir::program
