// Roster: the nodes as they say of themselves: who is attached, what each has, and what has become of its
// instances. Every controller has one, since nodes report to all of them; nothing of it is stored. What a
// node says counts only for instances that are assigned to it, so whoever asks names both. On the control
// loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/log_limit.h"
#include "base/time.h"
#include "net/env.h"
#include "net/task_group.h"
#include "nodelink/values.h"

namespace weir::workload {

// --- bounds; beyond them what is said is not counted, and the log says so
inline constexpr std::size_t kRosterNodesMax = 10'000;
inline constexpr std::size_t kSaidOfNodeMax = 1'000;     // instances that one node speaks of
inline constexpr std::size_t kSaidTextBytesMax = 1'024;  // of a reason, as it is kept

inline constexpr Duration kLostAfter = std::chrono::seconds(8);  // of silence; they speak every two
// Before nothing follows from who is missing: after a pause of the whole process, or the beginning of
// leading.
inline constexpr Duration kSettleTime = std::chrono::seconds(10);
// The same after a start: nodes that have tried in vain for long try again every six seconds, and some of
// their tries hang.
inline constexpr Duration kStartTime = std::chrono::seconds(20);

class Roster {
 public:
  struct Said {
    nodelink::InstanceSeen seen;
    Instant since;             // that it is in this state, of this version
    WallTime since_wall{};     // the same
    Instant ready_changed;     // since when it is ready, or is not
    Duration ready_longest{};  // at a stretch, of this version, up to the last time that it was not ready
    bool stale = false;        // from the stream before: not repeated yet
  };
  struct Node {
    nodelink::Hello hello;
    bool attached = false;
    bool complete = false;  // it has said all that there is, on some stream
    WallTime since{};       // that it is attached, or not
    Instant heard;          // the last time
    WallTime heard_wall{};  // the same
    std::map<std::string, Said, std::less<>> instances;
  };
  enum class Presence : std::uint8_t {
    kUnknown,  // not heard, and it may still come
    kHere,     // heard lately
    kLost,
  };

  explicit Roster(net::Env& env);
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;

  void start();
  net::Task<void> stop();  // to be awaited before it is destroyed

  // By whoever has the streams. A node has one stream at a time: the last one counts.
  void attach(const nodelink::Hello& hello);
  void report(std::string_view node, const nodelink::NodeReport& report);
  void heard(std::string_view node);  // it is there, and has nothing to say
  void detach(std::string_view node);

  // Something has changed that there may be something to do about. In the turn in which it was heard. Empty:
  // nobody is told any more.
  void on_change(std::function<void()> told) { told_ = std::move(told); }

  const std::map<std::string, Node, std::less<>>& nodes() const { return nodes_; }
  const Node* find(std::string_view node) const;  // null: it never came
  // What the node says of an instance; null: nothing.
  const Said* said(std::string_view node, std::string_view instance) const;
  Presence presence(std::string_view node) const;
  bool settled() const;
  // Nothing follows from who is missing for kSettleTime.
  void settle_anew();
  // Forgets those that are not attached and not among these.
  void keep_only(const std::set<std::string_view>& names);

 private:
  net::Task<void> watch();
  void tell();
  void hear(Node& node);
  void take(Node& node, const nodelink::InstanceSeen& seen, bool& changed);

  net::Env& env_;
  std::map<std::string, Node, std::less<>> nodes_;
  std::function<void()> told_;  // empty: nobody
  Instant settled_at_;
  std::size_t lost_ = 0;  // when it was last looked
  LogLimit log_limit_;
  net::TaskGroup tasks_;
};

}  // namespace weir::workload
