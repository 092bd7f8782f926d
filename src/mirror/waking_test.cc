#include "mirror/waking.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <utility>

#include "config/object.h"
#include "mirror/records.h"
#include "net/task_group.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"

namespace weir::mirror {
namespace {

using namespace std::chrono_literals;

net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }

TEST_CASE("who waits by the store is woken by its changes and at each tick, until it is stopped") {
  testing::FakeEnv fake;
  const auto engine = *store::Engine::open({.directory = {}, .threaded = false});
  store::EngineStore store(*engine, fake.loop);
  Mirror mirror(store, fake.log);
  REQUIRE(fake.run(mirror.catch_up()));
  net::Event wake;
  net::TaskGroup tasks(fake.loop);
  tasks.spawn(wake_by_store(fake.loop, store, mirror, wake, 1s, 100ms));
  fake.advance(990ms);
  CHECK_FALSE(wake.is_set());
  fake.advance(20ms);
  CHECK(wake.is_set());
  wake.reset();
  fake.advance(100ms);

  store::Transaction transaction;
  transaction.put(key_of(config::Kind::kSecret, "a"), "{}");
  REQUIRE(fake.run(store.commit(std::move(transaction))));
  fake.run_until_idle();
  CHECK(wake.is_set());
  wake.reset();
  // The mirror has not moved, and yet it is not woken all the time.
  fake.advance(90ms);
  CHECK_FALSE(wake.is_set());
  fake.advance(20ms);
  CHECK(wake.is_set());

  CHECK(fake.run(stop(tasks)));
  wake.reset();
  fake.advance(5s);
  CHECK_FALSE(wake.is_set());
}

}  // namespace
}  // namespace weir::mirror
