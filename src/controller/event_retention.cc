#include "controller/event_retention.h"

#include <algorithm>
#include <string>
#include <utility>

#include "mirror/records.h"

namespace weir::controller {
namespace {
constexpr std::size_t kEntriesPerRead = 500;  // a page of them is about a megabyte
}

net::Task<void> EventRetention::run() {
  for (;;) {
    const auto deleted = co_await sweep();
    if (!deleted) {
      if (deleted.error().code == Code::kCancelled) co_return;
      env_.log.warning("old events are not deleted", {{"reason", deleted.error().text}});
    }
    if (!co_await env_.loop.sleep(kRetentionInterval)) co_return;
    if (!store_.leads()) continue;  // it may, at the next look
    const auto moved = co_await store_.wait_past(swept_, std::chrono::hours(24));
    if (!moved && moved.error().code == Code::kCancelled) co_return;
  }
}

net::Task<Result<std::size_t>> EventRetention::count() {
  const std::string prefix = mirror::prefix_of(config::Kind::kEvent);
  std::size_t events = 0;
  std::string after;
  for (;;) {
    const auto page = co_await store_.list(prefix, after, kEntriesPerRead);
    if (!page) co_return fail(page.error());
    events += page->entries.size();
    swept_ = page->revision;
    if (!page->more) co_return events;
    after = page->entries.back().key;
  }
}

net::Task<Result<std::size_t>> EventRetention::sweep() {
  if (!store_.leads()) co_return std::size_t{0};
  const auto events = co_await count();
  if (!events) co_return fail(events.error());
  std::size_t left = *events > events_max_ ? *events - events_max_ : 0;
  std::size_t deleted = 0;
  while (left > 0) {
    // Names sort by time, so the first ones are the oldest.
    auto page =
        co_await store_.list(mirror::prefix_of(config::Kind::kEvent), "", std::min(left, kEntriesPerRead));
    if (!page) co_return fail(page.error());
    if (page->entries.empty()) break;
    store::Transaction transaction;
    for (store::Entry& entry : page->entries) transaction.remove(std::move(entry.key), entry.revision);
    const auto committed = co_await store_.commit(std::move(transaction));
    if (!committed) co_return fail(committed.error().error);
    swept_ = *committed;
    deleted += page->entries.size();
    left -= page->entries.size();
  }
  co_return deleted;
}

}  // namespace weir::controller
