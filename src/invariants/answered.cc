// In calm, a request for a load balancer that the edge is to have is answered, when an origin of its service
// is well: whatever befell edge, controllers and origins before is made good. Judged while no fault touches
// any edge, since the verdict on an endpoint is that of all of them.
#include <fmt/format.h>

#include <algorithm>

#include "invariants/invariants.h"

namespace weir::invariants {
namespace {

class Answered final : public Invariant {
 public:
  explicit Answered(const Edges& edges) {
    for (const EdgeInfo& edge : edges) regions_[edge.name] = edge.region;
  }

  std::optional<std::string> see(const Event& event) override {
    switch (event.kind) {
      case Event::Kind::kCommitted: past_.see(event); break;
      case Event::Kind::kTroubled: ++troubled_; break;
      case Event::Kind::kCalm:
        --troubled_;
        calm_since_ = event.at;
        break;
      case Event::Kind::kSick: well_since_[event.node] = Duration::max(); break;
      case Event::Kind::kWell: well_since_[event.node] = event.at; break;
      case Event::Kind::kFailed: return failed(event);
      default: break;
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> failed(const Event& event) const {
    if (troubled_ > 0 || event.at - calm_since_ < kReattachBound + kWellBound) return std::nullopt;
    const auto is_old = [&](const Past::Value& value) {
      return event.at - value.at > kChangeBound + kWellBound;
    };
    const Past::Value& balancer = past_.at("loadbalancers/" + event.key, past_.revision());
    if (balancer.text.empty() || !is_old(balancer)) return std::nullopt;
    if (!is_for(balancer.text, regions_.at(event.node))) return std::nullopt;
    const Past::Value& pool =
        past_.at("services/" + std::string(first_word(balancer.text)), past_.revision());
    if (!is_old(pool)) return std::nullopt;
    for (std::size_t at = 0; at < pool.text.size();) {
      const std::string_view origin = first_word(std::string_view(pool.text).substr(at));
      at += origin.size() + 1;
      const auto since = well_since_.find(origin);
      if (since != well_since_.end() &&
          (since->second == Duration::max() || event.at - since->second < kWellBound))
        continue;
      return fmt::format("{} answers a request for {} with {}, and {} is well", event.node, event.key,
                         event.text, origin);
    }
    return std::nullopt;
  }

  std::map<std::string, std::string> regions_;
  std::map<std::string, Duration, std::less<>> well_since_;  // of origins that ever were not; max: it is not
  int troubled_ = 0;                                         // edges
  Duration calm_since_{};
  Past past_;
};

}  // namespace

std::unique_ptr<Invariant> answered(const Edges& edges) { return std::make_unique<Answered>(edges); }

}  // namespace weir::invariants
