// Invariants: what must hold in every world, whatever happens in it. Each looks at the events as they come
// and says in a sentence what is broken. One file each; a feature is a file and a line in kInvariants. Pure.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "sim/history.h"

namespace weir::sim {

// --- bounds
// After an edge's last fault: it notices that its controller is gone, waits its longest wait before it tries
// again (xds::kReattachWaitMax and as much jitter), and finds the one controller that is there.
inline constexpr Duration kReattachBound = std::chrono::seconds(18);
// From a commit to the last request by what was before: a lost notification (store::PostgresWatch::kPause),
// and an edge that loses its controller meanwhile.
inline constexpr Duration kChangeBound = std::chrono::seconds(5);
// From a failing origin to the last request that it gets: two checks with their timeouts.
inline constexpr Duration kDeadBound = std::chrono::seconds(4);
// From an origin that passes its checks again to the last request that fails because it did not: the next
// check, the verdict of all edges, and a request that was under way.
inline constexpr Duration kWellBound = std::chrono::seconds(6);
// From quiet to all edges at the last revision.
inline constexpr Duration kFollowBound = kReattachBound + kChangeBound;

struct EdgeInfo {
  std::string name;
  std::string region;
};

class Invariant {
 public:
  virtual ~Invariant() = default;
  // The sentence, when it is broken.
  virtual std::optional<std::string> see(const Event& event) = 0;
};

using Edges = std::vector<EdgeInfo>;
std::unique_ptr<Invariant> revision_reached(const Edges& edges);  // every edge reaches the last revision
std::unique_ptr<Invariant> revision_whole(const Edges& edges);  // at a revision it has all of it, and no more
std::unique_ptr<Invariant> traffic_bound(const Edges& edges);   // none to what is dead or drained
std::unique_ptr<Invariant> answered(const Edges& edges);  // requests are, in calm, where an origin is well
std::unique_ptr<Invariant> no_resurrection(const Edges& edges);    // what was removed never comes back
std::unique_ptr<Invariant> acknowledged_kept(const Edges& edges);  // what was acknowledged is there

struct InvariantInfo {
  std::string_view name;
  std::unique_ptr<Invariant> (*make)(const Edges&);
};
inline constexpr std::array<InvariantInfo, 6> kInvariants{{
    {"revision-reached", revision_reached},
    {"revision-whole", revision_whole},
    {"traffic-bound", traffic_bound},
    {"answered", answered},
    {"no-resurrection", no_resurrection},
    {"acknowledged-kept", acknowledged_kept},
}};

}  // namespace weir::sim
