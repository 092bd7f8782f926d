#include "providers/ledger.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mirror/records.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"

namespace weir::providers {
namespace {

using config::DnsLedgerSpec;
using config::Kind;

std::vector<std::string> keys_of(std::size_t from, std::size_t to, std::size_t bytes = 0) {
  std::vector<std::string> keys;
  for (std::size_t i = from; i < to; ++i) {
    std::string key = std::to_string(i) + ".a.example. A";
    keys.push_back(std::string(bytes > key.size() ? bytes - key.size() : 0, 'x') + key);
  }
  return keys;
}

class World {
 public:
  // As another controller would find it.
  LedgerKeeper keeper() {
    CHECK(fake.run(mirror.catch_up()));
    return {fake.env, store, mirror, "pdns", "a.example"};
  }
  // Empty: it was kept.
  std::string add(LedgerKeeper& keeper, std::vector<std::string> keys) {
    return told(keeper.add(std::move(keys)));
  }
  std::string remove(LedgerKeeper& keeper, std::vector<std::string> keys) {
    return told(keeper.remove(std::move(keys)));
  }
  // How many records each object has: "pdns-...: 10000".
  std::vector<std::size_t> sizes() {
    CHECK(fake.run(mirror.catch_up()));
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < LedgerKeeper::kPiecesMax; ++i) {
      const auto object = mirror.objects().find(Kind::kDnsLedger, ledger_name("pdns", "a.example", i));
      if (object) all.push_back(std::get<DnsLedgerSpec>(object->spec).records.size());
    }
    CHECK(all.size() == mirror.objects().of(Kind::kDnsLedger).size());
    return all;
  }

  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  store::EngineStore store{*engine, fake.loop};
  mirror::Mirror mirror{store, fake.log};

 private:
  std::string told(net::Task<LedgerKeeper::Kept> keeping) {
    const auto kept = fake.run(std::move(keeping));
    REQUIRE(kept);
    return *kept ? std::string() : kept->error();
  }
};

using Sizes = std::vector<std::size_t>;
constexpr std::size_t kFull = LedgerKeeper::kPieceRecordsMax;

TEST_CASE("a ledger is in as many objects as it takes") {
  World world;
  auto keeper = world.keeper();
  CHECK(world.sizes().empty());
  CHECK(world.add(keeper, keys_of(0, kFull)).empty());
  CHECK(world.sizes() == Sizes{kFull});
  CHECK(world.add(keeper, keys_of(kFull - 1, kFull + 2)).empty());  // one of them is there
  CHECK(world.sizes() == Sizes{kFull, 2});
  CHECK(world.keeper().records() == keeper.records());
  CHECK(keeper.records().size() == kFull + 2);
  // What was taken out makes room, and an object with nothing in it goes, but for the first.
  CHECK(world.remove(keeper, {"0.a.example. A", std::to_string(kFull) + ".a.example. A", "none. A"}).empty());
  CHECK(world.sizes() == Sizes{kFull - 1, 1});
  CHECK(world.add(keeper, {"new.a.example. A"}).empty());
  CHECK(world.sizes() == Sizes{kFull, 1});
  CHECK(world.remove(keeper, {std::to_string(kFull + 1) + ".a.example. A"}).empty());
  CHECK(world.sizes() == Sizes{kFull});
  CHECK(world.add(keeper, {"last.a.example. A"}).empty());
  CHECK(world.sizes() == Sizes{kFull, 1});
  const auto all = keeper.records();
  CHECK(world.remove(keeper, {all.begin(), all.end()}).empty());
  CHECK(world.sizes() == Sizes{0});
  CHECK(world.keeper().records().empty());
}

TEST_CASE("an object is never larger than the store takes, whatever is in it") {
  World world;
  auto keeper = world.keeper();
  auto keys = keys_of(0, 9'000, 250);
  for (std::string& key : keys) key.replace(0, 8, R"(\".\".\")");
  CHECK(world.add(keeper, keys).empty());
  CHECK(world.sizes().size() == 3);
  for (const auto& object : world.mirror.objects().of(Kind::kDnsLedger)) {
    CHECK(mirror::encode(*object).size() <= config::kDocumentBytesMax);
  }
  CHECK(world.keeper().records().size() == keys.size());
}

TEST_CASE("what is more than all objects can hold is refused, and nothing is written of it") {
  World world;
  auto keeper = world.keeper();
  constexpr std::size_t kAll = LedgerKeeper::kPiecesMax * kFull;
  const auto keys = keys_of(0, kAll + 1);
  const std::string refusal =
      "the zone has more record sets than weir can remember to have made: at most 32 DnsLedgers of 10000 "
      "record sets or 1016 KiB each";
  CHECK(keeper.refusal_of(keys) == refusal);
  CHECK(keeper.refusal_of({keys.begin(), keys.end() - 1}).empty());
  CHECK(world.add(keeper, keys) == refusal);
  CHECK(world.sizes().empty());
  CHECK(keeper.records().empty());
}

TEST_CASE("two keepers at once: the second is refused, and is as it was") {
  World world;
  auto first = world.keeper();
  auto second = world.keeper();
  CHECK(world.add(first, {"a. A"}).empty());
  CHECK(world.add(second, {"b. A"}).starts_with("the DnsLedger can't be written: "));
  CHECK(second.records().empty());
  CHECK(world.sizes() == Sizes{1});
}

}  // namespace
}  // namespace weir::providers
