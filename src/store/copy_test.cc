#include "store/copy.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "net/epoll.h"
#include "store/backend_fixture.h"
#include "store/data_directory.h"
#include "store/temporary_directory.h"

namespace weir::store {
namespace {

const std::function<void(std::size_t)> kQuiet = [](std::size_t) {};

class Places {
 public:
  // A place where nothing is.
  std::string fresh(Backend backend) {
    if (backend == Backend::kPostgres) return PostgresServer::shared()->new_database();
    return directory_.file("store-" + std::to_string(++directories_));
  }
  // Opened as its owner would.
  std::unique_ptr<Ledger> open(const std::string& place) {
    if (PostgresAddress::is_url(place)) {
      auto ledger = PostgresLedger::open(*PostgresAddress::parse(place), {}, nullptr);
      REQUIRE_MESSAGE(ledger, ledger.error().sentence);
      return std::move(*ledger);
    }
    const auto directory = DataDirectory::open(place);
    REQUIRE(directory);
    auto ledger = SqliteLedger::open(*directory->private_file(kStoreFileName));
    REQUIRE_MESSAGE(ledger, ledger.error().sentence);
    return std::move(*ledger);
  }

 private:
  TemporaryDirectory directory_;
  int directories_ = 0;
};

void commit(Ledger& ledger, Transaction transaction) {
  const auto results = ledger.commit({&transaction, 1});
  REQUIRE(results.front());
}

// Entries that were made, changed, deleted and made again, with bytes of any value.
void write_something(Ledger& ledger) {
  for (int i = 0; i < 40; ++i) {
    Transaction transaction;
    transaction.put("services/s" + std::to_string(i % 7), std::string("\0\xff", 2) + std::to_string(i));
    transaction.put("events/e" + std::to_string(i), "{}");
    if (i % 5 == 4) transaction.put("secrets/k", std::to_string(i));
    commit(ledger, std::move(transaction));
    if (i % 10 == 9) {
      Transaction removal;
      removal.remove("secrets/k");
      commit(ledger, std::move(removal));
    }
  }
}

// All that a store tells: entries, changes, and what was at each revision.
std::string told(Ledger& ledger) {
  std::string text = std::to_string(ledger.revision());
  const auto page = ledger.list("", "", kPageEntriesMax);
  REQUIRE(page);
  for (const Entry& one : page->entries) {
    text += "\n" + one.key + '=' + one.value + '@' + std::to_string(one.revision) + ',' +
            std::to_string(one.created);
  }
  const auto earliest = ledger.earliest();
  REQUIRE(earliest);
  CHECK_FALSE((*earliest > 0 && ledger.changes(*earliest - 1, 1)));
  const auto changes = ledger.changes(*earliest, kPageEntriesMax);
  REQUIRE(changes);
  for (const Change& one : changes->changes) {
    text += "\n" + std::to_string(one.revision) + ' ' + one.key + '=' + one.value.value_or("gone") + ',' +
            std::to_string(one.created);
  }
  for (Revision revision = *earliest; revision <= ledger.revision(); ++revision) {
    const auto past = ledger.before(revision);
    REQUIRE(past);
    text += "\nbefore " + std::to_string(revision);
    for (const Former& one : past->entries) {
      text += ' ' + one.key + '=' + one.value.value_or("none") + '@' + std::to_string(one.revision) + ',' +
              std::to_string(one.created);
    }
  }
  return text;
}

TEST_CASE("a copy tells all that the store did, and goes on at its revision") {
  Places places;
  const bool both = PostgresServer::shared() != nullptr;
  for (const auto& [from, to] :
       std::vector<std::pair<Backend, Backend>>{{Backend::kSqlite, Backend::kPostgres},
                                                {Backend::kPostgres, Backend::kSqlite},
                                                {Backend::kSqlite, Backend::kSqlite}}) {
    if (!both && (from == Backend::kPostgres || to == Backend::kPostgres)) continue;
    const std::string source = places.fresh(from);
    const std::string target = places.fresh(to);
    write_something(*places.open(source));
    const auto copied = copy_store(source, target, kQuiet);
    REQUIRE_MESSAGE(copied, copied.error().sentence);
    const std::string before = told(*places.open(source));
    const auto ledger = places.open(target);
    CHECK(told(*ledger) == before);
    CHECK(copied->revision == ledger->revision());
    CHECK(copied->entries == 47);
    Transaction next;
    next.put("services/s0", "more");
    commit(*ledger, std::move(next));
    CHECK(ledger->revision() == copied->revision + 1);
    CHECK(ledger->changes(copied->revision, 10)->changes.size() == 1);
  }
}

TEST_CASE("a history that was cut stays as far as it reaches") {
  Places places;
  const std::string source = places.fresh(Backend::kSqlite);
  {
    const auto directory = DataDirectory::open(source);
    REQUIRE(directory);
    const auto ledger =
        SqliteLedger::open(*directory->private_file(kStoreFileName), {.history_changes_max = 30});
    REQUIRE(ledger);
    write_something(**ledger);
    CHECK(*(*ledger)->earliest() > 0);
  }
  const std::string target =
      places.fresh(PostgresServer::shared() != nullptr ? Backend::kPostgres : Backend::kSqlite);
  REQUIRE(copy_store(source, target, kQuiet));
  CHECK(told(*places.open(target)) == told(*places.open(source)));
}

TEST_CASE("what is there already stays as it is") {
  const Backend backend = each_backend();
  Places places;
  const std::string source = places.fresh(Backend::kSqlite);
  write_something(*places.open(source));
  const std::string target = places.fresh(backend);
  Transaction one;
  one.put("edges/fra", "{}");
  commit(*places.open(target), std::move(one));
  const std::string before = told(*places.open(target));
  const auto refused = copy_store(source, target, kQuiet);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().sentence.find("is not empty (it is at revision 1)") != std::string::npos);
  CHECK(told(*places.open(target)) == before);
  // Also when it was written to after it was looked at.
  const auto filled = places.open(target)->fill([] { return std::optional<Part>(); }, 7, 0);
  REQUIRE_FALSE(filled);
  CHECK(filled.error().code == Code::kExists);
}

TEST_CASE("a copy that fails half-way leaves nothing") {
  const Backend backend = each_backend();
  Places places;
  const std::string target = places.fresh(backend);
  const auto ledger = places.open(target);
  int parts = 0;
  const auto done = ledger->fill(
      [&parts]() -> Result<std::optional<Part>> {
        if (++parts == 3) return fail(Code::kConflict, "it was written to meanwhile");
        return Part{.entries = {{"services/" + std::to_string(parts), "x", 1, 1}}, .records = {}};
      },
      2, 0);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::kConflict);
  CHECK(ledger->list("", "", 10)->entries.empty());
  CHECK(ledger->revision() == 0);
  Transaction one;
  one.put("services/a", "x");
  commit(*ledger, std::move(one));  // and it is of use
}

TEST_CASE("a place that is no store is refused, and nothing is made of it") {
  Places places;
  const std::string nowhere = places.fresh(Backend::kSqlite);
  const std::string target = places.fresh(Backend::kSqlite);
  const auto refused = copy_store(nowhere, target, kQuiet);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().sentence == "there is no store " + nowhere + "/store.db");
  const auto taken = DataDirectory::open(target);
  REQUIRE(taken);
  const std::string source = places.fresh(Backend::kSqlite);
  write_something(*places.open(source));
  const auto in_use = copy_store(source, target, kQuiet);
  REQUIRE_FALSE(in_use);
  CHECK(in_use.error().sentence.find(target) != std::string::npos);
}

}  // namespace
}  // namespace weir::store
