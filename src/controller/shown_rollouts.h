// ShownRollouts: tells the views which rollouts are under way and what they change: those that can be put to
// the objects as they are, anew with every step of theirs, so that the edges that they have reached get a
// revision that is not below it (see rollouts.h). On the control loop.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "config/whole.h"
#include "controller/views.h"
#include "mirror/overlay.h"

namespace weir::controller {

class ShownRollouts {
 public:
  // Both outlive it; views: of these objects.
  ShownRollouts(const config::Whole& objects, Views& views);
  ShownRollouts(const ShownRollouts&) = delete;
  ShownRollouts& operator=(const ShownRollouts&) = delete;

  // After the views have been told of changes. True: edges may have to be given another view.
  bool update();

 private:
  struct Shown {
    std::uint64_t revision = 0;  // of the Rollout
    std::vector<config::ObjectChange> changes;
  };

  const config::Whole& objects_;
  Views& views_;
  mirror::Overlays overlays_;
  std::map<std::string, Shown> shown_;  // by name
};

}  // namespace weir::controller
