#include "api/watch.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/objects.h"
#include "mirror/records.h"

namespace weir::api {
namespace {

constexpr std::size_t kChangesPerRead = 64;
constexpr std::size_t kEntriesPerRead = 256;
constexpr Duration kFollowTimeout = std::chrono::minutes(1);
constexpr Duration kRetryAfterError = std::chrono::seconds(1);
// An EventSource comes back this soon (milliseconds) when a stream ends.
constexpr std::string_view kGreeting = "retry: 1000\n\n";

// Between name and data of an event that is still without its id.
struct Event {
  std::string_view name;
  store::Revision revision = 0;
  std::string data;
};

std::string gone_json(const config::KindInfo& kind, std::string_view name, store::Revision revision) {
  std::string json = "{\"kind\":\"";
  json.append(kind.name).append("\",\"metadata\":{\"name\":\"").append(name).append("\",\"revision\":");
  return json + std::to_string(revision) + "}}";
}

}  // namespace

std::string event_text(std::string_view name, store::Revision id, std::string_view data) {
  std::string text;
  text.reserve(data.size() + 64);
  if (id != 0) text.append("id: ").append(std::to_string(id)).append("\n");
  text.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
  return text;
}

void begin_stream(http::ResponseHead& head, std::string_view media_type, std::string_view request_id) {
  head.status = 200;
  head.reason = http::reason_of(200);
  head.framing = http::Framing::kChunked;
  head.fields.add(http::Known::kContentType, media_type);
  head.fields.add(http::Known::kCacheControl, "no-store");
  head.fields.add("X-Accel-Buffering", "no");  // nginx in front would hold back what comes
  if (!request_id.empty()) head.fields.add(http::Known::kXRequestId, request_id);
}

class WatchHub::Watch final : public http::Response {
 public:
  Watch(WatchHub& hub, Wanted wanted, Keys keys)
      : hub_(hub),
        wanted_(std::move(wanted)),
        position_(wanted_.from.value_or(0)),
        dumping_(!wanted_.from),
        keys_(std::move(keys)) {
    ++hub_.open_;
    begin_stream(head, kEventStream, wanted_.request_id);
  }
  ~Watch() override { --hub_.open_; }

  net::Task<Result<net::Slice>> read() override {
    out_.clear();
    while (out_.empty() && !ended_) {
      if (hub_.stopped_ || !wanted_.allowed()) {
        ended_ = true;
        break;
      }
      Result<void> done;
      if (dumping_) {
        done = co_await dump();
      } else {
        done = co_await follow();
      }
      if (!done) co_return fail(done.error());
    }
    co_return net::as_slice(out_);
  }

  net::Slice take_buffered() override {
    if (std::exchange(greeted_, true)) return {};
    return net::as_slice(kGreeting);
  }
  bool at_end() const override { return ended_; }

 private:
  // The next objects that are there: kind by kind, by name.
  net::Task<Result<void>> dump() {
    const config::KindInfo& kind = *wanted_.kinds[dumped_kinds_];
    const std::string prefix = mirror::prefix_of(kind.kind);
    auto page = co_await hub_.store_.list(prefix, after_key_, kEntriesPerRead);
    if (!page) co_return fail(page.error());
    if (position_ == 0) position_ = page->revision;
    for (const store::Entry& entry : page->entries) {
      after_key_ = entry.key;
      auto object = seen(kind, entry.key, entry.value, entry.revision);
      if (!object) continue;  // a list tells; a stream goes on
      if (!matches(wanted_.labels, object->metadata.labels)) continue;
      out_ += event_text("added", 0, shown(std::move(*object), hub_.status_, wanted_.sight));
    }
    if (!page->more) {
      after_key_.clear();
      dumping_ = ++dumped_kinds_ < wanted_.kinds.size();
    }
    if (!dumping_ && !std::exchange(caught_up_, true)) tell_place();
    co_return Result<void>{};
  }

  net::Task<Result<void>> follow() {
    if (!std::exchange(quiet_, false) || hub_.latest_ > position_) {
      std::shared_ptr<const Recent> recent = hub_.recent_;
      if (!recent || recent->after != position_) {
        auto changes = co_await hub_.store_.changes(position_, kChangesPerRead);
        if (!changes && changes.error().code == Code::kGone) {
          out_ = event_text("gone", 0, "{\"detail\":\"too far behind; list again, then watch from there\"}");
          ended_ = true;
          co_return Result<void>{};
        }
        if (!changes) co_return fail(changes.error());
        recent = std::make_shared<const Recent>(position_, std::move(*changes));
      }
      tell(recent->changes);
      const bool behind = recent->changes.more || hub_.latest_ > position_;
      if (!behind && !std::exchange(caught_up_, true)) tell_place();
      if (!out_.empty() || behind) co_return Result<void>{};
    }
    const auto rung = co_await hub_.bell_.wait(kKeepAliveInterval);
    if (rung) co_return Result<void>{};
    if (rung.error().code != Code::kTimedOut) co_return fail(rung.error());
    quiet_ = true;
    out_ = ": keep-alive\n";
    tell_place();
    co_return Result<void>{};
  }

  // No event: a place to resume at.
  void tell_place() {
    if (position_ != 0) out_ += "id: " + std::to_string(position_) + "\n\n";
  }

  void tell(const store::Changes& changes) {
    std::vector<Event> events;
    for (const store::Change& change : changes.changes) add(change, events);
    for (std::size_t i = 0; i < events.size(); ++i) {
      const bool last = i + 1 == events.size() || events[i + 1].revision != events[i].revision;
      out_ += event_text(events[i].name, last ? events[i].revision : 0, events[i].data);
    }
    position_ = changes.revision;
  }

  // What can't be read, and what is not there for who watches, is nothing. Of what is, an organization's
  // watch keeps the key: a deletion does not tell whose it was.
  std::optional<config::Object> seen(const config::KindInfo& kind, const std::string& key,
                                     std::string_view value, store::Revision revision) {
    const std::string_view name = std::string_view(key).substr(kind.plural.size() + 1);
    if (!wanted_.sight.may_see(kind.kind, name, value)) return std::nullopt;
    auto object = mirror::decode(value, revision);
    if (!object || !wanted_.sight.sees(*object)) return std::nullopt;
    if (keeps_names(wanted_, kind.kind)) keys_.insert(key);
    return std::move(*object);
  }

  void add(const store::Change& change, std::vector<Event>& events) {
    const std::size_t slash = std::min(change.key.find('/'), change.key.size() - 1);
    const std::string_view plural = std::string_view(change.key).substr(0, slash);
    const std::string_view name = std::string_view(change.key).substr(slash + 1);
    const auto kind = std::ranges::find(wanted_.kinds, plural, &config::KindInfo::plural);
    if (kind == wanted_.kinds.end()) return;
    const auto gone = [&] {
      events.push_back({"deleted", change.revision, gone_json(**kind, name, change.revision)});
    };
    const bool was_seen = wanted_.sight.is_whole() || keys_.contains(change.key);
    auto object = change.value ? seen(**kind, change.key, *change.value, change.revision) : std::nullopt;
    if (!object) {
      // It is deleted, or somebody else's by now, which has taken the name.
      if (!change.value || (!wanted_.sight.is_whole() && was_seen)) {
        if (was_seen) gone();
        keys_.erase(change.key);
      }
      return;
    }
    const bool is_new = change.created == change.revision;
    if (matches(wanted_.labels, object->metadata.labels)) {
      events.push_back({is_new ? "added" : "modified", change.revision,
                        shown(std::move(*object), hub_.status_, wanted_.sight)});
    } else if (!is_new) {
      gone();  // it may have matched before: for this client it has gone
    }
  }

  WatchHub& hub_;
  Wanted wanted_;
  store::Revision position_;  // all up to here was told
  bool dumping_;
  std::size_t dumped_kinds_ = 0;
  std::string after_key_;  // of the dump
  Keys keys_;              // of an organization's: what there was for it
  std::string out_;
  bool greeted_ = false;
  bool caught_up_ = false;  // has told what there was
  bool quiet_ = false;      // nothing has come since it last looked
  bool ended_ = false;
};

net::Task<void> WatchHub::follow() {
  for (;;) {
    const auto revision = co_await store_.wait_past(latest_, kFollowTimeout);
    if (revision) {
      recent_.reset();
      if (open_ > 0) {
        auto changes = co_await store_.changes(latest_, kChangesPerRead);
        if (changes) recent_ = std::make_shared<const Recent>(latest_, std::move(*changes));
      }
      latest_ = *revision;
      bell_.ring();
      continue;
    }
    if (revision.error().code == Code::kCancelled) co_return;
    if (revision.error().code == Code::kTimedOut) continue;
    env_.log.warning("watches can't follow the store", {{"reason", revision.error().text}});
    if (!co_await env_.loop.sleep(kRetryAfterError)) co_return;
  }
}

void WatchHub::stop() {
  stopped_ = true;
  bell_.ring();
}

// What an organization sees now, or saw at the revision that its watch goes on from.
net::Task<Result<WatchHub::Keys>> WatchHub::keys_at(const Wanted& wanted) {
  Keys keys;
  const auto past = co_await store_.before(*wanted.from);
  if (!past) co_return fail(past.error());
  for (const config::KindInfo* kind : wanted.kinds) {
    if (!keeps_names(wanted, kind->kind)) continue;
    const std::string prefix = mirror::prefix_of(kind->kind);
    const auto take = [&](const std::string& key, std::string_view value) {
      const std::string_view name = std::string_view(key).substr(prefix.size());
      if (wanted.sight.may_see(kind->kind, name, value)) keys.insert(key);
    };
    for (const store::Former& former : past->entries) {
      if (former.value && former.key.starts_with(prefix)) take(former.key, *former.value);
    }
    std::string after_key;
    for (bool more = true; more;) {
      const auto page = co_await store_.list(prefix, after_key, kEntriesPerRead);
      if (!page) co_return fail(page.error());
      for (const store::Entry& entry : page->entries) take(entry.key, entry.value);
      if (!page->entries.empty()) after_key = page->entries.back().key;
      more = page->more;
    }
  }
  co_return keys;
}

net::Task<Answer<http::ResponsePtr>> WatchHub::open(Wanted wanted) {
  if (stopped_) co_return refuse(Problem{503, "draining", "this controller is about to end", {}, {}, 1});
  if (open_ >= kWatchesMax) co_return refuse(Problem{503, "overloaded", "too many watches", {}, {}, 5});
  if (wanted.from) {
    const auto changes = co_await store_.changes(*wanted.from, 1);
    if (!changes && changes.error().code == Code::kGone) {
      co_return refuse(410, "gone",
                       "changes since revision " + std::to_string(*wanted.from) +
                           " are not kept; list again, then watch from there");
    }
    if (!changes) co_return refuse(problem_of(changes.error()));
  }
  Keys keys;
  if (wanted.from && !wanted.sight.is_whole()) {
    auto there = co_await keys_at(wanted);
    if (!there) co_return refuse(problem_of(there.error()));
    keys = std::move(*there);
  }
  http::ResponsePtr watch = std::make_unique<Watch>(*this, std::move(wanted), std::move(keys));
  co_return watch;
}

}  // namespace weir::api
