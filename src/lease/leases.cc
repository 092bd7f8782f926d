#include "lease/leases.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.h"
#include "config/formats.h"
#include "config/kinds.h"
#include "config/specs.h"
#include "mirror/records.h"
#include "mirror/writes.h"

namespace weir::lease {
namespace {

using config::Kind;

constexpr int kTriesMax = 5;  // of a renewal that is written, while others write the same object

const config::EndpointSpec& terms_of(const config::Object& endpoint) {
  return std::get<config::EndpointSpec>(endpoint.spec);
}

bool came_between(Code code) {
  return code == Code::kConflict || code == Code::kExists || code == Code::kNotFound;
}

WallTime later(WallTime now, Duration by) { return now + std::chrono::floor<WallTime::duration>(by); }

}  // namespace

net::Task<Result<WallTime>> Leases::renew(std::string name) {
  for (int tries = 0;; ++tries) {
    if (const auto read = co_await mirror_.catch_up(); !read) co_return fail(read.error());
    const config::ObjectPointer endpoint = mirror_.objects().find(Kind::kEndpoint, name);
    if (!endpoint) co_return fail(Code::kNotFound, "there is no such Endpoint");
    const config::EndpointSpec& spec = terms_of(*endpoint);
    if (!spec.lease) co_return fail(Code::kInvalid, "it has no lease: it stays until it is deleted");
    const WallTime now = env_.loop.clock().wall_now();
    const WallTime until = later(now, *spec.lease);
    const bool soon = !spec.expires_at || *spec.expires_at < later(now, *spec.lease / 2);
    if (store_.leads() || !soon) {
      renewed_.insert_or_assign(endpoint->metadata.uid, Renewed{env_.loop.now(), until});
      co_return until;
    }
    const auto written = co_await write(endpoint, until);
    if (written || !came_between(written.error().code) || tries + 1 == kTriesMax) co_return written;
  }
}

// Nobody did anything to the object, so there is no event, and no other time of its last change.
net::Task<Result<WallTime>> Leases::write(config::ObjectPointer endpoint, WallTime until) {
  config::Object renewed = *endpoint;
  std::get<config::EndpointSpec>(renewed.spec).expires_at = until;
  store::Transaction transaction;
  transaction.put(mirror::key_of(Kind::kEndpoint, renewed.metadata.name), mirror::encode(renewed),
                  renewed.metadata.revision);
  const auto committed = co_await store_.commit(std::move(transaction));
  if (!committed) co_return fail(committed.error().error);
  renewed_.insert_or_assign(renewed.metadata.uid, Renewed{env_.loop.now(), until});
  co_return until;
}

void Leases::show(config::Object& object) const {
  auto* spec = std::get_if<config::EndpointSpec>(&object.spec);
  if (spec == nullptr || !spec->lease) return;
  const auto found = renewed_.find(object.metadata.uid);
  if (found == renewed_.end()) return;
  if (!spec->expires_at || *spec->expires_at < found->second.until) spec->expires_at = found->second.until;
}

net::Task<void> Leases::run() {
  for (;;) {
    const auto removed = co_await sweep();
    if (!removed && removed.error().code == Code::kCancelled) co_return;
    if (!removed && !came_between(removed.error().code)) {
      env_.log.warning("leases that have ended are not removed", {{"reason", removed.error().text}});
    }
    if (!co_await env_.loop.sleep(kLookInterval)) co_return;
  }
}

bool Leases::has_ended(const config::Object& endpoint) const {
  const config::EndpointSpec& spec = terms_of(endpoint);
  const Instant now = env_.loop.now();
  if (now < *led_since_ + *spec.lease) return false;
  const auto renewed = renewed_.find(endpoint.metadata.uid);
  if (renewed != renewed_.end() && now < renewed->second.at + *spec.lease) return false;
  return !spec.expires_at || *spec.expires_at <= env_.loop.clock().wall_now();
}

std::string Leases::reason_of(const config::Object& endpoint) const {
  config::Object shown = endpoint;
  show(shown);
  const config::EndpointSpec& spec = terms_of(shown);
  const auto seconds = std::chrono::duration_cast<std::chrono::milliseconds>(*spec.lease).count();
  std::string text =
      "lease of " +
      (seconds % 1000 == 0 ? std::to_string(seconds / 1000) + 's' : std::to_string(seconds) + "ms") +
      " ended: nobody has renewed it";
  if (spec.expires_at)
    text += " since " + format_rfc3339(*spec.expires_at - std::chrono::milliseconds(seconds));
  return text;
}

// All are gone through only when something has changed: most of the time, nothing has.
void Leases::find_leased() {
  if (leased_at_ == mirror_.revision()) return;
  leased_.clear();
  for (const config::ObjectPointer& endpoint : mirror_.objects().of(Kind::kEndpoint)) {
    if (terms_of(*endpoint).lease) leased_.push_back(endpoint);
  }
  leased_at_ = mirror_.revision();
}

net::Task<Result<std::size_t>> Leases::sweep() {
  if (!store_.leads()) {
    led_since_.reset();
    co_return std::size_t{0};
  }
  if (!led_since_) led_since_ = env_.loop.now();
  if (const auto read = co_await mirror_.catch_up(); !read) co_return fail(read.error());
  store::Transaction transaction;
  std::size_t removed = 0;
  std::map<std::string, Renewed, std::less<>> kept;
  const WallTime now = env_.loop.clock().wall_now();
  find_leased();
  for (const config::ObjectPointer& endpoint : leased_) {
    if (removed < kRemovedMax && has_ended(*endpoint)) {
      const config::ObjectChange change{endpoint, nullptr};
      mirror::put_changes(transaction, {&change, 1}, {kActor, {}, reason_of(*endpoint)}, now,
                          mirror_.revision(), removed++);
    } else if (const auto known = renewed_.find(endpoint->metadata.uid); known != renewed_.end()) {
      kept.insert(*known);
    }
  }
  if (removed == 0) {
    renewed_ = std::move(kept);
    co_return removed;
  }
  const auto committed = co_await store_.commit(std::move(transaction));
  if (!committed) co_return fail(committed.error().error);
  env_.log.info("leases have ended", {{"endpoints", std::to_string(removed)}});
  co_return removed;
}

}  // namespace weir::lease
