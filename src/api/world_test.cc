#include "api/world.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "api/objects.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"

namespace weir::api {
namespace {

using config::Kind;

struct Given {
  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine =
      *store::Engine::open({.directory = {}, .threaded = false, .limits = {.history_changes_max = 8}});
  store::EngineStore store{*engine, fake.loop};
  WorldReader reader{store, fake.log};

  void put(const std::string& key, const std::string& value) {
    store::Transaction transaction;
    transaction.put(key, value);
    commit(std::move(transaction));
  }
  void put(const config::KindInfo& kind, const std::string& name) {
    put(key_of(kind, name),
        R"({"kind":")" + std::string(kind.name) + R"(","metadata":{"name":")" + name + R"("},"spec":{}})");
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
  const World& read(KindSet kinds) {
    const auto world = fake.run(reader.read(kinds));
    REQUIRE((world && *world));
    return ***world;
  }
};

const config::KindInfo& kService = config::info_of(Kind::kService);
const config::KindInfo& kEdge = config::info_of(Kind::kEdge);

TEST_CASE("a world is what the store has now, and follows it") {
  Given given;
  given.put(kService, "a");
  given.put(kEdge, "e");
  CHECK(given.read(bit_of(Kind::kService)).find(Kind::kService, "a")->metadata.revision == 1);
  CHECK(given.read(bit_of(Kind::kService)).revision() == 2);
  given.put(kService, "b");
  given.put(kEdge, "f");
  given.put(kService, "a");
  given.remove("services/b");
  given.remove("edges/e");
  const World& world = given.read(bit_of(Kind::kService) | bit_of(Kind::kEdge));
  CHECK(world.revision() == 7);
  CHECK(world.kinds() == (bit_of(Kind::kService) | bit_of(Kind::kEdge)));
  CHECK(world.of(Kind::kService).size() == 1);
  CHECK(world.find(Kind::kService, "a")->metadata.revision == 5);
  CHECK(world.of(Kind::kEdge).size() == 1);
  CHECK(world.find(Kind::kEdge, "f") != nullptr);
}

TEST_CASE("a world that fell behind the history is read anew") {
  Given given;
  given.put(kService, "gone");
  CHECK(given.read(bit_of(Kind::kService)).of(Kind::kService).size() == 1);
  given.remove("services/gone");
  for (int i = 0; i < 30; ++i) given.put(kService, "s" + std::to_string(i));
  const World& world = given.read(bit_of(Kind::kService));
  CHECK(world.of(Kind::kService).size() == 30);
  CHECK(world.find(Kind::kService, "gone") == nullptr);
  CHECK(world.revision() == 32);
}

TEST_CASE("what can't be read is left out, and told") {
  Given given;
  given.put("services/odd", "{");
  given.put(kService, "a");
  CHECK(given.read(bit_of(Kind::kService)).of(Kind::kService).size() == 1);
  given.put("other/key", "x");
  given.put("services", "x");
  CHECK(given.read(bit_of(Kind::kService)).revision() == 4);
  given.put("services/a", "{");  // what was readable before is gone too
  CHECK(given.read(bit_of(Kind::kService)).of(Kind::kService).empty());
  CHECK(given.fake.log.text().find("services/odd") != std::string::npos);
}

}  // namespace
}  // namespace weir::api
