// Visits: what people see of instances of this node and do in them, from afar: a controller orders a channel,
// the node makes a call to it, and shows over that what containers write, or runs a command with its streams.
// A command whose user goes is ended. On the core of the node.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "channel/end.h"
#include "channel/messages.h"
#include "grpc/channel.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "podman/client.h"

namespace weir::node {

class Visits {
 public:
  static constexpr std::size_t kMax = 128;  // at a time; more are not answered
  // A command is told to end (SIGHUP), and is ended after that.
  static constexpr Duration kEndGrace = std::chrono::seconds(2);

  // node: in the labels of what is its own. env and podman outlive it.
  Visits(net::Env& env, podman::Client& podman, std::string node)
      : env_(env), podman_(podman), node_(std::move(node)), tasks_(env.loop) {}
  Visits(const Visits&) = delete;
  Visits& operator=(const Visits&) = delete;

  // What a controller has ordered (Channels::Options::order). way: to that controller; it is closed behind
  // stop().
  void begin(grpc::Channel& way, std::string id, std::string what);
  net::Task<void> stop() { co_await tasks_.stop(); }

  std::size_t going_on() const { return tasks_.size(); }

 private:
  net::Task<void> answer(grpc::Channel& way, std::string id, std::string what);
  net::Task<void> show(channel::End& end, const channel::ChannelOpen& open);
  net::Task<void> run(channel::End& end, const channel::ChannelOpen& open);

  net::Env& env_;
  podman::Client& podman_;
  std::string node_;
  net::TaskGroup tasks_;
};

}  // namespace weir::node
