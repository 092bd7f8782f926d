// NodeClient: a node's side of the stream to one controller. Keeps one for as long as it runs: says who the
// node is and what becomes of its instances, each change at once, and that it is there every two seconds;
// takes orders. When the stream is lost it makes another and says all of it again. On one core.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "grpc/backoff.h"
#include "grpc/channel.h"
#include "h2/signal.h"
#include "net/env.h"
#include "net/task.h"
#include "nodelink/messages.h"
#include "nodelink/values.h"

namespace weir::nodelink {

class NodeClient {
 public:
  struct Options {
    Duration report_interval = std::chrono::seconds(2);
    grpc::Backoff::Options backoff{.first = std::chrono::milliseconds(500),
                                   .longest = std::chrono::seconds(5)};
  };
  // Called on the core; does not wait.
  struct Orders {
    std::function<void(const Assignment&)> assigned;
    std::function<void(Open)> open;
  };
  // The channel is the owner's, who closes it behind run().
  NodeClient(net::Env& env, grpc::Channel& channel, Hello hello, Orders orders, Options options);
  NodeClient(const NodeClient&) = delete;
  NodeClient& operator=(const NodeClient&) = delete;

  // Until it is cancelled.
  net::Task<void> run();

  // All instances that there are now; before the first call, the controller is not told that it knows all.
  void see(const std::vector<InstanceSeen>& all);
  // The revision of the assignment that the node goes by.
  void goes_by(std::uint64_t revision) { revision_ = revision; }

  // The controller has told something on the present stream.
  bool attached() const { return attached_; }

 private:
  struct Entry {
    InstanceSeen seen;
    bool gone = false;
    bool changed = false;  // and in changed_
  };

  net::Task<void> attach(grpc::ClientCall& call);
  net::Task<void> send(grpc::ClientCall& call);
  net::Task<void> receive(grpc::ClientCall& call);
  Result<void> take(std::string_view message, Gathering& gathering);
  void change(const std::string& name, Entry& entry);
  void change_all();
  bool take_changed(NodeReport& report);

  net::Env& env_;
  grpc::Channel& channel_;
  Hello hello_;
  Orders orders_;
  Options options_;
  grpc::Backoff backoff_;
  std::map<std::string, Entry> instances_;
  std::deque<std::string> changed_;  // in the order of their changes
  std::uint64_t revision_ = 0;
  bool all_seen_ = false;
  bool complete_due_ = false;
  h2::Signal wake_;  // of send()
  bool attached_ = false;
};

}  // namespace weir::nodelink
