// The store's tables, and what a file must be before they are used: ours, undamaged, of a known layout, set
// up for durable writing. Blocking; at start only.
#pragma once

#include <string>

#include "store/sqlite.h"
#include "store/store.h"

namespace weir::store {

// After this the connection has the tables of the newest layout. Path: for the sentences.
Opened<void> make_ready(Connection& connection, const std::string& path);

// A connection that reads beside one that make_ready() was called with.
Result<void> make_ready_to_read(Connection& connection);

// Whether make_ready() knows what is there; changes nothing.
Opened<void> check_layout(Connection& connection, const std::string& path);

}  // namespace weir::store
