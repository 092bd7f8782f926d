// Zones from files, alone and under the RecordSets of a Zone.
#include "nameserver/zone_files.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/snapshot.h"
#include "dns/rdata.h"
#include "nameserver/catalogue.h"
#include "nameserver/name_follower.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"

namespace weir::nameserver {
namespace {

using namespace std::chrono_literals;

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

struct Folder {
  store::TemporaryDirectory directory;
  testing::FakeEnv fake;
  std::map<std::string, std::shared_ptr<const dns::Zone>> zones;
  ZoneFiles files{fake.env, fake.env, directory.path(),
                  [this](const std::string& name, std::shared_ptr<const dns::Zone> zone) {
                    if (zone) {
                      zones[name] = std::move(zone);
                    } else {
                      zones.erase(name);
                    }
                  }};

  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory.file(name)) << text;
    fake.advance(1s);
  }
  ~Folder() { CHECK(fake.run(files.stop())); }
};

TEST_CASE("zones of a folder are read when they come and when they change") {
  Folder folder;
  folder.files.start();
  folder.fake.run_until_idle();
  CHECK(folder.zones.empty());
  folder.write("a.example.zone", kFile);
  folder.write("notes.txt", "not a zone");
  folder.write("A_B.zone", "no name of a zone");
  REQUIRE(folder.zones.size() == 1);
  CHECK(records_of(*folder.zones.at("a.example"), "www", "A") == "192.0.2.1");
  CHECK(folder.fake.log.count("a zone file is served") == 1);
  folder.fake.advance(5s);
  CHECK(folder.fake.log.count("a zone file is served") == 1);
  folder.write("a.example.zone", kFile + "www 60 A 192.0.2.2\n");
  CHECK(records_of(*folder.zones.at("a.example"), "www", "A") == "192.0.2.1 192.0.2.2");
  std::filesystem::remove(folder.directory.file("a.example.zone"));
  folder.fake.advance(1s);
  CHECK(folder.zones.empty());
}

TEST_CASE("a file that can't be taken is told of, and what was before stays") {
  Folder folder;
  folder.files.start();
  folder.write("a.example.zone", kFile);
  folder.write("a.example.zone", kFile + "www 60 A 192.0.2\n");
  CHECK(records_of(*folder.zones.at("a.example"), "www", "A") == "192.0.2.1");
  CHECK(folder.fake.log.text().contains("line 5"));
  folder.write("a.example.zone", "www 60 A 192.0.2.1\n");
  CHECK(folder.fake.log.text().contains("a.example. SOA: a zone needs an SOA record at its apex"));
  folder.write("a.example.zone", kFile + "www 60 A 192.0.2.7\n");
  CHECK(records_of(*folder.zones.at("a.example"), "www", "A") == "192.0.2.1 192.0.2.7");
}

TEST_CASE("a folder that is not there is a mistake at first, and told of once later") {
  Folder folder;
  CHECK(folder.files.check().has_value());
  std::filesystem::remove(folder.directory.path());
  const auto checked = folder.files.check();
  REQUIRE_FALSE(checked);
  CHECK(sentence_of(checked.error()).contains("the folder of zone files can't be read"));
  folder.files.start();
  folder.fake.advance(3s);
  CHECK(folder.fake.log.count("zone files") == 1);
}

struct Catalogued {
  testing::FakeEnv fake;
  NameFollower names{fake.env, [](const std::string&) {}};
  Catalogue catalogue{{.now = [](std::string_view) { return config::ServiceStatus(); },
                       .epoch = [](std::string_view) { return std::uint64_t{0}; }},
                      names,
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
    auto zone = read_zone("a.example", text);
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
