#include "tls/proxy_header.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace weir::tls {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;

// "10.0.0.1:5 10.0.0.2:80", "own" when there are no addresses.
std::string text_of(const ProxyHeader& header) {
  if (!header.proxied) return "own";
  return header.proxied->source.to_string() + " " + header.proxied->destination.to_string();
}

std::string binary(std::string_view command_and_family, std::string_view body) {
  std::string text = std::string(kSignature) + std::string(command_and_family);
  text += static_cast<char>(body.size() >> 8);
  text += static_cast<char>(body.size() & 0xff);
  return text + std::string(body);
}

const std::string kTcp4 = binary("\x21\x11", "\x0a\x00\x00\x01\x0a\x00\x00\x02\x10\x00\x00\x50"sv);

// What every prefix of a good header is: not yet all of it.
void check_good(std::string_view wire, std::string_view expected) {
  CAPTURE(wire);
  for (std::size_t bytes = 0; bytes < wire.size(); ++bytes) {
    ProxyHeader header;
    CHECK(parse_proxy_header(net::as_slice(wire.substr(0, bytes)), header) == Result<std::size_t>(0));
  }
  const std::string with_more = std::string(wire) + "\x16\x03\x01";
  for (const std::string_view received : {wire, std::string_view(with_more)}) {
    ProxyHeader header;
    CHECK(parse_proxy_header(net::as_slice(received), header) == Result<std::size_t>(wire.size()));
    CHECK(text_of(header) == expected);
  }
}

TEST_CASE("version 1") {
  check_good("PROXY TCP4 192.0.2.1 192.0.2.2 4096 80\r\n", "192.0.2.1:4096 192.0.2.2:80");
  check_good("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", "[2001:db8::1]:0 [::1]:65535");
  check_good("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1:1 [::1]:2");
  check_good("PROXY UNKNOWN\r\n", "own");
  check_good("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "own");
  check_good(
      "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
      "65535 65535\r\n",
      "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

TEST_CASE("version 2") {
  check_good(kTcp4, "10.0.0.1:4096 10.0.0.2:80");
  const std::string v6 = "\x20\x01\x0d\xb8" + std::string(11, '\0') + "\x01" + std::string(15, '\0') + "\x01";
  check_good(binary("\x21\x21", v6 + "\x10\x00\x00\x50"s), "[2001:db8::1]:4096 [::1]:80");
  check_good(binary("\x20\x00"sv, ""), "own");
  check_good(binary("\x20\x11", "anything at all"), "own");      // LOCAL
  check_good(binary("\x21\x00"sv, ""), "own");                   // UNSPEC
  check_good(binary("\x21\x31", std::string(216, 'u')), "own");  // AF_UNIX
  check_good(binary("\x21\x12", kTcp4.substr(16)), "own");       // UDP over IPv4
  check_good(binary("\x21\x11", kTcp4.substr(16) + "\x02\x00\x03h2!"s), "10.0.0.1:4096 10.0.0.2:80");
  check_good(binary("\x20\x00"sv, std::string(kProxyHeaderBytesMax - 16, 'x')), "own");
  // CRC-32C over the header with zeros in its own place
  check_good(binary("\x21\x11", kTcp4.substr(16) + "\x03\x00\x04\xa2\xf8\xf1\xcf"s),
             "10.0.0.1:4096 10.0.0.2:80");
}

TEST_CASE("what is none, or breaks the rules") {
  const std::string tcp4 = kTcp4.substr(16);
  for (const std::string& wire : {
           "GET / HTTP/1.1\r\n"s,
           "proxy TCP4 192.0.2.1 192.0.2.2 4096 80\r\n"s,
           "PROXX"s,
           "PROXY TCP4 192.0.2.1 192.0.2.2 4096 80\n"s,
           "PROXY TCP4 192.0.2.1 192.0.2.2 4096 80 \r\n"s,
           "PROXY TCP4 192.0.2.1  192.0.2.2 4096 80\r\n"s,
           "PROXY TCP4 192.0.2.1 192.0.2.2 4096 65536\r\n"s,
           "PROXY TCP4 192.0.2.1 192.0.2.2 04096 80\r\n"s,
           "PROXY TCP4 192.0.2.1 192.0.2.2 +1 80\r\n"s,
           "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"s,
           "PROXY TCP4 ::1 ::1 1 1\r\n"s,
           "PROXY TCP6 192.0.2.1 192.0.2.2 1 1\r\n"s,
           "PROXY TCP4 localhost 192.0.2.2 1 1\r\n"s,
           "PROXY UDP4 192.0.2.1 192.0.2.2 1 1\r\n"s,
           "PROXY \r\n"s,
           "PROXY \n"s,
           "PROXY UNKNOWN" + std::string(100, 'x'),
           "\r\n\r\n\0\r\nQUIX\n"s,
           binary("\x11\x11", tcp4),
           binary("\x22\x11", tcp4),
           binary("\x21\x41", tcp4),
           binary("\x21\x13", tcp4),
           binary("\x21\x11", tcp4.substr(1)),
           binary("\x21\x21", tcp4),
           binary("\x21\x11", tcp4 + "\x02"),
           binary("\x21\x11", tcp4 + "\x02\x00\x05h2"s),
           binary("\x21\x11", tcp4 + "\x03\x00\x04"
                                     "abcd"s),
           binary("\x21\x11", tcp4 + "\x03\x00\x03"
                                     "abc"s),
           binary("\x20\x00"sv, std::string(kProxyHeaderBytesMax - 15, 'x')).substr(0, 16),
       }) {
    CAPTURE(wire);
    ProxyHeader header;
    const auto parsed = parse_proxy_header(net::as_slice(wire), header);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Code::kMalformed);
    CHECK_FALSE(header.proxied);
  }
}

TEST_CASE("what is written reads back") {
  const auto address = [](const char* text) { return *net::Address::parse(text); };
  struct Case {
    std::optional<ProxyHeader::Ends> ends;
    std::string_view line;
    std::string_view binary;
  };
  for (const Case& row : {
           Case{std::nullopt, "own", "own"},
           Case{{{address("192.0.2.1:4096"), address("192.0.2.2:80")}},
                "192.0.2.1:4096 192.0.2.2:80",
                "192.0.2.1:4096 192.0.2.2:80"},
           Case{{{address("[2001:db8::1]:1"), address("[::1]:65535")}},
                "[2001:db8::1]:1 [::1]:65535",
                "[2001:db8::1]:1 [::1]:65535"},
           Case{{{address("192.0.2.1:1"), address("[::1]:2")}}, "own", "192.0.2.1:1 [::1]:2"},
       }) {
    for (const ProxyVersion version : {ProxyVersion::k1, ProxyVersion::k2}) {
      ProxyHeaderBytes out{};
      const auto written = write_proxy_header(version, {.proxied = row.ends}, out);
      ProxyHeader header;
      CHECK(parse_proxy_header(written, header) == Result<std::size_t>(written.size()));
      CHECK(text_of(header) == (version == ProxyVersion::k1 ? row.line : row.binary));
    }
  }
  ProxyHeaderBytes out{};
  CHECK(net::as_text(write_proxy_header(
            ProxyVersion::k2, {.proxied = {{address("10.0.0.1:4096"), address("10.0.0.2:80")}}}, out)) ==
        kTcp4);
}

}  // namespace
}  // namespace weir::tls
