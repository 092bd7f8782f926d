// The half of Subscription that makes responses.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lb/hash.h"
#include "xds/limits.h"
#include "xds/subscription.h"

namespace weir::xds {

std::optional<Response> Subscription::next(const Gates& gates, std::uint64_t nonce) {
  if (flight_ || !has_owed()) return std::nullopt;
  Chosen chosen;
  choose(gates, chosen);
  // While something waits at the gate, a response without it would say that there is nothing.
  if (chosen.empty() && !(reply_owed_ && due_.empty())) return std::nullopt;
  return assemble(chosen, nonce);
}

void Subscription::choose(const Gates& gates, Chosen& chosen) {
  choose_group(chosen);
  if (blame_.busy()) return;
  choose_additions(gates, chosen);
  choose_removals(gates, chosen);
  if (type_ != Type::kObject) return;
  // The one that ends a whole goes when all else does; once more, when the client has it from a trial and
  // this was held up by the refusal.
  const Slot revision = catalog_->names().slot(type_, kRevisionName);
  const std::size_t others = due_.size() + gone_.size() - (due_.contains(revision) ? 1 : 0);
  if (chosen.additions.size() + chosen.removals.size() < others) return;
  if (due_.contains(revision) || (others > 0 && present(revision))) chosen.additions.push_back(revision);
}

void Subscription::choose_group(Chosen& chosen) {
  while (blame_.busy()) {
    for (const Slot slot : blame_.group()) {
      if (due_.contains(slot)) chosen.additions.push_back(slot);
    }
    if (!chosen.additions.empty()) return choose_revision(chosen);
    blame_.skip();
  }
}

// A trial ends a whole too, since what is not a whole is not judged by who gets it.
void Subscription::choose_revision(Chosen& chosen) const {
  if (type_ != Type::kObject) return;
  const Slot revision = catalog_->names().slot(type_, kRevisionName);
  const bool there = std::ranges::find(chosen.additions, revision) != chosen.additions.end();
  if (present(revision) && !there) chosen.additions.push_back(revision);
}

void Subscription::choose_additions(const Gates& gates, Chosen& chosen) const {
  due_.for_each([&](Slot slot) {
    const Resource& resource = *present(slot);
    if (type_ == Type::kObject && resource.name == kRevisionName) return;
    const std::size_t bytes = resource.body.size() + 2 * resource.name.size();
    const bool fits = chosen.additions.empty() || chosen.bytes + bytes <= kResponseBytesMax || sends_whole();
    if (!fits || last_change(slot) >= gates.additions_before) return;
    chosen.bytes += bytes;
    chosen.additions.push_back(slot);
  });
}

void Subscription::choose_removals(const Gates& gates, Chosen& chosen) const {
  gone_.for_each([&](Slot slot) {
    const std::size_t bytes = catalog_->names().name(type_, slot).size();
    const bool fits = chosen.empty() || chosen.bytes + bytes <= kResponseBytesMax || sends_whole();
    if (!fits || last_change(slot) >= gates.removals_before) return;
    chosen.bytes += bytes;
    chosen.removals.push_back(slot);
  });
}

Response Subscription::assemble(const Chosen& chosen, std::uint64_t nonce) {
  Response response{
      .type = type_, .version = {}, .nonce = fmt::format("{:x}", nonce), .resources = {}, .removed = {}};
  nonce_ = response.nonce;
  flight_ = Flight{response.nonce, {}, std::exchange(reply_owed_, false)};
  flight_->items.reserve(chosen.additions.size() + chosen.removals.size());
  for (const Slot slot : chosen.additions) {
    flight_->items.push_back({slot, present(slot), take_first_change(slot)});
    due_.erase(slot);
    forced_.erase(slot);
    if (!sends_whole()) response.resources.push_back(present(slot));
  }
  for (const Slot slot : chosen.removals) {
    flight_->items.push_back({slot, nullptr, take_first_change(slot)});
    gone_.erase(slot);
    forced_.erase(slot);
    if (variant_ == Variant::kDelta) response.removed.push_back(catalog_->names().name(type_, slot));
  }
  std::ranges::sort(flight_->items, {}, &Item::slot);
  if (variant_ == Variant::kDelta) return response;
  response.version = version_of_whole();
  if (sends_whole()) {
    for_each_covered([&](Slot slot) {
      if (ResourcePtr resource = in_whole(slot)) response.resources.push_back(std::move(resource));
    });
  }
  return response;
}

ResourcePtr Subscription::in_whole(Slot slot) const {
  if (const Item* item = under_way(slot)) return item->resource;
  if (current_.contains(slot)) return present(slot);
  const auto behind = behind_.find(slot);
  return behind != behind_.end() ? behind->second.resource : nullptr;
}

// The sum of what the client is to have: the same for the same resources, whoever sends them.
std::string Subscription::version_of_whole() const {
  std::uint64_t sum = 0;
  for_each_covered([&](Slot slot) {
    const ResourcePtr resource = in_whole(slot);
    if (!resource) return;
    sum += resource == present(slot) ? catalog_->fingerprint(type_, slot) : fingerprint_of(*resource);
  });
  return fmt::format("{:016x}", lb::mix(sum));
}

}  // namespace weir::xds
