// Publisher: hands what the store has to those in this process who act on it: the Snapshot to the edge, the
// tokens to the TokenTable. Follows the store, and is told in the turn in which the mirror moves, so that
// nobody in this process sees objects that those have not been told of. When the whole does not hold
// together, the last good Snapshot stays. On the control loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "auth/token_table.h"
#include "config/snapshot.h"
#include "config/specs.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::controller {

struct PublisherSinks {
  std::function<void(config::SnapshotPointer)> snapshot;
  // The objects have changed; before any of the others is called.
  std::function<void(std::span<const config::ObjectChange>, store::Revision)> changed;
  // Everybody here has seen all up to this revision.
  std::function<void(store::Revision)> settled;
};

struct PublisherOptions {
  // Which edge it is for: load balancers that select others are not in its Snapshots. Labels that somebody
  // gave to the Edge object count too. Empty: there is no edge in this process, and no Snapshot.
  std::string edge_name;
  config::EdgeSpec edge;
  config::SnapshotPointer started_from = {};  // what is in force already, from the disk; may be null
  // All objects as that edge is to see them: others than there are, for as long as rollouts have reached it.
  // Empty: those that there are.
  std::function<const config::Whole&(const std::string& edge, const config::Labels&)> objects_for = {};
};

class Publisher {
 public:
  Publisher(net::Env& env, store::Store& store, mirror::Mirror& mirror, auth::TokenTable& tokens,
            PublisherOptions options, PublisherSinks sinks);

  // Until it is cancelled.
  net::Task<void> run();

  // All that there is to publish here has been.
  bool has_published() const { return options_.edge_name.empty() ? has_read_ : builds_ > failures_; }
  store::Revision published() const { return published_; }  // the revision of the last Snapshot
  std::uint64_t builds() const { return builds_; }
  std::uint64_t failures() const { return failures_; }

 private:
  void take(std::vector<config::ObjectChange> changes);
  void publish(std::vector<config::ObjectChange> changes);
  config::Labels labels() const;
  void refresh_tokens();

  net::Env& env_;
  store::Store& store_;
  auth::TokenTable& tokens_;
  PublisherOptions options_;
  PublisherSinks sinks_;
  config::SnapshotPointer last_;
  std::optional<config::Labels> labels_;           // that it was made for; none: it is from the disk
  std::vector<config::ObjectChange> unpublished_;  // since then: empty, unless the last build failed
  mirror::Mirror& mirror_;
  store::Revision published_ = 0;
  std::uint64_t builds_ = 0;
  std::uint64_t failures_ = 0;
  bool has_read_ = false;
  bool reached_ = false;  // by rollouts, when the last Snapshot was made
};

}  // namespace weir::controller
