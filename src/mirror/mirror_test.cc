#include "mirror/mirror.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mirror/records.h"
#include "net/task_group.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"
#include "testing/store_around.h"

namespace weir::mirror {
namespace {

using config::Kind;

struct Given {
  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine =
      *store::Engine::open({.directory = {}, .threaded = false, .limits = {.history_changes_max = 8}});
  store::EngineStore store{*engine, fake.loop};
  Mirror mirror{store, fake.log};

  void put(const std::string& key, const std::string& value) {
    store::Transaction transaction;
    transaction.put(key, value);
    commit(std::move(transaction));
  }
  void put(Kind kind, const std::string& name, const std::string& labels = "{}") {
    put(key_of(kind, name), R"({"kind":")" + std::string(config::info_of(kind).name) +
                                R"(","metadata":{"name":")" + name + R"(","labels":)" + labels +
                                R"(},"spec":{}})");
  }
  void remove(const std::string& key) {
    store::Transaction transaction;
    transaction.remove(key);
    commit(std::move(transaction));
  }
  void commit(store::Transaction transaction) {
    const auto committed = fake.run(store.commit(std::move(transaction)));
    REQUIRE((committed && *committed));
  }
  const config::Whole& catch_up() {
    const auto done = fake.run(mirror.catch_up());
    REQUIRE((done && *done));
    return mirror.objects();
  }
  // "+a@1 ~b@2>3 -c@4"
  std::string told(Follower& follower) {
    const auto changes = fake.run(follower.catch_up());
    REQUIRE((changes && *changes));
    std::string text;
    for (const config::ObjectChange& change : **changes) {
      text += text.empty() ? "" : " ";
      text += change.before ? (change.after ? '~' : '-') : '+';
      text += change.name() + '@';
      if (change.before) text += std::to_string(change.before->metadata.revision);
      if (change.before && change.after) text += '>';
      if (change.after) text += std::to_string(change.after->metadata.revision);
    }
    return text;
  }
};

TEST_CASE("what is supposed is there for as long as it is supposed") {
  Given given;
  given.put(Kind::kService, "a");
  given.put(Kind::kService, "b");
  given.catch_up();
  Follower follower(given.mirror);
  CHECK(given.told(follower) == "+a@1 +b@2");
  const config::Whole& objects = given.mirror.objects();
  const auto a = objects.find(Kind::kService, "a");
  const auto b = objects.find(Kind::kService, "b");
  const auto named = [](const std::string& name) {
    auto object = std::make_shared<config::Object>();
    object->metadata.name = name;
    object->spec = config::ServiceSpec{};
    return object;
  };
  {
    Supposition supposed(given.mirror);
    const auto changed = named("a");
    const auto again = named("a");
    const auto made = named("c");
    supposed.add({a, changed});
    supposed.add({b, nullptr});
    supposed.add({nullptr, made});
    supposed.add({changed, again});
    CHECK(objects.find(Kind::kService, "a") == again);
    CHECK_FALSE(objects.find(Kind::kService, "b"));
    CHECK(objects.find(Kind::kService, "c") == made);
  }
  CHECK(objects.find(Kind::kService, "a") == a);
  CHECK(objects.find(Kind::kService, "b") == b);
  CHECK(objects.of(Kind::kService).size() == 2);
  CHECK(given.told(follower).empty());
}

TEST_CASE("a mirror is what the store has now, and follows it") {
  Given given;
  given.put(Kind::kService, "a");
  given.put(Kind::kEdge, "e");
  CHECK(given.catch_up().find(Kind::kService, "a")->metadata.revision == 1);
  CHECK(given.mirror.revision() == 2);
  given.put(Kind::kService, "b");
  given.put(Kind::kEdge, "f");
  given.put(Kind::kService, "a");
  given.put(Kind::kEvent, "1-1");
  given.remove("services/b");
  given.remove("edges/e");
  const config::Whole& objects = given.catch_up();
  CHECK(given.mirror.revision() == 8);
  CHECK(objects.of(Kind::kService).size() == 1);
  CHECK(objects.find(Kind::kService, "a")->metadata.revision == 5);
  CHECK(objects.of(Kind::kEdge).size() == 1);
  CHECK(objects.find(Kind::kEdge, "f") != nullptr);
  CHECK(objects.of(Kind::kEvent).empty());
}

TEST_CASE("a follower is told each object once that has become another") {
  Given given;
  given.put(Kind::kService, "b");
  given.put(Kind::kLoadBalancer, "z", "{}");
  given.put(Kind::kService, "a");
  Follower first(given.mirror);
  CHECK(given.told(first) == "+a@3 +b@1");  // a load balancer without listeners can't be read
  CHECK(given.told(first).empty());
  Follower second(given.mirror);
  given.put(Kind::kService, "a");
  given.put(Kind::kService, "a");
  given.put(Kind::kService, "c");
  given.remove("services/c");
  given.remove("services/b");
  CHECK(given.told(first) == "~a@3>5 -b@1");
  CHECK(given.told(second) == "+a@5");  // was told of nothing before
  given.remove("services/a");
  given.put(Kind::kService, "a");
  CHECK(given.told(second) == "~a@5>10");
}

TEST_CASE("what fell behind the history is read anew, and only the difference told") {
  Given given;
  given.put(Kind::kService, "gone");
  given.put(Kind::kService, "kept");
  Follower follower(given.mirror);
  CHECK(given.told(follower) == "+gone@1 +kept@2");
  given.remove("services/gone");
  for (int i = 0; i < 30; ++i) given.put(Kind::kService, "s");
  CHECK(given.told(follower) == "-gone@1 +s@33");
  CHECK(given.catch_up().of(Kind::kService).size() == 2);
  CHECK(given.mirror.revision() == 33);
}

TEST_CASE("what can't be read is left out, and told") {
  Given given;
  given.put("services/odd", "{");
  given.put(Kind::kService, "a");
  CHECK(given.catch_up().of(Kind::kService).size() == 1);
  given.put("other/key", "x");
  given.put("services", "x");
  given.put("services/b", R"({"kind":"Service","metadata":{"name":"a"},"spec":{}})");
  CHECK(given.catch_up().of(Kind::kService).size() == 1);
  CHECK(given.mirror.revision() == 5);
  given.put("services/a", "{");  // what was readable before is gone too
  CHECK(given.catch_up().of(Kind::kService).empty());
  CHECK(given.fake.log.text().find("services/odd") != std::string::npos);
  CHECK(given.fake.log.text().find("services/b") != std::string::npos);
}

net::Task<void> count(Follower& follower, std::size_t& changes) {
  const auto told = co_await follower.catch_up();
  if (told) changes += told->size();
}

TEST_CASE("several tasks may catch up at the same time") {
  Given given;
  for (int i = 0; i < 3; ++i) given.put(Kind::kService, "s" + std::to_string(i));
  Follower first(given.mirror);
  Follower second(given.mirror);
  std::size_t to_first = 0;
  std::size_t to_second = 0;
  for (std::size_t round = 1; round <= 2; ++round) {
    net::TaskGroup tasks(given.fake.loop);
    tasks.spawn(count(first, to_first));
    tasks.spawn(count(second, to_second));
    given.fake.run_until_idle();
    CHECK(to_first == (round == 1 ? 3 : 4));
    CHECK(to_second == to_first);
    given.put(Kind::kService, "more");
  }
  CHECK(given.catch_up().of(Kind::kService).size() == 4);
}

net::Task<void> move(Mirror& mirror, std::string& told) {
  if (const auto done = co_await mirror.catch_up()) told += " done";
}

TEST_CASE("who asked for it is told in the turn in which the mirror moves, whoever moved it") {
  Given given;
  given.put(Kind::kService, "a");
  std::string told;
  Follower follower(given.mirror, [&](const std::vector<config::ObjectChange>& changes) {
    told += "[" + std::to_string(given.mirror.revision());
    for (const config::ObjectChange& change : changes) told += " " + change.name();
    told += "]";
  });
  net::TaskGroup tasks(given.fake.loop);
  tasks.spawn(move(given.mirror, told));
  given.fake.run_until_idle();
  CHECK(told == "[1 a] done");
  CHECK(given.told(follower).empty());
  given.put(Kind::kEvent, "1-1");  // of no object, and the revision of all of them
  given.put(Kind::kService, "b");
  given.catch_up();
  CHECK(told == "[1 a] done[3 b]");
  given.catch_up();
  CHECK(told == "[1 a] done[3 b]");
}

// A store in which one transaction is done between two pages of a list.
class MovingStore final : public testing::StoreAround {
 public:
  MovingStore(store::Store& store, store::Transaction transaction)
      : StoreAround(store), transaction_(std::move(transaction)) {}
  net::Task<Result<store::Page>> list(std::string prefix, std::string after_key, std::size_t limit) override {
    if (prefix == prefix_of(Kind::kEdge) && !transaction_.steps.empty()) {
      const auto done = co_await store_.commit(std::exchange(transaction_, {}));
      CHECK(done);
    }
    co_return co_await store_.list(std::move(prefix), std::move(after_key), limit);
  }

 private:
  store::Transaction transaction_;
};

TEST_CASE("nobody sees what was read while the store moved before it is a state that was") {
  Given given;
  given.put(Kind::kService, "s");
  given.put(Kind::kEdge, "e");
  store::Transaction both;
  both.remove("services/s");
  both.remove("edges/e");
  MovingStore moving(given.store, std::move(both));
  Mirror mirror(moving, given.fake.log);
  std::string told;
  Follower follower(mirror, [&](const std::vector<config::ObjectChange>& /*changes*/) {
    told += "[" + std::to_string(mirror.revision());
    for (const Kind kind : {Kind::kService, Kind::kEdge}) {
      for (const auto& object : mirror.objects().of(kind)) told += " " + object->metadata.name;
    }
    told += "]";
  });
  CHECK(given.fake.run(mirror.catch_up()));
  CHECK(told == "[3]");
}

}  // namespace
}  // namespace weir::mirror
