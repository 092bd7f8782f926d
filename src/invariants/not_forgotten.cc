// No Tunnel is removed as long as its origin is attached to the edge that it names, and a controller hears
// so: one that is there itself, and that no fault has kept from the edge or the store since before the origin
// came. Whatever other controllers have lost.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "invariants/invariants.h"
#include "invariants/ways.h"

namespace weir::invariants {
namespace {

constexpr std::string_view kStore = "store";

class NotForgotten final : public Invariant {
 public:
  std::optional<std::string> see(const Event& event) override {
    ways_.see(event);
    if (event.kind == Event::Kind::kStarted) started_[event.node] = event.at;
    if (event.kind == Event::Kind::kJoined && event.key == kStore) controllers_.insert(event.node);
    if (event.kind != Event::Kind::kCommitted) return std::nullopt;
    const std::string before = past_.at(event.key, past_.revision()).text;
    past_.see(event);
    const bool is_gone = event.key.starts_with("tunnels/") && event.text.empty();
    return is_gone ? removed(before, event.at) : std::nullopt;
  }

 private:
  // text: "t1 i1@e1 u1"
  std::optional<std::string> removed(const std::string& text, Duration at) const {
    const std::string edge(first_word(std::string_view(text).substr(text.find('@') + 1)));
    for (const auto& [name, session] : ways_.sessions()) {
      const auto place = session.at.find(edge);
      if (place == session.at.end() || !is_of(session, edge, text)) continue;
      if (at - place->second <= kChangeBound) continue;  // it may be the Tunnel of the session before
      const Duration since = std::max(place->second, at - kReattachBound);
      if (!whole(machine_of(name), edge, at - kWayBound)) continue;
      if (const auto started = started_.find(edge); started != started_.end() && started->second > since) {
        continue;
      }
      for (const std::string& controller : controllers_) {
        if (!whole(controller, edge, place->second - kReattachBound)) continue;
        if (!whole(controller, kStore, place->second - kReattachBound)) continue;
        return fmt::format("the Tunnel {} is removed, {} is attached there, and {} hears it", text, name,
                           controller);
      }
    }
    return std::nullopt;
  }

  static bool is_of(const Ways::Session& session, const std::string& edge, const std::string& text) {
    return text == fmt::format("{} {}@{} {}", session.service, session.instance, edge, session.account);
  }

  bool whole(std::string_view one, std::string_view other, Duration since) const {
    const Duration whole = ways_.whole_since(one, other);
    return whole == Duration{} || (whole != Duration::max() && whole <= since);
  }

  Ways ways_;
  Past past_;
  std::set<std::string> controllers_;
  std::map<std::string, Duration> started_;
};

}  // namespace

std::unique_ptr<Invariant> not_forgotten(const Edges& /*edges*/) { return std::make_unique<NotForgotten>(); }

}  // namespace weir::invariants
