// What the fleet tells of objects.
#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "base/exposition.h"
#include "config/formats.h"
#include "config/kinds.h"
#include "controller/fleet.h"
#include "translation/own.h"

namespace weir::controller {
namespace {

using config::EndpointHealth;

std::string key_of(const std::string& address) {
  const auto parsed = config::parse_address(address);
  return parsed ? config::to_text(*parsed) : address;
}

// "Service/web" for "services/web"; what is no key stays.
std::string reference_of(const std::string& key) {
  const auto parsed = translation::parse_key(key);
  return parsed ? std::string(config::info_of(parsed->kind).name) + '/' + parsed->name : key;
}

std::string sentence_of(const Quorum::Endpoint& seen) {
  if (seen.votes.unhealthy == 0) return {};
  std::string text = "unhealthy for " + std::to_string(seen.votes.unhealthy) + " of " +
                     std::to_string(seen.votes.unhealthy + seen.votes.healthy) + " edges";
  if (!seen.reason.empty()) text += ": " + seen.reason;
  return text;
}

// What the edge of this process took out by itself stays so. Its own words tell more than a sum of one.
void complete_one(config::EndpointStatus& status, const Quorum::Endpoint& seen, bool seen_here) {
  if (seen_here && (seen.votes.all() < 2 || status.health == EndpointHealth::kEjected)) return;
  status.health = EndpointHealth::kUnknown;
  if (seen.votes.healthy + seen.votes.unhealthy > 0) status.health = EndpointHealth::kHealthy;
  if (seen.unhealthy) status.health = EndpointHealth::kUnhealthy;
  status.since = seen.since;
  status.reason = sentence_of(seen);
}

// A key is an address, or a name with the address that it stands for behind it: "a.example:80/192.0.2.1:80".
config::EndpointStatus empty_status(const std::string& key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string::npos) return {.address = key};
  const auto name = config::parse_address(key.substr(0, slash));
  return {.address = key.substr(slash + 1), .name = name ? name->host : key.substr(0, slash)};
}

config::AnycastStatus status_of_network(const report::AnycastSeen& seen) {
  constexpr std::array<const char*, 3> kRoutes{"withdrawn", "announced", "prepended"};
  return {
      .network = seen.network, .route = kRoutes[static_cast<std::size_t>(seen.route)], .reason = seen.reason};
}

bool serves(const config::EndpointStatus& status) {
  return status.health == EndpointHealth::kHealthy || status.health == EndpointHealth::kUnchecked;
}

}  // namespace

config::EdgeStatus Fleet::status_of(std::string_view name) const {
  config::EdgeStatus status;
  const Edge* edge = find(name);
  if (edge == nullptr) return status;
  status.attached = edge->attached;
  status.since = edge->since;
  status.applied_revision = edge->applied_revision;
  status.applied_at = edge->applied_at;
  status.connections = edge->connections;
  const Votes& votes = edge->endpoints;
  if (votes.all() > 0) status.endpoints = std::to_string(votes.healthy) + '/' + std::to_string(votes.all());
  for (const auto& [object, reason] : edge->refused) status.refused.push_back({reference_of(object), reason});
  std::ranges::transform(edge->anycast, std::back_inserter(status.anycast), status_of_network);
  return status;
}

std::string Fleet::applied(const config::Object& object, const ShareOf& share_of) const {
  const std::string key = translation::key_of(object.kind(), object.metadata.name);
  std::size_t all = 0;
  std::size_t have = 0;
  for (const auto& [name, edge] : edges_) {
    const Share share = edge.attached ? share_of(name) : Share::kNone;
    if (share == Share::kNone) continue;
    ++all;
    if (share == Share::kHeldBack) continue;
    if (edge.applied_revision >= object.metadata.revision && !edge.refused.contains(key)) ++have;
  }
  return all == 0 ? std::string() : std::to_string(have) + '/' + std::to_string(all);
}

std::vector<config::RefusedBy> Fleet::refused(const config::Object& object) const {
  const std::string key = translation::key_of(object.kind(), object.metadata.name);
  std::vector<config::RefusedBy> all;
  for (const auto& [name, edge] : edges_) {
    const auto found = edge.refused.find(key);
    if (found == edge.refused.end()) continue;
    all.push_back({name, found->second});
    if (all.size() == config::kRefusedByShownMax) break;
  }
  return all;
}

void Fleet::complete(config::ServiceStatus& status, const config::Object& service) const {
  const auto& spec = std::get<config::ServiceSpec>(service.spec);
  const bool seen_here = !status.endpoints.empty();
  std::map<std::pair<std::string, std::string>, config::EndpointStatus*> known;
  for (config::EndpointStatus& one : status.endpoints) known.emplace(std::pair(one.name, one.address), &one);
  std::vector<config::EndpointStatus> more;
  std::set<std::string> voted;  // the endpoints of those, as they are given
  if (const auto* endpoints = quorum_.endpoints_of(service.metadata.name)) {
    for (const auto& [key, id] : *endpoints) {
      voted.insert(key.substr(0, key.find('/')));
      config::EndpointStatus named = empty_status(key);
      const auto found = known.find({named.name, named.address});
      config::EndpointStatus& one =
          found == known.end() ? more.emplace_back(std::move(named)) : *found->second;
      complete_one(one, quorum_.endpoint(id), found != known.end());
    }
  }
  if (!seen_here) {
    const auto add = [&](const std::string& address) {
      if (!voted.insert(key_of(address)).second) return;
      more.push_back(empty_status(key_of(address)));
      if (!spec.health_check) more.back().health = EndpointHealth::kUnchecked;
    };
    for (const config::StaticEndpoint& one : spec.endpoints) add(one.address);
    for (const config::Object* one :
         mirror_.objects().referrers(config::Kind::kService, service.metadata.name)) {
      const auto* joined = std::get_if<config::EndpointSpec>(&one->spec);
      if (joined != nullptr && !joined->tunnel) add(joined->address);
    }
  }
  std::ranges::move(more, std::back_inserter(status.endpoints));
  status.total = static_cast<std::uint32_t>(status.endpoints.size());
  status.serving = static_cast<std::uint32_t>(std::ranges::count_if(status.endpoints, serves));
}

// Of a name with several addresses: the first that is healthy, else the first.
void Fleet::complete(config::EndpointStatus& status, const config::EndpointSpec& joined) const {
  const std::string key = key_of(joined.address);
  const bool seen_here = !status.address.empty();
  if (!seen_here) status = empty_status(key);
  const Quorum::Endpoint* best = nullptr;
  if (const auto* endpoints = quorum_.endpoints_of(joined.service)) {
    for (auto place = endpoints->lower_bound(key); place != endpoints->end(); ++place) {
      if (!place->first.starts_with(key)) break;
      if (place->first.size() > key.size() && place->first[key.size()] != '/') continue;
      const Quorum::Endpoint& one = quorum_.endpoint(place->second);
      if (best != nullptr && (one.unhealthy || !best->unhealthy)) continue;
      best = &one;
      if (!seen_here) status = empty_status(place->first);
    }
  }
  if (best != nullptr) return complete_one(status, *best, seen_here);
  if (seen_here) return;
  const auto service = mirror_.objects().find(config::Kind::kService, joined.service);
  if (service && !std::get<config::ServiceSpec>(service->spec).health_check) {
    status.health = EndpointHealth::kUnchecked;
  }
}

std::map<std::string, Fleet::Carrying, std::less<>> Fleet::carried_by_provider(Duration span) const {
  constexpr double kSecondsMin = 4;  // less would be a guess
  std::map<std::string, Carrying, std::less<>> all;
  for (const auto& [name, edge] : edges_) {
    if (!edge.attached) continue;
    const config::Labels labels = labels_of(name);
    const auto provider = labels.find("provider");
    if (provider == labels.end()) continue;
    Carrying& carrying = all[provider->second];
    const Carried recent = edge.load.recent(env_.loop.now(), span);
    if (!edge.counts_requests) {
      carrying.unknown = "the edge " + name + " does not say what it carries";
    } else if (env_.loop.now() - *edge.counted_at > kLoadStale) {
      carrying.unknown = "the edge " + name + " has not said for 15 s what it carries";
    } else if (recent.seconds < kSecondsMin) {
      carrying.unknown = "the edge " + name + " has only just come";
    } else {
      carrying.requests_per_second += static_cast<double>(recent.requests) / recent.seconds;
    }
  }
  return all;
}

std::string Fleet::vantage_points(std::string_view service) const {
  using Tree = nlohmann::ordered_json;
  const auto* endpoints = quorum_.endpoints_of(service);
  Tree points = Tree::array();
  std::size_t looked_at = 0;
  std::size_t more = 0;
  for (const auto& [name, edge] : edges_) {
    if (endpoints == nullptr || edge.votes_.empty()) continue;
    looked_at += endpoints->size();
    if (looked_at > kVantageVotesMax && !points.empty()) {
      ++more;
      continue;
    }
    Votes votes;
    Tree out = Tree::array();
    for (const auto& [key, id] : *endpoints) {
      const auto said = edge.votes_.find(id);
      if (said == edge.votes_.end()) continue;
      ++votes.of(said->second.vote);
      if (said->second.vote == Vote::kUnhealthy && out.size() < kVantageOutMax) out.push_back(key);
    }
    if (votes.all() == 0) continue;
    points.push_back({{"edge", name},
                      {"attached", edge.attached},
                      {"healthy", votes.healthy},
                      {"unhealthy", votes.unhealthy},
                      {"unknown", votes.unknown},
                      {"out", std::move(out)}});
  }
  // Names are of edges that gave them themselves: what is no UTF-8 must not throw.
  return Tree{{"vantage_points", std::move(points)}, {"more", more}}.dump(-1, ' ', false,
                                                                          Tree::error_handler_t::replace);
}

void Fleet::write_metrics(std::string& out) const {
  Exposition exposition(out);
  exposition.single("weir_edges_attached", "gauge", "Edges that report to this controller.", attached_);
  exposition.single("weir_endpoint_votes", "gauge", "Endpoints that edges check, each of each edge.", votes_);
  exposition.single("weir_endpoints_unhealthy", "gauge", "Endpoints that enough edges find unhealthy.",
                    quorum_.unhealthy());
}

}  // namespace weir::controller
