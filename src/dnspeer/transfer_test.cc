// Copies of zones as messages, whole and by what has changed, and who may take them.
#include "dnspeer/transfer.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dns/rdata.h"
#include "dns/zone_fixture.h"
#include "dnspeer/exchange.h"
#include "dnspeer/rules.h"

namespace weir::dnspeer {
namespace {

namespace fixture = dns::fixture;
using Octets = std::vector<std::uint8_t>;

std::string soa(int serial) { return "x. 300 SOA ns.x. host.x. " + std::to_string(serial) + " 1 2 3 4\n"; }
std::shared_ptr<const dns::Zone> zone(int serial, const std::string& lines) {
  return fixture::zone("x.", soa(serial) + "x. 300 NS ns.y.\n" + lines);
}

Octets ixfr(std::uint32_t serial) {
  Octets message = fixture::query("X.", "AXFR");
  message[12 + 3 + 1] = 251;
  message[9] = 1;
  for (const unsigned octet : {0xC0U, 12U, 0U, 6U, 0U, 1U, 0U, 0U, 0U, 0U, 0U, 22U, 0U, 0U}) {
    message.push_back(static_cast<std::uint8_t>(octet));
  }
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    message.push_back(static_cast<std::uint8_t>(serial >> shift));
  message.resize(message.size() + 16);
  return message;
}

TransferSource source_of(std::shared_ptr<const dns::Zone> zone, std::shared_ptr<const History> history = {}) {
  const dns::Zone* shown = zone.get();
  return {.held = std::move(zone),
          .zone = shown,
          .history = std::move(history),
          .steered = [](std::uint32_t policy, dns::Type type) {
            Octets packed(policy == 0 ? 0 : dns::kPackedHeadBytes + 4);
            dns::ByteWriter out(packed);
            if (policy != 0)
              dns::write_packed(type, 30, Octets{192, 0, 2, static_cast<std::uint8_t>(policy)}, out);
            return packed;
          }};
}

std::vector<Octets> messages(const TransferSource& source, const Octets& request, bool is_stream = true,
                             std::size_t reserved = 0) {
  const auto question = read_transfer(request);
  REQUIRE(question);
  Transfer transfer(source, request, *question, is_stream);
  std::vector<Octets> all;
  Octets room(dns::kMessageBytesMax);
  while (const std::size_t bytes = transfer.next(room, reserved)) {
    all.emplace_back(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(bytes));
  }
  CHECK(transfer.ended());
  return all;
}

// Types and serials or data, in order: "SOA1 A192.0.2.1 SOA1"
std::string shown(const std::vector<Octets>& all) {
  std::string text;
  for (const Octets& message : all) {
    auto reader = dns::MessageReader::start(message);
    REQUIRE(reader);
    CHECK(reader->header().id == 0x1234);
    REQUIRE(reader->question());
    for (unsigned i = 0; i < reader->header().counts[1]; ++i) {
      const auto record = reader->record();
      REQUIRE(record);
      Octets rdata;
      REQUIRE(dns::copy_rdata(message, *record, rdata));
      text += (text.empty() ? "" : " ") + dns::type_text(record->type);
      if (record->type == dns::Type::kSoa) {
        text += std::to_string(dns::load_u32(&rdata[rdata.size() - 20]));
      } else {
        dns::write_rdata(text, record->type, rdata);
      }
    }
    CHECK(reader->at_end());
  }
  return text;
}

TEST_CASE("axfr: all records between two of the SOA, glue and wildcards among them") {
  const auto source = source_of(zone(7,
                                     "a.x. 60 A 192.0.2.1\na.x. 60 A 192.0.2.2\nc.x. 60 NS n.c.x.\n"
                                     "n.c.x. 60 A 192.0.2.3\n*.w.x. 60 CNAME a.x.\n"));
  const auto all = messages(source, fixture::query("x.", "AXFR"));
  CHECK(all.size() == 1);
  CHECK(shown(all) == "SOA7 NSns.y. A192.0.2.1 A192.0.2.2 NSn.c.x. A192.0.2.3 CNAMEa.x. SOA7");
  CHECK(fixture::show(all[0]).contains("an *.w.x. 60 CNAME a.x."));
}

TEST_CASE("axfr: many messages of 16 KiB, with room behind each, and larger ones for larger records") {
  std::string lines;
  for (int i = 0; i < 2000; ++i)
    lines += "h" + std::to_string(i) + ".x. 60 TXT " + std::string(20, 'a') + "\n";
  const auto source = source_of(zone(7, lines));
  const auto all = messages(source, fixture::query("x.", "AXFR"), true, 100);
  CHECK(all.size() > 3);
  std::size_t records = 0;
  for (const Octets& one : all) {
    CHECK(one.size() <= kTransferBytes - 100);
    records += dns::load_u16(&one[6]);
  }
  CHECK(records == 2000 + 3);

  dns::ZoneBuilder builder(fixture::name("x.").wire());
  REQUIRE(fixture::add_lines(builder, soa(7) + "x. 300 NS ns.y.\n").empty());
  Octets large;
  for (int i = 0; i < 100; ++i) {
    large.push_back(255);
    large.resize(large.size() + 255, 'b');
  }
  REQUIRE(builder.add(fixture::name("l.x.").wire(), dns::Type::kTxt, 60, large));
  auto built = std::move(builder).build();
  REQUIRE(built.has_value());
  const auto whole =
      messages(source_of(std::make_shared<const dns::Zone>(std::move(*built))), fixture::query("x.", "AXFR"));
  CHECK(whole.size() == 2);
  CHECK(whole[1].size() > 100 * 256);
}

TEST_CASE("axfr: steered sets are as whoever steers them says") {
  const auto source = source_of(zone(7, "s.x. steer A 5\nt.x. steer A 0\n"));
  const auto all = messages(source, fixture::query("x.", "AXFR"));
  CHECK(shown(all) == "SOA7 NSns.y. A192.0.2.5 SOA7");
  CHECK(fixture::show(all[0]).contains("an s.x. 30 A 192.0.2.5"));
}

TEST_CASE("ixfr: what has changed since, the SOA alone, or the whole zone") {
  const auto first = zone(1, "a.x. 60 A 192.0.2.1\nb.x. 60 A 192.0.2.2\n");
  const auto second = zone(2, "a.x. 60 A 192.0.2.1\na.x. 60 A 192.0.2.9\n");
  const auto third = zone(3, "a.x. 61 A 192.0.2.9\n");
  const auto one = History::after(nullptr, *first, *second);
  const auto both = History::after(one.get(), *second, *third);
  REQUIRE(both);
  const auto source = source_of(third, both);
  const auto ask = [&](std::uint32_t serial, bool is_stream = true) {
    return shown(messages(source, ixfr(serial), is_stream));
  };
  CHECK(ask(2) == "SOA3 SOA2 A192.0.2.1 A192.0.2.9 SOA3 A192.0.2.9 SOA3");
  CHECK(ask(1) == "SOA3 SOA1 A192.0.2.2 SOA2 A192.0.2.9 SOA2 A192.0.2.1 A192.0.2.9 SOA3 A192.0.2.9 SOA3");
  CHECK(ask(3) == "SOA3");
  CHECK(ask(4) == "SOA3");
  CHECK(ask(1, false) == "SOA3");
  CHECK(ask(0) == "SOA3 NSns.y. A192.0.2.9 SOA3");
  CHECK(ask(0x80000010) == "SOA3 NSns.y. A192.0.2.9 SOA3");  // older than 3, by RFC 1982
}

TEST_CASE("history: bounded, broken off by what it can't tell") {
  std::shared_ptr<const History> history;
  auto last = zone(1, "");
  for (int i = 2; i < 102; ++i) {
    auto next = zone(i, "a.x. 60 TXT " + std::to_string(i) + "\n");
    history = History::after(history.get(), *last, *next);
    REQUIRE(history);
    last = std::move(next);
  }
  CHECK(history->since(101 - kHistoryVersionsMax).size() == kHistoryVersionsMax);
  CHECK(history->since(100 - kHistoryVersionsMax).empty());
  CHECK(history->since(101).empty());
  // One that does not follow begins anew.
  const auto gap = History::after(history.get(), *zone(200, ""), *zone(201, ""));
  CHECK(gap->since(100).empty());
  CHECK(gap->since(200).size() == 1);
  CHECK(History::after(nullptr, *zone(1, ""), *zone(1, "a.x. 60 TXT a\n")) == nullptr);
  CHECK(History::after(nullptr, *zone(1, ""), *zone(2, "a.x. steer A 0\n")) == nullptr);
  std::string lines;
  for (std::size_t i = 0; i < kHistoryRecordsMax; ++i) lines += "h" + std::to_string(i) + ".x. 60 TXT a\n";
  CHECK(History::after(nullptr, *zone(1, ""), *zone(2, lines)) == nullptr);
}

TEST_CASE("history: sets that are steered are left out where they stay, and break it off where they don't") {
  const std::string steered = "s.x. steer A 5\ns.x. 60 TXT a\n";
  const auto old = zone(1, steered + "a.x. 60 A 192.0.2.1\n");
  const auto next = zone(2, steered + "a.x. 60 A 192.0.2.2\ns.x. 60 TXT b\n");
  const auto history = History::after(nullptr, *old, *next);
  REQUIRE(history);
  CHECK(shown(messages(source_of(next, history), ixfr(1))) ==
        "SOA2 SOA1 A192.0.2.1 SOA2 TXT\"b\" A192.0.2.2 SOA2");
  const auto after = [&](const dns::Zone& last, const Changes& changes) {
    return History::after(nullptr, *old, last, changes) != nullptr;
  };
  CHECK_FALSE(after(*next, {.owners = {}, .policies = {5}}));
  CHECK(after(*next, {.owners = {}, .policies = {6}}));
  CHECK_FALSE(after(*zone(2, "s.x. steer A 6\n"), {}));
  CHECK_FALSE(after(*zone(2, "s.x. 60 A 192.0.2.5\n"), {}));
  CHECK_FALSE(after(*zone(2, "a.x. 60 A 192.0.2.1\n"), {}));
  CHECK_FALSE(after(*zone(2, steered + "t.x. steer A 7\n"), {}));
}

TEST_CASE("history: only names that may have changed are looked at, however large the zone is") {
  std::string lines;
  for (std::size_t i = 0; i <= kHistoryZoneRecordsMax; ++i) {
    lines += "h" + std::to_string(i) + ".x. 60 TXT a\n";
  }
  const auto old = zone(1, lines);
  const auto next = zone(2, lines + "h7.x. 60 TXT b\nNew.x. 60 TXT c\nother.x. 60 TXT d\n");
  CHECK(History::after(nullptr, *old, *next) == nullptr);
  const std::vector<dns::Name> owners{fixture::name("H7.x."), fixture::name("new.x."),
                                      fixture::name("gone.x.")};
  const auto history = History::after(nullptr, *old, *next, {.owners = owners, .policies = {}});
  REQUIRE(history);
  CHECK(shown(messages(source_of(next, history), ixfr(1))) == "SOA2 SOA1 SOA2 TXT\"b\" TXT\"c\" SOA2");
  const std::vector<dns::Name> many(kHistoryRecordsMax + 1);
  CHECK(History::after(nullptr, *old, *next, {.owners = many, .policies = {}}) == nullptr);
}

TEST_CASE("questions for copies that are none") {
  CHECK(read_transfer(fixture::query("x.", "AXFR"))->type == dns::Type::kAxfr);
  CHECK(read_transfer(ixfr(5))->serial == 5);
  Octets bare = ixfr(5);
  bare[9] = 0;
  CHECK_FALSE(read_transfer(bare));
  Octets cut = ixfr(5);
  cut.pop_back();
  CHECK_FALSE(read_transfer(cut));
  Octets chaos = fixture::query("x.", "AXFR");
  chaos.back() = 3;
  CHECK_FALSE(read_transfer(chaos));
  CHECK_FALSE(read_transfer(Octets(5)));
}

TEST_CASE("refusals have an OPT where the request has one, with what is wrong (RFC 8914)") {
  Octets room(200);
  Octets message = fixture::query("x.", "AXFR");
  CHECK(write_reply(room, message, dns::Rcode::kRefused, ExtendedError::kProhibited) == message.size());
  CHECK(room[11] == 0);
  const std::size_t bare = message.size();
  message[11] = 1;
  message.insert(message.end(), {0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0});
  const auto opt = [&](std::optional<ExtendedError> extended) {
    const std::size_t bytes = write_reply(room, message, dns::Rcode::kRefused, extended);
    CHECK(room[11] == 1);
    return Octets(room.begin() + static_cast<std::ptrdiff_t>(bare),
                  room.begin() + static_cast<std::ptrdiff_t>(bytes));
  };
  CHECK(opt(std::nullopt) == Octets{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0});
  CHECK(opt(ExtendedError::kProhibited) == Octets{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 6, 0, 15, 0, 2, 0, 18});
  room.resize(bare + 5);  // none where there is no room
  CHECK(write_reply(room, message, dns::Rcode::kRefused) == bare);
  CHECK(room[11] == 0);
  room.resize(200);
  const auto said = [&](dns::Rcode rcode) {
    Exchange exchange(message, Keys(), 0);
    return exchange.say(room, rcode, 0) - bare;
  };
  CHECK(said(dns::Rcode::kNotAuth) == 17);
  CHECK(room[bare + 16] == 20);
  CHECK(said(dns::Rcode::kRefused) == 17);
  CHECK(said(dns::Rcode::kServFail) == 11);
}

TEST_CASE("rules: networks and keys, as far as they are given") {
  const dns::Ip here{{192, 0, 2, 1}, 4};
  const dns::Ip there{{198, 51, 100, 1}, 4};
  ZoneRules rules{.gives_copies = true,
                  .networks = {*config::parse_network("192.0.2.0/24")},
                  .copy_keys = {"k"},
                  .write_keys = {"w"},
                  .history = {}};
  CHECK(rules.lets_copy(here, "k"));
  CHECK_FALSE(rules.lets_copy(there, "k"));
  CHECK_FALSE(rules.lets_copy(here, ""));
  CHECK_FALSE(rules.lets_copy(here, "w"));
  CHECK(rules.lets_write("w"));
  CHECK_FALSE(rules.lets_write("k"));
  rules.copy_keys.clear();
  CHECK(rules.lets_copy(here, ""));
  rules.networks.clear();
  CHECK_FALSE(rules.lets_copy(here, ""));
  CHECK_FALSE(ZoneRules().lets_copy(here, ""));
}

config::SecretSpec secret(config::Labels values) { return {.values = std::move(values)}; }

TEST_CASE("keys: Secrets that are, and what is wrong with others") {
  const auto key = tsig_key_of("k", secret({{"secret", "c2VjcmV0"}}));
  REQUIRE(key);
  CHECK(key->name.to_text() == "k.");
  CHECK(key->algorithm == dns::TsigAlgorithm::kHmacSha256);
  CHECK(key->mac(Octets{1, 2, 3}).size() == 32);
  const auto named =
      tsig_key_of("k", secret({{"secret", "c2VjcmV0"}, {"name", "X.y"}, {"algorithm", "HMAC-SHA512"}}));
  REQUIRE(named);
  CHECK(named->name.to_text() == "X.y.");
  CHECK(named->mac(Octets{1}).size() == 64);
  CHECK_FALSE(tsig_key_of("k", secret({{"secret", "c2VjcmV0"}, {"algorithm", "hmac-md5"}})));
  CHECK_FALSE(tsig_key_of("k", secret({{"secret", "!"}})));
  CHECK_FALSE(tsig_key_of("k", secret({})));
  CHECK_FALSE(tsig_key_of("k", secret({{"secret", "c2VjcmV0"}, {"name", "a..b"}})));
  const std::string label(63, 'a');
  CHECK_FALSE(
      tsig_key_of("k", secret({{"secret", "c2VjcmV0"}, {"name", label + '.' + label + '.' + label}})));
  Keys keys;
  CHECK(keys.add({.name = "k", .uid = {}, .spec = secret({{"secret", "c2VjcmV0"}})}));
  CHECK_FALSE(keys.add({.name = "l", .uid = {}, .spec = secret({{"secret", "c2VjcmV0"}, {"name", "K"}})}));
  CHECK(keys.find(fixture::name("K."))->secret == "k");
  CHECK(keys.find(fixture::name("l.")) == nullptr);
  CHECK(keys.find_secret("k") != nullptr);
  CHECK(keys.find_secret("l") == nullptr);
}

TEST_CASE("exchanges: what is more than a query, signatures, and replies with the same key") {
  Keys keys;
  REQUIRE(keys.add({.name = "k", .uid = {}, .spec = secret({{"secret", "c2VjcmV0"}})}));
  const Octets plain = fixture::query("x.", "A");
  CHECK_FALSE(is_operation(plain));
  CHECK_FALSE(is_operation(fixture::query("x.", "A", std::string_view("\0\0\x29\x04\xd0\0\0\0\0\0\0", 11))));
  CHECK(is_operation(fixture::query("x.", "AXFR")));
  CHECK(is_operation(ixfr(1)));
  Octets update = plain;
  update[2] = 0x28;
  CHECK(is_operation(update));
  update[2] |= 0x80U;
  CHECK_FALSE(is_operation(update));
  CHECK_FALSE(is_operation(Octets(11)));

  const auto signed_with = [&](const dns::TsigKey& key, std::uint64_t at) {
    Octets message = plain;
    message.resize(plain.size() + dns::kTsigBytesMax);
    message.resize(dns::TsigChain(key).sign(message, plain.size(), at));
    return message;
  };
  const dns::TsigKey& key = keys.find_secret("k")->key;
  const Octets message = signed_with(key, 1000);
  CHECK(is_operation(message));
  Exchange exchange(message, keys, 1000);
  CHECK(exchange.rcode() == dns::Rcode::kNoError);
  CHECK(exchange.secret() == "k");
  CHECK(dns::same_bytes(exchange.message(), plain));
  Octets room(512);
  const std::size_t bytes = exchange.say(room, dns::Rcode::kRefused, 1000);
  CHECK(fixture::show(dns::Bytes(room).first(bytes)).starts_with("REFUSED\nad k. 0 TSIG"));

  const auto refused = [&](const Octets& request, std::uint64_t now) {
    Exchange one(request, keys, now);
    CHECK_FALSE(one.is_signed());
    CHECK(one.rcode() == dns::Rcode::kNotAuth);
    Octets reply(512);
    reply.resize(one.say(reply, one.rcode(), now));
    const auto tsig = dns::find_tsig(reply);
    REQUIRE((tsig && *tsig));
    CHECK((*tsig)->error == one.error());
    return std::pair(one.error(), (*tsig)->mac.size());
  };
  CHECK(refused(message, 2000) == std::pair(dns::TsigError::kBadTime, std::size_t{32}));
  Octets other = message;
  other[2] ^= 1U;
  CHECK(refused(other, 1000) == std::pair(dns::TsigError::kBadSig, std::size_t{0}));
  const auto stranger = tsig_key_of("s", secret({{"secret", "c2VjcmV0"}}));
  CHECK(refused(signed_with(*stranger, 1000), 1000) == std::pair(dns::TsigError::kBadKey, std::size_t{0}));

  Octets broken = message;
  broken.push_back(0);
  CHECK(is_operation(broken));
  CHECK(Exchange(broken, keys, 1000).rcode() == dns::Rcode::kFormErr);
  Exchange unsigned_one(plain, keys, 1000);
  CHECK(unsigned_one.signature_bytes() == 0);
  CHECK(unsigned_one.say(room, dns::Rcode::kNoError, 1000) == plain.size());
}

}  // namespace
}  // namespace weir::dnspeer
