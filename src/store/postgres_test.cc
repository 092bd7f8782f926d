// What PostgreSQL has beside the rules that hold for every ledger: addresses, what is refused when it is
// opened, connections that break, several controllers.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "net/task_group.h"
#include "store/backend_fixture.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"

namespace weir::store {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRealMax = 60s;  // for threads and servers; never reached when things work

Transaction put(std::string key, std::string value, std::optional<Revision> expected = {}) {
  Transaction transaction;
  transaction.put(std::move(key), std::move(value), expected);
  return transaction;
}

std::string refusal(const std::string& url) {
  const auto opened = Engine::open({.directory = {}, .url = url});
  return opened ? "" : opened.error().sentence;
}

TEST_CASE("an address is shown without its password") {
  struct Case {
    const char* url;
    const char* want;
  };
  for (const Case& expected : {Case{"postgres://weir:s3cret@db.example:5433/edge?sslmode=require",
                                    "postgres://weir@db.example:5433/edge"},
                               Case{"postgresql://db/edge?password=s3cret&user=w", "postgres://w@db/edge"},
                               Case{"postgres://a,b/edge", "postgres://a,b/edge"},
                               Case{"postgres:///edge?host=/run", "postgres:///run/edge"}}) {
    const auto address = PostgresAddress::parse(expected.url);
    REQUIRE(address);
    CHECK(address->display() == expected.want);
  }
  for (const char* url : {"postgres://weir:s3cret%zz@db/edge", "postgres://[s3cret/edge",
                          "postgres://db/edge?s3cret=1", "mysql://weir:s3cret@db/edge", ""}) {
    CAPTURE(url);
    const auto address = PostgresAddress::parse(url);
    REQUIRE_FALSE(address);
    CHECK(address.error().sentence ==
          "the store's URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE (other"
          " characters than letters and digits are written %XX)");
  }
}

TEST_CASE("what cannot be opened is said, without the password") {
  PostgresServer* server = PostgresServer::shared();
  if (server == nullptr) return;
  server->execute("postgres", "CREATE ROLE guarded LOGIN PASSWORD 'right-s3cret'");
  const std::string host = "?host=" + std::filesystem::path(server->socket()).parent_path().string();
  const std::string begin = "cannot use the store postgres://";
  struct Case {
    std::string url;
    const char* want;
  };
  for (const Case& expected :
       {Case{"postgres://guarded:wr0ng-s3cret@/postgres" + host,
             "password authentication failed for user \"guarded\""},
        Case{"postgres://weir@/nowhere" + host, "database \"nowhere\" does not exist"},
        Case{"postgres://weir:s3cret@127.0.0.1:1/weir", "Connection refused"},
        Case{"postgres://weir:s3cret@no-such-host.invalid/weir", "could not translate host name"}}) {
    const std::string sentence = refusal(expected.url);
    CHECK_MESSAGE(sentence.starts_with(begin), sentence);
    CHECK_MESSAGE(sentence.find(expected.want) != std::string::npos, sentence);
    CHECK_MESSAGE(sentence.find("s3cret") == std::string::npos, sentence);
    CHECK(sentence.find('\n') == std::string::npos);
  }
  CHECK(refusal("postgres://guarded:right-s3cret@/postgres" + host).find("permission denied for database") !=
        std::string::npos);
}

TEST_CASE("a database of another program, or of a newer layout, is refused; an empty schema is taken") {
  PostgresServer* server = PostgresServer::shared();
  if (server == nullptr) return;
  const auto name_of_database = [](const std::string& url) {
    const auto at = url.find("@/") + 2;
    return url.substr(at, url.find('?') - at);
  };
  const std::string foreign = server->new_database();
  server->execute(name_of_database(foreign), "CREATE SCHEMA weir");
  server->execute(name_of_database(foreign), "CREATE TABLE weir.fish (name text)");
  CHECK(refusal(foreign).find("is another program's, not a store of weir") != std::string::npos);
  server->execute(name_of_database(foreign), "CREATE TABLE weir.state (name text)");
  CHECK(refusal(foreign).find("is another program's, not a store of weir") != std::string::npos);

  const std::string newer = server->new_database();
  server->execute(name_of_database(newer), "CREATE SCHEMA weir");
  const auto address = PostgresAddress::parse(newer);
  auto running = PostgresLedger::open(*address, {}, nullptr);
  REQUIRE(running);
  server->execute(name_of_database(newer), "UPDATE weir.state SET layout = 99");
  CHECK(refusal(newer).find("was written by a newer weir (layout 99; this one knows 1)") !=
        std::string::npos);
  const Transaction transaction = put("a", "1");
  const Committed refused = (*running)->commit({&transaction, 1}).at(0);
  CHECK(refused.error().error.code == Code::kInvalid);
  CHECK(std::string(refused.error().error.text).find("newer weir") != std::string::npos);
}

// Stands between a ledger and the server, and cuts the connection where a test says.
class Relay {
 public:
  enum class Cut : std::uint8_t { kNothing, kRequest, kAnswer };

  explicit Relay(std::string server) : server_(std::move(server)) {
    listener_ = net::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = at(place_.file(".s.PGSQL.5432"));
    REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 8) == 0);
    thread_ = std::thread([this] { run(); });
  }
  ~Relay() {
    ending_ = true;
    thread_.join();
  }
  const std::string& directory() const { return place_.path(); }
  // After so many more requests, the next one (or its answer) is lost, and its connection with it.
  void cut(Cut what, int after) {
    after_ = after;
    what_ = what;
  }
  void refuse(bool all) { refusing_ = all; }

 private:
  static sockaddr_un at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return address;
  }

  void run() {
    while (!ending_) {
      pollfd waited{listener_.get(), POLLIN, 0};
      if (::poll(&waited, 1, 20) != 1) continue;
      const net::Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!refusing_) serve(client.get());
    }
  }

  void serve(int client) {
    const net::Descriptor upstream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = at(server_);
    if (::connect(upstream.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    std::array<pollfd, 2> ends{pollfd{client, POLLIN, 0}, pollfd{upstream.get(), POLLIN, 0}};
    std::vector<char> buffer(1 << 20);
    bool drop_answer = false;
    while (!ending_) {
      if (::poll(ends.data(), ends.size(), 20) <= 0) continue;
      if (ends[0].revents != 0) {
        const ssize_t count = ::read(client, buffer.data(), buffer.size());
        if (count <= 0) return;
        if (what_ != Cut::kNothing && after_-- == 0) {
          const Cut what = what_.exchange(Cut::kNothing);
          if (what == Cut::kRequest) return;
          drop_answer = true;
        }
        if (::write(upstream.get(), buffer.data(), static_cast<std::size_t>(count)) != count) return;
      }
      if (ends[1].revents != 0) {
        const ssize_t count = ::read(upstream.get(), buffer.data(), buffer.size());
        if (count <= 0 || drop_answer) return;
        if (::write(client, buffer.data(), static_cast<std::size_t>(count)) != count) return;
      }
    }
  }

  std::string server_;
  TemporaryDirectory place_;
  net::Descriptor listener_;
  std::atomic<Cut> what_ = Cut::kNothing;
  std::atomic<int> after_ = 0;
  std::atomic<bool> refusing_ = false;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

struct Relayed {
  explicit Relayed(PostgresServer& server, const LedgerLimits& limits = {}) : relay(server.socket()) {
    std::string url = server.new_database();
    url = url.substr(0, url.find('?')) + "?host=" + relay.directory();
    auto opened = PostgresLedger::open(*PostgresAddress::parse(url), limits, nullptr);
    REQUIRE_MESSAGE(opened, opened.error().sentence);
    ledger = std::move(*opened);
  }
  Committed commit(const Transaction& transaction) { return ledger->commit({&transaction, 1}).at(0); }

  Relay relay;
  std::unique_ptr<PostgresLedger> ledger;
};

// A commit is two requests: one that looks, one that writes and commits.
TEST_CASE("a connection that breaks while a group is committed: it is done once, whichever message is lost") {
  PostgresServer* server = PostgresServer::shared();
  if (server == nullptr) return;
  Relayed relayed(*server);
  CHECK(relayed.commit(put("a", "0", 0)) == 1);
  Revision revision = 1;
  for (const int after : {0, 1}) {
    for (const Relay::Cut cut : {Relay::Cut::kRequest, Relay::Cut::kAnswer}) {
      CAPTURE(after);
      CAPTURE(static_cast<int>(cut));
      relayed.relay.cut(cut, after);
      const Committed done = relayed.commit(put("a", std::to_string(revision), revision));
      REQUIRE_MESSAGE(done, done.error().error.text);
      CHECK(*done == ++revision);
    }
  }
  CHECK(relayed.ledger->changes(0, 100)->changes.size() == revision);
  relayed.relay.cut(Relay::Cut::kAnswer, 0);
  CHECK(relayed.ledger->get("a")->revision == revision);  // a read is done again
}

TEST_CASE("while the database is away, all fail at once and may be tried again; then it goes on") {
  PostgresServer* server = PostgresServer::shared();
  if (server == nullptr) return;
  Relayed relayed(*server, {.settle_timeout = 300ms});
  CHECK(relayed.commit(put("a", "1")) == 1);
  relayed.relay.refuse(true);
  relayed.relay.cut(Relay::Cut::kRequest, 0);
  const Committed safe = relayed.commit(put("a", "2"));
  REQUIRE_FALSE(safe);
  CHECK(safe.error() == Refused{Error{Code::kConnectFailed}, 1});
  CHECK(safe.error().error.retry == Retry::kSafe);
  CHECK(relayed.ledger->get("a").error().code == Code::kConnectFailed);
  relayed.relay.refuse(false);
  Committed done = relayed.commit(put("a", "3"));
  while (!done) done = relayed.commit(put("a", "3"));  // as long as the pause takes
  CHECK(*done == 2);

  relayed.relay.refuse(true);
  relayed.relay.cut(Relay::Cut::kAnswer, 1);
  const Committed unknown = relayed.commit(put("a", "4"));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().error.code == Code::kTimedOut);
  CHECK(unknown.error().error.retry == Retry::kIfIdempotent);
  relayed.relay.refuse(false);
  auto found = relayed.ledger->get("a");
  while (!found) found = relayed.ledger->get("a");
  CHECK(found->value == "4");  // it was done; nobody could know
}

TEST_CASE("revisions that are no longer there: whoever follows is told to list again, and numbers go on") {
  PostgresServer* server = PostgresServer::shared();
  if (server == nullptr) return;
  const std::string url = server->new_database();
  auto engine = Engine::open({.directory = {}, .url = url});
  REQUIRE(engine);
  testing::FakeEnv fake;
  EngineStore store(**engine, fake.loop);
  net::TaskGroup group(fake.loop);
  struct Seen {
    std::optional<Result<Revision>> woken;
    std::optional<Result<Changes>> changes;
    std::optional<Committed> next;
  } seen;
  const auto story = [](EngineStore& at, Seen& into) -> net::Task<void> {
    for (int i = 0; i < 5; ++i) (void)co_await at.commit(put("a", std::to_string(i)));
    into.woken = co_await at.wait_past(5, 60s);
    into.changes = co_await at.changes(5, 10);
    into.next = co_await at.commit(put("a", "new"));
  };
  group.spawn(story(store, seen));
  REQUIRE(fake.run_with_threads(kRealMax, [&] { return (*engine)->revision() == 5; }));
  const auto at = url.find("@/") + 2;
  const std::string database = url.substr(at, url.find('?') - at);
  server->execute(database, "UPDATE weir.state SET revision = 3");  // as a restored backup has it
  server->execute(database, "NOTIFY weir");
  REQUIRE(fake.run_with_threads(kRealMax, [&] { return seen.next.has_value(); }));
  CHECK(**seen.woken == 6);
  CHECK(seen.changes->error().code == Code::kGone);
  CHECK(**seen.next == 7);
}

// --- several controllers

net::Task<void> count_up(Store& store, std::string key, int until, int& kept) {
  Revision expected = 0;
  while (kept < until) {
    Transaction transaction = put(key, std::to_string(kept + 1), expected);
    transaction.put("log/" + key + "/" + std::to_string(kept + 1), "", 0);
    const Committed done = co_await store.commit(std::move(transaction));
    if (done) {
      ++kept;
      expected = *done;
      continue;
    }
    const Error error = done.error().error;
    CHECK_MESSAGE((error.retry == Retry::kSafe || error.code == Code::kTimedOut), error.text);
    if (error.code != Code::kTimedOut) continue;
    auto entry = co_await store.get(key);  // it is not known: look
    while (!entry && entry.error().code != Code::kNotFound) entry = co_await store.get(key);
    if (entry && entry->value == std::to_string(kept + 1)) {
      ++kept;
      expected = entry->revision;
    }
  }
}

net::Task<void> follow(Store& store, Revision until, std::vector<Change>& seen) {
  Revision at = 0;
  while (at < until) {
    const auto changes = co_await store.changes(at, 100);
    if (!changes) {
      CHECK(changes.error().retry == Retry::kSafe);
      continue;
    }
    for (const Change& change : changes->changes) seen.push_back(change);
    at = changes->revision;
    if (changes->more || at >= until) continue;
    const auto woken = co_await store.wait_past(at, 1h);
    CHECK(woken);
  }
}

// Every revision once, in order, and whole.
void check_history(const std::vector<Change>& seen, Revision revisions) {
  REQUIRE(seen.size() == 2 * revisions);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    REQUIRE(seen[i].revision == i / 2 + 1);
    if (i % 2 == 1) CHECK(seen[i].key == "log/" + seen[i - 1].key + "/" + *seen[i - 1].value);
  }
}

constexpr int kWritersEach = 4;

void run_controllers(PostgresServer& server, int commits_each, bool with_kills) {
  const std::string url = server.new_database();
  testing::FakeEnv fake;
  std::array<std::unique_ptr<Engine>, 3> engines;
  std::vector<std::unique_ptr<EngineStore>> stores;
  for (auto& engine : engines) {
    auto opened = Engine::open({.directory = {}, .url = url});
    REQUIRE_MESSAGE(opened, opened.error().sentence);
    engine = std::move(*opened);
    stores.push_back(std::make_unique<EngineStore>(*engine, fake.loop));
  }
  const int total = 3 * kWritersEach * commits_each;
  std::array<std::vector<Change>, 3> seen;
  std::array<int, 3 * kWritersEach> kept{};
  {
    net::TaskGroup group(fake.loop);
    for (std::size_t i = 0; i < stores.size(); ++i) {
      group.spawn(follow(*stores[i], static_cast<Revision>(total), seen[i]));
      for (std::size_t writer = 0; writer < kWritersEach; ++writer) {
        const std::size_t number = i * kWritersEach + writer;
        group.spawn(count_up(*stores[i], "writer" + std::to_string(number), commits_each, kept[number]));
      }
    }
    const auto done = [&kept] {
      int sum = 0;
      for (const int count : kept) sum += count;
      return sum;
    };
    for (int kill = 1; with_kills && kill <= 3; ++kill) {
      REQUIRE(fake.run_with_threads(kRealMax, [&] { return done() >= total * kill / 5; }));
      server.kill();
      server.start();
    }
    REQUIRE(fake.run_with_threads(kRealMax, [&] { return group.size() == 0; }));
  }
  for (const auto& changes : seen) check_history(changes, static_cast<Revision>(total));
  CHECK(std::ranges::count_if(engines, [](const auto& engine) { return engine->leads(); }) <= 1);
  stores.clear();
}

TEST_CASE("three controllers write at once: each watcher sees every revision, once and in order") {
  if (PostgresServer* server = PostgresServer::shared()) run_controllers(*server, 100, false);
}

TEST_CASE("PostgreSQL is killed while three controllers write: nothing acknowledged is lost or done twice") {
  if (PostgresServer* server = PostgresServer::shared()) run_controllers(*server, 100, true);
}

TEST_CASE("one of several controllers leads; when it is gone, another one does") {
  PostgresServer* server = PostgresServer::shared();
  if (server == nullptr) return;
  const std::string url = server->new_database();
  std::array<std::unique_ptr<Engine>, 2> engines;
  for (auto& engine : engines) engine = std::move(*Engine::open({.directory = {}, .url = url}));
  const auto leader = [&]() -> std::unique_ptr<Engine>& {
    for (;;) {
      for (auto& engine : engines) {
        if (engine && engine->leads()) return engine;
      }
      std::this_thread::yield();
    }
  };
  auto& first = leader();
  CHECK((engines[0]->leads() != engines[1]->leads()));
  first.reset();
  CHECK(leader() != nullptr);
}

}  // namespace
}  // namespace weir::store
