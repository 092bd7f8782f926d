#include "dnsupdate/plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/documents.h"
#include "config/kinds.h"
#include "config/object.h"
#include "dns/rdata.h"
#include "dns/zone_fixture.h"

namespace weir::dnsupdate {
namespace {

using Octets = std::vector<std::uint8_t>;

void add_number(Octets& out, std::uint64_t value, int octets) {
  for (int i = octets; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// A message line by line. In prerequisites: "yes www A", "no www ANY", "is www A 192.0.2.1"; of changes:
// "add www 60 A 192.0.2.1", "del www A 192.0.2.1", "del www A", "del www ANY". Names are relative.
Octets message(const std::vector<std::string>& lines, const std::string& zone = "a.example") {
  const dns::Name origin = *dns::Name::parse(zone + '.', dns::Name());
  Octets prerequisites;
  Octets changes;
  int counts[2] = {0, 0};
  for (const std::string& line : lines) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < line.size();) {
      const std::size_t end = words.size() < 4 ? std::min(line.find(' ', at), line.size()) : line.size();
      words.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    const std::string verb = words[0];
    if (verb != "add") words.insert(words.begin() + 2, "0");
    const bool is_change = verb == "add" || verb == "del";
    std::string data;
    for (std::size_t i = 4; i < words.size(); ++i) data += (i > 4 ? " " : "") + words[i];
    const auto type = *dns::read_type(words[3]);
    unsigned record_class = dns::kClassIn;
    if (verb == "yes" || (verb == "del" && data.empty())) record_class = dns::kClassAny;
    if (verb == "no" || (verb == "del" && !data.empty())) record_class = dns::kClassNone;
    Octets& out = is_change ? changes : prerequisites;
    ++counts[is_change ? 1 : 0];
    const dns::Name owner = words[1] == "@" ? origin : *dns::Name::parse(words[1], origin);
    out.insert(out.end(), owner.wire().begin(), owner.wire().end());
    add_number(out, static_cast<std::uint64_t>(type), 2);
    add_number(out, record_class, 2);
    add_number(out, std::stoul(words[2]), 4);
    const Octets rdata = data.empty() ? Octets() : *dns::read_rdata(type, data, origin);
    add_number(out, rdata.size(), 2);
    out.insert(out.end(), rdata.begin(), rdata.end());
  }
  Octets all;
  for (const unsigned number : {7U, 0x2800U, 1U, 0U + counts[0], 0U + counts[1], 0U})
    add_number(all, number, 2);
  all.insert(all.end(), origin.wire().begin(), origin.wire().end());
  add_number(all, 6, 2);
  add_number(all, 1, 2);
  all.insert(all.end(), prerequisites.begin(), prerequisites.end());
  all.insert(all.end(), changes.begin(), changes.end());
  return all;
}

struct World {
  World() {
    put("{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], ttl: 300, "
        "records: \"ns1 A 192.0.2.53\\nfile A 192.0.2.9\\n\", updates: [{key: all}, "
        "{key: some, names: [www, '*.dev'], types: [A, TXT]}]}}");
    put("{kind: RecordSet, metadata: {name: www, labels: {team: web}}, spec: {zone: a.example, name: www, "
        "type: A, values: [192.0.2.1, 192.0.2.2]}}");
    put("{kind: RecordSet, metadata: {name: mail}, spec: {zone: a.example, name: www, type: MX, values: "
        "[10 Mail]}}");
    put("{kind: RecordSet, metadata: {name: alias}, spec: {zone: a.example, name: c, type: CNAME, values: "
        "[www]}}");
    put("{kind: RecordSet, metadata: {name: turns}, spec: {zone: a.example, name: turns, type: A, policy: "
        "ROUND_ROBIN, values: [192.0.2.1]}}");
  }
  void put(const std::string& yaml) {
    auto object = config::parse_object(config::read_yaml(yaml)->front().json, config::Origin::kClient);
    REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
    whole.put(std::make_shared<const config::Object>(std::move(*object)));
  }
  // "www A 60: 192.0.2.1, 192.0.2.2; -mail", or the code of the refusal and why.
  std::string plan_of(const Octets& octets, const std::string& secret = "all") const {
    const auto made = plan_update({.message = octets, .secret = secret, .from = {}, .file = file}, whole);
    if (!made) return std::to_string(static_cast<int>(made.error().rcode)) + " " + made.error().reason;
    std::string text;
    for (const config::Object& object : made->puts) {
      const auto& spec = std::get<config::RecordSetSpec>(object.spec);
      text += text.empty() ? "" : "; ";
      text += object.metadata.name + " " + spec.name + " " + dns::type_text(config::type_of(spec.type));
      text += spec.ttl ? " " + std::to_string(*spec.ttl) + ":" : ":";
      for (const std::string& value : spec.values) text += " " + value;
    }
    for (const std::string& name : made->deletions) text += (text.empty() ? "-" : "; -") + name;
    return text;
  }
  std::string plan(const std::vector<std::string>& lines, const std::string& secret = "all") const {
    return plan_of(message(lines), secret);
  }
  void put_file(const std::string& lines) {
    file = dns::fixture::zone("a.example.",
                              "a.example. 9 SOA ns.a.example. host.a.example. 1 2 3 4 5\n"
                              "a.example. 9 NS ns.a.example.\n" +
                                  lines);
  }
  config::Whole whole;
  std::shared_ptr<const dns::Zone> file;
};

TEST_CASE("update: records are added, to sets that are there and to new ones") {
  const World world;
  CHECK(world.plan({"add new 60 A 192.0.2.7"}) == "new.a.example-a new A 60: 192.0.2.7");
  CHECK(world.plan({"add www 300 A 192.0.2.3"}) == "www www A: 192.0.2.1 192.0.2.2 192.0.2.3");
  CHECK(world.plan({"add www 300 A 192.0.2.1"}) == "");
  CHECK(world.plan({"add www 60 A 192.0.2.1"}) == "www www A 60: 192.0.2.1 192.0.2.2");
  CHECK(world.plan({"add @ 60 TXT \"one two\""}) == "a.example-txt @ TXT 60: \"one two\"");
  CHECK(world.plan({"add _db._tcp 5 SRV 0 0 1 www", "add *.dev 5 A 192.0.2.1"}) ==
        "any.dev.a.example-a *.dev A 5: 192.0.2.1; db.tcp.a.example-srv _db._tcp SRV 5: 0 0 1 "
        "www.a.example.");
  CHECK(world.plan({"add x 5 A 192.0.2.1", "add x 6 A 192.0.2.2", "add y 5 AAAA ::1"}) ==
        "x.a.example-a x A 6: 192.0.2.1 192.0.2.2; y.a.example-aaaa y AAAA 5: ::1");
}

TEST_CASE("update: a set that is there keeps its name and labels, a name that is taken gets a number") {
  World world;
  const auto made = plan_update(
      {.message = message({"add www 300 A 192.0.2.3"}), .secret = "all", .from = {}}, world.whole);
  REQUIRE(made);
  CHECK(made->puts.front().metadata.labels.at("team") == "web");
  world.put(
      "{kind: RecordSet, metadata: {name: new.a.example-a}, spec: {zone: a.example, name: other, "
      "type: A, values: [192.0.2.1]}}");
  CHECK(world.plan({"add new 60 A 192.0.2.7"}) == "new.a.example-a-2 new A 60: 192.0.2.7");
}

TEST_CASE("update: records, sets and names are deleted; what is not there is no error") {
  const World world;
  CHECK(world.plan({"del www A 192.0.2.1"}) == "www www A: 192.0.2.2");
  CHECK(world.plan({"del www A 192.0.2.1", "del www A 192.0.2.2"}) == "-www");
  CHECK(world.plan({"del www MX 10 MAIL"}) == "-mail");  // names have no case
  CHECK(world.plan({"del www A"}) == "-www");
  CHECK(world.plan({"del www ANY"}) == "-www; -mail");
  CHECK(world.plan({"del www A", "add www 300 A 192.0.2.8"}) == "www www A: 192.0.2.8");
  CHECK(world.plan({"del nobody ANY", "del nobody A", "del www TXT x", "del www A 192.0.2.77"}) == "");
  CHECK(world.plan({"del @ ANY", "del @ NS", "del @ SOA"}) == "");
}

TEST_CASE("update: CNAMEs replace each other, and are left aside beside others") {
  const World world;
  CHECK(world.plan({"add c 300 CNAME other"}) == "alias c CNAME: other.a.example.");
  CHECK(world.plan({"add c 60 A 192.0.2.1"}) == "");
  CHECK(world.plan({"add www 60 CNAME c"}) == "");
  CHECK(world.plan({"del c CNAME", "add c 60 A 192.0.2.1"}) == "c.a.example-a c A 60: 192.0.2.1; -alias");
}

TEST_CASE("update: prerequisites") {
  const World world;
  const std::string add = "add p 5 A 192.0.2.1";
  const std::string done = "p.a.example-a p A 5: 192.0.2.1";
  CHECK(world.plan({"yes www A", "yes www ANY", "no www AAAA", "no p ANY", "yes file A", "yes @ SOA", add}) ==
        done);
  CHECK(world.plan({"is www A 192.0.2.2", "is www A 192.0.2.1", "yes turns A", add}) == done);
  CHECK(world.plan({"is www MX 10 mail.A.example.", add}) == done);
  CHECK(world.plan({"yes p ANY", add}).starts_with("3 "));
  CHECK(world.plan({"yes www AAAA", add}).starts_with("8 "));
  CHECK(world.plan({"no www ANY", add}).starts_with("6 "));
  CHECK(world.plan({"no www A", add}).starts_with("7 "));
  CHECK(world.plan({"is www A 192.0.2.1", add}).starts_with("8 "));
  CHECK(world.plan({"is www AAAA ::1", add}).starts_with("8 "));
}

TEST_CASE("update: what a zone file, the Zone or a policy says is refused, whole") {
  const World world;
  for (const char* line :
       {"add file 60 A 192.0.2.1", "del file A", "del file ANY", "del file A 192.0.2.9",
        "add turns 60 A 192.0.2.7", "del turns A", "del turns A 192.0.2.1", "add @ 60 NS other",
        "del @ NS ns1", "add @ 60 SOA a b 1 2 3 4 5", "add www 60 TYPE731 \\# 1 00"}) {
    CAPTURE(line);
    CHECK(world.plan({"add fine 60 A 192.0.2.1", line}).starts_with("5 "));
  }
}

TEST_CASE("update: what nobody could write as a RecordSet is refused") {
  const World world;
  CHECK(world.plan({"add x 604801 A 192.0.2.1"}).starts_with("5 "));
  CHECK(world.plan({"add a\\032b 60 A 192.0.2.1"}).starts_with("5 "));
  CHECK(world.plan({"add " + std::string(60, 'x') + " 60 A 192.0.2.1"}) ==
        std::string(60, 'x') + ".a.example-a " + std::string(60, 'x') + " A 60: 192.0.2.1");
}

TEST_CASE("update: keys write what they may") {
  const World world;
  for (const char* line :
       {"add www 60 TXT x", "add a.dev 60 A 192.0.2.1", "add b.a.dev 60 TXT x", "del www A 192.0.2.1"}) {
    CAPTURE(line);
    CHECK_FALSE(world.plan({line}, "some").starts_with("5 "));
  }
  for (const char* line : {"add www 60 AAAA ::1", "add dev 60 A 192.0.2.1", "add other 60 A 192.0.2.1",
                           "add wwww 60 A 192.0.2.1", "add @ 60 TXT x", "del www ANY", "del www MX"}) {
    CAPTURE(line);
    CHECK(world.plan({line}, "some").starts_with("5 the key may not write "));
  }
  CHECK(world.plan({"add www 60 A 192.0.2.1"}, "stranger") == "5 the key may not write this zone");
  // What is there is nothing to strangers.
  CHECK(world.plan({"yes nobody A"}, "stranger") == "5 the key may not write this zone");
}

TEST_CASE("update: messages that are none") {
  const World world;
  CHECK(world.plan_of(message({"add x 60 A 192.0.2.1"}, "b.example")).starts_with("9 "));
  CHECK(world.plan({"add x.b.example. 60 A 192.0.2.1"}).starts_with("10 "));
  const Octets right = message({"add x 60 A 192.0.2.1"});
  const auto with = [&](std::size_t at, std::uint8_t octet) {
    Octets other = right;
    other[at] = octet;
    return world.plan_of(other);
  };
  const std::size_t zone_end = 12 + 11;
  CHECK(with(5, 2).starts_with("1 "));                        // two zones
  CHECK(with(zone_end + 1, 1).starts_with("1 "));             // of type A
  CHECK(with(zone_end + 3, 3).starts_with("9 "));             // of another class
  CHECK(with(zone_end + 4 + 13 + 1, 250).starts_with("1 "));  // a type of messages
  CHECK(with(zone_end + 4 + 13 + 3, 3).starts_with("1 "));    // a class that says nothing
  CHECK(with(zone_end + 4 + 13 + 3, 254).starts_with("1 "));  // a deletion with a TTL
  CHECK(with(9, 0).starts_with("1 "));                        // octets that nothing counts
  for (std::size_t size = 0; size < right.size(); ++size) {
    CHECK(world.plan_of(Octets(right.begin(), right.begin() + static_cast<std::ptrdiff_t>(size)))
              .starts_with("1 "));
  }
  CHECK(world.plan_of(message(std::vector<std::string>(1001, "no x A"))).starts_with("5 "));
}

TEST_CASE("update: what the zone's file has is seen by prerequisites, and stays as it is") {
  World world;
  CHECK(world.plan({"yes host A"}) == "8 host.a.example. A is not there");
  world.put_file(
      "host.a.example. 60 A 192.0.2.7\nhost.a.example. 60 A 192.0.2.8\n"
      "file.a.example. 60 A 192.0.2.10\nwww.a.example. 60 A 192.0.2.11\n"
      "www.a.example. 60 TXT a\nturns.a.example. 60 A 192.0.2.12\nb.c2.a.example. 60 CNAME x.\n");
  CHECK(world.plan({"yes host A", "yes HOST ANY", "no host AAAA", "yes b.c2 CNAME"}) == "");
  CHECK(world.plan({"is host A 192.0.2.8", "is host A 192.0.2.7"}) == "");
  CHECK(world.plan({"is host A 192.0.2.7"}) == "8 host.a.example. A is another set");
  CHECK(world.plan({"no host ANY"}) == "6 host.a.example. ANY is there");
  CHECK(world.plan({"no host A"}) == "7 host.a.example. A is there");
  CHECK(world.plan({"no c2 ANY"}) == "");  // only names below it have records
  // Zone.records are added to the file's, RecordSets and the Zone's own take the place of them.
  CHECK(world.plan({"is file A 192.0.2.10", "is file A 192.0.2.9"}) == "");
  CHECK(world.plan({"is www A 192.0.2.1", "is www A 192.0.2.2"}) == "");
  CHECK(world.plan({"is @ NS ns1.a.example."}) == "");
  CHECK(world.plan({"yes turns A"}) == "");
  CHECK(world.plan({"add host 60 A 192.0.2.9"}) == "5 host.a.example. A: it is in the zone's file");
  CHECK(world.plan({"del host A 192.0.2.7"}) == "5 host.a.example. A: it is in the zone's file");
  CHECK(world.plan({"del host A"}) == "5 host.a.example. A: it is in the zone's file");
  CHECK(world.plan({"del host ANY"}) == "5 host.a.example. A: it is in the zone's file");
  CHECK(world.plan({"del host A 192.0.2.99", "del host TXT"}) == "");
  CHECK(world.plan({"add host 60 TXT b"}) == "host.a.example-txt host TXT 60: \"b\"");
  CHECK(world.plan({"add host 60 CNAME www", "add b.c2 60 A 192.0.2.1"}) == "");
  CHECK(world.plan({"del www A 192.0.2.1"}) == "www www A: 192.0.2.2");
  CHECK(world.plan({"del www A"}) ==
        "5 www.a.example. A: without the RecordSet others would be there, for it is in the zone's file");
  CHECK(world.plan({"del www A", "add www 300 A 192.0.2.5"}) == "www www A: 192.0.2.5");
}

TEST_CASE("update: a RecordSet in the place of the Zone's records is what prerequisites see") {
  World world;
  world.put(
      "{kind: RecordSet, metadata: {name: f}, spec: {zone: a.example, name: file, type: A, values: "
      "[192.0.2.77]}}");
  CHECK(world.plan({"is file A 192.0.2.77"}) == "");
  CHECK(world.plan({"add file 300 A 192.0.2.78"}) == "f file A: 192.0.2.77 192.0.2.78");
  CHECK(
      world.plan({"del file A"}) ==
      "5 file.a.example. A: without the RecordSet others would be there, for it is among the Zone's records");
}

}  // namespace
}  // namespace weir::dnsupdate
