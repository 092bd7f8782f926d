// Led: what makes this machine a node of controllers: it joins them by a token, has a stream to each of them,
// keeps its certificate, and gives the Node what they tell it to run: what the highest revision says. What
// was told last is kept on disk, so that a node that is cut off, or starts while it is, goes on with it. On
// the control loop.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "enroll/client.h"
#include "enroll/keeper.h"
#include "grpc/channel.h"
#include "images/controller_images.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "node/node.h"
#include "nodelink/values.h"
#include "store/kept_file.h"

namespace weir::node {

struct LedOptions {
  std::vector<tls::Host> controllers;  // their APIs; none: it is led by a file
  std::string join_token;              // empty: this machine has joined already
  enroll::Node machine;
  nodelink::Capacity capacity;
  std::string credentials_path;
  std::string assignment_path;
};

class Led {
 public:
  static constexpr Duration kMeasure = std::chrono::seconds(5);                // what instances use
  static constexpr Duration kGather = std::chrono::milliseconds(20);           // changes that come together
  static constexpr std::size_t kAssignmentBytesMax = std::size_t{512} << 20U;  // on disk

  // node: outlives it, and is started after prepare().
  Led(net::Env& env, Node& node, LedOptions options);
  ~Led();
  Led(const Led&) = delete;
  Led& operator=(const Led&) = delete;

  // Reads what is there from an earlier life, and gives the node what it was told then. The error is a
  // sentence.
  std::expected<void, std::string> prepare();
  // A controller wants a call about something, by that way, which is closed by stop(). Before start(); null:
  // none is made.
  using Open = std::function<void(grpc::Channel& way, nodelink::Open what)>;
  void on_open(Open open) { open_ = std::move(open); }
  // refused: a controller does not let this machine in, and there is no use in trying again.
  void start(std::function<void(const std::string& sentence)> refused);
  net::Task<void> stop();

  const std::string& name() const { return options_.machine.name; }
  std::uint64_t revision() const { return present_ ? present_->revision : 0; }

 private:
  struct Line;  // to one controller
  net::Task<void> run();
  void begin(enroll::Credentials credentials, bool just_joined);
  void use(const enroll::Credentials& credentials);
  void take(const nodelink::Assignment& assignment);
  net::Task<void> say();
  net::Task<void> measure();
  Result<std::shared_ptr<tls::ClientContext>> context() const;

  net::Env& env_;
  Node& node_;
  LedOptions options_;
  Open open_;
  std::function<void(const std::string&)> refused_;
  std::optional<enroll::Credentials> credentials_;  // none: it has not joined
  std::optional<enroll::Keeper> keeper_;
  std::shared_ptr<const nodelink::Assignment> present_;  // null: nothing was told yet
  store::KeptFile file_;
  images::ControllerImages images_;
  std::vector<std::unique_ptr<Line>> lines_;
  net::Event changed_;
  net::TaskGroup tasks_;
};

}  // namespace weir::node
