// Every edge comes to have what the last revision has for it, within kFollowBound of the last fault. By what
// it has, not by the number: that is of the last revision which changed anything for the edge.
#include <fmt/format.h>

#include "invariants/invariants.h"

namespace weir::invariants {
namespace {

class RevisionReached final : public Invariant {
 public:
  explicit RevisionReached(const Edges& edges) : edges_(edges) {}

  std::optional<std::string> see(const Event& event) override {
    if (event.kind == Event::Kind::kCommitted) past_.see(event);
    if (event.kind == Event::Kind::kApplied) applied_[event.node] = event;
    if (event.kind != Event::Kind::kEnd) return std::nullopt;
    for (const EdgeInfo& edge : edges_) {
      if (applied_[edge.name].held == past_.wanted(edge.region, past_.revision())) continue;
      return fmt::format("{} is at revision {}, and not at {}, {} s after all fell quiet", edge.name,
                         applied_[edge.name].revision, past_.revision(),
                         std::chrono::duration_cast<std::chrono::seconds>(kFollowBound).count());
    }
    return std::nullopt;
  }

 private:
  Edges edges_;
  Past past_;
  std::map<std::string, Event> applied_;
};

}  // namespace

std::unique_ptr<Invariant> revision_reached(const Edges& edges) {
  return std::make_unique<RevisionReached>(edges);
}

}  // namespace weir::invariants
