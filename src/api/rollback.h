// Rollback: what has to be done so that all is again as it was at a revision: intents out of the store's
// history, and what is told when it does not reach back that far. Pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "api/plan.h"
#include "api/problem.h"
#include "config/whole.h"
#include "store/store.h"

namespace weir::api {

// Only what edges carry goes back. Tokens and machines don't, or what was revoked would be let in again; nor
// do rollouts, which would begin again, nor events.
bool goes_back(config::Kind kind);

// Of POST /v1/rollback: {"revision": 42}.
Answer<store::Revision> parse_rollback(std::string_view content);

// The way back from the world to the past. 422 when this version would not take an object that was.
Answer<std::vector<Intent>> rollback_intents(const config::Whole& world, const store::Past& past);

// Why the store can't tell what was at that revision; now: its newest one.
Problem rollback_problem(const Error& error, store::Revision wanted, store::Revision now);

}  // namespace weir::api
