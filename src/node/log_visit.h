// LogVisit: what the containers of an instance write, told over a channel, line by line with their times;
// with follow also what they write from now on, across their restarts and replacements. A local of a visit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/time.h"
#include "channel/end.h"
#include "channel/messages.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "podman/client.h"
#include "podman/gate.h"

namespace weir::node {

// The lines of one container out of podman's frames, each with its time in front ("2026-11-30T07:11:06Z
// one"). Podman tells whole seconds; of what is written now, the moment in which it came says more. Times
// never go back. Pure.
class LogLines {
 public:
  explicit LogLines(std::string container) : container_(std::move(container)) {}

  // Adds the lines that are complete with that frame.
  void take(podman::LogStream stream, std::string_view frame, WallTime now, channel::ChannelLines& to);
  // The log is read again, from since_seconds(): what was told already comes first.
  void begin_again() { to_skip_ = told_in_second_; }
  // The second of the last frame; none: there was none.
  std::optional<std::int64_t> since_seconds() const { return second_; }

 private:
  struct Part {  // of a line that is longer than podman's frames
    WallTime time;
    std::string text;
  };
  void put(podman::LogStream stream, Part& part, channel::ChannelLines& to) const;

  std::string container_;
  Part parts_[2];  // NOLINT: out, err
  std::optional<std::int64_t> second_;
  std::uint64_t told_in_second_ = 0;  // frames
  std::uint64_t to_skip_ = 0;         // of those
  WallTime last_;
};

class LogVisit {
 public:
  // Between two looks for containers, and before a log that has ended is read again.
  static constexpr Duration kLook = std::chrono::seconds(1);
  // So often in a row there may be no container before an instance is not here any more.
  static constexpr int kLooksInVain = 10;

  // All outlive it.
  LogVisit(net::Env& env, podman::Client& podman, std::string node, channel::End& end,
           const channel::ChannelOpen& open);

  // Until the end, or until it is cancelled. What went wrong, in a sentence; empty: nothing.
  net::Task<std::string> run();

 private:
  net::Task<std::string> look();
  net::Task<void> follow(std::string id, std::string name, bool again);
  net::Task<bool> tell(channel::ChannelLines lines);
  std::string missing(const std::vector<podman::Container>& listed) const;

  net::Env& env_;
  podman::Client& podman_;
  std::string node_;
  channel::End& end_;
  const channel::ChannelOpen& open_;
  const channel::LogsWanted& wanted_;
  podman::Gate writing_;            // one at a time
  std::set<std::string> followed_;  // ids
  std::string wrong_;
  net::TaskGroup tasks_;
};

}  // namespace weir::node
