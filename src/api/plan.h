// Plan: what a write comes to: for each object wanted, the one that is there, the one that will be, and what
// that makes of it. A pure function of the world and the intents; nothing is written here, so a dry run is a
// plan that is not carried out.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/precondition.h"
#include "api/problem.h"
#include "auth/token_table.h"
#include "base/random.h"
#include "base/time.h"
#include "config/object.h"
#include "config/whole.h"
#include "mirror/handed_ports.h"
#include "store/store.h"

namespace weir::api {

enum class Verb : std::uint8_t {
  kCreate,   // POST: must not exist
  kReplace,  // PUT
  kPatch,    // PATCH
  kDelete,   // DELETE
  kApply,    // create or replace, whatever is there
};

// One object that somebody wants to be otherwise.
struct Intent {
  Verb verb = Verb::kApply;
  config::Kind kind = config::Kind::kService;
  std::string name;
  config::Object wanted;  // kCreate, kReplace, kApply
  std::string patch;      // kPatch: JSON
  Precondition precondition;
};

enum class Outcome : std::uint8_t { kCreated, kUpdated, kUnchanged, kDeleted };
std::string_view word_of(Outcome outcome);  // "created"

struct Planned {
  config::Kind kind = config::Kind::kService;
  std::string name;
  Outcome outcome = Outcome::kUnchanged;
  config::ObjectPointer before;           // null: it was not there
  std::shared_ptr<config::Object> after;  // null: it is deleted
  std::string secret;                     // made for it, to be told once; only its hash is in `after`

  store::Revision expected() const { return before ? before->metadata.revision : 0; }
};

struct Plan {
  std::vector<Planned> objects;  // in the order of the intents
  bool writes() const;
};

// What a plan takes from outside. secrets: makes the secret of a new object and its hash; null for a dry run.
struct MadeSecret {
  std::string secret;
  std::string hash;
};
struct PlanInputs {
  WallTime now;
  Random& random;  // for uids
  Result<MadeSecret> (*make_secret)() = nullptr;
  mirror::PortRange ports;                 // for TCP and TLS listeners that name none
  const auth::Identity* caller = nullptr;  // null: weir itself, which may write all
  std::string domain;                      // where Services are found by DNS-SD; empty: nowhere
};

// All violations at once: of each object by itself, then of the whole. An intent of each object at most.
Answer<Plan> make_plan(const config::Whole& world, std::span<const Intent> intents, const PlanInputs& inputs);

}  // namespace weir::api
