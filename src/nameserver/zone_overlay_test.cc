// What is written in a Zone, over what a file has of it.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/snapshot.h"
#include "dns/rdata.h"
#include "nameserver/catalogue.h"
#include "nameserver/name_follower.h"
#include "testing/fake_env.h"
#include "zones/zone_files.h"

namespace weir::nameserver {
namespace {

const std::string kFile =
    "@ 3600 SOA ns hostmaster 7 3600 600 86400 300\n"
    "@ 3600 NS ns\nns 60 A 192.0.2.53\nwww 60 A 192.0.2.1\n";

// "192.0.2.1 192.0.2.2", or why there is none.
std::string records_of(const dns::Zone& zone, const std::string& name, const std::string& type) {
  const dns::HashedName owner(dns::Name::parse(name + ".a.example.", dns::Name())->wire());
  const dns::Found found = zone.find(owner, *dns::read_type(type));
  if (found.outcome == dns::Outcome::kNoName) return "no name";
  if (found.outcome != dns::Outcome::kSet) return "no data";
  if (found.set->steered != 0) return "steered";
  std::string text;
  for (dns::Bytes left = packed_of(*found.node, *found.set); !left.empty();) {
    const std::size_t bytes = dns::packed_rdata_bytes(left);
    text += text.empty() ? "" : " ";
    dns::write_rdata(text, *dns::read_type(type), left.subspan(dns::kPackedHeadBytes, bytes));
    left = left.subspan(dns::kPackedHeadBytes + bytes);
  }
  return text;
}

struct Catalogued {
  testing::FakeEnv fake;
  NameFollower names{fake.env, [](const std::string&) {}};
  Catalogue catalogue{{.now = [](std::string_view) { return config::ServiceStatus(); },
                       .epoch = [](std::string_view) { return std::uint64_t{0}; }},
                      &names,
                      [](const ViewPointer&) {}};
  std::uint64_t serial = 10;

  ~Catalogued() { CHECK(fake.run(names.stop())); }
  void apply(const std::vector<std::pair<std::string, std::string>>& records) {
    config::Zone zone{.name = "a.example", .serial = ++serial};
    zone.spec.nameservers = {"ns1"};
    zone.spec.records = "mail 60 A 192.0.2.25\n";
    for (const auto& [name, value] : records) {
      zone.record_sets.push_back({name, {.zone = "a.example", .name = name, .values = {value}}});
    }
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->zones = {std::make_shared<const config::Zone>(std::move(zone))};
    catalogue.apply(snapshot);
  }
  void put_file(const std::string& text) {
    auto zone = zones::read_zone("a.example", text);
    REQUIRE(zone);
    catalogue.put_file("a.example", *zone);
  }
  const dns::Zone& zone() const {
    REQUIRE(catalogue.view()->zones().all().size() == 1);
    return *catalogue.view()->zones().all().front();
  }
  std::string records(const std::string& name, const std::string& type = "A") const {
    return records_of(zone(), name, type);
  }
};

TEST_CASE("what is written in a Zone lies over its file, and RecordSets in the place of what is there") {
  Catalogued world;
  world.put_file(kFile);
  CHECK(world.zone().serial() == 7);
  CHECK(world.records("www") == "192.0.2.1");
  world.apply({{"api", "192.0.2.8"}, {"www", "192.0.2.9"}});
  CHECK(world.zone().serial() == 11);
  CHECK(world.records("api") == "192.0.2.8");
  CHECK(world.records("www") == "192.0.2.9");
  CHECK(world.records("mail") == "192.0.2.25");
  CHECK(world.records("ns") == "192.0.2.53");
  world.apply({{"api", "192.0.2.18"}});
  CHECK(world.zone().serial() == 12);
  CHECK(world.records("api") == "192.0.2.18");
  CHECK(world.records("www") == "192.0.2.1");
  world.put_file(kFile + "new 60 A 192.0.2.33\n");
  CHECK(world.records("new") == "192.0.2.33");
  CHECK(world.records("api") == "192.0.2.18");
  world.catalogue.apply(std::make_shared<config::Snapshot>());
  CHECK(world.zone().serial() == 7);
  CHECK(world.records("api") == "no name");
  world.catalogue.put_file("a.example", nullptr);
  CHECK(world.catalogue.view()->zones().all().empty());
}

TEST_CASE("a Zone whose file goes away is what is written in it") {
  Catalogued world;
  world.apply({{"api", "192.0.2.8"}});
  world.put_file(kFile);
  CHECK(world.records("www") == "192.0.2.1");
  world.catalogue.put_file("a.example", nullptr);
  CHECK(world.records("www") == "no name");
  CHECK(world.records("api") == "192.0.2.8");
}

}  // namespace
}  // namespace weir::nameserver
