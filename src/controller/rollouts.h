// Rollouts: carries out the objects of kind Rollout, by the judgement of rollout.h: begins a wave, looks at
// what its edges report, begins the next, and at the end writes the change to the objects, or withdraws it
// and says why. Done by the controller that leads; how far a rollout has come stands in its object
// (spec.progress), each step of it one transaction with its event, so that another one can go on and all of
// them give the edges the same. On the control loop.
//
// A wave is in force by the revision of its transaction: an edge has the change when it serves that revision
// or a later one. So whoever gives edges their objects gives each one that a rollout has reached a revision
// that is not below that of the Rollout object.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/object.h"
#include "config/status.h"
#include "config/whole.h"
#include "controller/fleet.h"
#include "controller/rollout.h"
#include "mirror/mirror.h"
#include "mirror/overlay.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "store/store.h"

namespace weir::controller {

// Names of the rollouts under way whose change an edge is to have, in their order. Of the objects alone, so
// that it is the same at every controller; mirror::Overlays::together() has the changes.
std::vector<std::string> rollouts_reaching(const config::Whole& objects, std::string_view edge,
                                           const config::Labels& labels);

class Rollouts {
 public:
  Rollouts(net::Env& env, store::Store& store, mirror::Mirror& mirror, Fleet& fleet);
  Rollouts(const Rollouts&) = delete;
  Rollouts& operator=(const Rollouts&) = delete;

  void start();
  net::Task<void> stop();  // to be awaited before it is destroyed

  config::RolloutStatus status_of(const config::Object& rollout) const;

 private:
  // What is known of an edge since the present wave began.
  struct Mark {
    store::Revision needs = 0;  // by which it has the change
    bool has_had = false;
    Instant at;      // when the wave began, or the edge had the change, whichever is later
    Carried total;   // up to then
    Carried before;  // in some time before it had the change
    std::map<std::string, std::string> refused;  // of these objects, at the beginning
  };
  // A rollout under way, as this process looks at it while it leads.
  struct Followed {
    std::string uid;
    std::uint32_t wave = 0;
    store::Revision needs = 0;
    Instant lacking_since;                           // somebody does not have it, since then
    std::optional<Instant> had_by;                   // the first time in this wave that all had it
    std::map<std::string, Mark, std::less<>> marks;  // by edge
    std::string reason;
    std::string edges;
  };

  net::Task<void> run();
  net::Task<void> go_on(std::string name);
  net::Task<void> begin(config::ObjectPointer rollout);
  net::Task<void> look_at(config::ObjectPointer rollout);
  net::Task<void> next_wave(config::ObjectPointer rollout, std::string first);
  net::Task<void> finish(config::ObjectPointer rollout);
  net::Task<void> end(config::ObjectPointer rollout, config::RolloutPhase phase, std::string reason);
  net::Task<void> commit(store::Transaction transaction, config::ObjectPointer rollout,
                         config::RolloutProgress progress, std::string_view verb, std::size_t events);

  Followed& followed(const config::Object& rollout);
  void enter_wave(Followed& followed, const config::Object& rollout, std::uint32_t wave,
                  store::Revision needs);
  std::vector<std::string> edge_names() const;
  std::vector<EdgeView> views(Followed& followed, const config::Object& rollout);
  EdgeView view(const std::string& name, const Mark& mark, const std::vector<std::string>& keys) const;
  std::string why_stuck(const config::Object& rollout, const std::vector<EdgeView>& edges) const;
  bool fits_with_others(const config::Object& rollout);

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  Fleet& fleet_;
  mirror::Overlays overlays_;
  std::map<std::string, Followed, std::less<>> followed_;  // by name
  net::Event wake_;
  net::TaskGroup tasks_;
};

}  // namespace weir::controller
