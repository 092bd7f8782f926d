// What was removed never comes back: an edge that has served a revision never serves an earlier one,
// whichever controller speaks to it, and whatever it starts from; nor an object again that was removed, but
// as of a later revision that has it anew.
#include <fmt/format.h>

#include "invariants/invariants.h"

namespace weir::invariants {
namespace {

class NoResurrection final : public Invariant {
 public:
  std::optional<std::string> see(const Event& event) override {
    if (event.kind == Event::Kind::kCommitted) past_.see(event);
    if (event.kind == Event::Kind::kForgot) highest_.erase(event.node);
    return event.kind == Event::Kind::kApplied ? applied(event, highest_[event.node]) : std::nullopt;
  }

 private:
  std::optional<std::string> applied(const Event& event, std::uint64_t& highest) const {
    if (event.revision < highest) {
      return fmt::format("{} has served revision {}, and goes back to {}", event.node, highest,
                         event.revision);
    }
    highest = event.revision;
    for (const auto& [key, text] : event.held) {
      if (key.starts_with("tunnels/") || !past_.at(key, highest).text.empty()) continue;
      return fmt::format("{} serves revision {}, and has {} again, which was removed in {}", event.node,
                         highest, key, past_.at(key, highest).revision);
    }
    return std::nullopt;
  }

  Past past_;
  std::map<std::string, std::uint64_t> highest_;  // revision that an edge has served
};

}  // namespace

std::unique_ptr<Invariant> no_resurrection(const Edges& /*edges*/) {
  return std::make_unique<NoResurrection>();
}

}  // namespace weir::invariants
