#include "cloud/route53.h"

#include <doctest/doctest.h>

#include <string>

#include "cloud/client_fixture.h"

namespace weir::cloud {
namespace {

using testing::FakeEnv;

constexpr const char* kZones =
    R"(<?xml version="1.0"?>
    <ListHostedZonesByNameResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
    <HostedZones>
    <HostedZone><Id>/hostedzone/ZP</Id><Name>a.example.</Name>
    <Config><PrivateZone>true</PrivateZone></Config></HostedZone>
    <HostedZone><Id>/hostedzone/Z1</Id><Name>a.example.</Name>
    <Config><PrivateZone>false</PrivateZone></Config></HostedZone>
    <HostedZone><Id>/hostedzone/Z2</Id><Name>b.example.</Name></HostedZone>
    </HostedZones><IsTruncated>false</IsTruncated></ListHostedZonesByNameResponse>)";

std::string set_xml(const std::string& name, const std::string& type, const std::string& inside) {
  return "<ResourceRecordSet><Name>" + name + "</Name><Type>" + type + "</Type>" + inside +
         "</ResourceRecordSet>";
}
std::string records_xml(const std::string& value, int ttl = 60) {
  return "<TTL>" + std::to_string(ttl) + "</TTL><ResourceRecords><ResourceRecord><Value>" + value +
         "</Value></ResourceRecord></ResourceRecords>";
}
std::string list_xml(const std::string& sets, const std::string& more = "<IsTruncated>false</IsTruncated>") {
  return "<ListResourceRecordSetsResponse><ResourceRecordSets>" + sets + "</ResourceRecordSets>" + more +
         "</ListResourceRecordSetsResponse>";
}

struct World {
  FakeEnv fake;
  PlayedProvider provider{fake};
  Route53 client{fake.env, options_at("http://127.0.0.1:8081"), "a.example", {"AKID", "s3cret", "a&b"}};

  RecordSets read(const std::string& list) {
    UnderWay<Told<RecordSets>> read(fake, client.read());
    provider.request();
    provider.answer("200 OK", kZones);
    provider.request();
    provider.answer("200 OK", list);
    REQUIRE(read.result);
    REQUIRE_MESSAGE(*read.result, read.result->error().sentence);
    return **read.result;
  }
};

std::string content_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }

TEST_CASE("the public zone of that name is read, page by page") {
  World world;
  UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
  const std::string first = world.provider.request();
  CHECK(first.starts_with("GET /2013-04-01/hostedzonesbyname?dnsname=a.example&maxitems=10 HTTP/1.1\r\n"));
  CHECK(first.find("Authorization: AWS4-HMAC-SHA256 Credential=AKID/") != std::string::npos);
  CHECK(first.find("/us-east-1/route53/aws4_request") != std::string::npos);
  CHECK(first.find("s3cret") == std::string::npos);
  world.provider.answer("200 OK", kZones);
  CHECK(
      world.provider.request().starts_with("GET /2013-04-01/hostedzone/Z1/rrset?maxitems=300 HTTP/1.1\r\n"));
  world.provider.answer(
      "200 OK",
      list_xml(set_xml("a.example.", "SOA", records_xml("x")) +
                   set_xml("a.example.", "NS", records_xml("y")) +
                   set_xml("\\052.a.example.", "A", records_xml("192.0.2.1")),
               "<IsTruncated>true</IsTruncated><NextRecordName>w.a.example.</NextRecordName>"
               "<NextRecordType>A</NextRecordType><NextRecordIdentifier>one</NextRecordIdentifier>"));
  CHECK(world.provider.request().starts_with(
      "GET /2013-04-01/hostedzone/Z1/rrset?identifier=one&maxitems=300&name=w.a.example.&type=A "
      "HTTP/1.1\r\n"));
  const std::string weighted = "<SetIdentifier>one</SetIdentifier><Weight>1</Weight>";
  world.provider.answer("200 OK",
                        list_xml(set_xml("w.a.example.", "A", weighted + records_xml("192.0.2.1")) +
                                 set_xml("al.a.example.", "A", "<AliasTarget/>") +
                                 set_xml("t.a.example.", "TXT", records_xml("&quot;\\344&amp;&quot;"))));
  REQUIRE(read.result);
  REQUIRE_MESSAGE(*read.result, read.result->error().sentence);
  const RecordSets& sets = **read.result;
  REQUIRE(sets.size() == 4);
  CHECK(sets[0] == RecordSet{"*.a.example.", "A", 60, {"192.0.2.1"}});
  CHECK(sets[1].beyond == "an alias");
  CHECK(sets[2] == RecordSet{"t.a.example.", "TXT", 60, {"\"\\228&\""}});
  CHECK(sets[3].beyond == "one of several by a routing policy");
}

TEST_CASE("a batch is one change batch, which says to the letter what it deletes") {
  World world;
  world.read(list_xml(set_xml("old.a.example.", "AAAA", records_xml("2001:DB8:0::1")) +
                      set_xml("www.a.example.", "A", records_xml("192.0.2.1"))));
  const std::vector<Change> batch{{Action::kCreate, {}, {"*.a.example.", "TXT", 60, {"\"<\\228\""}}},
                                  {Action::kDelete, {"old.a.example.", "AAAA", 60, {"2001:db8::1"}}, {}},
                                  {Action::kReplace,
                                   {"www.a.example.", "A", 60, {"192.0.2.1"}},
                                   {"www.a.example.", "A", 60, {"192.0.2.2", "192.0.2.3"}}}};
  UnderWay<Told<void>> write(world.fake, world.client.write(batch));
  const std::string request = world.provider.request();
  CHECK(request.starts_with("POST /2013-04-01/hostedzone/Z1/rrset/ HTTP/1.1\r\n"));
  CHECK(content_of(request) ==
        R"(<?xml version="1.0"?><ChangeResourceRecordSetsRequest)"
        R"( xmlns="https://route53.amazonaws.com/doc/2013-04-01/">)"
        "<ChangeBatch><Changes>"
        "<Change><Action>CREATE</Action><ResourceRecordSet><Name>*.a.example.</Name><Type>TXT</Type><TTL>60</"
        "TTL>"
        "<ResourceRecords><ResourceRecord><Value>\"&lt;\\344\"</Value></ResourceRecord></ResourceRecords>"
        "</ResourceRecordSet></Change>"
        "<Change><Action>DELETE</Action><ResourceRecordSet><Name>old.a.example.</Name><Type>AAAA</"
        "Type><TTL>60</TTL>"
        "<ResourceRecords><ResourceRecord><Value>2001:DB8:0::1</Value></ResourceRecord></ResourceRecords>"
        "</ResourceRecordSet></Change>"
        "<Change><Action>UPSERT</Action><ResourceRecordSet><Name>www.a.example.</Name><Type>A</Type><TTL>60</"
        "TTL>"
        "<ResourceRecords><ResourceRecord><Value>192.0.2.2</Value></ResourceRecord>"
        "<ResourceRecord><Value>192.0.2.3</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></"
        "Change>"
        "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>");
  SUBCASE("done") {
    world.provider.answer("200 OK", "<ChangeResourceRecordSetsResponse/>");
    REQUIRE(write.result);
    CHECK(*write.result);
  }
  SUBCASE("refused") {
    world.provider.answer(
        "400 Bad Request",
        "<InvalidChangeBatch><Messages><Message>it exists</Message></Messages></InvalidChangeBatch>");
    REQUIRE(write.result);
    CHECK(write.result->error().kind == Trouble::Kind::kRefused);
    CHECK(write.result->error().sentence == "Route 53 refuses with status 400: InvalidChangeBatch it exists");
  }
  SUBCASE("too often") {
    world.provider.answer(
        "400 Bad Request",
        "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error>"
        "</ErrorResponse>");
    REQUIRE(write.result);
    CHECK(write.result->error().kind == Trouble::Kind::kBusy);
  }
}

// More than was asked for.
std::string long_page() {
  std::string sets;
  for (std::size_t i = 0; i <= Route53::kPageSets; ++i) {
    sets += set_xml("n" + std::to_string(i) + ".a.example.", "A", records_xml("192.0.2.1"));
  }
  return list_xml(sets);
}

TEST_CASE("why a zone is not read") {
  const auto first = [](const char* status, const std::string& content) {
    World world;
    UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
    world.provider.request();
    world.provider.answer(status, content);
    REQUIRE(read.result);
    return *read.result ? "none" : read.result->error().sentence;
  };
  CHECK(first("403 Forbidden",
              "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></Error>"
              "</ErrorResponse>") == "Route 53 refuses with status 403: SignatureDoesNotMatch m");
  // As AWS shows what it would have signed itself.
  CHECK(first("403 Forbidden",
              "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>x-amz-security-token:a&amp;b "
              "or s3cret</Message></Error></ErrorResponse>") ==
        "Route 53 refuses with status 403: SignatureDoesNotMatch x-amz-security-token:*** or ***");
  CHECK(first("200 OK", "<a/>") == "Route 53 has no public hosted zone a.example (make it there first)");
  CHECK(first("200 OK", "<a") == "Route 53 answers with something else than was asked for");
  std::string twice = kZones;
  twice.replace(twice.find("b.example"), 9, "a.example");
  CHECK(first("200 OK", twice) == "Route 53 has several public hosted zones a.example");
  for (const std::string& list :
       {std::string("<x/>"), std::string("<x"),
        list_xml(set_xml("w.b.example.", "A", records_xml("192.0.2.1"))),
        list_xml(set_xml("w.a.example.", "A", "")), list_xml(set_xml("w.a.example.", "", records_xml("x"))),
        list_xml("", "<IsTruncated>true</IsTruncated>"), long_page()}) {
    CAPTURE(list);
    World world;
    UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
    world.provider.request();
    world.provider.answer("200 OK", kZones);
    world.provider.request();
    world.provider.answer("200 OK", list);
    REQUIRE(read.result);
    REQUIRE_FALSE(*read.result);
    CHECK(read.result->error().sentence == "Route 53 answers with something else than was asked for");
  }
}

TEST_CASE("octets in octal and in decimal") {
  CHECK(from_octal("\\052.a.") == "*.a.");
  CHECK(from_octal("a\\344b") == "a\\228b");
  CHECK(from_octal("a\\\"b\\\\") == "a\\\"b\\\\");
  CHECK(from_octal("a\\") == "a\\");
  CHECK(to_octal("a\\228b") == "a\\344b");
  CHECK(to_octal("a\\\"b\\\\") == "a\\\"b\\\\");
  CHECK(to_octal("a\\999") == "a\\999");
}

TEST_CASE("batches keep within 1,000 values and 32,000 characters, where what is replaced counts twice") {
  World world;
  std::vector<Change> changes;
  for (int i = 0; i < 30; ++i) {
    RecordSet set{"n" + std::to_string(i) + ".", "TXT", 60, {}};
    set.values.resize(100, "");
    changes.push_back({Action::kCreate, {}, set});
  }
  CHECK(world.client.batch_size(changes) == 10);
  for (Change& change : changes) {
    change.before = change.after;
    change.action = Action::kReplace;
  }
  CHECK(world.client.batch_size(changes) == 5);
}

}  // namespace
}  // namespace weir::cloud
