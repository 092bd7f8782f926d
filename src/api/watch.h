// Watch: changes of one kind, or of several, as server-sent events (WHATWG HTML, section 9.2), and the hub
// that wakes all watches when the store moves. On the control loop; watches must be gone before the hub is.
//
// A watch without a revision begins with an `added` event for each object that is there, then follows. With
// ?from= (or Last-Event-ID, which an EventSource sends by itself) it begins behind that revision. The id of
// an event is the revision that it brings the client to: of the changes of one transaction only the last
// carries it, so that one who resumes gets a transaction again rather than the half of it. An id without an
// event tells once that this was all that there was, and later on, now and then, that nothing came. A status
// that moves is no change; events show it as it is when they are sent.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/bell.h"
#include "api/objects.h"
#include "api/problem.h"
#include "api/query.h"
#include "config/kinds.h"
#include "http/service.h"
#include "mirror/sight.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::api {

// Watches hold a connection each, and each writes every change of its kind.
inline constexpr std::size_t kWatchesMax = 2048;
// A comment this often tells proxies and clients that the stream lives, and shows a client that has gone.
inline constexpr Duration kKeepAliveInterval = std::chrono::seconds(15);

// What a stream of things as they happen begins with, for clients and what is between. The texts outlive the
// head; request_id: empty for none.
void begin_stream(http::ResponseHead& head, std::string_view media_type, std::string_view request_id);
inline constexpr std::string_view kEventStream = "text/event-stream";
// One event; id 0: none. The data is JSON on one line.
std::string event_text(std::string_view name, store::Revision id, std::string_view data);

class WatchHub {
 public:
  // status: as in reader.h; asked for each object that is shown. It must outlive the hub.
  WatchHub(net::Env& env, store::Store& store, const StatusSource& status)
      : env_(env), store_(store), status_(status), bell_(env.loop) {}
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  // Follows the store until it is cancelled. One task, for as long as there may be watches.
  net::Task<void> follow();
  // Ends all watches at an event's end, and refuses new ones.
  void stop();

  struct Wanted {
    std::vector<const config::KindInfo*> kinds;  // at least one; none twice
    std::vector<LabelFilter> labels;
    std::optional<store::Revision> from;
    std::function<bool()> allowed;  // asked now and then: the token still stands
    std::string request_id;
    mirror::Sight sight = {};  // whose objects
  };
  // 410 when the changes since `from` are not kept any more; 503 when there are too many watches.
  net::Task<Answer<http::ResponsePtr>> open(Wanted wanted);

  std::size_t open_watches() const { return open_; }

 private:
  class Watch;
  // What came behind a revision. Those who have had all before it share it; who is behind reads for itself.
  struct Recent {
    store::Revision after = 0;
    store::Changes changes;
  };
  // Events go by age, which nobody has to hear of.
  static bool keeps_names(const Wanted& wanted, config::Kind kind) {
    return !wanted.sight.is_whole() && kind != config::Kind::kEvent;
  }
  using Keys = std::set<std::string, std::less<>>;
  net::Task<Result<Keys>> keys_at(const Wanted& wanted);

  net::Env& env_;
  store::Store& store_;
  const StatusSource& status_;
  Bell bell_;
  store::Revision latest_ = 0;  // that the store is known to have
  std::shared_ptr<const Recent> recent_;
  std::size_t open_ = 0;
  bool stopped_ = false;
};

}  // namespace weir::api
