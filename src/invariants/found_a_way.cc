// A request is answered when there was a way all the while: the edge knew of an origin at itself or at
// another edge, the origin's session stayed attached there, and on neither part of the way was there a fault
// for as long as it takes to be noticed. Whatever else the edge knew, and whatever became of that.
#include <fmt/format.h>

#include <set>

#include "invariants/invariants.h"
#include "invariants/ways.h"

namespace weir::invariants {
namespace {

constexpr std::string_view kVisitors = "visitors";

class FoundAWay final : public Invariant {
 public:
  std::optional<std::string> see(const Event& event) override {
    ways_.see(event);
    if (event.kind == Event::Kind::kForgot) edges_[event.node].since.clear();
    if (event.kind == Event::Kind::kStarted) edges_[event.node].started = event.at;
    if (event.kind == Event::Kind::kApplied) applied(event);
    return event.kind == Event::Kind::kMissed ? missed(event) : std::nullopt;
  }

 private:
  struct Seen {  // of an edge
    Duration started{};
    std::map<std::string, Duration> since;  // by "t1", of a load balancer, and "t1 i1@e1"
  };

  void applied(const Event& event) {
    Seen& edge = edges_[event.node];
    std::set<std::string> has;
    for (const auto& [key, text] : event.held) {
      const std::string name = key.substr(key.find('/') + 1);
      if (key.starts_with("loadbalancers/t")) has.insert(name);
      for (std::size_t at = 0; key.starts_with("tunnels/") && at < text.size();) {
        const std::string_view place = first_word(std::string_view(text).substr(at));
        has.insert(name + " " + std::string(place));
        at += place.size() + 1;
      }
    }
    std::erase_if(edge.since, [&](const auto& entry) { return !has.contains(entry.first); });
    for (const std::string& one : has) edge.since.emplace(one, event.at);
  }

  bool knows(const std::string& edge, const std::string& what, Duration by) const {
    const auto found = edges_.find(edge);
    if (found == edges_.end()) return false;
    const auto since = found->second.since.find(what);
    return since != found->second.since.end() && since->second <= by;
  }

  bool ran(const std::string& edge, Duration since) const {
    const auto found = edges_.find(edge);
    return found != edges_.end() && found->second.started <= since;
  }

  bool whole(std::string_view one, std::string_view other, Duration since) const {
    const Duration whole = ways_.whole_since(one, other);
    return whole != Duration::max() && (whole == Duration{} || whole + kWayBound <= since);
  }

  std::optional<std::string> missed(const Event& event) const {
    const std::string& edge = event.node;
    if (!ran(edge, event.since) || !knows(edge, event.key, event.since)) return std::nullopt;
    if (!whole(kVisitors, edge, event.since)) return std::nullopt;
    for (const auto& [name, session] : ways_.sessions()) {
      if (session.service != event.key) continue;
      for (const auto& [place, since] : session.at) {
        const std::string origin = session.service + " " + session.instance + "@";
        if (since > event.since || !knows(edge, origin + place, event.since)) continue;
        if (!ran(place, event.since) || !whole(machine_of(name), place, event.since)) continue;
        if (place != edge && !whole(place, edge, event.since)) continue;
        return fmt::format("{} answers a request for {} with {}, and {} is attached to {}", edge, event.key,
                           event.text, name, place);
      }
    }
    return std::nullopt;
  }

  Ways ways_;
  std::map<std::string, Seen> edges_;
};

}  // namespace

std::unique_ptr<Invariant> found_a_way(const Edges& /*edges*/) { return std::make_unique<FoundAWay>(); }

}  // namespace weir::invariants
