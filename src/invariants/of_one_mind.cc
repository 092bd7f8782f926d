// Once all is quiet, the store has a Tunnel for each place where an origin is attached, and no other one; and
// each agent that no edge has refused is attached to as many edges as it wants. That every edge has what the
// store has is for revision_reached to say.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "invariants/invariants.h"
#include "invariants/ways.h"

namespace weir::invariants {
namespace {

class OfOneMind final : public Invariant {
 public:
  explicit OfOneMind(const Edges& edges) : edges_(edges.size()) {}

  std::optional<std::string> see(const Event& event) override {
    ways_.see(event);
    if (event.kind == Event::Kind::kCommitted) past_.see(event);
    return event.kind == Event::Kind::kEnd ? end() : std::nullopt;
  }

 private:
  std::optional<std::string> end() const {
    std::set<std::string> attached;
    for (const auto& [name, session] : ways_.sessions()) {
      if (session.gone) continue;
      if (!session.refused && session.at.size() != std::min(kLinks, edges_)) {
        return fmt::format("{} is attached to {} edges when all has been quiet", name, session.at.size());
      }
      if (past_.at("services/" + session.service, past_.revision()).text.empty()) continue;
      for (const auto& [edge, since] : session.at) {
        attached.insert(fmt::format("{} {}@{} {}", session.service, session.instance, edge, session.account));
      }
    }
    const std::set<std::string> stored = in_store();
    for (const std::string& one : attached) {
      if (!stored.contains(one)) return fmt::format("{} is attached, and no Tunnel says so", one);
    }
    for (const std::string& one : stored) {
      if (!attached.contains(one)) return fmt::format("there is a Tunnel {}, and no session", one);
    }
    return std::nullopt;
  }

  std::set<std::string> in_store() const {
    std::set<std::string> stored;
    for (const auto& [key, values] : past_.all()) {
      const std::string& text = values.back().text;
      if (!key.starts_with("tunnels/") || text.empty()) continue;
      const std::string service = "services/" + std::string(first_word(text));
      if (!past_.at(service, past_.revision()).text.empty()) stored.insert(text);
    }
    return stored;
  }

  std::size_t edges_;
  Ways ways_;
  Past past_;
};

}  // namespace

std::unique_ptr<Invariant> of_one_mind(const Edges& edges) { return std::make_unique<OfOneMind>(edges); }

}  // namespace weir::invariants
