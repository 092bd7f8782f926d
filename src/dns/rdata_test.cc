#include "dns/rdata.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/text.h"

namespace weir::dns {
namespace {

const Name kOrigin = *Name::parse("example.com.", Name());

std::string hex(Bytes octets) { return to_hex(std::as_bytes(octets)); }

Octets from_hex(std::string_view digits) {
  Octets octets;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      octets.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return octets;
}

std::string text_of(Type type, Bytes rdata) {
  std::string text;
  write_rdata(text, type, rdata);
  return text;
}

std::string refusal(Type type, std::string_view text) {
  const auto rdata = read_rdata(type, text, kOrigin);
  return rdata ? "" : rdata.error().text;
}

struct Form {
  const char* type;
  const char* text;
  const char* octets;
  const char* written;  // empty: as it was read
};

TEST_CASE("text becomes wire form, and is written so that it means the same") {
  const std::vector<Form> forms = {
      {"A", "10.0.255.1", "0a00ff01", ""},
      {"AAAA", "2001:DB8::1", "20010db8000000000000000000000001", "2001:db8::1"},
      {"AAAA", "::ffff:192.0.2.1", "00000000000000000000ffffc0000201", ""},
      {"NS", "ns1", "036e7331076578616d706c6503636f6d00", "ns1.example.com."},
      {"NS", ".", "00", ""},
      {"CNAME", "@", "076578616d706c6503636f6d00", "example.com."},
      {"CNAME", "\\@.", "014000", "\\@."},
      {"PTR", "a\\.b.", "03612e6200", "a\\.b."},
      {"MX", "10 Mail.", "000a044d61696c00", ""},
      {"MX", "0 .", "000000", ""},
      {"TXT", "a \"b c\" \"\"", "0161 03622063 00", "\"a\" \"b c\" \"\""},
      {"TXT", "\"say \\\"\\\\\\\" \\200;\"", "0a 73617920225c22 20 c8 3b", "\"say \\\"\\\\\\\" \\200;\""},
      {"SRV", "0 5 5060 sip.", "0000 0005 13c4 0373697000", ""},
      {"SRV", "0 0 0 .", "0000 0000 0000 00", ""},
      {"SOA", "ns. host\\.master. 2026112901 2h 15m 2w 300",
       "026e7300 0b686f73742e6d617374657200 78c40785 00001c20 00000384 00127500 0000012c",
       "ns. host\\.master. 2026112901 7200 900 1209600 300"},
      {"CAA", "0 issue \"ca.example; policy=ev\"",
       "00 05 6973737565 63612e6578616d706c653b20706f6c6963793d6576", ""},
      {"CAA", "0 issue \"\"", "00 05 6973737565", ""},
      // RFC 3403 section 6.1 in short
      {"NAPTR", "100 50 \"s\" \"http+I2L\" \"\" _http._tcp.",
       "0064 0032 0173 08687474702b49324c 00 055f68747470045f74637000", ""},
      {"NAPTR", "100 10 u E2U+sip \"!^(.*)$!sip:\\\\1@example.com!\" .",
       "0064 000a 0175 074532552b736970 1b 215e282e2a2924217369703a5c31406578616d706c652e636f6d21 00",
       "100 10 \"u\" \"E2U+sip\" \"!^(.*)$!sip:\\\\1@example.com!\" ."},
      // RFC 4034 section 5.4
      {"DS", "60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118",
       "ec45 05 01 2bb183af5f22588179a53b0a98631fad1a292118",
       "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"},
      {"TLSA", "3 1 1 d2abde240d7cd3ee", "03 01 01 d2abde240d7cd3ee", ""},
      // RFC 4255 section 3.2
      {"SSHFP", "2 1 123456789abcdef67890123456789abcdef67890",
       "02 01 123456789abcdef67890123456789abcdef67890", ""},
      {"RP", "admin .", "0561646d696e076578616d706c6503636f6d00 00", "admin.example.com. ."},
      {"HINFO", "PC Linux", "025043 054c696e7578", "\"PC\" \"Linux\""},
      {"HTTPS", "0 pool.", "0000 04706f6f6c00", ""},
  };
  for (const Form& form : forms) {
    CAPTURE(form.type);
    CAPTURE(form.text);
    const Type type = *read_type(form.type);
    const auto rdata = read_rdata(type, form.text, kOrigin);
    REQUIRE(rdata.has_value());
    CHECK(hex(*rdata) == hex(from_hex(form.octets)));
    const std::string written = text_of(type, *rdata);
    CHECK(written == (*form.written == 0 ? form.text : form.written));
    const auto again = read_rdata(type, written, Name());
    REQUIRE(again.has_value());
    CHECK(hex(*again) == hex(*rdata));
  }
}

TEST_CASE("RFC 3597 section 5: octets of any type, checked when the type is known") {
  // The examples of the RFC
  CHECK(hex(*read_rdata(Type{731}, "\\# 6 abcdef (\n 01 23 45 )", kOrigin)) == "abcdef012345");
  CHECK(hex(*read_rdata(Type{62347}, "\\# 0", kOrigin)).empty());
  CHECK(hex(*read_rdata(Type::kA, "\\# 4 0A000001", kOrigin)) == "0a000001");
  CHECK(hex(*read_rdata(Type::kA, "10.0.0.2", kOrigin)) == "0a000002");

  CHECK(text_of(Type{731}, from_hex("abcdef012345")) == "\\# 6 abcdef012345");
  CHECK(text_of(Type{62347}, {}) == "\\# 0");
  CHECK(text_of(Type::kA, from_hex("0a0000")) == "\\# 3 0a0000");  // not of its form
  CHECK(hex(*read_rdata(Type::kTxt, "\\# 3 02 4142", kOrigin)) == "024142");
  CHECK(hex(*read_rdata(Type::kTxt, "\"\\\\#\" 3", kOrigin)) == "025c230133");

  CHECK(refusal(Type{731}, "abc") == "data of this type is written as octets, like \\# 2 beef");
  CHECK(refusal(Type{731}, "\\# 2 abcdef").starts_with("there are more or fewer octets"));
  CHECK(refusal(Type{731}, "\\# 2 abc") == "an octet has two hex digits");
  CHECK(refusal(Type{731}, "\\# 1 xy") == "octets are written in hex digits");
  CHECK(refusal(Type{731}, "\\# 65536 00") == "a number from 0 to 65535 stands here");
  CHECK(refusal(Type::kA, "\\# 3 0a0000") == "the record data ends before its last field");
  CHECK(refusal(Type::kA, "\\# 5 0a00000001") == "octets follow the last field of the record data");
  CHECK(refusal(Type::kNs, "\\# 2 c00c") == "the record data lacks a whole name");
}

TEST_CASE("what is no data of its type is refused with a sentence") {
  struct Refused {
    const char* type;
    const char* text;
    const char* sentence;
  };
  const std::string long_string(256, 'x');
  const std::string long_txt = "\"" + long_string + "\"";
  const std::vector<Refused> table = {
      {"A", "", "the record ends before its last field"},
      {"A", "10.0.0", "an IPv4 address has four numbers from 0 to 255"},
      {"A", "10.0.0.256", "an IPv4 address has four numbers from 0 to 255"},
      {"A", "10.0.0.01", "an IPv4 address has four numbers from 0 to 255"},
      {"A", "10.0.0.1.", "an IPv4 address has four numbers from 0 to 255"},
      {"A", "10..0.1", "an IPv4 address has four numbers from 0 to 255"},
      {"A", "\"10.0.0.1\"", "quotes stand where a field is written without them"},
      {"A", "10.0.0.1 10.0.0.2", "something follows the last field of the record"},
      {"A", "10.0.0.1\n10.0.0.2", "the data of one record is one line"},
      {"AAAA", "10.0.0.1", "an IPv6 address is written like 2001:db8::1"},
      {"AAAA", "fe80::1%eth0", "an IPv6 address is written like 2001:db8::1"},
      {"MX", "mail.", "a number from 0 to 65535 stands here"},
      {"MX", "65536 mail.", "a number from 0 to 65535 stands here"},
      {"MX", "10", "the record ends before its last field"},
      {"MX", "10 a..b", "a label is not empty"},
      {"TXT", "", "the record ends before its last field"},
      {"TXT", long_txt.c_str(), "a string has at most 255 octets; more are written as several strings"},
      {"TXT", long_string.c_str(), "a string has at most 255 octets; more are written as several strings"},
      {"TXT", "a=\"b\"", "a quote stands within a word"},
      {"TXT", "\"\\256\"", "an escaped octet is a backslash and three digits, 000 to 255"},
      {"SOA", "a. b. 1 2 3 4", "the record ends before its last field"},
      {"SOA", "a. b. 1 2x 3 4 5", "a time is a number of seconds, or like 1h30m, below 2^32 seconds"},
      {"SOA", "a. b. 1h 2 3 4 5", "a number from 0 to 4294967295 stands here"},
      {"CAA", "256 issue \"\"", "a number from 0 to 255 stands here"},
      {"CAA", "0 iss-ue \"\"", "a tag has letters and digits only, at least one"},
      {"CAA", "0 \"\" \"\"", "a tag has letters and digits only, at least one"},
      {"CAA", "0 issue ;x", "the record ends before its last field"},
      {"DS", "1 2 3", "the record data ends before its last field"},
      {"RRSIG", "A 5 3", "data of this type is written as octets, like \\# 2 beef"},
      {"HTTPS", "0 pool. alpn=h2", "an alias (priority 0) has no service parameters"},
  };
  for (const Refused& refused : table) {
    CAPTURE(refused.type);
    CAPTURE(refused.text);
    CHECK(refusal(*read_type(refused.type), refused.text) == refused.sentence);
  }
  std::string huge;
  for (int i = 0; i < 257; ++i) huge += "\"" + std::string(255, 'x') + "\" ";
  CHECK(refusal(Type::kTxt, huge) == "record data has at most 65,535 octets");
}

TEST_CASE("types by name and by number") {
  CHECK(read_type("a") == Type::kA);
  CHECK(read_type("Type1") == Type::kA);
  CHECK(read_type("TYPE65535") == Type{65535});
  for (const char* text : {"", "TYPE", "TYPE65536", "TYPE1x", "B", "AA"}) {
    CAPTURE(text);
    CHECK_FALSE(read_type(text).has_value());
  }
  for (unsigned number = 0; number < 65536; ++number) {
    const Type type{static_cast<std::uint16_t>(number)};
    if (read_type(type_text(type)) != type) FAIL(number);
  }
}

TEST_CASE("data is copied out of a message without compression") {
  // "example.com." at 12, then data that points to it
  const std::string header(24, '0');
  const std::string name = "076578616d706c6503636f6d00";
  struct Copied {
    Type type;
    const char* data;
    const char* octets;  // empty: refused
  };
  const std::vector<Copied> table = {
      {Type::kNs, "026e73c00c", "026e73076578616d706c6503636f6d00"},
      {Type::kCname, "c00c", "076578616d706c6503636f6d00"},
      {Type::kCname, "c014", "03636f6d00"},
      {Type::kMx, "000ac014", "000a03636f6d00"},
      {Type::kSoa, "c00cc014 00000001 00000002 00000003 00000004 00000005",
       "076578616d706c6503636f6d00 03636f6d00 00000001 00000002 00000003 00000004 00000005"},
      {Type::kSrv, "000100020003c014", "00010002000303636f6d00"},
      {Type::kNaptr, "00010002 00 0161 00 c014", "00010002 00 0161 00 03636f6d00"},
      {Type{18}, "0001c014", "000103636f6d00"},
      {Type::kHttps, "0000c014", ""},  // RFC 9460 section 2.2
      {Type::kHttps, "000003636f6d00", "000003636f6d00"},
      {Type{731}, "c00c", "c00c"},
      {Type{731}, "", ""},
      {Type::kA, "0a000001", "0a000001"},
      {Type::kA, "0a0000", ""},
      {Type::kA, "0a00000102", ""},
      {Type::kNs, "c00c00", ""},
      {Type::kNs, "c019", ""},    // to itself
      {Type::kNs, "026e73", ""},  // what follows the data would continue it
      {Type::kNs, "", ""},
      {Type::kMx, "000a", ""},
  };
  for (const Copied& copied : table) {
    CAPTURE(copied.data);
    Octets message = from_hex(header + name);
    const Octets data = from_hex(copied.data);
    Record record;
    record.type = copied.type;
    record.rdata_at = message.size();
    message.insert(message.end(), data.begin(), data.end());
    message.push_back(0);
    record.rdata = Bytes(message).subspan(record.rdata_at, data.size());
    Octets rdata = {1, 2, 3};
    const auto done = copy_rdata(message, record, rdata);
    const bool accepted = *copied.octets != 0 || (copied.type == Type{731} && data.empty());
    CHECK(done.has_value() == accepted);
    if (accepted) CHECK(hex(rdata) == hex(from_hex(copied.octets)));
  }
}

TEST_CASE("where names are in the data, and which is looked up next") {
  const auto target = [](Type type, std::string_view text) -> std::string {
    const auto rdata = read_rdata(type, text, kOrigin);
    const auto name = target_of(type, *rdata);
    return name ? name_text(*name) : "";
  };
  CHECK(target(Type::kNs, "ns.") == "ns.");
  CHECK(target(Type::kMx, "10 mail.") == "mail.");
  CHECK(target(Type::kSrv, "1 2 3 srv.") == "srv.");
  CHECK(target(Type::kHttps, "1 web. alpn=h2") == "web.");
  CHECK(target(Type::kTxt, "x").empty());

  const auto places = [](Type type, std::string_view text) {
    const NamePlaces found = names_in(type, *read_rdata(type, text, kOrigin));
    return std::vector<std::uint16_t>(found.at.begin(),
                                      found.at.begin() + static_cast<std::ptrdiff_t>(found.count));
  };
  CHECK(places(Type::kSoa, "a. bc. 1 2 3 4 5") == std::vector<std::uint16_t>{0, 3});
  CHECK(places(Type::kMx, "1 a.") == std::vector<std::uint16_t>{2});
  CHECK(places(Type::kNaptr, "1 2 a b c d.") == std::vector<std::uint16_t>{10});
  CHECK(places(Type::kSvcb, "1 a. port=1") == std::vector<std::uint16_t>{2});
  CHECK(places(Type::kTxt, "x").empty());
  CHECK(places(Type{731}, "\\# 1 00").empty());

  for (const Type type : {Type::kNs, Type::kCname, Type::kSoa, Type::kPtr, Type::kMx})
    CHECK(is_compressible(type));
  for (const Type type : {Type::kSrv, Type::kNaptr, Type::kSvcb, Type::kA, Type{731}})
    CHECK_FALSE(is_compressible(type));
}

TEST_CASE("long strings of TXT are cut") {
  const std::string text(256, 'x');
  const std::vector<std::string_view> strings = {"", text, "y"};
  const auto rdata = txt_of(strings);
  REQUIRE(rdata.has_value());
  CHECK(rdata->size() == 1 + 256 + 2 + 2);
  CHECK((*rdata)[0] == 0);
  CHECK((*rdata)[1] == 255);
  CHECK((*rdata)[257] == 1);
  CHECK(check_rdata(Type::kTxt, *rdata).has_value());
  CHECK_FALSE(txt_of({}).has_value());
  const std::string most(65279, 'x');  // 256 strings, and as many lengths
  const std::vector<std::string_view> one = {most};
  CHECK(txt_of(one)->size() == 65535);
  const std::string more = most + "x";
  const std::vector<std::string_view> other = {more};
  CHECK_FALSE(txt_of(other).has_value());
}

}  // namespace
}  // namespace weir::dns
