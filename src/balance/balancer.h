// Balancer: keeps the DnsWeights of RecordSets with a balance: the shares of their providers, from the load
// that edges report and the prices that are written. Done by the controller that leads; what it has computed
// stands in the store, so the next one goes on from there. On the control loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/object.h"
#include "config/specs_dns.h"
#include "config/status.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task_group.h"
#include "store/store.h"

namespace weir::balance {

// What the edges of one provider carry together.
struct ProviderLoad {
  double requests_per_second = 0;
  std::string unknown;  // why that says nothing, in a sentence; empty: it does
};
// Of those that have edges.
using Loads = std::map<std::string, ProviderLoad, std::less<>>;

class Balancer {
 public:
  static constexpr Duration kTick = std::chrono::seconds(1);
  // Loads are those of the last interval, but of no less: edges report every five seconds.
  static constexpr Duration kSpanMin = std::chrono::seconds(10);
  // What a share has to move by, of config::kSharesAll, to be written.
  static constexpr std::uint32_t kMoveMin = 20;

  struct Sources {
    std::function<Loads(Duration span)> loads;  // within the last `span`
    std::function<bool()> settled;              // edges have had the time to come
  };
  Balancer(net::Env& env, store::Store& store, mirror::Mirror& mirror, Sources sources);
  Balancer(const Balancer&) = delete;
  Balancer& operator=(const Balancer&) = delete;

  void start();
  net::Task<void> stop();  // to be awaited before it is destroyed

  config::DnsWeightsStatus status_of(const config::Object& weights) const;

 private:
  struct State {
    std::uint64_t revision = 0;  // of the RecordSet that was looked at
    Instant due;                 // not before, while that is the same
    std::string waits;           // why nothing is computed; empty: it is
  };

  net::Task<void> run();
  net::Task<void> look();
  void find_balanced();
  net::Task<void> keep(config::ObjectPointer records);
  net::Task<void> drop(config::ObjectPointer orphan);
  net::Task<bool> write(config::ObjectChange change, std::string reason);
  void note(const std::string& name, State& state, std::string waits);

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  Sources sources_;
  std::vector<config::ObjectPointer> balanced_;  // RecordSets with a balance, as of that revision
  std::vector<config::ObjectPointer> orphans_;   // DnsWeights of none
  std::optional<std::uint64_t> found_at_;
  std::map<std::string, State, std::less<>> states_;  // by name
  net::TaskGroup tasks_;
};

}  // namespace weir::balance
