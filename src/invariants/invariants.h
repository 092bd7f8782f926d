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
#include "invariants/history.h"

namespace weir::invariants {

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
// --- of tunnels
// From a fault on the way between two machines to the last request that fails because of it: a peer that is
// silent is given up (tunnel::kPeerKeepaliveInterval and kPeerKeepaliveTimeout), and the next one is dialled.
inline constexpr Duration kWayBound = std::chrono::seconds(6);
// From a session's last registration to the last request that it gets: connections to it that an edge keeps
// go when controllers have told the edge of the next one.
inline constexpr Duration kLeftBound = kChangeBound;
// From quiet to all agents, the store and all edges of one mind: an edge's next try to report to a controller
// that it has lost (report::Reporter's longest wait and a fifth), what it has not said anew there
// (twice controller::kTunnelGrace), and an edge that follows.
inline constexpr Duration kTunnelsBound = std::chrono::seconds(18 + 10) + kChangeBound;
inline constexpr std::size_t kLinks = 2;  // that an agent keeps

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
std::unique_ptr<Invariant> own_origin(const Edges& edges);  // nobody's visitors come to another's origin
std::unique_ptr<Invariant> left_alone(
    const Edges& edges);  // nor to a session that has left, or was taken over
std::unique_ptr<Invariant> found_a_way(const Edges& edges);    // a request is answered where there is a way
std::unique_ptr<Invariant> not_forgotten(const Edges& edges);  // a Tunnel stays while its edge says so
std::unique_ptr<Invariant> of_one_mind(const Edges& edges);    // agents, store and edges, once all is quiet

struct InvariantInfo {
  std::string_view name;
  std::unique_ptr<Invariant> (*make)(const Edges&);
};
inline constexpr std::array<InvariantInfo, 11> kInvariants{{
    {"revision-reached", revision_reached},
    {"revision-whole", revision_whole},
    {"traffic-bound", traffic_bound},
    {"answered", answered},
    {"no-resurrection", no_resurrection},
    {"acknowledged-kept", acknowledged_kept},
    {"own-origin", own_origin},
    {"left-alone", left_alone},
    {"found-a-way", found_a_way},
    {"not-forgotten", not_forgotten},
    {"of-one-mind", of_one_mind},
}};

}  // namespace weir::invariants
