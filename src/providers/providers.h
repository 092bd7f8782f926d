// Providers: keeps the zones of DnsProviders as weir's own name servers answer them: written soon after a
// change, compared at an interval. Done by the controller that leads; any of them compares, or writes, when
// somebody asks. What was made stands in DnsLedgers, so another one can go on. On the control loop.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "cloud/http_client.h"
#include "config/object.h"
#include "config/status.h"
#include "mirror/mirror.h"
#include "nameserver/name_follower.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "providers/sync.h"
#include "providers/wanted.h"
#include "store/store.h"

namespace weir::providers {

class Providers {
 public:
  // Changes that come one after the other are written together.
  static constexpr Duration kDebounce = std::chrono::milliseconds(200);
  // Health is looked at so often.
  static constexpr Duration kTick = std::chrono::milliseconds(250);
  static constexpr Duration kLookPause = std::chrono::milliseconds(100);  // between two looks at the store
  static constexpr Duration kRetryFirst = std::chrono::seconds(2);        // doubled each time
  static constexpr Duration kRetryMax = std::chrono::minutes(5);
  // From the start on, sets wait until all their endpoints have been checked, for so long.
  static constexpr Duration kPatience = std::chrono::seconds(30);
  static constexpr std::size_t kAtOnceMax = 8;  // zones

  struct Sources {
    Health health;
    std::function<bool()> settled;  // what is known of endpoints is worth acting upon
  };
  Providers(net::Env& env, store::Store& store, mirror::Mirror& mirror, Sources sources);
  Providers(const Providers&) = delete;
  Providers& operator=(const Providers&) = delete;

  void start();
  net::Task<void> stop();  // to be awaited before it is destroyed

  config::DnsProviderStatus status_of(const config::Object& provider) const;

  // All its zones, now; calls back later with JSON (outcomes_json), or with what is wrong in a sentence.
  using Asked = std::function<void(std::expected<std::string, std::string>)>;
  void ask(std::string provider, Mode mode, Asked done);

 private:
  using Key = std::pair<std::string, std::string>;                                       // provider, zone
  using Seen = std::map<std::string, std::vector<config::EndpointHealth>, std::less<>>;  // by service
  struct State {
    std::optional<Instant> due;  // none: when it is next compared
    Instant compare_at;
    Duration retry{};  // zero: the last time went well
    bool busy = false;
    Seen seen;
    config::DnsProviderZoneStatus status;
    std::unique_ptr<nameserver::NameFollower> names;  // that an ALIAS of the zone leads to
  };

  net::Task<void> run();
  void take(const std::vector<config::ObjectChange>& changes);
  void keep_states();
  State& state_of(const Key& key);
  static net::Task<void> end(std::unique_ptr<nameserver::NameFollower> names);
  std::shared_ptr<cloud::Pace> pace_of(const std::string& provider);
  void touch(State& state);
  void look_at_health();
  void begin_due();
  net::Task<void> sync(Key key, Mode mode);
  net::Task<void> answer(std::string provider, Mode mode, Asked done);
  net::Task<Outcome> work(Key key, Mode mode);
  void note(const Key& key, const Outcome& outcome, Mode mode);
  Seen seen_of(const std::string& zone) const;

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  mirror::Follower follower_;
  Sources sources_;
  Instant started_;
  bool led_ = false;
  std::map<Key, State> states_;
  std::map<std::string, std::shared_ptr<cloud::Pace>, std::less<>> paces_;  // by Secret
  std::size_t busy_ = 0;
  net::Event wake_;
  net::TaskGroup tasks_;
};

}  // namespace weir::providers
