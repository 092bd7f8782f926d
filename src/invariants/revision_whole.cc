// What an edge serves is what one revision has for it: all load balancers that select it, what they lead to,
// each as it was written, and nothing else. The revision is the one that it names.
#include <fmt/format.h>

#include "invariants/invariants.h"

namespace weir::invariants {
namespace {

class RevisionWhole final : public Invariant {
 public:
  explicit RevisionWhole(const Edges& edges) {
    for (const EdgeInfo& edge : edges) regions_[edge.name] = edge.region;
  }

  std::optional<std::string> see(const Event& event) override {
    if (event.kind == Event::Kind::kCommitted) past_.see(event);
    if (event.kind != Event::Kind::kApplied) return std::nullopt;
    if (event.revision > past_.revision()) {
      return fmt::format("{} serves revision {}, which nobody has committed", event.node, event.revision);
    }
    if (event.held == past_.wanted(regions_[event.node], event.revision)) return std::nullopt;
    return fmt::format("{} serves revision {} with something else than that has: {}", event.node,
                       event.revision,
                       difference(event.held, past_.wanted(regions_[event.node], event.revision)));
  }

 private:
  static std::string difference(const Event::Held& held, const Event::Held& wanted) {
    for (const auto& [key, text] : wanted) {
      const auto found = held.find(key);
      if (found == held.end()) return fmt::format("{} is not there", key);
      if (found->second != text) return fmt::format("{} is \"{}\", and not \"{}\"", key, found->second, text);
    }
    for (const auto& [key, text] : held) {
      if (!wanted.contains(key)) return fmt::format("{} is there", key);
    }
    return {};
  }

  std::map<std::string, std::string> regions_;
  Past past_;
};

}  // namespace

std::unique_ptr<Invariant> revision_whole(const Edges& edges) {
  return std::make_unique<RevisionWhole>(edges);
}

}  // namespace weir::invariants
