// What was removed never comes back: an edge that has served a revision without an object serves it again
// only as of a later revision that has it anew; whichever controller speaks to it, and whatever it starts
// from. For kBackBound it may: a controller that has lost a notification is behind.
#include <fmt/format.h>

#include "sim/invariants.h"

namespace weir::sim {
namespace {

class NoResurrection final : public Invariant {
 public:
  std::optional<std::string> see(const Event& event) override {
    if (event.kind == Event::Kind::kCommitted) past_.see(event);
    if (event.kind == Event::Kind::kForgot) edges_.erase(event.node);
    if (event.kind == Event::Kind::kApplied) applied(event, edges_[event.node]);
    if (event.kind == Event::Kind::kTroubled) edges_[event.node].troubled = true;
    if (event.kind == Event::Kind::kCalm) {
      edges_[event.node].troubled = false;
      edges_[event.node].back_since = event.at;
    }
    for (const auto& [name, edge] : edges_) {
      if (edge.back.empty() || edge.troubled || event.at - edge.back_since < kBackBound) continue;
      return fmt::format("{} has served revision {}, and has {} again, which was removed in {}", name,
                         edge.highest, edge.back, past_.at(edge.back, edge.highest).revision);
    }
    return std::nullopt;
  }

 private:
  struct Seen {
    std::uint64_t highest = 0;  // revision that it has served
    std::string back;           // what it has again; empty: nothing
    Duration back_since{};
    bool troubled = false;
  };

  void applied(const Event& event, Seen& edge) const {
    edge.highest = std::max(edge.highest, event.revision);
    const bool was_back = !edge.back.empty();
    edge.back.clear();
    for (const auto& [key, text] : event.held) {
      if (past_.at(key, edge.highest).text.empty()) edge.back = key;
    }
    if (!was_back) edge.back_since = event.at;
  }

  Past past_;
  std::map<std::string, Seen> edges_;
};

}  // namespace

std::unique_ptr<Invariant> no_resurrection(const Edges& /*edges*/) {
  return std::make_unique<NoResurrection>();
}

}  // namespace weir::sim
