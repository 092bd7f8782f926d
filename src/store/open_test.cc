// What a data directory and a file must be to be opened, and what is said when they are not.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "store/data_directory.h"
#include "store/engine.h"
#include "store/sqlite_layout.h"
#include "store/sqlite_ledger.h"
#include "store/temporary_directory.h"

namespace weir::store {
namespace {

Engine::Options inline_at(const std::string& directory) {
  return {.directory = directory, .threaded = false};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

Committed put(Ledger& ledger, std::string key, std::string value) {
  Transaction transaction;
  transaction.put(std::move(key), std::move(value));
  return ledger.commit({&transaction, 1}).at(0);
}

// A store with some entries in one file, without a log beside it.
void make_store(const std::string& path) {
  write_file(path, "");
  auto ledger = SqliteLedger::open(path);
  REQUIRE(ledger);
  for (int i = 0; i < 200; ++i) REQUIRE(put(**ledger, "key" + std::to_string(i), std::string(500, 'v')));
}

TEST_CASE("a store is made private, is set up for durable writing, and is found again") {
  const TemporaryDirectory place;
  const std::string directory = place.file("data/");
  {
    auto engine = Engine::open(inline_at(directory));
    REQUIRE(engine);
    bool answered = false;
    Transaction transaction;
    transaction.put("a", "1");
    REQUIRE((*engine)->commit(std::move(transaction),
                              [&answered](const Committed& result) { answered = result == 1; }));
    CHECK(answered);
    CHECK((*engine)->revision() == 1);
    CHECK(mode_of(directory) == 0700);
    for (const char* name : {"store.db", "store.db-wal", "store.db-shm", "lock"}) {
      CAPTURE(name);
      CHECK(mode_of(directory + name) == 0600);
    }
  }
  CHECK(::chmod((directory + "store.db").c_str(), 0644) == 0);
  auto engine = Engine::open(inline_at(directory));
  REQUIRE(engine);
  CHECK((*engine)->revision() == 1);
  CHECK(mode_of(directory + "store.db") == 0600);
}

TEST_CASE("the revision and the limits of the history survive a restart") {
  const TemporaryDirectory place;
  const std::string path = place.file("s");
  write_file(path, "");
  const LedgerLimits limits{.history_changes_max = 8};
  Revision oldest = 0;
  {
    const auto ledger = SqliteLedger::open(path, limits);
    REQUIRE(ledger);
    for (int i = 0; i < 50; ++i) REQUIRE(put(**ledger, "a", "x"));
    Transaction removal;
    removal.remove("a");
    REQUIRE((*ledger)->commit({&removal, 1}).at(0));
    while (!(*ledger)->changes(oldest, 1)) ++oldest;
  }
  const auto ledger = SqliteLedger::open(path, limits);
  REQUIRE(ledger);
  CHECK((*ledger)->revision() == 51);
  CHECK((*ledger)->changes(oldest, 100));
  CHECK((*ledger)->changes(oldest - 1, 1).error().code == Code::kGone);
  for (int i = 0; i < 50; ++i) REQUIRE(put(**ledger, "b", "x"));
  CHECK((*ledger)->revision() == 101);
  CHECK((*ledger)->changes(101 - 8, 100)->changes.size() == 8);
  CHECK((*ledger)->changes(101 - 10, 1).error().code == Code::kGone);
}

TEST_CASE("a data directory has one process; the lock goes with it") {
  const TemporaryDirectory place;
  int ready[2];
  REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto engine = Engine::open(inline_at(place.path()));
    const char ok = engine ? 1 : 0;
    (void)!::write(ready[1], &ok, 1);
    ::pause();
    ::_exit(0);
  }
  char ok = 0;
  REQUIRE(::read(ready[0], &ok, 1) == 1);
  CHECK(ok == 1);
  const auto refused = Engine::open(inline_at(place.path()));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().error.code == Code::kConflict);
  CHECK(refused.error().sentence == "the data directory " + place.path() + " is in use by process " +
                                        std::to_string(child) +
                                        "; stop that one, or give this one another directory");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  CHECK(Engine::open(inline_at(place.path())));
}

TEST_CASE("a data directory goes from one process to the next without ever being free") {
  const TemporaryDirectory place;
  std::optional<DataDirectory> before;
  {
    auto opened = DataDirectory::open(place.path());
    REQUIRE(opened);
    before.emplace(std::move(*opened));
  }
  auto lock = before->lock();
  REQUIRE(lock);
  auto next = DataDirectory::share(place.path() + "/", std::move(*lock));
  REQUIRE(next);
  before.reset();
  CHECK_FALSE(DataDirectory::open(place.path()));
  write_file(place.file("lock"), "1\n");
  CHECK(next->sign());
  CHECK(read_file(place.file("lock")) == std::to_string(::getpid()) + "\n");
  const TemporaryDirectory other;
  auto another = DataDirectory::open(other.path());
  REQUIRE(another);
  const auto refused = DataDirectory::share(place.path(), std::move(*another->lock()));
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error().sentence, "another data directory was handed over than " + place.path()));
}

TEST_CASE("a store that another process has open is looked at without being touched") {
  const TemporaryDirectory place;
  auto engine = Engine::open(inline_at(place.path()));
  REQUIRE(engine);
  auto opened = DataDirectory::share(place.path(),
                                     net::Descriptor(::open(place.file("lock").c_str(), O_RDWR | O_CLOEXEC)));
  REQUIRE(opened);
  CHECK(Engine::check(*opened));
  engine->reset();
  std::string newer = read_file(place.file("store.db"));
  newer[63] = 99;  // user_version, big endian at offset 60
  write_file(place.file("store.db"), newer);
  const auto refused = Engine::check(*opened);
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error().sentence, "was written by a newer weir"));
  CHECK(read_file(place.file("store.db")) == newer);
}

TEST_CASE("a directory that cannot be used is refused with the reason") {
  const TemporaryDirectory place;
  write_file(place.file("file"), "");
  std::filesystem::create_directory(place.file("taken"));
  std::filesystem::create_directory(place.file("taken/store.db"));
  struct Case {
    std::string directory;
    const char* want;
  };
  for (const Case& expected :
       {Case{place.file("no/such"), "No such file or directory"}, Case{place.file("file"), "Not a directory"},
        Case{place.file("taken"), "Is a directory"}}) {
    const auto refused = Engine::open(inline_at(expected.directory));
    REQUIRE_FALSE(refused);
    CHECK_MESSAGE(contains(refused.error().sentence, expected.want), refused.error().sentence);
    CHECK(contains(refused.error().sentence, expected.directory));
  }
}

TEST_CASE("what is not a sound store of this version is refused") {
  const TemporaryDirectory place;
  const std::string path = place.file("s");
  make_store(path);
  const std::string sound = read_file(path);
  REQUIRE(sound.size() > 100'000);
  std::string header_damaged = sound;
  header_damaged.replace(0, 16, "something else..");
  std::string page_damaged = sound;
  page_damaged.replace(sound.size() / 2, 4096, std::string(4096, '\xa5'));
  std::string cut = sound.substr(0, sound.size() / 2);
  std::string newer = sound;
  newer[63] = 99;  // user_version, big endian at offset 60
  std::string foreign = sound;
  foreign[68] = 0;  // application_id, big endian at offset 68
  struct Case {
    const char* name;
    std::string content;
    const char* want;
  };
  for (const Case& expected :
       {Case{"not a database", std::string(5000, 'x'), "is damaged (file is not a database)"},
        Case{"header", header_damaged, "is damaged (file is not a database)"},
        Case{"a page", page_damaged, "is damaged ("}, Case{"cut off", cut, "is damaged ("},
        Case{"newer", newer, "was written by a newer weir (layout 99; this one knows 2)"},
        Case{"foreign", foreign, "is a database of another program, not a store of weir"}}) {
    CAPTURE(expected.name);
    write_file(path, expected.content);
    std::filesystem::remove(path + "-wal");
    std::filesystem::remove(path + "-shm");
    const auto refused = SqliteLedger::open(path);
    REQUIRE_FALSE(refused);
    CHECK_MESSAGE(contains(refused.error().sentence, expected.want), refused.error().sentence);
    CHECK(contains(refused.error().sentence, path));
    CHECK(read_file(path) == expected.content);  // nothing was touched
  }
  write_file(path, sound);
  CHECK(SqliteLedger::open(path));
}

// The first layout, as it was released, with an entry and its change.
TEST_CASE("an older layout is brought up to date: entries stay, the history begins anew") {
  const TemporaryDirectory place;
  const std::string path = place.file("s");
  write_file(path, "");
  {
    Connection connection;
    REQUIRE(connection.open(path));
    REQUIRE(connection.execute(
        "CREATE TABLE entries (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL,"
        " created INTEGER NOT NULL) STRICT;"
        "CREATE TABLE changes (revision INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL,"
        " value BLOB, created INTEGER NOT NULL, PRIMARY KEY (revision, position)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL,"
        " compacted INTEGER NOT NULL) STRICT;"
        "INSERT INTO state VALUES (1, 7, 3); INSERT INTO entries VALUES ('a', x'31', 7, 4);"
        "INSERT INTO changes VALUES (7, 0, 'a', x'31', 4);"
        "PRAGMA application_id = 2003134834; PRAGMA user_version = 1;"));
  }
  for (int i = 0; i < 2; ++i) {
    const auto ledger = SqliteLedger::open(path);
    REQUIRE_MESSAGE(ledger, ledger.error().sentence);
    CHECK((*ledger)->revision() == static_cast<Revision>(7 + i));
    CHECK((*ledger)->get("a")->created == 4);
    CHECK((*ledger)->changes(6, 10).error().code == Code::kGone);
    CHECK((*ledger)->changes(7, 10)->changes.size() == static_cast<std::size_t>(i));
    if (i == 0) CHECK(put(**ledger, "a", "2") == 8);
    CHECK((*ledger)->before(7)->entries == std::vector<Former>{{"a", "1", 7, 4}});
  }
}

TEST_CASE("a file that cannot grow, or is read-only, refuses writes and still gives what it has") {
  const TemporaryDirectory place;
  const std::string path = place.file("s");
  make_store(path);
  auto ledger = SqliteLedger::open(path, {.file_pages_max = 1});
  REQUIRE(ledger);
  const auto refused = put(**ledger, "large", std::string(100'000, 'x'));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().error.os_errno == ENOSPC);
  CHECK((*ledger)->get("key0"));
  CHECK((*ledger)->revision() == 200);

  Connection connection;
  REQUIRE(connection.open(path));
  REQUIRE(connection.execute("PRAGMA query_only = ON"));
  const auto written = connection.execute("DELETE FROM entries");
  REQUIRE_FALSE(written);
  CHECK(written.error().code == Code::kNotPermitted);
  CHECK(written.error().os_errno == EROFS);
}

TEST_CASE("a reader beside a ledger gives what is committed, and writes nothing") {
  const TemporaryDirectory place;
  const std::string path = place.file("s");
  write_file(path, "");
  const auto ledger = SqliteLedger::open(path, {.history_changes_max = 8});
  REQUIRE(ledger);
  {
    const auto reader = SqliteLedger::open_reader(path);
    REQUIRE_MESSAGE(reader, reader.error().sentence);
    CHECK((*reader)->revision() == 0);
    for (int i = 0; i < 20; ++i) REQUIRE(put(**ledger, "a", std::to_string(i)));
    CHECK((*reader)->get("a") == Entry{"a", "19", 20, 1});
    CHECK((*reader)->list("", "", 10)->revision == 20);
    CHECK((*reader)->revision() == 20);
    CHECK((*reader)->earliest() == (*ledger)->earliest());
    CHECK(*(*reader)->earliest() > 0);
    CHECK((*reader)->changes(19, 10)->changes == std::vector<Change>{{"a", "19", 20, 1}});
    CHECK((*reader)->changes(0, 10).error().code == Code::kGone);
    CHECK((*reader)->before(19)->entries == std::vector<Former>{{"a", "18", 19, 1}});
    const auto refused = put(**reader, "b", "1");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().error.os_errno == EROFS);
    CHECK_FALSE((*ledger)->get("b"));
    CHECK(put(**ledger, "b", "1") == 21);  // nothing of it is held
  }
  CHECK_FALSE(SqliteLedger::open_reader(place.file("none")));
}

TEST_CASE("every commit is synced to a write-ahead log") {
  const TemporaryDirectory place;
  const std::string path = place.file("s");
  write_file(path, "");
  Connection connection;
  REQUIRE(connection.open(path));
  REQUIRE(make_ready(connection, path));
  CHECK(connection.scalar("PRAGMA journal_mode") == "wal");
  CHECK(connection.scalar("PRAGMA synchronous") == "2");
  CHECK(connection.scalar("PRAGMA foreign_keys") == "1");
}

}  // namespace
}  // namespace weir::store
