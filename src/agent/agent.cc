#include "agent/agent.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"

namespace weir::agent {

struct Agent::Place {
  std::shared_ptr<Link> link;        // now
  std::size_t edge = 0;              // of it
  bool doubled = false;              // it leads where another link does
  bool retiring = false;             // its edge is about to leave, or another place has been made
  bool over = false;                 // nobody keeps it any more
  std::optional<std::size_t> trial;  // of an edge that may be better than those of the others
  h2::Signal hurry;                  // to who waits for the next try
};

Agent::Agent(net::Env& env, AgentWatch& watch, Options options)
    : env_(env), watch_(watch), options_(std::move(options)), monitor_(env), tasks_(env.loop) {
  for (const EdgeAddress& edge : options_.edges) add_candidate(edge);
}

void Agent::add_candidate(const EdgeAddress& edge) {
  candidates_.push_back({.name = {}, .provider = edge.provider, .region = edge.region});
  backoffs_.emplace_back(grpc::Backoff::Options{.first = kRetryFirst, .longest = kRetryLongest});
}

void Agent::know(EdgeAddress edge) {
  if (leaving_ || std::ranges::find(options_.edges, edge) != options_.edges.end()) return;
  add_candidate(edge);
  options_.edges.push_back(std::move(edge));
  const auto held = static_cast<std::size_t>(std::ranges::count_if(
      places_, [](const std::unique_ptr<Place>& place) { return !place->retiring && !place->trial; }));
  if (held < options_.links) {
    add_place();
  } else {
    for (const auto& place : places_) place->hurry.notify();
    unlike_.notify();
  }
}

Agent::~Agent() = default;

// --- origins

void Agent::offer(Offer offer) {
  Offer& kept = offers_[offer.wanted.origin.service];
  kept = std::move(offer);
  for (const auto& place : places_) {
    if (place->link != nullptr) place->link->offer(kept);
  }
  watch_health();
}

void Agent::withdraw(const std::string& service) {
  const auto found = offers_.find(service);
  if (found == offers_.end()) return;
  for (const auto& place : places_) {
    if (place->link != nullptr) place->link->withdraw(found->second.wanted.origin);
  }
  offers_.erase(found);
  watch_health();
}

void Agent::watch_health() {
  std::map<std::string, health::Target> targets;
  for (const auto& [service, offer] : offers_) {
    if (!offer.check) continue;
    std::vector<net::Address> addresses = tls::known_addresses(offer.target);
    if (addresses.empty()) continue;
    targets[service] = {
        .addresses = std::move(addresses),
        .check = *offer.check,
        .known = lb::Health::kUnknown,
        .on_verdict = [this, service](lb::Health health, const Error& why) { judge(service, health, why); },
        .on_pass = [] {}};
  }
  monitor_.set("origins", std::move(targets));
}

void Agent::judge(const std::string& service, lb::Health health, const Error& why) {
  const auto found = offers_.find(service);
  if (found == offers_.end()) return;
  Offer& offer = found->second;
  offer.up = health == lb::Health::kHealthy;
  offer.reason = offer.up ? "" : why.text;
  for (const auto& place : places_) {
    if (place->link != nullptr) place->link->tell_health(offer);
  }
  watch_.health(offer);
}

// --- links

net::Task<void> Agent::run() {
  const std::size_t wanted = std::min(options_.links, options_.edges.size());
  while (places_.size() < wanted) add_place();
  tasks_.spawn(spread());
  (void)co_await idle_.wait(env_.loop);
  co_await tasks_.stop();
  co_await monitor_.stop();
  places_.clear();
}

void Agent::add_place(std::optional<std::size_t> trial) {
  std::erase_if(places_, [](const std::unique_ptr<Place>& place) { return place->over; });
  ++keeping_;
  Place& place = *places_.emplace_back(std::make_unique<Place>());
  place.trial = trial;
  tasks_.spawn(keep(place));
}

net::Task<void> Agent::keep(Place& place) {
  const net::Context& context = co_await net::current_context();
  while (!leaving_ && !place.retiring && !context.cancelled()) {
    if (place.trial) {
      co_await attach(place, *place.trial);
      place.retiring = place.retiring || place.trial;
      continue;
    }
    if (const auto edge = choose_edge(candidates_, env_.loop.now())) {
      co_await attach(place, *edge);
      continue;
    }
    const auto next = next_try(candidates_);
    const Duration wait = next ? *next - env_.loop.now() : kRetryLongest;
    (void)co_await place.hurry.wait(env_.loop, std::min(wait, kRetryLongest));
  }
  place.over = true;
  unlike_.notify();
  if (--keeping_ > 0) co_return;
  idle_.set();
  left_.set();
}

// One trial at a time, and only when all links are up.
net::Task<void> Agent::spread() {
  const net::Context& context = co_await net::current_context();
  while (!leaving_ && !context.cancelled()) {
    if (is_settled()) {
      if (const auto edge = better_edge(candidates_, env_.loop.now())) add_place(*edge);
    }
    (void)co_await unlike_.wait(env_.loop, kSpreadInterval);
  }
}

bool Agent::is_settled() const {
  return std::ranges::all_of(places_, [](const std::unique_ptr<Place>& place) {
    if (place->retiring) return place->over || !place->trial;
    return !place->trial && !place->doubled && place->link != nullptr && place->link->welcomed();
  });
}

// Whether it stays. Then the one whose place it takes goes, without a request lost.
bool Agent::is_worth_it(Place& trial) {
  const auto worse = worse_edge(candidates_, trial.edge);
  const auto found = std::ranges::find_if(places_, [&](const std::unique_ptr<Place>& place) {
    return worse && !place->retiring && place->link != nullptr && place->edge == *worse;
  });
  trial.retiring = found == places_.end();
  if (trial.retiring) return false;
  trial.trial.reset();
  (*found)->retiring = true;
  candidates_[*worse].attached = false;
  candidates_[*worse].retry_at = env_.loop.now() + kRetryLongest;
  return true;
}

net::Task<void> Agent::attach(Place& place, std::size_t edge) {
  candidates_[edge].attached = true;
  place.edge = edge;
  place.doubled = false;
  place.link = std::make_shared<Link>(
      env_, static_cast<LinkOwner&>(*this), offers_,
      Link::Options{.edge = options_.edges[edge].host, .tls = options_.tls, .hello = options_.hello});
  const std::shared_ptr<Link> link = place.link;
  const Instant began = env_.loop.now();
  const auto ended = co_await link->run();
  place.link = nullptr;
  Candidate& candidate = candidates_[edge];
  if (!ended && !place.retiring) ++candidate.failures;
  if (link->welcomed() && env_.loop.now() - began >= kSettled) backoffs_[edge].succeeded();
  const Duration pause = backoffs_[edge].failed(env_.random);
  const bool is_back = std::ranges::any_of(places_, [edge](const std::unique_ptr<Place>& other) {
    return other->link != nullptr && other->edge == edge;
  });
  candidate.attached = is_back;
  if (!is_back) {
    candidate.retry_at = env_.loop.now() + (place.doubled || place.retiring ? kRetryLongest : pause);
  }
  const std::string why = !link->refused().empty() ? link->refused() : ended ? "left" : ended.error().text;
  watch_.detached(options_.edges[edge].host.name, why);
}

Agent::Place& Agent::place_of(const Link& link) {
  const auto found = std::ranges::find_if(
      places_, [&](const std::unique_ptr<Place>& place) { return place->link.get() == &link; });
  WEIR_CHECK(found != places_.end());
  return **found;
}

void Agent::welcomed(Link& link) {
  Place& place = place_of(link);
  const wire::Welcome& edge = link.welcome();
  Candidate& candidate = candidates_[place.edge];
  candidate.name = edge.edge;
  candidate.provider = edge.provider;
  candidate.region = edge.region;
  forgive(candidates_, place.edge);
  place.doubled = std::ranges::any_of(places_, [&](const std::unique_ptr<Place>& other) {
    return other.get() != &place && other->link != nullptr && other->link->welcomed() && !other->retiring &&
           !edge.edge.empty() && other->link->welcome().edge == edge.edge;
  });
  // Two addresses of one edge, or one that is no better than those that there are links to.
  if (place.doubled || (place.trial && !is_worth_it(place))) {
    link.finish(Duration::zero());
    return;
  }
  watch_.attached(edge);
  for (const auto& other : places_) {
    if (other->retiring && other->link != nullptr) tasks_.spawn(replace(other->link));
  }
  unlike_.notify();
}

void Agent::registered(Link& link, const wire::Registered& answer) {
  watch_.registered(link.welcome(), answer);
}
void Agent::request(Link& /*link*/, const wire::RequestLine& line) { watch_.request(line); }

// Another edge first; the one that leaves goes on until that is there, or until it is gone. Where it was
// there may be one in its place.
void Agent::draining(Link& link) {
  Place& place = place_of(link);
  if (leaving_ || std::exchange(place.retiring, true)) return;
  Candidate& candidate = candidates_[place.edge];
  candidate.attached = false;
  candidate.retry_at = env_.loop.now() + kSameAgain;
  add_place();
}

net::Task<void> Agent::replace(std::shared_ptr<Link> link) {
  constexpr Duration kDrain = std::chrono::seconds(60);
  co_await link->withdraw_all(kUnregisterTimeout);
  link->finish(kDrain);
}

net::Task<void> Agent::withdraw_from(std::shared_ptr<Link> link) {
  co_await link->withdraw_all(kUnregisterTimeout);
}

net::Task<void> Agent::leave(Duration drain_limit) {
  leaving_ = true;
  net::TaskGroup withdrawing(env_.loop);
  for (const auto& place : places_) {
    place->hurry.notify();
    if (place->link != nullptr) withdrawing.spawn(withdraw_from(place->link));
  }
  co_await withdrawing.join();
  for (const auto& place : places_) {
    if (place->link != nullptr) place->link->finish(drain_limit);
  }
  if (keeping_ > 0) (void)co_await left_.wait(env_.loop);
}

std::size_t Agent::attached() const {
  return static_cast<std::size_t>(std::ranges::count_if(places_, [](const std::unique_ptr<Place>& place) {
    return place->link != nullptr && place->link->welcomed() && !place->doubled;
  }));
}

std::size_t Agent::open_streams() const {
  std::size_t streams = 0;
  for (const auto& place : places_) streams += place->link == nullptr ? 0 : place->link->open_streams();
  return streams;
}

}  // namespace weir::agent
