#include "controller/quorum.h"

#include <utility>

#include "base/check.h"

namespace weir::controller {

void Quorum::set_percent(const std::string& service, std::uint32_t percent) {
  const auto found = services_.try_emplace(service).first;
  const bool is_other = std::exchange(found->second.percent, percent) != percent;
  if (is_other) {
    for (const auto& [key, id] : found->second.endpoints) judge(id);
  }
  drop_unused(found);
}

Quorum::EndpointId Quorum::enter(const std::string& service, const std::string& endpoint) {
  const auto owner = services_.try_emplace(service).first;
  const auto [place, is_new] = owner->second.endpoints.try_emplace(endpoint, 0);
  if (is_new) {
    if (free_.empty()) {
      place->second = static_cast<EndpointId>(endpoints_.size());
      endpoints_.emplace_back();
    } else {
      place->second = free_.back();
      free_.pop_back();
    }
    endpoints_[place->second] = {.service = owner, .key = &place->first, .seen = {}};
  }
  ++endpoints_[place->second].seen.votes.unknown;
  return place->second;
}

void Quorum::move(EndpointId id, Vote from, Vote to, std::string_view reason) {
  Endpoint& seen = endpoints_[id].seen;
  WEIR_CHECK(seen.votes.of(from) > 0);
  --seen.votes.of(from);
  ++seen.votes.of(to);
  if (to == Vote::kUnhealthy) seen.reason = reason;
  judge(id);
}

void Quorum::withdraw(EndpointId id, Vote vote) {
  Entry& entry = endpoints_[id];
  WEIR_CHECK(entry.seen.votes.of(vote) > 0);
  --entry.seen.votes.of(vote);
  if (entry.seen.votes.all() > 0) return judge(id);
  set_verdict(entry, false);
  const auto service = entry.service;
  service->second.endpoints.erase(service->second.endpoints.find(*entry.key));
  entry = {};
  free_.push_back(id);
  drop_unused(service);
}

void Quorum::judge(EndpointId id) {
  if (held_) return;
  Entry& entry = endpoints_[id];
  const Votes& votes = entry.seen.votes;
  const std::uint64_t definite = std::uint64_t{votes.healthy} + votes.unhealthy;
  if (definite == 0) return;
  set_verdict(entry, votes.unhealthy > 0 &&
                         std::uint64_t{votes.unhealthy} * 100 >= definite * entry.service->second.percent);
}

void Quorum::set_verdict(Entry& entry, bool unhealthy) {
  if (std::exchange(entry.seen.unhealthy, unhealthy) == unhealthy) return;
  Service& service = entry.service->second;
  if (unhealthy) {
    service.unhealthy.insert(*entry.key);
    ++unhealthy_;
  } else {
    service.unhealthy.erase(*entry.key);
    --unhealthy_;
  }
  undated_.push_back(static_cast<EndpointId>(&entry - endpoints_.data()));
  mark_changed(entry.service);
}

void Quorum::mark_changed(Services::iterator service) {
  if (!std::exchange(service->second.changed, true)) changed_.push_back(service);
}

void Quorum::drop_unused(Services::iterator service) {
  const Service& one = service->second;
  if (one.endpoints.empty() && one.percent == kPercent && !one.changed) services_.erase(service);
}

void Quorum::release() {
  if (!std::exchange(held_, false)) return;
  for (EndpointId id = 0; id < endpoints_.size(); ++id) {
    if (endpoints_[id].key != nullptr) judge(id);
  }
}

void Quorum::tell(WallTime now) {
  for (const EndpointId id : std::exchange(undated_, {})) {
    if (endpoints_[id].key != nullptr) endpoints_[id].seen.since = now;
  }
  for (const auto service : std::exchange(changed_, {})) {
    service->second.changed = false;
    if (told_) told_(service->first, service->second.unhealthy);
    drop_unused(service);
  }
}

std::optional<Quorum::EndpointId> Quorum::find(std::string_view service, std::string_view endpoint) const {
  const auto* endpoints = endpoints_of(service);
  if (endpoints == nullptr) return std::nullopt;
  const auto found = endpoints->find(endpoint);
  return found == endpoints->end() ? std::nullopt : std::optional(found->second);
}

const std::map<std::string, Quorum::EndpointId, std::less<>>* Quorum::endpoints_of(
    std::string_view service) const {
  const auto found = services_.find(service);
  return found == services_.end() ? nullptr : &found->second.endpoints;
}

}  // namespace weir::controller
