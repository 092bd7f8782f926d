// Sync: one comparison of a zone with what a provider has of it, and what is written to make them the same.
// On the control loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cloud/http_client.h"
#include "cloud/plan.h"
#include "mirror/mirror.h"
#include "nameserver/name_follower.h"
#include "net/env.h"
#include "net/task.h"
#include "providers/ledger.h"
#include "providers/wanted.h"
#include "store/store.h"

namespace weir::providers {

enum class Mode : std::uint8_t {
  kCompare,  // nothing is written
  kWrite,
  kForce,  // as much as it takes
};

struct Work {
  net::Env& env;
  store::Store& store;
  const mirror::Mirror& mirror;
  const Health& health;
  std::string provider;
  std::string zone;
  Mode mode = Mode::kCompare;
  bool patient = false;  // see wanted_sets()
  nameserver::NameFollower& names;
  std::shared_ptr<cloud::Pace> pace;  // of the account that it is done with
  std::size_t ledgers_max = LedgerKeeper::kPiecesMax;
};

struct Outcome {
  std::string zone;
  cloud::Plan plan;
  std::vector<std::string> left_out;
  std::size_t written = 0;     // changes
  std::size_t records = 0;     // record sets of weir's there, afterwards
  std::string error;           // why it went no further; empty: it did
  bool worth_a_retry = false;  // of an error: it may be another soon
  Duration wait{};             // but not before
  bool cancelled = false;
  std::vector<std::string> refused;  // by the provider, record set by record set

  // It is there as it shall be.
  bool is_synced() const;
  // Why it is not, in a line.
  std::string reason() const;
};

net::Task<Outcome> synchronise(Work work);

// {"provider": "pdns", "zones": [{"zone", "synced", "written", "changes": [{"action", "record", "before",
//   "after"}], "more", "kept", "foreign", "conflicts": [{"record", "reason"}], "left_out", "refused",
//   "error"}]}
inline constexpr std::size_t kChangesShownMax = 1000;  // of a zone; beyond it they are counted in "more"
std::string outcomes_json(const std::string& provider, const std::vector<Outcome>& outcomes);

}  // namespace weir::providers
