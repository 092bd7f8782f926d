#include "xds/session.h"

#include <algorithm>
#include <utility>

#include "xds/limits.h"

namespace weir::xds {

Session::Session(Node node, Catalog& catalog, Sink& sink, Options options)
    : node_(std::move(node)),
      catalog_(&catalog),
      sink_(sink),
      options_(std::move(options)),
      id_(catalog.attach(*this)),
      allowance_(kRequestsBurst) {}

Session::~Session() { catalog_->detach(id_); }

Result<Type> Session::type_for(const Request& request) const {
  if (request.type_url.empty()) {
    if (options_.only) return *options_.only;
    return fail(Code::kInvalid, "a request on an aggregated stream needs its type_url");
  }
  const TypeInfo* info = find_type(request.type_url);
  if (info == nullptr) return fail(Code::kNotFound, "no such type is served");
  if (options_.only && info->type != *options_.only) {
    return fail(Code::kInvalid, "this service is for another type");
  }
  return info->type;
}

Result<void> Session::request(const Request& request, Instant now) {
  spend(request, now);
  const Result<Type> type = type_for(request);
  // A type that is not served is not an error of the client: it gets no answer, like what does not exist.
  if (!type) return type.error().code == Code::kNotFound ? Result<void>() : fail(type.error());
  Subscribed& subscribed = of(*type);
  if (!subscribed.subscription) {
    subscribed.subscription = std::make_unique<Subscription>(*type, options_.variant, *catalog_, id_);
  }
  const std::size_t names = subscribed.subscription->interest().named().size() + request.names.size();
  const bool whole = options_.variant == Variant::kWhole;
  if ((whole ? request.names.size() : names) > kNamesMax || request.initial_versions.size() > kNamesMax) {
    return fail(Code::kOverloaded, "the stream names too many resources of one type");
  }
  tell(*type, subscribed.subscription->request(request));
  if (*type == Type::kEndpoints) endpoints_asked();
  catalog_->names().tidy();
  return {};
}

void Session::tell(Type type, const Subscription::Settled& settled) {
  if (!settled.accepted.empty()) sink_.accepted(node_, type, settled.accepted);
  for (const Subscription::Refused& refused : settled.refused) {
    const std::string_view message = refused.message;
    sink_.refused(node_, type, refused.resource, message.substr(0, kRefusalBytesMax));
  }
}

// --- what may go when

std::uint64_t Session::oldest_addition(Type type) const {
  const Subscription* subscription = find(type);
  return subscription != nullptr ? subscription->oldest_addition() : kNever;
}

std::uint64_t Session::oldest_change(Type type) const {
  const Subscription* subscription = find(type);
  return subscription != nullptr ? subscription->oldest_change() : kNever;
}

Gates Session::gates(Type type) const {
  Gates gates;
  const std::uint64_t clusters_ready =
      std::min({oldest_addition(Type::kCluster), oldest_addition(Type::kEndpoints), awaited_since_});
  switch (type) {
    case Type::kListener: gates.additions_before = clusters_ready; break;
    case Type::kRoutes:
      gates.additions_before = clusters_ready;
      gates.removals_before = oldest_change(Type::kListener);
      break;
    case Type::kCluster:
      gates.removals_before = std::min(oldest_change(Type::kListener), oldest_change(Type::kRoutes));
      break;
    case Type::kEndpoints: gates.removals_before = oldest_change(Type::kCluster); break;
    case Type::kSecret:
      gates.removals_before = std::min(oldest_change(Type::kListener), oldest_change(Type::kCluster));
      break;
    case Type::kObject:
    case Type::kHealth: break;
  }
  return gates;
}

std::optional<Response> Session::next(Instant now) {
  if (awaited_since_ != kNever && now >= awaited_until_) {
    awaited_.clear();
    awaited_since_ = kNever;
  }
  for (const TypeInfo& info : kTypes) {
    Subscribed& subscribed = of(info.type);
    if (!subscribed.subscription || !subscribed.subscription->has_owed()) continue;
    std::optional<Response> response = subscribed.subscription->next(gates(info.type), nonces_ + 1);
    if (!response) continue;
    ++nonces_;
    subscribed.sent_at = now;
    if (info.type == Type::kCluster) clusters_sent(now);
    return response;
  }
  return std::nullopt;
}

// A cluster that the client did not have makes it ask for the endpoints; one that it had is warmed anew, and
// needs them again though they have not changed.
void Session::clusters_sent(Instant now) {
  Subscription* endpoints = find(Type::kEndpoints);
  of(Type::kCluster).subscription->for_each_under_way([&](Slot cluster, std::uint64_t change, bool known) {
    const Slot slot =
        catalog_->names().slot(Type::kEndpoints, catalog_->names().name(Type::kCluster, cluster));
    if (!catalog_->resource(Type::kEndpoints, slot)) return;
    if (endpoints != nullptr && endpoints->interest().covers(slot)) {
      if (known) endpoints->send_again(slot, change);
    } else if (!options_.only) {
      if (awaited_.empty()) awaited_until_ = now + kEndpointsTimeout;
      awaited_.insert(slot);
      awaited_since_ = std::min(awaited_since_, change);
    }
  });
}

void Session::endpoints_asked() {
  if (awaited_.empty()) return;
  IdSet still;
  awaited_.for_each([&](Slot slot) {
    if (!find(Type::kEndpoints)->interest().covers(slot)) still.insert(slot);
  });
  awaited_ = std::move(still);
  if (awaited_.empty()) awaited_since_ = kNever;
}

// --- time

std::optional<Instant> Session::alarm() const {
  std::optional<Instant> first;
  if (awaited_since_ != kNever) first = awaited_until_;
  for (const Subscribed& subscribed : subscribed_) {
    if (!subscribed.subscription || !subscribed.subscription->under_way()) continue;
    const Instant at = subscribed.sent_at + kAnswerTimeout;
    if (!first || at < *first) first = at;
  }
  return first;
}

bool Session::overdue(Instant now) const {
  return std::ranges::any_of(subscribed_, [now](const Subscribed& subscribed) {
    return subscribed.subscription && subscribed.subscription->under_way() &&
           now >= subscribed.sent_at + kAnswerTimeout;
  });
}

bool Session::has_bulk() const {
  return std::ranges::any_of(subscribed_, [](const Subscribed& subscribed) {
    if (!subscribed.subscription) return false;
    const Subscription& subscription = *subscribed.subscription;
    return subscription.due() + subscription.changes_under_way() > kBulkResources;
  });
}

bool Session::in_sync() const {
  bool asked_all = true;
  bool refuses = false;
  for (const TypeInfo& info : kTypes) {
    const Subscription* subscription = find(info.type);
    if (subscription == nullptr) {
      asked_all = asked_all && (options_.only || catalog_->present(info.type).empty());
      continue;
    }
    if (subscription->under_way() || subscription->has_owed()) return false;
    refuses = refuses || subscription->refuses();
  }
  return asked_all || refuses;
}

void Session::spend(const Request& request, Instant now) {
  const double seconds = std::chrono::duration<double>(now - allowance_at_).count();
  allowance_ = std::min(kRequestsBurst, allowance_ + seconds * kRequestsPerSecond);
  allowance_at_ = now;
  const std::size_t names =
      request.names.size() + request.unsubscribed.size() + request.initial_versions.size();
  allowance_ -= 1 + static_cast<double>(names) / kNamesPerRequest;
}

Instant Session::may_ask_at(Instant now) const {
  if (allowance_ >= 0) return now;
  return now + std::chrono::duration_cast<Duration>(
                   std::chrono::duration<double>(-allowance_ / kRequestsPerSecond));
}

// --- the catalog

void Session::changed(Type type, Slot slot, const ResourcePtr& before) {
  if (Subscription* subscription = find(type)) {
    subscription->changed(slot, before, catalog_->names().sequence());
  }
}

void Session::move_to(Catalog& catalog) {
  catalog_->detach(id_);
  catalog_ = &catalog;
  id_ = catalog.attach(*this);
  catalog.names().next_sequence();
  for (const Subscribed& subscribed : subscribed_) {
    if (subscribed.subscription) subscribed.subscription->move_to(catalog, id_);
  }
  woken();
}

void Session::mark(Type type, IdSet& used) const {
  if (const Subscription* subscription = find(type)) subscription->mark(used);
  if (type == Type::kEndpoints) awaited_.for_each([&used](Slot slot) { used.insert(slot); });
}

std::size_t Session::heap_bytes() const {
  std::size_t sum = awaited_.heap_bytes() + node_.id.capacity() + node_.cluster.capacity();
  for (const Subscribed& subscribed : subscribed_) {
    if (subscribed.subscription) sum += sizeof(Subscription) + subscribed.subscription->heap_bytes();
  }
  return sum;
}

}  // namespace weir::xds
