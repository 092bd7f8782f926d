#include "store/engine_store.h"

#include <doctest/doctest.h>

#include <array>
#include <latch>
#include <string>
#include <vector>

#include "net/task_group.h"
#include "store/backend_fixture.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"

namespace weir::store {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;

constexpr Duration kRealMax = 60s;  // for threads; never reached when things work

std::unique_ptr<Engine> engine_at(const std::string& directory, bool threaded = true) {
  auto opened = Engine::open({.directory = directory, .threaded = threaded});
  REQUIRE(opened);
  return std::move(*opened);
}

Transaction put(std::string key, std::string value, std::optional<Revision> expected = {}) {
  Transaction transaction;
  transaction.put(std::move(key), std::move(value), expected);
  return transaction;
}

template <class T>
net::Task<void> keep(net::Task<T> task, std::optional<T>& into) {
  into.emplace(co_await task);
}

// Holds the engine's thread until it is told to go on, so that a test decides what waits together.
class Held {
 public:
  explicit Held(Engine& engine) {
    CHECK(engine.read([latches = latches_](Ledger&) {
      latches->began.count_down();
      latches->go_on.wait();
    }));
    latches_->began.wait();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { latches_->go_on.count_down(); }

 private:
  struct Latches {
    std::latch began{1};
    std::latch go_on{1};
  };
  std::shared_ptr<Latches> latches_ = std::make_shared<Latches>();  // the thread leaves last
};

TEST_CASE("every call gives its answer on the loop") {
  const Backend backend = each_backend();
  for (const bool threaded : {false, true}) {
    if (!threaded && backend == Backend::kPostgres) continue;
    CAPTURE(threaded);
    FakeEnv fake;
    const auto engine = threaded ? fresh_engine(backend) : engine_at("", false);
    EngineStore store(*engine, fake.loop);
    struct Answers {
      std::optional<Committed> committed, refused;
      std::optional<Result<Entry>> found, missing;
      std::optional<Result<Page>> page;
      std::optional<Result<Changes>> changes, gone;
      std::optional<Result<Past>> past;
      bool done = false;
    } answers;
    const auto story = [](EngineStore& at, Answers& into) -> net::Task<void> {
      into.committed = co_await at.commit(put("a", "1", 0));
      into.refused = co_await at.commit(put("a", "2", 0));
      into.found = co_await at.get("a");
      into.missing = co_await at.get("b");
      into.page = co_await at.list("", "", 10);
      into.changes = co_await at.changes(0, 10);
      into.gone = co_await at.changes(7, 10);
      into.past = co_await at.before(0);
      into.done = true;
    };
    net::TaskGroup group(fake.loop);
    group.spawn(story(store, answers));
    REQUIRE(fake.run_with_threads(kRealMax, [&] { return answers.done; }));
    CHECK(**answers.committed == 1);
    CHECK(answers.refused->error().error.code == Code::kExists);
    CHECK(**answers.found == Entry{"a", "1", 1, 1});
    CHECK(answers.missing->error().code == Code::kNotFound);
    CHECK((*answers.page)->entries.size() == 1);
    CHECK((*answers.page)->revision == 1);
    CHECK((*answers.changes)->changes == std::vector<Change>{{"a", "1", 1, 1}});
    CHECK(answers.gone->error().code == Code::kGone);
    CHECK((*answers.past)->entries == std::vector<Former>{{"a", {}, 0, 0}});
  }
}

TEST_CASE("what waits together is committed together, in order; reads see it done or not at all") {
  FakeEnv fake;
  const auto engine = engine_at("");
  EngineStore store(*engine, fake.loop);
  int groups = 0;
  const std::uint64_t following = engine->follow([&groups](Revision) { ++groups; });
  std::array<std::optional<Committed>, 50> results;
  std::optional<Result<Entry>> read;
  net::TaskGroup group(fake.loop);
  {
    const Held held(*engine);
    for (std::size_t i = 0; i < results.size(); ++i) {
      group.spawn(keep(store.commit(put("counter", std::to_string(i), i)), results[i]));
    }
    group.spawn(keep(store.get("counter"), read));
  }
  REQUIRE(fake.run_with_threads(kRealMax, [&] { return group.size() == 0; }));
  engine->unfollow(following);
  CHECK(groups == 1);
  for (std::size_t i = 0; i < results.size(); ++i) CHECK(**results[i] == i + 1);
  CHECK(read->error().code == Code::kNotFound);  // asked before any commit was answered
}

TEST_CASE("a read does not wait for a commit, and sees it when it is done") {
  const TemporaryDirectory place;
  FakeEnv fake;
  std::latch written(1);
  std::latch go_on(1);  // the thread leaves last, before these end
  const auto engine = engine_at(place.path());
  EngineStore store(*engine, fake.loop);
  CHECK(engine->commit(put("a", "1"), [&](const Committed&) {
    written.count_down();
    go_on.wait();
  }));
  written.wait();
  std::optional<Result<Entry>> read;
  net::TaskGroup group(fake.loop);
  group.spawn(keep(store.get("a"), read));
  const bool answered = fake.run_with_threads(kRealMax, [&] { return read.has_value(); });
  go_on.count_down();
  REQUIRE(answered);
  CHECK(**read == Entry{"a", "1", 1, 1});
}

net::Task<void> write_pairs(Store& store, std::uint64_t count, bool& done) {
  for (std::uint64_t i = 1; i <= count; ++i) {
    Transaction pair = put("a", std::to_string(i));
    pair.put("b", std::to_string(i));
    CHECK(*co_await store.commit(std::move(pair)) == i);
    CHECK((*co_await store.get("a")).value == std::to_string(i));
    CHECK((*co_await store.changes(i - 1, 10)).revision == i);
  }
  done = true;
}

net::Task<void> read_pairs(Store& store, const bool& done, std::size_t& reads) {
  while (!done) {
    ++reads;
    const auto page = co_await store.list("", "", 10);
    const auto changes = co_await store.changes(0, store::kPageEntriesMax);
    const auto past = co_await store.before(0);
    REQUIRE(page);
    REQUIRE(changes);
    REQUIRE(past);
    for (const Entry& entry : page->entries) CHECK(entry.revision == page->revision);
    CHECK(page->entries.size() == (page->revision == 0 ? 0 : 2));
    CHECK(changes->changes.size() == 2 * changes->revision);
    CHECK(past->entries.size() == (past->revision == 0 ? 0 : 2));
    CHECK(page->revision <= changes->revision);
    CHECK(changes->revision <= past->revision);
  }
}

TEST_CASE("reads beside commits are each of one moment, and of none before what was answered") {
  const TemporaryDirectory place;
  FakeEnv fake;
  const auto engine = engine_at(place.path());
  EngineStore store(*engine, fake.loop);
  bool done = false;
  std::size_t reads = 0;
  net::TaskGroup group(fake.loop);
  group.spawn(write_pairs(store, 50, done));
  group.spawn(read_pairs(store, done, reads));
  REQUIRE(fake.run_with_threads(kRealMax, [&] { return group.size() == 0; }));
  CHECK(reads > 0);
}

TEST_CASE("too much that waits is refused at once") {
  FakeEnv fake;
  const auto engine = fresh_engine(each_backend());
  EngineStore store(*engine, fake.loop);
  std::vector<std::optional<Result<Entry>>> answers(Engine::kWaitingMax + 1);
  std::optional<Committed> refused;
  net::TaskGroup group(fake.loop);
  {
    const Held held(*engine);
    for (auto& answer : answers) group.spawn(keep(store.get("a"), answer));
    CHECK(answers.back()->error().code == Code::kOverloaded);
    CHECK_FALSE(answers.front());
    group.spawn(keep(store.commit(put("a", "1")), refused));
    CHECK(refused->error().error.code == Code::kOverloaded);
    CHECK(refused->error().step == 1);
  }
  REQUIRE(fake.run_with_threads(kRealMax, [&] { return group.size() == 0; }));
  CHECK(answers.front()->error().code == Code::kNotFound);
  CHECK(engine->revision() == 0);
}

TEST_CASE("too many bytes that wait are refused at once") {
  FakeEnv fake;
  const auto engine = engine_at("");
  EngineStore store(*engine, fake.loop);
  Transaction large;
  for (int i = 0; i < 7; ++i) large.put(std::to_string(i), std::string(kValueBytesMax, 'x'), 1);
  std::array<std::optional<Committed>, 3> results;
  net::TaskGroup group(fake.loop);
  {
    const Held held(*engine);
    for (auto& result : results) group.spawn(keep(store.commit(large), result));
    CHECK(results[2]->error().error.code == Code::kOverloaded);
  }
  REQUIRE(fake.run_with_threads(kRealMax, [&] { return group.size() == 0; }));
  CHECK(results[1]->error().error.code == Code::kNotFound);  // it was looked at
}

TEST_CASE("a task that gives up leaves; what it asked for is done all the same") {
  FakeEnv fake;
  const auto engine = engine_at("");
  EngineStore store(*engine, fake.loop);
  std::optional<Committed> timed_out, cancelled;
  std::optional<Result<Revision>> done;
  {
    const Held held(*engine);
    net::TaskGroup group(fake.loop);
    group.spawn(keep(store.commit(put("a", "1")), timed_out));
    fake.advance(kAnswerTimeout - 1ms);
    CHECK_FALSE(timed_out);
    net::TaskGroup leaving(fake.loop);
    leaving.spawn(keep(store.commit(put("b", "2")), cancelled));
    leaving.cancel();
    fake.advance(1ms);
    CHECK(timed_out->error() == Refused{Error{Code::kTimedOut}, 1});
    CHECK(cancelled->error() == Refused{Error{Code::kCancelled}, 1});
  }
  net::TaskGroup group(fake.loop);
  group.spawn(keep(store.wait_past(1, 10s), done));
  REQUIRE(fake.run_with_threads(kRealMax, [&] { return group.size() == 0; }));
  CHECK(**done == 2);
}

TEST_CASE("waiting for a newer revision") {
  FakeEnv fake;
  const auto engine = engine_at("", false);
  EngineStore store(*engine, fake.loop);
  std::optional<Result<Revision>> first, second, later, cancelled, at_once;
  net::TaskGroup group(fake.loop);
  net::TaskGroup leaving(fake.loop);
  group.spawn(keep(store.wait_past(0, 10s), first));
  leaving.spawn(keep(store.wait_past(0, 10s), cancelled));
  group.spawn(keep(store.wait_past(0, 10s), second));
  group.spawn(keep(store.wait_past(1, 10s), later));
  leaving.cancel();
  fake.run_until_idle();
  CHECK(cancelled->error().code == Code::kCancelled);
  CHECK_FALSE(first);
  CHECK(**fake.run(store.commit(put("a", "1"))) == 1);
  CHECK(**first == 1);
  CHECK(**second == 1);
  CHECK_FALSE(later);
  CHECK((*fake.run(store.commit(put("a", "2", 9)))).error().error.code == Code::kConflict);
  fake.advance(10s - 1ms);
  CHECK_FALSE(later);
  fake.advance(2ms);
  CHECK(later->error().code == Code::kTimedOut);
  group.spawn(keep(store.wait_past(0, 10s), at_once));
  CHECK(**at_once == 1);
}

TEST_CASE("a change made on one loop wakes the watchers of all, on their own threads") {
  FakeEnv here;
  FakeEnv there;
  const auto engine = fresh_engine(each_backend());
  EngineStore writer(*engine, here.loop);
  EngineStore watcher(*engine, there.loop);
  std::optional<Committed> written;
  std::optional<Result<Revision>> woken;
  net::TaskGroup writing(here.loop);
  net::TaskGroup watching(there.loop);
  watching.spawn(keep(watcher.wait_past(0, 10s), woken));
  writing.spawn(keep(writer.commit(put("a", "1")), written));
  CHECK(here.run_with_threads(kRealMax, [&] { return written.has_value(); }));
  CHECK_FALSE(woken);
  CHECK(there.run_with_threads(kRealMax, [&] { return woken.has_value(); }));
  CHECK(**woken == 1);
}

TEST_CASE("closing does what waits; a store that is gone is not woken") {
  const TemporaryDirectory place;
  FakeEnv fake;
  std::optional<Committed> result;
  {
    const auto engine = engine_at(place.path());
    EngineStore store(*engine, fake.loop);
    net::TaskGroup group(fake.loop);
    {
      const Held held(*engine);
      group.spawn(keep(store.commit(put("a", "1")), result));
      group.cancel();
      fake.run_until_idle();
    }
    CHECK(result->error().error.code == Code::kCancelled);
  }
  fake.run_until_idle();  // what the engine posted finds nobody
  CHECK(engine_at(place.path())->revision() == 1);
}

}  // namespace
}  // namespace weir::store
