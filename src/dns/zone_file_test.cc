#include "dns/zone_file.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "dns/rdata.h"

namespace weir::dns {
namespace {

const Name kOrigin = *Name::parse("example.com.", Name());

struct Read {
  std::string records;  // one per line
  std::string refusal;  // empty: there was none
};

Read read(std::string_view text, const Name& origin = kOrigin) {
  Read all;
  const auto done = read_zone_file(text, origin, [&](const ZoneRecord& record) -> Result<void> {
    CHECK(check_rdata(record.type, record.rdata).has_value());
    write_record(all.records, record);
    return {};
  });
  if (!done) all.refusal = done.error().sentence();
  return all;
}

TEST_CASE("the example of RFC 1035 section 5.3") {
  const Read all = read(
      "@   IN  SOA     VENERA      Action\\.domains (\n"
      "                                 20     ; SERIAL\n"
      "                                 7200   ; REFRESH\n"
      "                                 600    ; RETRY\n"
      "                                 3600000; EXPIRE\n"
      "                                 60)    ; MINIMUM\n"
      "\n"
      "        NS      A.ISI.EDU.\n"
      "        NS      VENERA\n"
      "        MX      10      VENERA\n"
      "        MX      20      VAXA\n"
      "\n"
      "A       A       26.3.0.103\n"
      "\n"
      "VENERA  A       10.1.0.52\n"
      "        A       128.9.0.32\n",
      *Name::parse("ISI.EDU.", Name()));
  CHECK(all.refusal.empty());
  CHECK(all.records ==
        "ISI.EDU.\t60\tIN\tSOA\tVENERA.ISI.EDU. Action\\.domains.ISI.EDU. 20 7200 600 3600000 60\n"
        "ISI.EDU.\t60\tIN\tNS\tA.ISI.EDU.\n"
        "ISI.EDU.\t60\tIN\tNS\tVENERA.ISI.EDU.\n"
        "ISI.EDU.\t60\tIN\tMX\t10 VENERA.ISI.EDU.\n"
        "ISI.EDU.\t60\tIN\tMX\t20 VAXA.ISI.EDU.\n"
        "A.ISI.EDU.\t60\tIN\tA\t26.3.0.103\n"
        "VENERA.ISI.EDU.\t60\tIN\tA\t10.1.0.52\n"
        "VENERA.ISI.EDU.\t60\tIN\tA\t128.9.0.32\n");
}

TEST_CASE("the example of RFC 2782") {
  const Read all = read(
      "$ORIGIN example.com.\n"
      "@               SOA server.example.com. root.example.com. (\n"
      "                    1995032001 3600 3600 604800 86400 )\n"
      "                NS  server.example.com.\n"
      "_foobar._tcp    SRV 0 1 9 old-slow-box.example.com.\n"
      "                 SRV 0 3 9 new-fast-box.example.com.\n"
      "; if neither of those\n"
      "server           A   172.30.79.10\n"
      "*._tcp          SRV  0 0 0 .\n",
      Name());
  CHECK(all.refusal.empty());
  CHECK(
      all.records.ends_with("_foobar._tcp.example.com.\t86400\tIN\tSRV\t0 1 9 old-slow-box.example.com.\n"
                            "_foobar._tcp.example.com.\t86400\tIN\tSRV\t0 3 9 new-fast-box.example.com.\n"
                            "server.example.com.\t86400\tIN\tA\t172.30.79.10\n"
                            "*._tcp.example.com.\t86400\tIN\tSRV\t0 0 0 .\n"));
}

TEST_CASE("TTL and class stand in either order, or not at all") {
  for (const char* text :
       {"a 300 IN A 10.0.0.1", "a IN 300 A 10.0.0.1", "a 5m A 10.0.0.1", "a 300 a 10.0.0.1",
        "a.example.com. in 300 TYPE1 \\# 4 0a000001", "a CLASS1 300 A 10.0.0.1", "$TTL 300\na A 10.0.0.1",
        "$ttl 5M\na IN A 10.0.0.1", "$ORIGIN a\n@ 300 A 10.0.0.1",
        "$ORIGIN a.example.com.\n$ORIGIN @\n@ 300 A 10.0.0.1", "$TTL 60\n\\097 300 A ( 10.0.0.1 )",
        "(a\n300) A 10.0.0.1"}) {
    CAPTURE(text);
    const Read all = read(text);
    CHECK(all.refusal.empty());
    CHECK(all.records == "a.example.com.\t300\tIN\tA\t10.0.0.1\n");
  }
}

TEST_CASE("a missing TTL: $TTL, else the last one that was said, else the minimum of the SOA") {
  const std::string soa = "@ SOA a b 1 2 3 4 60\n";
  const auto ttl_of_last = [](const std::string& text) {
    const Read all = read(text + "last A 10.0.0.1\n");
    CAPTURE(text);
    CHECK(all.refusal.empty());
    const std::string_view line = std::string_view(all.records).substr(all.records.rfind("last."));
    return std::string(line.substr(line.find('\t') + 1, line.find("\tIN") - line.find('\t') - 1));
  };
  CHECK(ttl_of_last(soa) == "60");
  CHECK(ttl_of_last("@ 90 SOA a b 1 2 3 4 60\n") == "90");
  CHECK(ttl_of_last(soa + "x 10 A 10.0.0.2\ny A 10.0.0.3\n") == "10");
  CHECK(ttl_of_last("$TTL 20\n" + soa + "x 10 A 10.0.0.2\n") == "20");
  CHECK(ttl_of_last("$TTL 20\n" + soa + "$TTL 30\n") == "30");
  CHECK(ttl_of_last("@ SOA a b 1 2 3 4 4294967295\n") == "2147483647");
}

TEST_CASE("names with octets of all kinds, and absolute lines under any origin") {
  const Read all = read("a\\.b\\032\\\"\\;\\@ 1 CNAME \\$x\n\\$ORIGIN 1 TXT \"$\"\n*.\\000 1 NS @\n");
  CHECK(all.refusal.empty());
  const Read again = read(all.records, *Name::parse("elsewhere.", Name()));
  CHECK(again.refusal.empty());
  CHECK(again.records == all.records);
  CHECK(all.records.starts_with("a\\.b\\032\\\"\\;\\@.example.com.\t1\tIN\tCNAME\t\\$x.example.com.\n"));
}

TEST_CASE("refusals say the line") {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"$TTL 1\n\n; c\na A 10.0.0", "line 4: an IPv4 address has four numbers from 0 to 255"},
      {"$TTL 1\na SOA b c (\n1\n2\nx\n4 5)",
       "line 5: a time is a number of seconds, or like 1h30m, below 2^32 seconds"},
      {"$TTL 1\na A\n", "line 2: the record ends before its last field"},
      {" A 10.0.0.1", "line 1: the first record has no owner"},
      {"a A 10.0.0.1", "line 1: the record has no TTL, and neither $TTL nor a record before it says one"},
      {"a 1", "line 1: a record has a type"},
      {"a", "line 1: a record has a type"},
      {"a 1 FOO x", "line 1: a type that is not known by name; any is written like TYPE65280"},
      {"a 1 IN IN A 10.0.0.1", "line 1: a type that is not known by name; any is written like TYPE65280"},
      {"a 1 IN 2 A 10.0.0.1", "line 1: a record has one TTL"},
      {"a 1 ANY \\# 0", "line 1: a type of questions or messages, not of records"},
      {"a 1 TYPE0 \\# 0", "line 1: a type of questions or messages, not of records"},
      {"a 1 CH A 10.0.0.1", "line 1: records have the class IN here"},
      {"a 1 CLASS3 A 10.0.0.1", "line 1: records have the class IN here"},
      {"a 2147483648 A 10.0.0.1", "line 1: a TTL has at most 2147483647 seconds"},
      {"$TTL 2147483648", "line 1: a TTL has at most 2147483647 seconds"},
      {"a..b 1 A 10.0.0.1", "line 1: a label is not empty"},
      {"\"a\" 1 A 10.0.0.1", "line 1: quotes stand where a field is written without them"},
      {"a 1 A \"10.0.0.1", "line 1: a quoted string is closed on the line where it begins"},
      {"$INCLUDE other", "line 1: $INCLUDE is not read here; the file holds all records of its zone"},
      {"\n$GENERATE 1-9 a$ A 10.0.0.$", "line 2: $GENERATE is not read here; each record is written out"},
      {"$FOO 1", "line 1: a directive that is not known; there are $ORIGIN and $TTL"},
      {"$TTL", "line 1: the directive has no value"},
      {"$ORIGIN a b", "line 1: the directive has one value"},
      {"$ORIGIN a..", "line 1: a label is not empty"},
      {"$TTL 1\na TYPE731 \\# 2 ab\n",
       "line 2: there are more or fewer octets than the number after \\# says"},
  };
  for (const auto& [text, sentence] : table) {
    CAPTURE(text);
    const Read all = read(text);
    CHECK(all.refusal == sentence);
    CHECK(all.records.empty());
  }
}

TEST_CASE("the sink refuses, and reading ends there") {
  int calls = 0;
  const auto done = read_zone_file("$TTL 1\na A 10.0.0.1\nb A 10.0.0.2\nc A 10.0.0.3", kOrigin,
                                   [&](const ZoneRecord& record) -> Result<void> {
                                     ++calls;
                                     if (record.rdata[3] == 2)
                                       return fail(Code::kInvalid, "outside of the zone");
                                     return {};
                                   });
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().sentence() == "line 3: outside of the zone");
  CHECK(done.error().error.code == Code::kInvalid);
  CHECK(calls == 2);
}

}  // namespace
}  // namespace weir::dns
