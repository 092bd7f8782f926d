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
  std::shared_ptr<const dns::Zone> file;

  ~Catalogued() { CHECK(fake.run(names.stop())); }
  void apply(const std::vector<std::pair<std::string, std::string>>& records) {
    config::Zone zone{.name = "a.example", .serial = ++serial};
    zone.spec.nameservers = {"ns1"};
    zone.spec.transfers = config::ZoneTransfers{.networks = {"127.0.0.0/8"}, .keys = {}, .notify = {}};
    zone.spec.records = "mail 60 A 192.0.2.25\n";
    for (const auto& [name, value] : records) {
      zone.record_sets.push_back({name, {.zone = "a.example", .name = name, .values = {value}}});
      if (name == "steered") zone.record_sets.back().spec.policy = config::RecordPolicy::kMulti;
    }
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->zones = {std::make_shared<const config::Zone>(std::move(zone))};
    catalogue.apply(snapshot);
  }
  // As ZoneFiles tells of it.
  void put_file(const std::string& text) {
    auto zone = zones::read_zone("a.example", text);
    REQUIRE(zone);
    zones::ChangedFile changed{.zone = *zone, .owners = {}};
    if (file) changed.owners = zones::differing_owners(*file, **zone, zones::kZoneFileOwnersMax);
    file = *zone;
    catalogue.put_file("a.example", std::move(changed));
  }
  // What changed since that version, "-" before what went; or "nothing is known".
  std::string since(std::uint32_t version) const {
    const dnspeer::ZoneRules* rules = catalogue.view()->rules().find(zone().apex());
    REQUIRE(rules != nullptr);
    std::string text;
    const auto add = [&](const std::vector<dnspeer::KeptRecord>& records, const char* sign) {
      for (const dnspeer::KeptRecord& one : records) {
        const auto type = static_cast<dns::Type>(dns::load_u16(&one.packed[2]));
        if (type == dns::Type::kSoa) continue;
        text += sign + dns::name_text(one.owner) + ' ';
        dns::write_rdata(text, type, dns::Bytes(one.packed).subspan(dns::kPackedHeadBytes));
        text += ' ';
      }
    };
    const auto history = rules->history;
    const auto differences = history ? history->since(version) : decltype(history->since(0))();
    if (differences.empty()) return "nothing is known";
    CHECK(differences.back()->to == zone().serial());
    for (const auto& one : differences) {
      add(one->removed, "-");
      add(one->added, "");
    }
    return text;
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
  CHECK(world.zone().serial() == 11 + 7);
  CHECK(world.records("api") == "192.0.2.8");
  CHECK(world.records("www") == "192.0.2.9");
  CHECK(world.records("mail") == "192.0.2.25");
  CHECK(world.records("ns") == "192.0.2.53");
  world.apply({{"api", "192.0.2.18"}});
  CHECK(world.zone().serial() == 12 + 7);
  CHECK(world.records("api") == "192.0.2.18");
  CHECK(world.records("www") == "192.0.2.1");
  world.put_file(kFile + "new 60 A 192.0.2.33\n");
  CHECK(world.records("new") == "192.0.2.33");
  CHECK(world.records("api") == "192.0.2.18");
  world.catalogue.apply(std::make_shared<config::Snapshot>());
  CHECK(world.zone().serial() == 7);
  CHECK(world.records("api") == "no name");
  world.catalogue.put_file("a.example", {});
  CHECK(world.catalogue.view()->zones().all().empty());
}

TEST_CASE("a Zone whose file goes away is what is written in it") {
  Catalogued world;
  world.apply({{"api", "192.0.2.8"}});
  world.put_file(kFile);
  CHECK(world.records("www") == "192.0.2.1");
  world.catalogue.put_file("a.example", {});
  CHECK(world.records("www") == "no name");
  CHECK(world.records("api") == "192.0.2.8");
}

std::string file_of(std::uint32_t serial, const std::string& more) {
  return "@ 3600 SOA ns hostmaster " + std::to_string(serial) +
         " 3600 600 86400 300\n@ 3600 NS ns\nns 60 A 192.0.2.53\n" + more;
}

TEST_CASE("a changed file makes the serial number grow, and what changed is known") {
  Catalogued world;
  world.put_file(file_of(7, "www 60 A 192.0.2.1\napi 60 A 192.0.2.2\n"));
  world.apply({{"api", "192.0.2.8"}, {"steered", "192.0.2.9"}});
  CHECK(world.zone().serial() == 18);
  world.put_file(file_of(8, "www 60 A 192.0.2.3\nnew 60 A 192.0.2.4\n"));
  CHECK(world.zone().serial() == 19);
  CHECK(world.since(18) == "-www.a.example. 192.0.2.1 www.a.example. 192.0.2.3 new.a.example. 192.0.2.4 ");
  // Whoever forgot to count gets one more.
  world.put_file(file_of(8, "www 60 A 192.0.2.3\n"));
  CHECK(world.zone().serial() == 20);
  CHECK(world.since(19) == "-new.a.example. 192.0.2.4 ");
  world.put_file(file_of(20, "www 60 A 192.0.2.3\nnew 60 A 192.0.2.5\n"));
  CHECK(world.zone().serial() == 11 + 20);
  CHECK(world.since(20) == "new.a.example. 192.0.2.5 ");
  CHECK_FALSE(world.since(18) == "nothing is known");
  // A Zone that is read once more is the same version.
  --world.serial;
  world.apply({{"api", "192.0.2.8"}, {"steered", "192.0.2.9"}});
  CHECK(world.zone().serial() == 31);
  CHECK(world.since(20) == "new.a.example. 192.0.2.5 ");
  // Without the file it goes on from there.
  world.file.reset();
  world.catalogue.put_file("a.example", {});
  CHECK(world.zone().serial() == 32);
  world.apply({{"api", "192.0.2.8"}});
  CHECK(world.zone().serial() == 33);
}

TEST_CASE("the serial number of a file counts from the moment that it is there") {
  Catalogued world;
  world.apply({});
  CHECK(world.zone().serial() == 11);
  world.put_file(file_of(3'000'000'000, ""));
  CHECK(world.zone().serial() == 3'000'000'011);
  world.apply({});
  CHECK(world.zone().serial() == 3'000'000'012);
}

TEST_CASE("sets with a policy are sent whole when they change, and only then") {
  Catalogued world;
  world.apply({{"steered", "192.0.2.9"}});
  world.apply({{"steered", "192.0.2.9"}, {"www", "192.0.2.1"}});
  CHECK(world.since(11) == "www.a.example. 192.0.2.1 ");
  world.apply({{"steered", "192.0.2.9"}, {"www", "192.0.2.2"}});
  CHECK(world.since(12) == "-www.a.example. 192.0.2.1 www.a.example. 192.0.2.2 ");
  world.apply({{"steered", "192.0.2.10"}, {"www", "192.0.2.2"}});
  CHECK(world.since(13) == "nothing is known");
  world.apply({{"steered", "192.0.2.10"}});
  CHECK(world.since(14) == "-www.a.example. 192.0.2.2 ");
  world.apply({});
  CHECK(world.since(15) == "nothing is known");
}

TEST_CASE("a RecordSet that does not fit what a file has changes is in what changed, too") {
  Catalogued world;
  world.apply({{"www", "192.0.2.1"}});
  world.put_file(file_of(7, "other 60 A 192.0.2.2\n"));
  world.put_file(file_of(8, "other 60 A 192.0.2.2\nwww 60 CNAME other\n"));
  CHECK(world.records("www") == "no data");
  CHECK(world.since(18) == "-www.a.example. 192.0.2.1 www.a.example. other.a.example. ");
  world.put_file(file_of(9, "other 60 A 192.0.2.2\n"));
  CHECK(world.since(19) == "-www.a.example. other.a.example. www.a.example. 192.0.2.1 ");
}

}  // namespace
}  // namespace weir::nameserver
