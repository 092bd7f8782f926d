#include "nameserver/catalogue.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "nameserver/catalogue_fixture.h"

namespace weir::nameserver {
namespace {

using namespace std::chrono_literals;
using World = CatalogueWorld;

TEST_CASE(
    "an ALIAS to a name of others: SERVFAIL until it is known, then its addresses, also when it fails") {
  World world;
  world.fake.network.mute_name("cdn.b.example.");
  world.alias("cdn.b.example.");
  CHECK(world.ask("a.example") == "2:");
  CHECK(world.ask("a.example", "AAAA") == "2:");
  CHECK(world.ask("a.example", "NS") == "0: ns1.a.example.");
  CHECK(world.status() == "cdn.b.example. is being looked up");
  world.fake.advance(5s);
  CHECK(world.status().starts_with("cdn.b.example. can't be looked up: "));
  world.fake.network.set_name("cdn.b.example.", {v4(1), v4(2)}, 60s);
  world.fake.advance(5s);
  CHECK(world.ask("a.example") == "0: 192.0.2.1 192.0.2.2");
  CHECK(world.ask("a.example") == "0: 192.0.2.2 192.0.2.1");
  CHECK(world.ask("a.example", "AAAA") == "0:");
  CHECK(world.status() == "the addresses of cdn.b.example., which is looked up every 60 s");
  CHECK(world.catalogue.record_set_status("apex").answers.size() == 2);
  world.fake.network.remove_name("cdn.b.example.");
  world.fake.advance(60s);
  CHECK(world.ask("a.example").starts_with("0: 192.0.2."));
  CHECK(world.status() ==
        "the addresses of cdn.b.example., which is looked up every 60 s; the last time it could not be: the "
        "name "
        "could not be resolved");
  world.fake.network.set_name("cdn.b.example.", {v4(3), net::Address::v6({0x20, 1, 0xd, 0xb8}, 0)}, 60s);
  world.fake.advance(5s);
  CHECK(world.ask("a.example") == "0: 192.0.2.3");
  CHECK(world.ask("a.example", "AAAA") == "0: 2001:db8::");
  // The last TTL is that of the name, as the set's is longer: it stands before the four octets of the
  // address.
  const auto message = query("a.example", "A");
  std::vector<std::uint8_t> reply(1232);
  const dns::Authority authority{.zones = &world.catalogue.view()->zones(),
                                 .steering = world.catalogue.view().get()};
  const auto answered = dns::answer(authority, {.message = message, .client = {}}, reply);
  CHECK(dns::load_u32(&reply[answered.bytes - 10]) == 60);
}

TEST_CASE("names of our zones that lead out of them are followed to where they lead") {
  World world;
  world.fake.network.set_name("cdn.b.example.", {v4(1)}, 60s);
  world.fake.network.set_name("www.child.a.example.", {v4(2)}, 60s);
  world.alias("out", "one", "one");
  world.alias("one");
  CHECK(world.ask("a.example") == "0: 192.0.2.1");
  world.alias("www.child");  // delegated to others
  CHECK(world.ask("a.example") == "0: 192.0.2.2");
  CHECK(world.names.known("cdn.b.example.") != nullptr);  // by the other ALIAS
  world.alias("ns1", "one", "one");
  CHECK(world.names.known("cdn.b.example.") == nullptr);
  CHECK(world.ask("one.a.example") == "0: 192.0.2.53");
}

TEST_CASE("more names than are followed: SERVFAIL, and it is said") {
  World world;
  world.fake.network.set_name("zzz.b.example.", {v4(1)}, 60s);
  for (std::size_t i = 0; i < NameFollower::kNamesMax; ++i) {
    world.whole.put(std::make_shared<const config::Object>(*config::parse_object(
        config::read_yaml("{kind: RecordSet, metadata: {name: n" + std::to_string(i) +
                          "}, spec: {zone: a.example, name: n" + std::to_string(i) +
                          ", type: ALIAS, values: [n" + std::to_string(i) + ".b.example.]}}")
            ->front()
            .json,
        config::Origin::kClient)));
  }
  world.alias("zzz.b.example.");
  CHECK(world.ask("a.example") == "2:");
  CHECK(world.status() == "zzz.b.example. is not looked up: there are too many names");
}

}  // namespace
}  // namespace weir::nameserver
