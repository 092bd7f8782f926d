// Traffic: the data plane as a part of a process: the edge, and its last good Snapshot on disk, which it
// begins with whatever has become of its source. Lives on the control loop; the edge's workers have cores of
// their own.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "edge/edge.h"
#include "inspection/request_visits.h"
#include "net/env.h"
#include "net/task.h"
#include "store/kept_file.h"

namespace weir::role {

// "cannot listen on ADDRESS (FLAG): why", for a person.
std::string cannot_listen(const char* flag, const net::Address& address, const Error& error);

struct TrafficOptions {
  edge::EdgeOptions edge;
  std::optional<net::Address> https;  // the shared listener; none: there is none
  bool https_is_preset = true;        // nobody asked for it: when the port is taken, there is none
  std::string snapshot_path;
  // Of the process that this one takes the place of, in the place of what is on disk; see Edge::recall().
  std::string snapshot;  // empty: there is none
  std::string remembered;
};

class Traffic {
 public:
  Traffic(net::Env& control, std::span<net::Env* const> workers, TrafficOptions options);

  // Before any core runs, and before anything listens: reads the last snapshot, looks whether the addresses
  // are free. The errors are sentences.
  std::expected<void, std::string> prepare();
  // With a snapshot, traffic begins with it.
  std::expected<void, std::string> listen();
  // The two halves of listen(), for who has to know the ports before endpoints are checked for the first
  // time.
  std::expected<void, std::string> open_ports();
  void begin_with_last();
  const config::SnapshotPointer& started_from() const { return started_from_; }  // null: there was none
  const edge::Listening& listening() const { return listening_; }

  // Takes effect on every worker in its next turn, and goes to disk.
  void apply(config::SnapshotPointer snapshot);
  // The same for one that another process has in force, and keeps on disk.
  std::expected<void, std::string> apply_text(std::string_view text);
  // What is in force, for another process; null: nothing is.
  const config::SnapshotPointer& in_force() const { return in_force_; }
  // Nothing more is kept on disk: that is another process's from now on. Blocks until what waits is written.
  void let_go() { snapshot_file_.reset(); }
  bool has_snapshot() const { return has_snapshot_; }
  // Called with each snapshot that takes effect, also the one that traffic begins with. Before listen().
  void on_applied(std::function<void(const config::SnapshotPointer&)> applied) {
    applied_ = std::move(applied);
  }
  // Called once, when there is a snapshot. Before listen().
  void on_begun(std::function<void()> begun) { begun_ = std::move(begun); }

  // Of DNS, since the beginning: by who answers them beside it. Before anybody asks.
  void on_queries(std::function<std::uint64_t()> count) { queries_ = std::move(count); }
  std::uint64_t queries() const { return queries_ ? queries_() : 0; }

  // What controllers see of its requests; null: it tells nobody what happens.
  inspection::RequestVisits* requests() { return requests_ ? &*requests_ : nullptr; }

  edge::Edge& edge() { return edge_; }
  const edge::Edge& edge() const { return edge_; }

 private:
  config::SnapshotPointer read_last_snapshot();
  void begin();
  void take_effect(config::SnapshotPointer snapshot);

  net::Env& control_;
  TrafficOptions options_;
  edge::Edge edge_;
  std::optional<inspection::RequestVisits> requests_;
  config::SnapshotPointer started_from_;
  edge::Listening listening_;
  bool has_snapshot_ = false;
  std::function<void()> begun_;
  std::function<void(const config::SnapshotPointer&)> applied_;  // null: nobody is told
  std::function<std::uint64_t()> queries_;                       // null: none are answered here
  config::SnapshotPointer in_force_;
  std::optional<store::KeptFile> snapshot_file_;
};

// Calls back, on the control loop, when every worker has what was applied before; at once without traffic.
void when_taken(Traffic* traffic, std::function<void()> then);

}  // namespace weir::role
