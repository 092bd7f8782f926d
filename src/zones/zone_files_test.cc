// Zones from files: read when they come, when they change, and told of when they can't be taken.
#include "zones/zone_files.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dns/rdata.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"

namespace weir::zones {
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
  std::vector<std::string> owners;  // that each change was told by
  ZoneFiles files{fake.env, fake.env, directory.path(),
                  [this](const std::string& name, const ChangedFile& file) {
                    std::set<std::string> texts;
                    for (const dns::Name& owner : file.owners.value_or(std::vector<dns::Name>())) {
                      texts.insert(owner.to_text() + ' ');
                    }
                    owners.push_back(file.owners ? "" : "any");
                    for (const std::string& one : texts) owners.back() += one;
                    if (file.zone) {
                      zones[name] = file.zone;
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

TEST_CASE("a change of a file is told by the names whose records are others; none: it is not told") {
  Folder folder;
  folder.files.start();
  folder.write("a.example.zone", kFile + "old 60 TXT a\nb.c 60 TXT a\n");
  folder.write("a.example.zone", kFile + "new 60 TXT a\nb.c 60 TXT a\nwww 60 AAAA 2001:db8::1\n");
  folder.write("a.example.zone",
               "; the same\n" + kFile + "new 60 TXT a\nb.c 60 TXT a\nwww 60 AAAA 2001:db8::1\n");
  folder.write("a.example.zone", kFile + "new 60 TXT a\nb.c 61 TXT a\nwww 60 AAAA 2001:db8::1\n");
  folder.write("a.example.zone", "no zone");
  folder.write("a.example.zone", kFile);
  REQUIRE(folder.owners.size() == 4);
  CHECK(folder.owners[0] == "any");
  CHECK(folder.owners[1] == "new.a.example. old.a.example. www.a.example. ");
  CHECK(folder.owners[2] == "b.c.a.example. ");
  CHECK(folder.owners[3] == "b.c.a.example. c.a.example. new.a.example. www.a.example. ");
  CHECK(folder.fake.log.count("a zone file is served") == 4);
  const auto one = read_zone("a.example", kFile);
  const auto other = read_zone("a.example", kFile + "x 1 TXT a\ny 1 TXT a\n");
  CHECK(differing_owners(**one, **other, 2)->size() == 2);
  CHECK_FALSE(differing_owners(**one, **other, 1));
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

}  // namespace
}  // namespace weir::zones
