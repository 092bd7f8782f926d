// RemoteEdge: what makes the traffic of this process an edge of controllers elsewhere: it joins them by a
// token, stays attached to one of them, keeps its certificate, and reports to all of them. Whatever becomes
// of them, traffic goes on from the last snapshot. On the control loop.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "enroll/client.h"
#include "enroll/keeper.h"
#include "grpc/channel.h"
#include "grpc/dialler.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "report/reporter.h"
#include "role/own_follower.h"
#include "role/traffic.h"
#include "xds/client.h"

namespace weir::role {

struct RemoteEdgeOptions {
  std::vector<tls::Host> controllers;  // their APIs; at least one
  std::string join_token;              // empty: this machine has joined already
  enroll::Node node;
  bool carries_traffic = true;
  bool answers_dns = false;
  std::string relay;  // by which other edges reach what is attached here; empty: they can't
  std::string credentials_path;
  std::string secrets_path;
};

class RemoteEdge {
 public:
  // traffic: outlives it.
  RemoteEdge(net::Env& env, RemoteEdgeOptions options, Traffic& traffic);
  ~RemoteEdge();

  // After the traffic's, and before it listens: reads what is there from an earlier life. The error is a
  // sentence.
  std::expected<void, std::string> prepare();
  // refused: a controller does not let this machine in, and there is no use in trying again.
  void start(std::function<void(const std::string& sentence)> refused);
  net::Task<void> stop();

  const std::string& name() const { return options_.node.name; }

  // Told of what controllers give to all edges, and of what this one is known by, whenever one of them is
  // another; also of what is there from an earlier life. After prepare().
  using Known = std::function<void(const translation::EdgeSecrets&, const enroll::Credentials&)>;
  void on_known(Known told);
  // To all controllers: an origin has come, or gone.
  void say(const report::TunnelSeen& seen);
  // The same of the addresses that this edge shares with others.
  void say(const std::vector<report::AnycastSeen>& seen);
  // Told of what each controller replies to reports; none: it is not attached any more. After prepare().
  void on_reply(const std::function<void(std::size_t controller, std::optional<report::Reply>)>& told);

 private:
  struct Line;  // to one controller, for reports
  net::Task<void> run();
  net::Task<bool> join();
  net::Task<void> measure();
  void begin();
  void make_lines();
  void use(const enroll::Credentials& credentials);
  void tell_state();
  void tell_known(bool anew);

  net::Env& env_;
  RemoteEdgeOptions options_;
  Traffic& traffic_;
  std::function<void(const std::string&)> refused_;
  Known known_told_;                                // null: nobody is told
  std::optional<translation::EdgeSecrets> told_;    // the last
  std::optional<enroll::Credentials> credentials_;  // none: it has not joined
  std::optional<OwnFollower> follower_;
  std::optional<enroll::Keeper> keeper_;
  std::optional<xds::Client> client_;
  report::IntervalLog intervals_;
  std::vector<std::unique_ptr<Line>> lines_;
  net::TaskGroup tasks_;
};

}  // namespace weir::role
