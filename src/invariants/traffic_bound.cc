// No request reaches an endpoint that has failed its checks for longer than kDeadBound, whatever faults touch
// the edge: it checks by itself, from when it runs and has the endpoint. Nor one that is not among the
// service's any more for longer than kChangeBound: of edges that no fault touches, since who is cut off can't
// know.
#include <fmt/format.h>

#include <algorithm>

#include "invariants/invariants.h"

namespace weir::invariants {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

class TrafficBound final : public Invariant {
 public:
  std::optional<std::string> see(const Event& event) override {
    Seen& node = seen_[event.node];
    switch (event.kind) {
      case Event::Kind::kCommitted: past_.see(event); break;
      case Event::Kind::kTroubled: node.troubled = true; break;
      case Event::Kind::kCalm:
        node.troubled = false;
        node.calm_since = event.at;
        break;
      case Event::Kind::kStarted: node.started = event.at; break;
      case Event::Kind::kSick: node.sick_since = event.at; break;
      case Event::Kind::kWell: node.sick_since.reset(); break;
      case Event::Kind::kApplied: applied(event, node); break;
      case Event::Kind::kServed: return served(event, node);
      default: break;
    }
    return std::nullopt;
  }

 private:
  struct Seen {  // of an edge or an origin
    bool troubled = false;
    Duration calm_since{};
    Duration started{};
    std::optional<Duration> sick_since;
    std::map<std::string, Duration> had_since;  // by "services/s1 10.0.3.1:80"
  };

  // An endpoint is checked from when the edge has it.
  void applied(const Event& event, Seen& edge) {
    std::map<std::string, Duration> has;
    for (const auto& [key, text] : event.held) {
      for (std::size_t at = 0; key.starts_with("services/") && at < text.size();) {
        const std::string_view endpoint = first_word(std::string_view(text).substr(at));
        std::string name = key + " " + std::string(endpoint);
        const auto had = edge.had_since.find(name);
        has.emplace(std::move(name), had == edge.had_since.end() ? event.at : had->second);
        at += endpoint.size() + 1;
      }
    }
    edge.had_since = std::move(has);
  }

  std::optional<std::string> served(const Event& event, const Seen& edge) {
    const std::string balancer = "loadbalancers/" + event.key;
    const std::string& text = past_.at(balancer, past_.revision()).text;
    const std::string service = "services/" + std::string(first_word(text));
    if (const auto sick = seen_[event.text].sick_since) {
      const auto had = edge.had_since.find(service + " " + event.text);
      const Duration since =
          std::max({*sick, edge.started, had == edge.had_since.end() ? Duration{} : had->second});
      if (event.at - since > kDeadBound) {
        return fmt::format("{} sends a request for {} to {}, which has been failing its checks for {:.1f} s",
                           event.node, event.key, event.text, seconds(event.at - *sick));
      }
    }
    if (edge.troubled) return std::nullopt;
    const Duration since = std::max(unwanted_since(event.key, event.text), edge.calm_since + kReattachBound);
    if (event.at - since <= kChangeBound) return std::nullopt;
    return fmt::format("{} sends a request for {} to {}, which was taken out {:.1f} s ago", event.node,
                       event.key, event.text, seconds(event.at - unwanted_since(event.key, event.text)));
  }

  // Since when no state of the store leads from the host to the endpoint; Duration::max(): the present does.
  Duration unwanted_since(const std::string& host, const std::string& endpoint) const {
    const std::string balancer = "loadbalancers/" + host;
    Duration since{};
    const auto found = past_.all().find(balancer);
    if (found == past_.all().end()) return since;
    const Past::Values& routes = found->second;
    for (std::size_t i = 0; i < routes.size(); ++i) {
      const std::uint64_t until = i + 1 < routes.size() ? routes[i + 1].revision : UINT64_MAX;
      const auto pool = past_.all().find("services/" + std::string(first_word(routes[i].text)));
      if (routes[i].text.empty() || pool == past_.all().end()) continue;
      const Past::Values& pools = pool->second;
      for (std::size_t j = 0; j < pools.size(); ++j) {
        const bool overlaps = pools[j].revision < until &&
                              (j + 1 == pools.size() || pools[j + 1].revision > routes[i].revision);
        if (!overlaps || !contains_word(pools[j].text, endpoint)) continue;
        const Duration route_end = i + 1 < routes.size() ? routes[i + 1].at : Duration::max();
        const Duration pool_end = j + 1 < pools.size() ? pools[j + 1].at : Duration::max();
        since = std::max(since, std::min(route_end, pool_end));
      }
    }
    return since;
  }

  std::map<std::string, Seen> seen_;
  Past past_;
};

}  // namespace

std::unique_ptr<Invariant> traffic_bound(const Edges& /*edges*/) { return std::make_unique<TrafficBound>(); }

}  // namespace weir::invariants
