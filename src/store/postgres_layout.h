// The store's tables in PostgreSQL, in a schema of their own, and what a database must be before they are
// used: ours, and of a known layout. Blocking; whenever a session begins.
#pragma once

#include "store/postgres.h"
#include "store/store.h"

namespace weir::store {

// The newest layout: what the table `state` says of itself. Who finds another one there must not write.
extern const std::size_t kPostgresLayout;

// After this the database has the tables of the newest layout.
Opened<void> make_ready(PostgresSession& session, const PostgresAddress& address);

}  // namespace weir::store
