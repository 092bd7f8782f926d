#include "api/watch.h"

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

class WatchHub::Watch final : public http::Response {
 public:
  Watch(WatchHub& hub, Wanted wanted)
      : hub_(hub),
        wanted_(std::move(wanted)),
        prefix_(mirror::prefix_of(wanted_.kind->kind)),
        position_(wanted_.from.value_or(0)),
        dumping_(!wanted_.from) {
    ++hub_.open_;
    head.status = 200;
    head.reason = http::reason_of(200);
    head.framing = http::Framing::kChunked;
    head.fields.add(http::Known::kContentType, "text/event-stream");
    head.fields.add(http::Known::kCacheControl, "no-store");
    head.fields.add("X-Accel-Buffering", "no");  // nginx in front would hold events back
    if (!wanted_.request_id.empty()) head.fields.add(http::Known::kXRequestId, wanted_.request_id);
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
  // The next objects that are there, by name.
  net::Task<Result<void>> dump() {
    auto page = co_await hub_.store_.list(prefix_, after_key_, kEntriesPerRead);
    if (!page) co_return fail(page.error());
    if (position_ == 0) position_ = page->revision;
    for (const store::Entry& entry : page->entries) {
      after_key_ = entry.key;
      auto object = mirror::decode(entry.value, entry.revision);
      if (!object) continue;  // a list tells; a stream goes on
      if (!matches(wanted_.labels, object->metadata.labels)) continue;
      out_ += event_text("added", 0, shown(std::move(*object), hub_.status_));
    }
    if (!page->more) {
      dumping_ = false;
      if (position_ != 0) out_ += "id: " + std::to_string(position_) + "\n\n";  // no event: a place to resume
    }
    co_return Result<void>{};
  }

  net::Task<Result<void>> follow() {
    auto changes = co_await hub_.store_.changes(position_, kChangesPerRead);
    if (!changes && changes.error().code == Code::kGone) {
      out_ = event_text("gone", 0, "{\"detail\":\"too far behind; list again, then watch from there\"}");
      ended_ = true;
      co_return Result<void>{};
    }
    if (!changes) co_return fail(changes.error());
    std::vector<Event> events;
    for (const store::Change& change : changes->changes) add(change, events);
    for (std::size_t i = 0; i < events.size(); ++i) {
      const bool last = i + 1 == events.size() || events[i + 1].revision != events[i].revision;
      out_ += event_text(events[i].name, last ? events[i].revision : 0, events[i].data);
    }
    position_ = changes->revision;
    if (!out_.empty() || changes->more || hub_.latest_ > position_) co_return Result<void>{};
    const auto rung = co_await hub_.bell_.wait(kKeepAliveInterval);
    if (rung) co_return Result<void>{};
    if (rung.error().code != Code::kTimedOut) co_return fail(rung.error());
    out_ = ": keep-alive\nid: " + std::to_string(position_) + "\n\n";
    co_return Result<void>{};
  }

  void add(const store::Change& change, std::vector<Event>& events) {
    if (!change.key.starts_with(prefix_)) return;
    const std::string_view name = std::string_view(change.key).substr(prefix_.size());
    const auto gone = [&] {
      events.push_back({"deleted", change.revision, gone_json(*wanted_.kind, name, change.revision)});
    };
    if (!change.value) return gone();
    auto object = mirror::decode(*change.value, change.revision);
    if (!object) return;
    const bool is_new = change.created == change.revision;
    if (matches(wanted_.labels, object->metadata.labels)) {
      events.push_back(
          {is_new ? "added" : "modified", change.revision, shown(std::move(*object), hub_.status_)});
    } else if (!is_new) {
      gone();  // it may have matched before: for this client it has gone
    }
  }

  WatchHub& hub_;
  Wanted wanted_;
  std::string prefix_;
  store::Revision position_;  // all up to here was told
  bool dumping_;
  std::string after_key_;  // of the dump
  std::string out_;
  bool greeted_ = false;
  bool ended_ = false;
};

net::Task<void> WatchHub::follow() {
  for (;;) {
    const auto revision = co_await store_.wait_past(latest_, kFollowTimeout);
    if (revision) {
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
  http::ResponsePtr watch = std::make_unique<Watch>(*this, std::move(wanted));
  co_return watch;
}

}  // namespace weir::api
