#include "nameserver/name_follower.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "testing/fake_env.h"

namespace weir::nameserver {
namespace {

using namespace std::chrono_literals;

net::Address ip(std::uint8_t last) { return net::Address::v4({192, 0, 2, last}, 0); }

struct World {
  ~World() { CHECK(fake.run(follower.stop())); }

  testing::FakeEnv fake;
  std::vector<std::string> changes;
  NameFollower follower{fake.env, [this](const std::string& name) { changes.push_back(name); }};

  std::string known(const std::string& name) const {
    const auto* known = follower.known(name);
    if (known == nullptr) return "-";
    std::string text;
    for (const net::Address& address : known->addresses) text += address.ip() + ' ';
    return text + known->problem;
  }
};

TEST_CASE("a name is looked up as often as its TTL says, and changes are told") {
  World world;
  world.fake.network.set_name("a.example.", {ip(2), ip(1), ip(2)}, 60s);
  world.follower.follow({"a.example."});
  CHECK(world.known("a.example.").empty());  // not known yet
  world.fake.run_until_idle();
  CHECK(world.known("a.example.") == "192.0.2.1 192.0.2.2 ");
  CHECK(world.changes.size() == 1);
  world.fake.advance(59s);
  CHECK(world.fake.network.resolutions("a.example.") == 1);
  world.fake.network.set_name("a.example.", {ip(1), ip(2)}, 30s);
  world.fake.advance(1s);
  CHECK(world.fake.network.resolutions("a.example.") == 2);
  CHECK(world.changes.size() == 1);  // the same, and a TTL that a cache counts down
  CHECK(world.follower.known("a.example.")->ttl == 60s);
  world.fake.network.set_name("a.example.", {ip(3)}, 30s);
  world.fake.advance(30s);
  CHECK(world.known("a.example.") == "192.0.2.3 ");
  CHECK(world.follower.known("a.example.")->ttl == 30s);
  CHECK(world.changes.size() == 2);
}

TEST_CASE("a TTL counts from 5 seconds to an hour") {
  World world;
  world.fake.network.set_name("short.example.", {ip(1)}, 0s);
  world.fake.network.set_name("long.example.", {ip(1)}, 1000h);
  world.follower.follow({"short.example.", "long.example."});
  world.fake.advance(1h - 1s);
  CHECK(world.fake.network.resolutions("short.example.") == 720);
  CHECK(world.fake.network.resolutions("long.example.") == 1);
  CHECK(world.follower.known("short.example.")->ttl == 5s);
  world.fake.advance(1s);
  CHECK(world.fake.network.resolutions("long.example.") == 2);
}

TEST_CASE("what is known stays while look-ups fail, which is said once") {
  World world;
  world.fake.network.set_name("a.example.", {ip(1)}, 10s);
  world.follower.follow({"a.example.", "b.example."});
  world.fake.run_until_idle();
  CHECK(world.known("b.example.") == "the name could not be resolved");
  world.fake.network.remove_name("a.example.");
  world.fake.advance(1min);
  CHECK(world.known("a.example.") == "192.0.2.1 the name could not be resolved");
  CHECK(world.fake.log.count("the name of an ALIAS can't be looked up") == 2);
  world.fake.network.mute_name("a.example.");
  world.fake.advance(1min);
  CHECK(world.known("a.example.").starts_with("192.0.2.1 "));
  world.fake.network.set_name("a.example.", {ip(1)}, 10s);
  world.fake.advance(20s);
  CHECK(world.known("a.example.") == "192.0.2.1 ");
  CHECK(world.changes.size() == 1);
}

TEST_CASE("names that nothing leads to any more are not looked up") {
  World world;
  world.fake.network.set_name("a.example.", {ip(1)}, 10s);
  world.follower.follow({"a.example."});
  world.fake.run_until_idle();
  world.follower.follow({});
  CHECK(world.known("a.example.") == "-");
  world.fake.advance(1min);
  CHECK(world.fake.network.resolutions("a.example.") == 1);
}

TEST_CASE("so many names, and so many at once") {
  World world;
  std::set<std::string> names;
  for (std::size_t i = 0; i < NameFollower::kNamesMax + 10; ++i) {
    names.insert(std::to_string(i) + ".example.");
    world.fake.network.mute_name(std::to_string(i) + ".example.");
  }
  world.follower.follow(names);
  world.fake.run_until_idle();
  std::size_t followed = 0;
  std::uint64_t asked = 0;
  for (const std::string& name : names) {
    if (world.follower.known(name) != nullptr) ++followed;
    asked += world.fake.network.resolutions(name);
  }
  CHECK(followed == NameFollower::kNamesMax);
  CHECK(asked == NameFollower::kAtOnceMax);
}

}  // namespace
}  // namespace weir::nameserver
