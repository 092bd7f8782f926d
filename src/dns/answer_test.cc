#include "dns/answer.h"

#include <doctest/doctest.h>

#include <string>

#include "dns/zone_fixture.h"

namespace weir::dns {
namespace {

using fixture::lines;
using fixture::Octets;
using fixture::Server;
using namespace std::string_view_literals;

constexpr auto kOpt = "\0\0\x29\x04\xD0\0\0\0\0\0\0"sv;     // 1,232 octets
constexpr auto kSmallOpt = "\0\0\x29\0\x01\0\0\0\0\0\0"sv;  // 1 octet: as good as 512

struct Case {
  std::string_view owner;
  std::string_view type;
  std::string_view reply;
};

void check(Server& server, std::span<const Case> cases) {
  for (const Case& test : cases) {
    CAPTURE(test.owner);
    CAPTURE(test.type);
    CHECK(server.ask(test.owner, test.type) == lines(test.reply));
  }
}

TEST_CASE("RFC 4592 section 2.2.1") {
  Server server({fixture::zone("example.", R"(
      example. 3600 SOA ns.example.com. host.example. 1 2 3 4 300
      example. 3600 NS ns.example.com.
      example. 3600 NS ns.example.net.
      *.example. 3600 TXT wildcard
      *.example. 3600 MX 10 host1.example.
      sub.*.example. 3600 TXT not-wildcard
      host1.example. 3600 A 192.0.2.1
      _ssh._tcp.host1.example. 3600 SRV 0 0 22 host1.example.
      _ssh._tcp.host2.example. 3600 SRV 0 0 22 host2.example.
      subdel.example. 3600 NS ns.example.com.
      subdel.example. 3600 NS ns.example.net.
  )")});
  constexpr std::string_view kSoa = "au example. 300 SOA ns.example.com. host.example. 1 2 3 4 300";
  const std::string no_data = "NOERROR aa\n" + std::string(kSoa);
  const std::string no_name = "NXDOMAIN aa\n" + std::string(kSoa);
  const Case cases[] = {
      {"host3.example.", "MX",
       "NOERROR aa\nan host3.example. 3600 MX 10 host1.example.\nad host1.example. 3600 A 192.0.2.1"},
      {"host3.example.", "A", no_data},
      {"foo.bar.example.", "TXT", "NOERROR aa\nan foo.bar.example. 3600 TXT 9 octets"},
      {"host1.example.", "MX", no_data},
      {"sub.*.example.", "MX", no_data},
      {"_telnet._tcp.host1.example.", "SRV", no_name},
      {"host.subdel.example.", "A",
       "NOERROR\nau subdel.example. 3600 NS ns.example.com.\nau subdel.example. 3600 NS ns.example.net."},
      {"ghost.*.example.", "MX", no_name},
      // beyond the RFC's list
      {"*.example.", "TXT", "NOERROR aa\nan *.example. 3600 TXT 9 octets"},
      {"_tcp.host1.example.", "TXT", no_data},
      {"host2.example.", "TXT", no_data},
      {"x.host2.example.", "TXT", no_name},
  };
  check(server, cases);
}

std::string sri_nic() {
  return R"(
      . 86400 SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400
      . 86400 NS A.ISI.EDU.
      . 86400 NS C.ISI.EDU.
      . 86400 NS SRI-NIC.ARPA.
      MIL. 86400 NS SRI-NIC.ARPA.
      MIL. 86400 NS A.ISI.EDU.
      EDU. 86400 NS SRI-NIC.ARPA.
      EDU. 86400 NS C.ISI.EDU.
      SRI-NIC.ARPA. 86400 A 26.0.0.73
      SRI-NIC.ARPA. 86400 A 10.0.0.51
      SRI-NIC.ARPA. 86400 MX 0 SRI-NIC.ARPA.
      SRI-NIC.ARPA. 86400 HINFO DEC-2060
      ACC.ARPA. 86400 A 26.6.0.65
      ACC.ARPA. 86400 MX 10 ACC.ARPA.
      USC-ISIC.ARPA. 86400 CNAME C.ISI.EDU.
      73.0.0.26.IN-ADDR.ARPA. 86400 PTR SRI-NIC.ARPA.
      65.0.6.26.IN-ADDR.ARPA. 86400 PTR ACC.ARPA.
      A.ISI.EDU. 86400 A 26.3.0.103
      C.ISI.EDU. 86400 A 10.0.0.52
  )";
}

TEST_CASE("RFC 1034 section 6.2: C.ISI.EDU's root zone, sections as they are given today") {
  Server server({fixture::zone(".", sri_nic())});
  const Case cases[] = {
      {"SRI-NIC.ARPA.", "A",  // 6.2.1
       "NOERROR aa\nan SRI-NIC.ARPA. 86400 A 10.0.0.51\nan SRI-NIC.ARPA. 86400 A 26.0.0.73"},
      {"SRI-NIC.ARPA.", "ANY",  // 6.2.2, by RFC 8482
       "NOERROR aa\nan SRI-NIC.ARPA. 86400 A 10.0.0.51\nan SRI-NIC.ARPA. 86400 A 26.0.0.73"},
      {"SRI-NIC.ARPA.", "MX",  // 6.2.3
       R"(NOERROR aa
          an SRI-NIC.ARPA. 86400 MX 0 sri-nic.arpa.
          ad sri-nic.arpa. 86400 A 10.0.0.51
          ad sri-nic.arpa. 86400 A 26.0.0.73)"},
      {"SRI-NIC.ARPA.", "NS",  // 6.2.4
       "NOERROR aa\nau . 86400 SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400"},
      {"SIR-NIC.ARPA.", "A",  // 6.2.5
       "NXDOMAIN aa\nau . 86400 SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400"},
      {"BRL.MIL.", "A",  // 6.2.6
       R"(NOERROR
          au MIL. 86400 NS A.ISI.EDU.
          au MIL. 86400 NS SRI-NIC.ARPA.
          ad A.ISI.EDU. 86400 A 26.3.0.103
          ad SRI-NIC.ARPA. 86400 A 10.0.0.51
          ad SRI-NIC.ARPA. 86400 A 26.0.0.73)"},
      {"USC-ISIC.ARPA.", "A",  // 6.2.7: EDU is delegated here
       R"(NOERROR aa
          an USC-ISIC.ARPA. 86400 CNAME C.ISI.EDU.
          au EDU. 86400 NS C.ISI.EDU.
          au EDU. 86400 NS SRI-NIC.ARPA.
          ad C.ISI.EDU. 86400 A 10.0.0.52
          ad SRI-NIC.ARPA. 86400 A 10.0.0.51
          ad SRI-NIC.ARPA. 86400 A 26.0.0.73)"},
      {"USC-ISIC.ARPA.", "CNAME", "NOERROR aa\nan USC-ISIC.ARPA. 86400 CNAME C.ISI.EDU."},  // 6.2.8
  };
  for (const Case& test : cases) {
    CAPTURE(test.owner);
    CAPTURE(test.type);
    std::string expected = lines(test.reply);
    std::string got = server.ask(test.owner, test.type);
    const auto lower_case = [](std::string& text) {
      for (char& c : text) c = static_cast<char>(lower(static_cast<std::uint8_t>(c)));
    };
    lower_case(expected);
    lower_case(got);
    CHECK(got == expected);
  }
}

constexpr std::string_view kExample = R"(
    example. 3600 SOA ns.example. host.example. 1 2 3 4 300
    example. 3600 NS ns.example.
    example. 3600 NS ns.other.
    example. 60 HTTPS 1 .
    example. 60 A 192.0.2.80
    ns.example. 60 A 192.0.2.53
    ns.example. 60 AAAA 2001:db8::53
    www.example. 60 CNAME web.example.
    web.example. 60 A 192.0.2.1
    web.example. 60 TXT x
    gone.example. 60 CNAME nowhere.example.
    empty.example. 60 CNAME ns.example.
    out.example. 60 CNAME www.elsewhere.
    cross.example. 60 CNAME www.other.
    loop1.example. 60 CNAME loop2.example.
    loop2.example. 60 CNAME loop1.example.
    self.example. 60 CNAME self.example.
    down.example. 60 CNAME x.sub.example.
    *.alias.example. 60 CNAME web.example.
    *.wild-loop.example. 60 CNAME a.wild-loop.example.
    c0.example. 60 CNAME c1.example.
    c1.example. 60 CNAME c2.example.
    c2.example. 60 CNAME c3.example.
    c3.example. 60 CNAME c4.example.
    c4.example. 60 CNAME c5.example.
    c5.example. 60 CNAME c6.example.
    c6.example. 60 CNAME c7.example.
    c7.example. 60 CNAME c8.example.
    c8.example. 60 CNAME c9.example.
    c9.example. 60 A 192.0.2.9
    sub.example. 60 NS ns1.sub.example.
    sub.example. 60 NS ns.sub2.example.
    sub.example. 60 NS ns.other.
    sub.example. 60 DS digest
    ns1.sub.example. 60 A 192.0.2.54
    deep.sub.example. 60 NS ns.deep.sub.example.
    sub2.example. 60 NS ns.sub2.example.
    ns.sub2.example. 60 A 192.0.2.55
    mail.example. 60 MX 10 web.example.
    mail.example. 60 MX 20 web.example.
    mail.example. 60 MX 30 x.sub.example.
    mail.example. 60 MX 40 mx.other.
    null.example. 60 MX 0 .
    alias-mode.example. 60 HTTPS 0 web.example.
    _s._tcp.example. 60 SRV 1 2 443 web.example.
)";
constexpr std::string_view kOther = R"(
    other. 3600 SOA ns.other. host.other. 1 2 3 4 5
    other. 3600 NS ns.other.
    ns.other. 60 A 198.51.100.53
    www.other. 60 A 198.51.100.1
    mx.other. 60 AAAA 2001:db8::25
)";
constexpr std::string_view kNoData = "NOERROR aa\nau example. 300 SOA ns.example. host.example. 1 2 3 4 300";
constexpr std::string_view kReferral = R"(NOERROR
    au sub.example. 60 NS ns.sub2.example.
    au sub.example. 60 NS ns.other.
    au sub.example. 60 NS ns1.sub.example.
    ad ns1.sub.example. 60 A 192.0.2.54
    ad ns.sub2.example. 60 A 192.0.2.55)";

constexpr Case kAliasesAndCuts[] = {
    {"www.example.", "A",
     "NOERROR aa\nan www.example. 60 CNAME web.example.\nan web.example. 60 A 192.0.2.1"},
    {"WWW.example.", "CNAME", "NOERROR aa\nan WWW.example. 60 CNAME web.example."},
    {"www.example.", "ANY", "NOERROR aa\nan www.example. 60 CNAME web.example."},
    {"gone.example.", "A",
     R"(NXDOMAIN aa
          an gone.example. 60 CNAME nowhere.example.
          au example. 300 SOA ns.example. host.example. 1 2 3 4 300)"},
    {"empty.example.", "TXT",
     R"(NOERROR aa
          an empty.example. 60 CNAME ns.example.
          au example. 300 SOA ns.example. host.example. 1 2 3 4 300)"},
    {"out.example.", "A", "NOERROR aa\nan out.example. 60 CNAME www.elsewhere."},
    {"cross.example.", "A",
     "NOERROR aa\nan cross.example. 60 CNAME www.other.\nan www.other. 60 A 198.51.100.1"},
    {"cross.example.", "TXT",
     R"(NOERROR aa
          an cross.example. 60 CNAME www.other.
          au other. 5 SOA ns.other. host.other. 1 2 3 4 5)"},
    {"loop1.example.", "A",
     R"(NOERROR aa
          an loop1.example. 60 CNAME loop2.example.
          an loop2.example. 60 CNAME loop1.example.)"},
    {"self.example.", "A", "NOERROR aa\nan self.example. 60 CNAME self.example."},
    {"x.alias.example.", "A",
     "NOERROR aa\nan x.alias.example. 60 CNAME web.example.\nan web.example. 60 A 192.0.2.1"},
    {"b.wild-loop.example.", "A",
     R"(NOERROR aa
          an b.wild-loop.example. 60 CNAME a.wild-loop.example.
          an a.wild-loop.example. 60 CNAME a.wild-loop.example.)"},
    {"down.example.", "A",
     R"(NOERROR aa
          an down.example. 60 CNAME x.sub.example.
          au sub.example. 60 NS ns.sub2.example.
          au sub.example. 60 NS ns.other.
          au sub.example. 60 NS ns1.sub.example.
          ad ns1.sub.example. 60 A 192.0.2.54
          ad ns.sub2.example. 60 A 192.0.2.55)"},
    {"sub.example.", "A", kReferral},
    {"sub.example.", "NS", kReferral},
    {"x.sub.example.", "ANY", kReferral},
    {"x.sub.example.", "DS", kReferral},
    {"ns1.sub.example.", "A", kReferral},
    {"x.deep.sub.example.", "A", kReferral},
    {"sub.example.", "DS", "NOERROR aa\nan sub.example. 60 DS 7 octets"},
    {"sub2.example.", "DS", kNoData},
    {"example.", "DS", kNoData},
    {"example.", "NS",
     R"(NOERROR aa
          an example. 3600 NS ns.other.
          an example. 3600 NS ns.example.
          ad ns.other. 60 A 198.51.100.53
          ad ns.example. 60 A 192.0.2.53
          ad ns.example. 60 AAAA 2001:db8::53)"},
    {"mail.example.", "MX",
     R"(NOERROR aa
          an mail.example. 60 MX 10 web.example.
          an mail.example. 60 MX 20 web.example.
          an mail.example. 60 MX 30 x.sub.example.
          an mail.example. 60 MX 40 mx.other.
          ad web.example. 60 A 192.0.2.1
          ad mx.other. 60 AAAA 2001:db8::25)"},
    {"null.example.", "MX", "NOERROR aa\nan null.example. 60 MX 0 ."},
    {"example.", "HTTPS", "NOERROR aa\nan example. 60 HTTPS 1 .\nad example. 60 A 192.0.2.80"},
    {"alias-mode.example.", "HTTPS",
     "NOERROR aa\nan alias-mode.example. 60 HTTPS 0 web.example.\nad web.example. 60 A 192.0.2.1"},
    {"_s._tcp.example.", "SRV",
     "NOERROR aa\nan _s._tcp.example. 60 SRV 1 2 443 web.example.\nad web.example. 60 A 192.0.2.1"},
    {"_tcp.example.", "A", kNoData},
    {"a.elsewhere.", "A", "REFUSED"},
    {".", "NS", "REFUSED"},
    {"web.example.", "AXFR", "REFUSED"},
    {"web.example.", "TSIG", "NOTIMP"},
};

TEST_CASE("aliases, cuts and addresses of targets") {
  Server server({fixture::zone("example.", kExample), fixture::zone("other.", kOther)});
  check(server, kAliasesAndCuts);
  const std::string chain = server.ask("c0.example.", "A");
  CHECK(std::ranges::count(chain, '\n') == 10);  // nine aliases, then no more
  CHECK_FALSE(chain.contains("192.0.2.9"));
  auto other_class = fixture::query("web.example.", "A");
  other_class.back() = 3;
  CHECK(server.ask(other_class) == "REFUSED\n");
}

class ByClient final : public Steering {
 public:
  Chosen choose(std::uint32_t policy, Bytes owner, Type type, const Client& client) const override {
    asked += std::to_string(policy) + " " + name_text(owner) + " " + std::to_string(client.bits) + ";";
    if (policy == 0) return {};
    ByteWriter out(room_);
    const std::array<std::uint8_t, 4> address = {10, 0, 0, client.ip.octets[0]};
    const fixture::Octets alias = {3, 'w', 'e', 'b', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    write_packed(type, 5, type == Type::kCname ? Bytes(alias) : Bytes(address), out);
    return {out.written(), 1, 20};
  }
  mutable std::string asked;

 private:
  mutable std::array<std::uint8_t, 64> room_;
};

TEST_CASE("steered sets ask who asks, also as additional records, and say for whom the answer holds") {
  Server server({fixture::zone("example.", std::string(kExample) + R"(
      app.example. steer A 7
      none.example. steer A 0
      *.region.example. steer A 8
      turn.example. steer CNAME 9
      to-app.example. 60 HTTPS 1 app.example.)")});
  CHECK(server.ask("app.example.", "A") == lines(kNoData));  // nobody steers
  ByClient steering;
  server.authority.steering = &steering;
  CHECK(server.ask("app.example.", "A") == "NOERROR aa\nan app.example. 5 A 10.0.0.192\n");
  CHECK(server.ask("app.example.", "TXT") == lines(kNoData));
  CHECK(server.ask("none.example.", "A") == lines(kNoData));
  CHECK(server.ask("x.region.example.", "A") == "NOERROR aa\nan x.region.example. 5 A 10.0.0.192\n");
  CHECK(server.ask("turn.example.", "A") ==
        "NOERROR aa\nan turn.example. 5 CNAME web.example.\nan web.example. 60 A 192.0.2.1\n");
  CHECK(server.ask("to-app.example.", "HTTPS") ==
        "NOERROR aa\nan to-app.example. 60 HTTPS 1 app.example.\nad app.example. 5 A 10.0.0.192\n");
  CHECK(steering.asked ==
        "7 app.example. 32;0 none.example. 32;8 *.region.example. 32;9 turn.example. 32;7 app.example. 32;");
  steering.asked.clear();
  constexpr auto kSubnet = "\0\0\x29\x04\xD0\0\0\0\0\0\x0B\0\x08\0\7\0\1\x18\0\xC6\x33\x64"sv;
  CHECK(server.ask("app.example.", "A", kSubnet) == "NOERROR aa\nan app.example. 5 A 10.0.0.198\n");
  CHECK(steering.asked == "7 app.example. 24;");
  CHECK(server.reply[server.reply.size() - 4] == 20);  // scope
  CHECK(server.ask("web.example.", "A", kSubnet) == "NOERROR aa\nan web.example. 60 A 192.0.2.1\n");
  CHECK(server.reply[server.reply.size() - 4] == 0);
}

// Twelve name servers below the cut with both addresses; `label` makes them longer.
std::string many_servers(std::string_view label, int count) {
  std::string text(kExample);
  for (int i = 0; i < count; ++i) {
    const std::string server = std::string(label) + std::to_string(i) + ".big.example.";
    text += "\nbig.example. 60 NS " + server + "\n" + server + " 60 A 192.0.2.1\n";
  }
  for (int i = 0; i < 40; ++i) text += "\nmany.example. 60 A 10.0.0." + std::to_string(i);
  for (int i = 0; i < 20; ++i) {
    const std::string host = "a-rather-long-label-" + std::to_string(i) + ".example.";
    text += "\nhosts.example. 60 MX 1 " + host + "\n" + host + " 60 A 192.0.2.2\n";
  }
  return text;
}

TEST_CASE("what does not fit: compression first, then truncation; additional records are left out") {
  // 12 * 34 octets of NS and 12 * 16 of glue: over 512, until big.example. is a pointer
  Server small({fixture::zone("example.", many_servers("server", 12))});
  const std::string whole = small.ask("x.big.example.", "A");
  CHECK(std::ranges::count(whole, '\n') == 25);
  CHECK(whole.starts_with("NOERROR\nau big.example. 60 NS server0.big.example.\n"));
  CHECK(whole.contains("ad server11.big.example. 60 A 192.0.2.1\n"));
  CHECK(small.reply.size() <= 512);

  Server large({fixture::zone("example.", many_servers("server-with-a-long-name-", 13))});
  CHECK(large.ask("x.big.example.", "A") == "NOERROR tc\n");  // glue that does not fit
  CHECK(large.reply.size() == 12 + 15 + 4);
  CHECK(large.ask("x.big.example.", "A", kSmallOpt) == "NOERROR tc\n");
  CHECK(large.reply.size() == 12 + 15 + 4 + 11);
  const std::string by_edns = large.ask("x.big.example.", "A", kOpt);
  CHECK(std::ranges::count(by_edns, '\n') == 27);
  CHECK(large.reply.size() <= 1232);

  CHECK(large.ask("many.example.", "A") == "NOERROR aa tc\n");
  CHECK(std::ranges::count(large.ask("many.example.", "A", kOpt), '\n') == 41);
  large.authority.udp_bytes_max = 512;
  CHECK(large.ask("many.example.", "A", kOpt) == "NOERROR aa tc\n");
  large.is_stream = true;
  CHECK(std::ranges::count(large.ask("many.example.", "A"), '\n') == 41);
  CHECK(std::ranges::count(large.ask("hosts.example.", "MX"), '\n') == 1 + 20 + 16);
  large.is_stream = false;
  large.authority.udp_bytes_max = 1232;
  const std::string hosts = large.ask("hosts.example.", "MX", kOpt);
  CHECK(hosts.starts_with("NOERROR aa\n"));
  CHECK(std::ranges::count(hosts, '\n') > 21);
  CHECK(large.reply.size() <= 1232);
}

TEST_CASE("cookies go back, and say whether the client is where it says") {
  Server server({fixture::zone("example.", kExample)});
  const std::string head("\0\0\x29\x04\xD0\0\0\0\0\0", 10);
  const std::string web = "NOERROR aa\nan web.example. 60 A 192.0.2.1\n";
  const auto with = [&](std::string_view cookie) {
    std::string opt(head.substr(0, 9));
    opt += '\0';
    opt += static_cast<char>(cookie.size() + 4);
    opt += std::string("\0\x0A\0", 3);
    opt += static_cast<char>(cookie.size());
    opt += cookie;
    return opt;
  };
  // Without secrets there are no cookies.
  CHECK(server.ask("web.example.", "A", with("abcdefgh")) == web);
  const std::size_t plain = server.reply.size();
  const CookieSecrets secrets{{1, 2, 3}, {}};
  server.authority.cookies = &secrets;
  CHECK(server.ask("web.example.", "A", with("abcdefgh")) == web);
  CHECK_FALSE(server.answered.cookie_valid);
  REQUIRE(server.reply.size() == plain + 28);
  const std::string cookie(server.reply.end() - 24, server.reply.end());
  CHECK(cookie.starts_with("abcdefgh"));
  CHECK(server.ask("web.example.", "A", with(cookie)) == web);
  CHECK(server.answered.cookie_valid);
  CHECK(std::string(server.reply.end() - 24, server.reply.end()) == cookie);
  std::string forged = cookie;
  forged.back() ^= 1;
  CHECK(server.ask("web.example.", "A", with(forged)) == web);
  CHECK_FALSE(server.answered.cookie_valid);
  CHECK(std::string(server.reply.end() - 24, server.reply.end()) == cookie);
  // No question at all: the cookie is the question.
  const auto bare = [&](std::string_view of) {
    std::string text("\x12\x34\0\0\0\0\0\0\0\0\0\1", 12);
    text += with(of);
    return Octets(text.begin(), text.end());
  };
  CHECK(server.ask(bare("abcdefgh")) == "NOERROR\n");
  CHECK(server.reply.size() == 12 + 11 + 28);
  CHECK(server.ask(bare(cookie)) == "NOERROR\n");
  CHECK(server.answered.cookie_valid);
  CHECK(server.ask(bare(forged)) == "7\n");
  CHECK(server.answered.rcode == Rcode::kBadCookie);
}

TEST_CASE("header and OPT of replies, and what gets none") {
  Server server({fixture::zone("example.", kExample)});
  CHECK(server.ask("web.example.", "A", "\0\0\x29\x10\0\0\0\x80\0\0\0"sv) ==
        "NOERROR aa\nan web.example. 60 A 192.0.2.1\n");
  const std::string_view opt = "\0\0\x29\x04\xD0\0\0\x80\0\0\0"sv;
  CHECK(std::string(server.reply.end() - 11, server.reply.end()) == opt);
  CHECK(load_u16(server.reply.data()) == 0x1234);
  CHECK(load_u16(server.reply.data() + 2) == 0x8500);  // RD comes back
  CHECK(server.ask("web.example.", "A", "\0\0\x29\x10\0\0\1\0\0\0\0"sv) == "NOERROR\n");
  CHECK(server.answered.rcode == Rcode::kBadVers);
  CHECK(server.reply[server.reply.size() - 6] == 1);  // its upper bits
  auto message = fixture::query("web.example.", "A");
  message[2] = 0x81;
  CHECK(server.ask(message) == "silence");
  message[2] = 0x21;
  CHECK(server.ask(message) == "NOTIMP\n");
  message[2] = 1;
  message.push_back(0);
  CHECK(server.ask(message) == "FORMERR\n");
  message.resize(11);
  CHECK(server.ask(message) == "silence");
}

}  // namespace
}  // namespace weir::dns
