// The databases that a store can be in, for tests that hold for all of them.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>

#include "store/engine.h"
#include "store/postgres_ledger.h"
#include "store/postgres_server_fixture.h"
#include "store/sqlite_ledger.h"

namespace weir::store {

enum class Backend : std::uint8_t { kSqlite, kPostgres };

// Called first in a test, which then runs once for each.
inline Backend each_backend() {
  Backend backend = Backend::kSqlite;
  SUBCASE("SQLite") { backend = Backend::kSqlite; }
  if (PostgresServer::shared() != nullptr) {
    SUBCASE("PostgreSQL") { backend = Backend::kPostgres; }
  }
  return backend;
}

inline std::unique_ptr<Ledger> fresh_ledger(Backend backend, const LedgerLimits& limits = {}) {
  if (backend == Backend::kSqlite) {
    auto opened = SqliteLedger::open(":memory:", limits);
    REQUIRE(opened);
    return std::move(*opened);
  }
  auto address = PostgresAddress::parse(PostgresServer::shared()->new_database());
  REQUIRE(address);
  auto opened = PostgresLedger::open(std::move(*address), limits, nullptr);
  REQUIRE_MESSAGE(opened, opened.error().sentence);
  return std::move(*opened);
}

inline std::unique_ptr<Engine> fresh_engine(Backend backend) {
  Engine::Options options;
  if (backend == Backend::kPostgres) options.url = PostgresServer::shared()->new_database();
  auto opened = Engine::open(std::move(options));
  REQUIRE_MESSAGE(opened, opened.error().sentence);
  return std::move(*opened);
}

}  // namespace weir::store
