// A session that is registered nowhere any more gets no requests: it has left, or a newer one of the same
// origin has taken its place at each of its edges. Judged where all of these could hear of it, and of edges
// that no fault touches, which are told by controllers that it is another session now.
#include <fmt/format.h>

#include "invariants/invariants.h"
#include "invariants/ways.h"

namespace weir::invariants {
namespace {

class LeftAlone final : public Invariant {
 public:
  explicit LeftAlone(const Edges& edges) : edges_(edges) {}

  std::optional<std::string> see(const Event& event) override {
    ways_.see(event);
    if (event.kind == Event::Kind::kTroubled) calm_since_[event.node] = Duration::max();
    if (event.kind == Event::Kind::kCalm) calm_since_[event.node] = event.at;
    if (event.kind != Event::Kind::kReached) return std::nullopt;
    const auto found = ways_.sessions().find(event.node);
    if (found == ways_.sessions().end() || !found->second.at.empty()) return std::nullopt;
    const Duration left = found->second.left;
    if (const auto calm = calm_since_.find(event.text); calm != calm_since_.end()) {
      if (calm->second == Duration::max() || event.since < calm->second + kReattachBound) return std::nullopt;
    }
    if (event.since - left <= kLeftBound) return std::nullopt;
    for (const EdgeInfo& edge : edges_) {
      const Duration whole = ways_.whole_since(machine_of(event.node), edge.name);
      if (whole != Duration{} && (whole == Duration::max() || whole > left)) return std::nullopt;
    }
    return fmt::format("{} sends a request for {} to {}, which left its last edge {:.1f} s before",
                       event.text, event.key, event.node,
                       std::chrono::duration<double>(event.since - left).count());
  }

 private:
  Edges edges_;
  Ways ways_;
  std::map<std::string, Duration> calm_since_;  // of edges that ever were not; max: they are not
};

}  // namespace

std::unique_ptr<Invariant> left_alone(const Edges& edges) { return std::make_unique<LeftAlone>(edges); }

}  // namespace weir::invariants
