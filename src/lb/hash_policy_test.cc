#include "lb/hash_policy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lb/hash.h"

namespace weir::lb {
namespace {

constexpr std::size_t kKeys = 20'000;

std::vector<Host> hosts_of(const std::vector<std::uint32_t>& weights) {
  std::vector<Host> hosts;
  for (std::uint32_t i = 0; i < weights.size(); ++i)
    hosts.push_back({.id = hash_bytes("10.0.0." + std::to_string(i)), .index = i, .weight = weights[i]});
  return hosts;
}
std::vector<Host> equal_hosts(std::size_t count) { return hosts_of(std::vector<std::uint32_t>(count, 1)); }

std::vector<Host> without(std::vector<Host> hosts, std::uint32_t index) {
  std::erase_if(hosts, [index](const Host& host) { return host.index == index; });
  return hosts;
}

std::uint64_t key(std::size_t i) { return hash_bytes(std::to_string(i)); }

std::optional<std::uint32_t> pick(const Policy& policy, std::uint64_t hash,
                                  std::span<const std::uint32_t> tried = {}, std::uint64_t active = 0) {
  Rotation rotation;
  Random random(1);
  return policy.pick(
      {.rotation = rotation, .random = random, .tried = tried, .hash = hash, .active = active});
}

// Where each key goes.
std::vector<std::uint32_t> placement(const Policy& policy) {
  std::vector<std::uint32_t> owners(kKeys);
  for (std::size_t i = 0; i < kKeys; ++i) owners[i] = pick(policy, key(i)).value();
  return owners;
}

struct Kind {
  std::string_view name;
  MakePolicy* make;
  HashTablePointer (*make_table)(std::span<const Host> hosts);
  double spread;  // largest deviation of a host's keys from its share, of 20 equal hosts: with kKeys 7.5 % is
                  // luck
};
constexpr Kind kKinds[] = {{"RING_HASH", make_ring_hash, make_ring_table, 0.25},
                           {"MAGLEV", make_maglev, make_maglev_table, 0.1}};

TEST_CASE("keys are spread by weight") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    for (const std::vector<std::uint32_t>& weights : std::vector<std::vector<std::uint32_t>>{
             std::vector<std::uint32_t>(20, 7), {1, 2, 3, 4}, {10, 1, 1}, {1, 1}}) {
      const std::vector<Host> hosts = hosts_of(weights);
      const auto owners = placement(*kind.make(hosts, {}));
      double sum = 0;
      for (const std::uint32_t weight : weights) sum += weight;
      for (std::uint32_t i = 0; i < weights.size(); ++i) {
        CAPTURE(i);
        const double want = kKeys * weights[i] / sum;
        CHECK(static_cast<double>(std::ranges::count(owners, i)) ==
              doctest::Approx(want).epsilon(kind.spread));
      }
    }
  }
}

TEST_CASE("a host that fails moves its own keys and no others; they go to all others; back, they are back") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    const std::vector<Host> hosts = equal_hosts(20);
    const HashTablePointer table = kind.make_table(hosts);
    const auto before = placement(*kind.make(hosts, {.table = table}));
    const auto during = placement(*kind.make(without(hosts, 7), {.table = table}));
    std::vector<int> heirs(hosts.size());
    std::size_t others_moved = 0;
    for (std::size_t i = 0; i < kKeys; ++i) {
      if (before[i] == 7) {
        ++heirs[during[i]];
      } else {
        others_moved += before[i] != during[i] ? 1 : 0;
      }
    }
    CHECK(others_moved == 0);
    CHECK(heirs[7] == 0);
    for (std::uint32_t i = 0; i < heirs.size(); ++i) {
      CAPTURE(i);
      if (i != 7) CHECK(heirs[i] > 10);  // of about 1000 / 19
    }
    CHECK(placement(*kind.make(hosts, {.table = table})) == before);
  }
}

TEST_CASE("a host that is removed: a new table moves hardly more than its own keys") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    for (const std::size_t count : {2U, 3U, 10U, 100U}) {
      CAPTURE(count);
      const std::vector<Host> hosts = equal_hosts(count);
      const auto before = placement(*kind.make(hosts, {}));
      const auto after = placement(*kind.make(without(hosts, 1), {}));
      std::size_t own = 0;
      std::size_t others = 0;
      for (std::size_t i = 0; i < kKeys; ++i) {
        if (before[i] == after[i]) continue;
        ++(before[i] == 1 ? own : others);
      }
      CHECK(static_cast<double>(own) == doctest::Approx(kKeys / count).epsilon(0.3));
      if (kind.make == make_ring_hash) {
        CHECK(others == 0);
      } else {
        MESSAGE("Maglev, 1 of ", count, " removed: of the other keys moved, in thousandths: ",
                1000.0 * static_cast<double>(others) / kKeys);
        CHECK(others < kKeys * 3 / 100);
      }
    }
  }
}

TEST_CASE("a weight that changes moves keys to or from that host alone, on a ring") {
  std::vector<Host> hosts = hosts_of({100, 100, 100, 100});
  const auto before = placement(*make_ring_hash(hosts));
  hosts[2].weight = 90;
  const auto after = placement(*make_ring_hash(hosts));
  for (std::size_t i = 0; i < kKeys; ++i) {
    if (before[i] != after[i]) CHECK(before[i] == 2);
  }
}

TEST_CASE("neither the order of the list nor the place of a host in it matters") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    const std::vector<Host> hosts = equal_hosts(7);
    std::vector<Host> reversed = hosts;
    std::ranges::reverse(reversed);
    for (std::uint32_t i = 0; i < reversed.size(); ++i) reversed[i].index = i;
    const auto one = placement(*kind.make(hosts, {}));
    const auto other = placement(*kind.make(reversed, {}));
    for (std::size_t i = 0; i < kKeys; ++i) REQUIRE(one[i] == 6 - other[i]);
  }
}

TEST_CASE("a retry of the same key goes to the same next host") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    const std::vector<Host> hosts = equal_hosts(5);
    const HashTablePointer table = kind.make_table(hosts);
    const auto policy = kind.make(hosts, {.table = table});
    for (std::size_t i = 0; i < 100; ++i) {
      const std::uint32_t first = pick(*policy, key(i)).value();
      const std::vector<std::uint32_t> tried{first};
      const auto second = pick(*policy, key(i), tried);
      CHECK(second != first);
      CHECK(second == pick(*kind.make(without(hosts, first), {.table = table}), key(i)));
    }
  }
}

TEST_CASE("no hash: by chance, by weight") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    const auto policy = kind.make(hosts_of({3, 1}), {});
    Rotation rotation;
    Random random(5);
    int first = 0;
    for (int i = 0; i < 4000; ++i) first += policy->pick({rotation, random}).value() == 0 ? 1 : 0;
    CHECK(first == doctest::Approx(3000).epsilon(0.08));
  }
}

TEST_CASE("weights that spread() changed: kept to, and the keys that stay are always the same") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    const std::vector<Host> all = equal_hosts(10);
    const HashTablePointer table = kind.make_table(all);
    std::vector<std::uint32_t> before;
    // Host 3 starts slowly.
    for (const std::uint32_t weight : {100U, 300U, 700U, 1000U}) {
      std::vector<Host> hosts = all;
      for (Host& host : hosts) host.weight = 1000;
      hosts[3].weight = weight;
      const auto owners = placement(*kind.make(hosts, {.table = table}));
      const double want = kKeys * weight / (9000.0 + weight);
      CHECK(static_cast<double>(std::ranges::count(owners, 3U)) == doctest::Approx(want).epsilon(0.25));
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i] != owners[i]) REQUIRE(owners[i] == 3);
      }
      before = owners;
    }
  }
}

TEST_CASE("few of many serve: the walk gives up, and what follows is as steady") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    const std::vector<Host> all = equal_hosts(2000);
    const HashTablePointer table = kind.make_table(all);
    const std::vector<Host> few{all[5], all[900]};
    const auto policy = kind.make(few, {.table = table});
    const auto owners = placement(*policy);
    CHECK(std::ranges::count(owners, 5U) == doctest::Approx(kKeys / 2).epsilon(0.1));
    const std::vector<Host> more{all[5], all[600], all[900]};
    const auto with_more = placement(*kind.make(more, {.table = table}));
    for (std::size_t i = 0; i < kKeys; ++i) {
      if (owners[i] != with_more[i]) REQUIRE(with_more[i] == 600);
    }
    // A host that the table doesn't know is still a host.
    const std::vector<Host> stranger{{.id = 1, .index = 3000}};
    CHECK(pick(*kind.make(stranger, {.table = table}), 1) == 3000U);
  }
}

TEST_CASE("bounded load: a hot key overflows to the next hosts, nobody gets more than his bound") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    std::vector<ActiveRequests> active(4);
    std::vector<Host> hosts = hosts_of({1, 1, 2, 4});
    for (Host& host : hosts) host.active = &active[host.index];
    const auto policy = kind.make(hosts, {.table = nullptr, .load_percent_max = kBoundedLoadPercent});
    const auto unbounded = kind.make(hosts, {});
    const std::uint32_t home = pick(*unbounded, key(1)).value();
    CHECK(pick(*policy, key(1)) == home);
    std::uint64_t sum = 0;
    for (; sum < 800; ++sum) {  // one key only
      const std::uint32_t index = pick(*policy, key(1), {}, sum).value();
      ++active[index].count;
      const double bound = std::ceil(1.25 * static_cast<double>(sum + 1) * hosts[index].weight / 8);
      REQUIRE(active[index].count <= bound);
    }
    CHECK(active[home].count == doctest::Approx(1000.0 * hosts[home].weight / 8).epsilon(0.02));
    CHECK(pick(*unbounded, key(1)) == home);
    for (ActiveRequests& one : active) one.count = 0;
    CHECK(pick(*policy, key(1), {}, 0) == home);  // idle again: back home
  }
}

TEST_CASE("bounded load: counts that don't add up leave nobody without a host") {
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    std::vector<ActiveRequests> active(3);
    std::vector<Host> hosts = hosts_of({1, 1, 1});
    for (Host& host : hosts) {
      host.active = &active[host.index];
      active[host.index].count = 1000;
    }
    const auto policy = kind.make(hosts, {.table = nullptr, .load_percent_max = 50});  // counts as 100
    const auto unbounded = kind.make(hosts, {});
    for (std::size_t i = 0; i < 50; ++i) CHECK(pick(*policy, key(i)) == pick(*unbounded, key(i)));
    const std::vector<std::uint32_t> all{0, 1, 2};
    CHECK_FALSE(pick(*policy, 1, all).has_value());
  }
}

TEST_CASE("the size of a ring follows hosts and weights between its limits") {
  struct Case {
    std::vector<std::uint32_t> weights;
    std::size_t least;
    std::size_t most;
  };
  constexpr std::uint32_t kHuge = std::numeric_limits<std::uint32_t>::max();
  for (const Case& one : std::vector<Case>{{{1}, 1024, 1024},
                                           {{1000}, 1024, 2048},
                                           {{1, 1}, 1024, 1024},
                                           {{1, 1, 1}, 1536, 1536},
                                           {{kHuge, 1}, 1024, 2049},
                                           {std::vector<std::uint32_t>(1000, 10), 512'000, 1'024'000}}) {
    CAPTURE(one.weights.size());
    const HashTablePointer table = make_ring_table(hosts_of(one.weights));
    CHECK(table->size() >= one.least);
    CHECK(table->size() <= one.most);
  }
  CHECK(make_ring_table({})->size() == 0);
  CHECK(make_maglev_table({})->size() == 0);
  CHECK(make_maglev_table(hosts_of({1}))->size() == kMaglevSlots);
  CHECK(make_maglev_table(hosts_of({0, 0}))->members().empty());
}

TEST_CASE("the ring: a hash belongs to the first point at or after it, around the end") {
  const HashTablePointer table = make_ring_table(equal_hosts(3));
  const std::size_t start = table->first(0);
  CHECK(start == 0);
  CHECK(table->first(std::numeric_limits<std::uint64_t>::max()) == 0);
  CHECK(table->next(table->size() - 1) == 0);
  std::size_t last = 0;
  for (std::uint64_t hash = 0; hash < std::numeric_limits<std::uint64_t>::max() - (1ULL << 52U);
       hash += 1ULL << 52U) {
    const std::size_t slot = table->first(hash);
    REQUIRE((slot >= last || slot == 0));
    last = slot == 0 ? last : slot;
  }
}

TEST_CASE("Maglev: slots by weight, exact to one, for weights that are far apart") {
  const std::vector<std::uint32_t> weights{1, 1000, 1, 500};
  const HashTablePointer table = make_maglev_table(hosts_of(weights));
  std::vector<double> slots(weights.size());
  for (std::size_t i = 0; i < table->size(); ++i) ++slots[table->members()[table->owner(i)].index];
  for (std::size_t i = 0; i < weights.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(slots[i] - static_cast<double>(kMaglevSlots) * weights[i] / 1502) <= 2);
  }
}

TEST_CASE("more hosts than slots, and more than a table holds") {
  const std::vector<Host> hosts = equal_hosts(kTableHostsMax + 10);
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    const HashTablePointer table = kind.make_table(hosts);
    CHECK(table->members().size() == kTableHostsMax);
    CHECK(table->size() <= kRingPointsMax);
    CHECK(pick(*kind.make(hosts, {.table = table}), 7).has_value());
  }
}

TEST_CASE("one table serves many cores at once") {
  const std::vector<Host> hosts = equal_hosts(50);
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    const HashTablePointer table = kind.make_table(hosts);
    std::vector<std::vector<std::uint32_t>> owners(4);
    std::vector<std::thread> cores;
    for (auto& mine : owners) {
      cores.emplace_back([&] { mine = placement(*kind.make(hosts, {.table = table})); });
    }
    for (std::thread& core : cores) core.join();
    for (const auto& mine : owners) CHECK(mine == owners[0]);
  }
}

}  // namespace
}  // namespace weir::lb
