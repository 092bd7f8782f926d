#include "dns/edns.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace weir::dns {
namespace {

using namespace std::string_view_literals;

std::vector<std::uint8_t> octets(std::string_view text) { return {text.begin(), text.end()}; }

struct OptCase {
  const char* what;
  std::string_view rdata;
  bool ok;
  std::size_t cookie_bytes = 0;
  int subnet_bits = 0;
  std::size_t ip_bytes = 4;
};
constexpr OptCase kOptCases[] = {
    {"none", ""sv, true},
    {"unknown", "\0\3\0\2xy"sv, true},
    {"half an option", "\0\3\0"sv, false},
    {"an option beyond the record", "\0\3\0\3xy"sv, false},
    {"client cookie",
     "\0\x0A\0\x08"
     "12345678"sv,
     true, 8},
    {"both cookies",
     "\0\x0A\0\x10"
     "1234567812345678"sv,
     true, 16},
    {"longest cookie",
     "\0\x0A\0\x28"
     "1234567812345678123456781234567812345678"sv,
     true, 40},
    {"no cookie in the option", "\0\x0A\0\0"sv, false},
    {"short cookie",
     "\0\x0A\0\7"
     "1234567"sv,
     false},
    {"half a server cookie",
     "\0\x0A\0\x09"
     "123456789"sv,
     false},
    {"long cookie",
     "\0\x0A\0\x29"
     "12345678123456781234567812345678123456789"sv,
     false},
    {"the first cookie counts",
     "\0\x0A\0\x08"
     "12345678\0\x0A\0\0"sv,
     true, 8},
    {"IPv4 /24", "\0\x08\0\7\0\1\x18\0\xC0\0\2"sv, true, 0, 24},
    {"IPv4 /20", "\0\x08\0\7\0\1\x14\0\xC0\0\x20"sv, true, 0, 20},
    {"IPv4 /20 and a bit more", "\0\x08\0\7\0\1\x14\0\xC0\0\x28"sv, false},
    {"IPv4 /33", "\0\x08\0\x09\0\1\x21\0\xC0\0\2\1\0"sv, false},
    {"IPv4 /24 in four octets", "\0\x08\0\x08\0\1\x18\0\xC0\0\2\0"sv, false},
    {"IPv4 /24 in two octets", "\0\x08\0\6\0\1\x18\0\xC0\0"sv, false},
    {"IPv4 with a scope", "\0\x08\0\7\0\1\x18\x18\xC0\0\2"sv, false},
    {"IPv6 /32", "\0\x08\0\x08\0\2\x20\0\x20\1\x0D\xB8"sv, true, 0, 32, 16},
    {"IPv6 /129",
     "\0\x08\0\x15\0\2\x81\0"
     "12345678123456781"sv,
     false},
    {"no address", "\0\x08\0\4\0\1\0\0"sv, true},
    {"no family, no address", "\0\x08\0\4\0\0\0\0"sv, true},
    {"no family, but an address", "\0\x08\0\5\0\0\x08\0\x0A"sv, false},
    {"family 3", "\0\x08\0\4\0\3\0\0"sv, false},
    {"short subnet", "\0\x08\0\3\0\1\0"sv, false},
    {"both",
     "\0\x08\0\5\0\1\x08\0\x0A\0\x0A\0\x08"
     "12345678"sv,
     true, 8, 8},
};

TEST_CASE("which options of an OPT record are taken, and which refuse it") {
  for (const OptCase& test : kOptCases) {
    CAPTURE(test.what);
    const auto rdata = octets(test.rdata);
    Opt opt;
    CHECK(read_opt(1400, 0x8000, rdata, opt).has_value() == test.ok);
    CHECK(opt.present);
    CHECK(opt.udp_bytes == 1400);
    CHECK(opt.dnssec_ok);
    if (!test.ok) continue;
    CHECK(opt.cookie.size() == test.cookie_bytes);
    CHECK(opt.subnet_bits() == test.subnet_bits);
    CHECK(opt.subnet_ip().size == test.ip_bytes);
  }
}

TEST_CASE("a version that is not spoken is reported, and its options are its own") {
  Opt opt;
  const auto rdata = octets("\0\x0A\0"sv);
  CHECK(read_opt(512, 0x00010000, rdata, opt).has_value());
  CHECK(opt.version == 1);
  CHECK_FALSE(opt.dnssec_ok);
}

TEST_CASE("what an OPT of a reply says") {
  const auto cookie = octets("123456781234567812345678");
  const auto subnet = octets("\0\1\x18\0\xC0\0\2"sv);
  struct Case {
    OptReply reply;
    std::string_view wire;
  };
  const Case cases[] = {
      {{}, "\0\0\x29\x04\xD0\0\0\0\0\0\0"sv},
      {{Rcode::kBadVers, true, {}, {}, 0}, "\0\0\x29\x04\xD0\1\0\x80\0\0\0"sv},
      {{Rcode::kNxDomain, false, cookie, subnet, 20},
       "\0\0\x29\x04\xD0\0\0\0\0\0\x27\0\x0A\0\x18"
       "123456781234567812345678\0\x08\0\7\0\1\x18\x14\xC0\0\2"sv},
  };
  for (const Case& test : cases) {
    std::array<std::uint8_t, kOptBytesMax> room{};
    ByteWriter out(room);
    write_opt(test.reply, out);
    CHECK(out.ok());
    CHECK(out.size() == opt_bytes(test.reply));
    CHECK(same_bytes(out.written(), octets(test.wire)));
  }
}

}  // namespace
}  // namespace weir::dns
