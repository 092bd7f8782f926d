#include "dns/svcb.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/text.h"
#include "dns/rdata.h"

namespace weir::dns {
namespace {

std::string hex(Bytes octets) { return to_hex(std::as_bytes(octets)); }

Result<Octets> read(std::string_view text) { return read_rdata(Type::kSvcb, text, Name()); }

std::string refusal(std::string_view text) {
  const auto rdata = read(text);
  return rdata ? "" : rdata.error().text;
}

std::string written(Bytes rdata) {
  std::string text;
  write_rdata(text, Type::kSvcb, rdata);
  return text;
}

TEST_CASE("RFC 9460 appendix D.1 and D.2: figures 2 to 10") {
  const std::string com = "03666f6f076578616d706c6503636f6d00";
  const std::string org = "03666f6f076578616d706c65036f726700";
  const std::string escaped_alpn = "0010" + org + "0001000c08665c6f6f2c626172026832";
  struct Vector {
    const char* text;
    std::string octets;
    const char* written;
  };
  const std::vector<Vector> table = {
      {"0 foo.example.com.", "0000" + com, "0 foo.example.com."},
      {"1 .", "000100", "1 ."},
      {"16 foo.example.com. port=53", "0010" + com + "000300020035", "16 foo.example.com. port=53"},
      {"1 foo.example.com. key667=hello", "0001" + com + "029b000568656c6c6f",
       "1 foo.example.com. key667=\"hello\""},
      {"1 foo.example.com. key667=\"hello\\210qoo\"", "0001" + com + "029b000968656c6c6fd2716f6f",
       "1 foo.example.com. key667=\"hello\\210qoo\""},
      {"1 foo.example.com. (\n ipv6hint=\"2001:db8::1,2001:db8::53:1\"\n )",
       "0001" + com + "00060020" + "20010db800000000000000000000000120010db8000000000000000000530001",
       "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1"},
      {"1 example.com. (\n ipv6hint=\"2001:db8:122:344::192.0.2.33\"\n )",
       "0001076578616d706c6503636f6d000006001020010db80122034400000000c0000221",
       "1 example.com. ipv6hint=2001:db8:122:344::c000:221"},
      {"16 foo.example.org. (\n alpn=h2,h3-19 mandatory=ipv4hint,alpn\n ipv4hint=192.0.2.1\n )",
       "0010" + org + "0000000400010004" + "0001000902683205" + "68332d3139" + "00040004c0000201",
       "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1"},
      {"16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", escaped_alpn,
       "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""},
      {"16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2", escaped_alpn,
       "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""},
  };
  for (const Vector& vector : table) {
    CAPTURE(vector.text);
    const auto rdata = read(vector.text);
    REQUIRE(rdata.has_value());
    CHECK(hex(*rdata) == vector.octets);
    CHECK(written(*rdata) == vector.written);
    CHECK(hex(*read(vector.written)) == vector.octets);
    CHECK(hex(*read_rdata(Type::kHttps, vector.text, Name())) == vector.octets);
    const std::string octets = "\\# " + std::to_string(rdata->size()) + " " + vector.octets;
    CHECK(hex(*read(octets)) == vector.octets);
  }
}

TEST_CASE("RFC 9460 appendix D.3: figures 11 to 16 are refused") {
  CHECK(refusal("1 foo.example.com. ( key123=abc key123=def )") == "a service parameter is there twice");
  for (const char* key : {"mandatory", "alpn", "port", "ipv4hint", "ipv6hint"}) {
    CAPTURE(key);
    CHECK(refusal(std::string("1 foo.example.com. ") + key) ==
          "a service parameter of this key has a value, as in port=443");
  }
  CHECK(refusal("1 foo.example.com. no-default-alpn=abc") == "no-default-alpn has no value");
  CHECK(refusal("1 foo.example.com. mandatory=key123") == "a mandatory service parameter is missing");
  CHECK(refusal("1 foo.example.com. mandatory=mandatory") == "mandatory does not name itself");
  CHECK(refusal("1 foo.example.com. ( mandatory=key123,key123 key123=abc )") ==
        "the keys in mandatory increase, and none is there twice");
}

TEST_CASE("each parameter in text and in wire form") {
  struct Row {
    const char* text;
    const char* octets;
    const char* written;  // null: as it was read
  };
  const std::vector<Row> table = {
      {"alpn=\"h2\" no-default-alpn", "0001 0003 02 6832 0002 0000", nullptr},
      {"no-default-alpn= alpn=h3", "0001 0003 02 6833 0002 0000", "alpn=\"h3\" no-default-alpn"},
      {"ipv4hint=192.0.2.1,192.0.2.2", "0004 0008 c0000201 c0000202", nullptr},
      {"ech=AEX+DQ==", "0005 0004 0045fe0d", nullptr},
      {"ech=\"AEX+\"", "0005 0003 0045fe", "ech=AEX+"},
      {"ech=AEU=", "0005 0002 0045", nullptr},
      {"dohpath=/dns-query{?dns}", "0007 0010 2f646e732d71756572797b3f646e737d",
       "dohpath=\"/dns-query{?dns}\""},
      {"key3=\\000\\053", "0003 0002 0035", "port=53"},
      {"key1=\\002h2", "0001 0003 026832", "alpn=\"h2\""},
      {"key8", "0008 0000", nullptr},
      {"key65534=\"a b=\\\"\"", "fffe 0005 6120623d22", nullptr},
      {"key9= mandatory=key9", "0000 0002 0009 0009 0000", "mandatory=key9 key9"},
  };
  for (const Row& row : table) {
    CAPTURE(row.text);
    const auto rdata = read(std::string("1 . ") + row.text);
    REQUIRE(rdata.has_value());
    std::string octets = "000100";
    for (const char c : std::string_view(row.octets)) {
      if (c != ' ') octets += c;
    }
    CHECK(hex(*rdata) == octets);
    CHECK(written(*rdata) == std::string("1 . ") + (row.written == nullptr ? row.text : row.written));
  }
}

TEST_CASE("parameters that are not consistent in themselves are refused") {
  const std::string long_alpn = "alpn=" + std::string(256, 'x');
  const std::vector<std::pair<std::string, std::string>> table = {
      {"no-default-alpn", "no-default-alpn goes with an alpn"},
      {"alpn=h2,,h3", "a protocol in alpn has 1 to 255 octets"},
      {"alpn=h2,", "a protocol in alpn has 1 to 255 octets"},
      {long_alpn, "a protocol in alpn has 1 to 255 octets"},
      {"alpn=a\\\\b", "a backslash in alpn goes before a comma or another one"},
      {"alpn=a\\\\", "a backslash in alpn goes before a comma or another one"},
      {"port=65536", "a port is a number from 0 to 65535"},
      {"ipv4hint=1.2.3.4,", "an IPv4 address has four numbers from 0 to 255"},
      {"ech", "a service parameter of this key has a value, as in port=443"},
      {"alpn=\"\"", "a service parameter of this key has a value, as in port=443"},
      {"mandatory=,port", "a service parameter that is not known by name; others are key0 to key65534"},
      {"ech=AEX", "ech is written in base64 with its padding"},
      {"ech=AEV=", "ech is written in base64 with its padding"},
      {"ech=A-X+", "ech is written in base64 with its padding"},
      {"ech====", "ech is written in base64 with its padding"},
      {"dohpath=/dns-query", "dohpath is a path with the variable dns, like /dns-query{?dns}"},
      {"key65535", "a service parameter without a name is key0 to key65534"},
      {"key01", "a service parameter without a name is key0 to key65534"},
      {"key", "a service parameter without a name is key0 to key65534"},
      {"ALPN=h2", "a service parameter that is not known by name; others are key0 to key65534"},
      {"=x", "a service parameter that is not known by name; others are key0 to key65534"},
      {"\"alpn=h2\"", "the quotes of a service parameter go around its value alone"},
      {"alpn=a=\"h2\"", "the quotes of a service parameter go around its whole value"},
      {"key3=1", "a port has two octets"},
      {"key4=abc", "ipv4hint has at least one IPv4 address, each of four octets"},
      {"key6=abc", "ipv6hint has at least one IPv6 address, each of sixteen octets"},
      {"key0=\\000", "mandatory has at least one key, each of two octets"},
      {"key1=\\003h2", "alpn has at least one protocol, and ends with one"},
  };
  for (const auto& [text, sentence] : table) {
    CAPTURE(text);
    CHECK(refusal("1 . " + text) == sentence);
  }
  CHECK(refusal("\\# 10 000100 00030002 0035 00").starts_with("a service parameter goes beyond"));
  CHECK(refusal("\\# 15 000100 00040004 01020304 0003 0002").starts_with("a service parameter goes beyond"));
  CHECK(
      refusal("\\# 17 000100 00040004 01020304 00030002 0035").starts_with("the keys of service parameters"));
  CHECK(refusal("\\# 7 000100 00050000") == "ech has a value");
  CHECK(refusal("\\# 7 000100 00060000").starts_with("ipv6hint has at least one"));
  CHECK(refusal("\\# 7 000100 00010000").starts_with("alpn has at least one"));
  CHECK(refusal("\\# 7 000100 ffff0000") == "65535 is no key of a service parameter");
}

}  // namespace
}  // namespace weir::dns
