// Leases: until when each Endpoint that has a lease is believed. Renewals are taken by every process that has
// an API; the one that leads removes what nobody has renewed, and leaves an Event that says so. On the
// control loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "config/object.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::lease {

inline constexpr const char* kActor = "weir";                              // of the events
inline constexpr Duration kLookInterval = std::chrono::milliseconds(250);  // by so much an end is late
inline constexpr std::size_t kRemovedMax = 1000;                           // in one transaction

class Leases {
 public:
  Leases(net::Env& env, store::Store& store, mirror::Mirror& mirror)
      : env_(env), store_(store), mirror_(mirror) {}

  // Until when it lives from now on. kNotFound: there is no Endpoint of that name (any more). kInvalid: it
  // has no lease.
  net::Task<Result<WallTime>> renew(std::string name);
  // Puts into the object until when it lives, where that is known better here than in the store.
  void show(config::Object& object) const;

  // Until it is cancelled: removes those whose lease has ended.
  net::Task<void> run();
  // How many were removed.
  net::Task<Result<std::size_t>> sweep();

 private:
  struct Renewed {
    Instant at;      // here
    WallTime until;  // for others
  };
  net::Task<Result<WallTime>> write(config::ObjectPointer endpoint, WallTime until);
  void find_leased();
  bool has_ended(const config::Object& endpoint) const;
  std::string reason_of(const config::Object& endpoint) const;

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  std::map<std::string, Renewed, std::less<>> renewed_;  // by uid
  std::optional<Instant> led_since_;                     // none: another process leads
  std::vector<config::ObjectPointer> leased_;            // Endpoints with a lease, as of that revision
  std::optional<std::uint64_t> leased_at_;
};

}  // namespace weir::lease
