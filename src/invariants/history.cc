#include "invariants/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

namespace weir::invariants {
namespace {

constexpr std::array<std::string_view, 22> kWords{
    "step",     "committed", "acknowledged", "applied", "forgot", "started", "served", "failed",
    "sick",     "well",      "troubled",     "calm",    "quiet",  "end",     "came",   "went",
    "attached", "detached",  "reached",      "missed",  "parted", "joined"};

}  // namespace

std::string text_of(const Event& event) {
  std::string line = fmt::format("{:>9.3f} {}", std::chrono::duration<double>(event.at).count(),
                                 kWords.at(static_cast<std::size_t>(event.kind)));
  for (const std::string* part : {&event.node, &event.key, &event.mark}) {
    if (!part->empty()) line.append(" ").append(*part);
  }
  if (event.revision != 0) line += fmt::format(" @{}", event.revision);
  if (!event.text.empty()) line.append(": ").append(event.text);
  if (event.since != Duration{}) {
    line += fmt::format(" since {:.3f}", std::chrono::duration<double>(event.since).count());
  }
  for (const auto& [key, text] : event.held) line += fmt::format(" [{}: {}]", key, text);
  return line;
}

void History::add(Event event) {
  lines_.push_back(text_of(event));
  for (const char c : lines_.back()) {  // FNV-1a
    digest_ = (digest_ ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  }
  watch_(event);
}

void Past::see(const Event& event) {
  revision_ = std::max(revision_, event.revision);
  values_[event.key].push_back({event.revision, event.text, event.mark, event.at});
}

const Past::Value& Past::at(std::string_view key, std::uint64_t revision) const {
  static const Value kNone;
  const auto found = values_.find(key);
  if (found == values_.end()) return kNone;
  const auto after = std::ranges::upper_bound(found->second, revision, {}, &Value::revision);
  return after == found->second.begin() ? kNone : *(after - 1);
}

Event::Held Past::wanted(std::string_view region, std::uint64_t revision) const {
  constexpr std::string_view kBalancers = "loadbalancers/";
  Event::Held wanted;
  for (auto found = values_.lower_bound(kBalancers);
       found != values_.end() && found->first.starts_with(kBalancers); ++found) {
    const std::string& text = at(found->first, revision).text;
    if (text.empty() || !is_for(text, region)) continue;
    wanted[found->first] = text;
    const std::string service = "services/" + std::string(first_word(text));
    wanted[service] = at(service, revision).text;
    if (std::string tunnels = tunnels_of(first_word(text), revision); !tunnels.empty()) {
      wanted["tunnels/" + std::string(first_word(text))] = std::move(tunnels);
    }
  }
  return wanted;
}

// Those of its owner: nobody else's join it.
std::string Past::tunnels_of(std::string_view service, std::uint64_t revision) const {
  constexpr std::string_view kTunnels = "tunnels/";
  const std::string_view owner = last_word(at("services/" + std::string(service), revision).text);
  std::set<std::string_view> places;
  for (auto found = values_.lower_bound(kTunnels);
       found != values_.end() && found->first.starts_with(kTunnels); ++found) {
    const std::string_view text = at(found->first, revision).text;
    if (first_word(text) != service || last_word(text) != owner) continue;
    places.insert(first_word(text.substr(service.size() + 1)));
  }
  std::string all;
  for (const std::string_view place : places) all.append(all.empty() ? "" : " ").append(place);
  return all;
}

bool contains_word(std::string_view text, std::string_view word) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (text.substr(at, end - at) == word) return true;
    at = end + 1;
  }
  return false;
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

std::string_view last_word(std::string_view text) { return text.substr(text.rfind(' ') + 1); }

bool is_for(std::string_view balancer, std::string_view region) {
  const std::size_t at = balancer.find('@');
  return at == std::string_view::npos || balancer.substr(at + 1) == region;
}

}  // namespace weir::invariants
