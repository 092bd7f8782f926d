#include "xds/subscription.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace weir::xds {

namespace {

// Of what is owed by a request and not by a change: older than every change.
constexpr std::uint64_t kOldest = 1;

// A table that has been large for a moment, for a stream that may then be idle for days.
template <class Table>
void give_back(Table& table) {
  constexpr std::size_t kBucketsKept = 64;
  if (table.empty() && table.bucket_count() > kBucketsKept) table = Table();
}

}  // namespace

Subscription::Subscription(Type type, Variant variant, Catalog& catalog, std::uint32_t watcher)
    : type_(type),
      variant_(variant),
      watcher_(watcher),
      catalog_(&catalog),
      interest_(info_of(type).all_unless_named) {}

// --- what the client says

Subscription::Settled Subscription::request(const Request& request) {
  Settled settled;
  const bool first = !std::exchange(asked_, true);
  const bool answers = !first && request.nonce == nonce_;
  if (variant_ == Variant::kWhole && !first && !answers) return settled;  // of before the last response
  if (answers && flight_) {
    if (request.error) {
      refuse(*request.error, settled);
    } else {
      accept(settled);
    }
  }
  take_up(request, first);
  give_back(behind_);
  give_back(stamps_);
  return settled;
}

void Subscription::accept(Settled& settled) {
  const Flight flight = *std::exchange(flight_, std::nullopt);
  for (const Item& item : flight.items) {
    current_.erase(item.slot);
    behind_.erase(item.slot);
    if (item.resource) {
      settled.accepted.push_back(item.resource);
      refused_.erase(item.slot);
      behind_[item.slot] = {item.resource, {}};  // until evaluate() finds that it is the present one
    }
    evaluate(item.slot);
  }
  condemn(blame_.accepted(), settled);
}

void Subscription::refuse(const std::string& message, Settled& settled) {
  const Flight flight = *std::exchange(flight_, std::nullopt);
  const bool adds =
      std::ranges::any_of(flight.items, [](const Item& item) { return item.resource != nullptr; });
  std::vector<Blame::Suspect> suspects;
  bool complete = true;
  for (const Item& item : flight.items) {
    if (!item.resource && !adds) {  // the client will not have it that way; asking again changes nothing
      current_.erase(item.slot);
      behind_.erase(item.slot);
    }
    const bool owed = due_.contains(item.slot) || gone_.contains(item.slot);
    evaluate(item.slot);
    const bool suspect = !owed && due_.contains(item.slot);
    const bool had = !owed && current_.contains(item.slot);  // sent again: not what is new
    complete = complete && (!item.resource || suspect || had);
    if (suspect) suspects.push_back({item.slot, item.resource->name});
    if (!due_.contains(item.slot) && !gone_.contains(item.slot)) continue;
    Stamp& stamp =
        stamps_.try_emplace(item.slot, Stamp{item.first, catalog_->sequence(type_, item.slot)}).first->second;
    stamp.first = std::min(stamp.first, item.first);
  }
  if (!flight.items.empty()) reply_owed_ = reply_owed_ || flight.owed;
  refusal_ = message;
  const std::vector<Slot> guilty = blame_.refused(suspects, complete, message);
  if (suspects.empty()) settled.refused.push_back({nullptr, message});
  condemn(guilty, settled);
}

void Subscription::condemn(const std::vector<Slot>& guilty, Settled& settled) {
  for (const Slot slot : guilty) {
    const ResourcePtr& resource = present(slot);
    if (!resource || !due_.contains(slot)) continue;
    refused_[slot] = resource->version;
    settled.refused.push_back({resource, refusal_});
    evaluate(slot);
  }
}

Asking Subscription::asking(const std::vector<std::string>& names) const {
  Asking asking;
  for (const std::string& name : names) {
    if (name == "*") {
      asking.all = true;
    } else {
      asking.slots.push_back(catalog_->names().slot(type_, name));
    }
  }
  return asking;
}

void Subscription::take_up(const Request& request, bool first) {
  IdSet initial;
  Asked asked;
  if (variant_ == Variant::kDelta) {
    if (first) initial = take_initial_versions(request);
    asked = interest_.ask_delta(asking(request.names), asking(request.unsubscribed));
    // Weir's own edges are answered though they have everything: so they know that somebody leads them.
    reply_owed_ = reply_owed_ || (asked.all_began && (initial.empty() || type_ == Type::kObject));
  } else {
    asked = interest_.ask_whole(asking(request.names));
    reply_owed_ = reply_owed_ || (info_of(type_).whole && (asked.all_began || !asked.named.empty()));
  }
  for (const Slot slot : asked.left) {
    catalog_->unfollow(type_, slot, watcher_);
    if (variant_ == Variant::kDelta && interest_.all()) forced_.insert(slot);
    evaluate(slot);
  }
  take_all(asked);
  take_names(asked, initial);
  initial.for_each([this](Slot slot) { evaluate(slot); });
  if (first && variant_ == Variant::kWhole && !request.version.empty()) take_version(request.version);
}

IdSet Subscription::take_initial_versions(const Request& request) {
  IdSet slots;
  for (const auto& [name, version] : request.initial_versions) {
    const Slot slot = catalog_->names().slot(type_, name);
    slots.insert(slot);
    if (present(slot) && present(slot)->version == version) {
      current_.insert(slot);
    } else {
      behind_[slot] = {nullptr, std::string(version)};
    }
  }
  return slots;
}

void Subscription::take_all(const Asked& asked) {
  if (asked.all_began) {
    catalog_->follow_all(type_, watcher_);
    catalog_->present(type_).for_each([this](Slot slot) { evaluate(slot); });
  }
  if (asked.all_ended) {
    catalog_->unfollow_all(type_, watcher_);
    IdSet used;
    mark(used);
    used.for_each([this](Slot slot) { evaluate(slot); });
  }
}

void Subscription::take_names(const Asked& asked, const IdSet& initial) {
  const bool delta = variant_ == Variant::kDelta;
  for (const Slot slot : asked.named) {
    catalog_->follow(type_, slot, watcher_);
    refused_.erase(slot);
    if (blame_.busy()) blame_.pardon(slot);
    if ((delta && !initial.contains(slot)) || under_way(slot) != nullptr) forced_.insert(slot);
    if (delta && !present(slot) && !knows(slot)) stamps_.try_emplace(slot);  // nothing to be careful about
    evaluate(slot);
  }
}

// A client that comes back: with the version of exactly this, it has it.
void Subscription::take_version(const std::string& version) {
  std::vector<Slot> slots;
  for_each_covered([&](Slot slot) {
    if (present(slot)) slots.push_back(slot);
  });
  for (const Slot slot : slots) current_.insert(slot);
  const bool has_all = version_of_whole() == version;
  if (has_all) reply_owed_ = false;
  for (const Slot slot : slots) {
    if (!has_all) current_.erase(slot);
    evaluate(slot);
  }
}

// --- what the catalog says

void Subscription::changed(Slot slot, const ResourcePtr& before, std::uint64_t sequence) {
  const bool owed = due_.contains(slot) || gone_.contains(slot);
  if (current_.erase(slot)) behind_[slot] = {before, {}};
  if (blame_.busy()) blame_.pardon(slot);
  const auto [stamp, made] = stamps_.try_emplace(slot, Stamp{owed ? kOldest : sequence, sequence});
  stamp->second.last = sequence;
  evaluate(slot);
}

void Subscription::send_again(Slot slot, std::uint64_t sequence) {
  if (!interest_.covers(slot) || !present(slot) || due_.contains(slot)) return;
  forced_.insert(slot);
  stamps_.try_emplace(slot, Stamp{sequence, sequence});
  evaluate(slot);
}

void Subscription::move_to(Catalog& catalog, std::uint32_t watcher) {
  Catalog& before = *std::exchange(catalog_, &catalog);
  watcher_ = watcher;
  interest_.named().for_each([&](Slot slot) { catalog.follow(type_, slot, watcher); });
  IdSet slots = interest_.named();
  if (interest_.all()) {
    catalog.follow_all(type_, watcher);
    before.present(type_).for_each([&](Slot slot) { slots.insert(slot); });
    catalog.present(type_).for_each([&](Slot slot) { slots.insert(slot); });
  }
  const std::uint64_t sequence = catalog.names().sequence();
  slots.for_each([&](Slot slot) {
    const ResourcePtr& was = before.resource(type_, slot);
    const ResourcePtr& is = present(slot);
    if (was == is || (was && is && was->version == is->version)) return;
    changed(slot, was, sequence);
  });
}

// --- what is owed

const std::string* Subscription::version_at_client(Slot slot) const {
  if (current_.contains(slot)) return &present(slot)->version;
  const auto behind = behind_.find(slot);
  if (behind == behind_.end()) return nullptr;
  return behind->second.resource ? &behind->second.resource->version : &behind->second.version;
}

const Subscription::Item* Subscription::under_way(Slot slot) const {
  if (!flight_) return nullptr;
  const auto item = std::ranges::lower_bound(flight_->items, slot, {}, &Item::slot);
  return item != flight_->items.end() && item->slot == slot ? &*item : nullptr;
}

void Subscription::forget(Slot slot) {
  current_.erase(slot);
  due_.erase(slot);
  gone_.erase(slot);
  forced_.erase(slot);
  behind_.erase(slot);
  stamps_.erase(slot);
  refused_.erase(slot);
  if (blame_.busy()) blame_.pardon(slot);
}

void Subscription::evaluate(Slot slot) {
  const bool settled = current_.contains(slot) && !due_.contains(slot) && !forced_.contains(slot);
  if (settled && interest_.covers(slot) && !flight_) return;
  if (!interest_.covers(slot)) return forget(slot);
  const ResourcePtr& resource = present(slot);
  const Item* item = under_way(slot);
  const std::string* has = version_at_client(slot);
  if (item != nullptr) has = item->resource ? &item->resource->version : nullptr;
  const auto refused = refused_.find(slot);
  const bool held_back = resource && refused != refused_.end() && refused->second == resource->version;
  const bool forced = forced_.contains(slot);
  const bool due = resource && !held_back && (forced || has == nullptr || *has != resource->version);
  const bool can_tell = variant_ == Variant::kDelta || info_of(type_).whole;
  const bool gone = !resource && can_tell && (forced || has != nullptr);
  if (due) {
    due_.insert(slot);
  } else {
    due_.erase(slot);
  }
  if (gone) {
    gone_.insert(slot);
  } else {
    gone_.erase(slot);
  }
  if (due || gone) return;
  stamps_.erase(slot);
  forced_.erase(slot);
  if (!resource || held_back || item != nullptr || current_.contains(slot)) return;
  behind_.erase(slot);
  current_.insert(slot);
}

std::uint64_t Subscription::last_change(Slot slot) const {
  const auto stamp = stamps_.find(slot);
  return stamp != stamps_.end() ? stamp->second.last : catalog_->sequence(type_, slot);
}

std::uint64_t Subscription::take_first_change(Slot slot) {
  const auto stamp = stamps_.find(slot);
  if (stamp == stamps_.end()) return kOldest;
  const std::uint64_t first = stamp->second.first;
  stamps_.erase(stamp);
  return first;
}

std::uint64_t Subscription::oldest(bool removals_too) const {
  std::uint64_t oldest = kNever;
  std::size_t owed = due_.size() + (removals_too ? gone_.size() : 0);
  for (const auto& [slot, stamp] : stamps_) {
    if (!due_.contains(slot) && !(removals_too && gone_.contains(slot))) continue;
    oldest = std::min(oldest, stamp.first);
    --owed;
  }
  if (owed > 0) oldest = std::min(oldest, kOldest);
  if (flight_) {
    for (const Item& item : flight_->items) {
      if (item.resource || removals_too) oldest = std::min(oldest, item.first);
    }
  }
  return oldest;
}

void Subscription::mark(IdSet& used) const {
  const auto add = [&used](Slot slot) { used.insert(slot); };
  interest_.named().for_each(add);
  current_.for_each(add);
  due_.for_each(add);
  gone_.for_each(add);
  for (const auto& [slot, known] : behind_) add(slot);
  for (const auto& [slot, version] : refused_) add(slot);
  if (!flight_) return;
  for (const Item& item : flight_->items) add(item.slot);
}

std::size_t Subscription::heap_bytes() const {
  // of a node in the standard library's hash table: link, hash, value; and its bucket
  const auto table = [](const auto& map) {
    using Map = std::remove_cvref_t<decltype(map)>;
    return map.size() * (sizeof(typename Map::value_type) + 2 * sizeof(void*)) +
           map.bucket_count() * sizeof(void*);
  };
  std::size_t sum = current_.heap_bytes() + due_.heap_bytes() + gone_.heap_bytes() + forced_.heap_bytes() +
                    interest_.named().heap_bytes() + table(behind_) + table(stamps_) + table(refused_);
  if (flight_) sum += flight_->items.capacity() * sizeof(Item);
  return sum;
}

}  // namespace weir::xds
