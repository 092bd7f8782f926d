#include "dns/tsig.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "dns/message.h"
#include "dns/zone_fixture.h"

namespace weir::dns {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::uint64_t kNow = 1'700'000'000;

// No MAC worth the name, but one that is another for other octets and other keys.
TsigKey key_of(std::string_view name, std::uint8_t secret,
               TsigAlgorithm algorithm = TsigAlgorithm::kHmacSha256) {
  return {.name = fixture::name(name), .algorithm = algorithm, .mac = [=](Bytes bytes) {
            Octets mac(mac_bytes(algorithm), secret);
            std::uint32_t hash = secret;
            for (std::size_t i = 0; i < bytes.size(); ++i) {
              hash = hash * 16777619 + bytes[i] + 1;
              mac[i % mac.size()] ^= static_cast<std::uint8_t>(hash >> 13U);
            }
            return mac;
          }};
}

Octets signed_by(TsigChain& chain, Octets message, std::uint64_t now = kNow) {
  const std::size_t bytes = message.size();
  message.resize(bytes + kTsigBytesMax);
  message.resize(chain.sign(message, bytes, now));
  return message;
}

TsigError checked(const TsigKey& key, const Octets& message, std::uint64_t now = kNow) {
  const auto tsig = find_tsig(message);
  REQUIRE((tsig && *tsig));
  return TsigChain(key).check(message, **tsig, now);
}

TEST_CASE("tsig: what is signed is found, verified, and taken off again") {
  const TsigKey key = key_of("Key.Example.", 7);
  const Octets plain = fixture::query("www.a.example.", "A");
  TsigChain chain(key);
  const Octets message = signed_by(chain, plain);
  const auto tsig = find_tsig(message);
  REQUIRE((tsig && *tsig));
  CHECK((*tsig)->at == plain.size());
  CHECK((*tsig)->key.to_text() == "Key.Example.");
  CHECK((*tsig)->algorithm.to_text() == "hmac-sha256.");
  CHECK((*tsig)->signed_at == kNow);
  CHECK((*tsig)->fudge_seconds == 300);
  CHECK((*tsig)->original_id == 0x1234);
  CHECK(without_tsig(message, **tsig) == plain);
  CHECK(checked(key, message) == TsigError::kNone);
  CHECK(checked(key_of("key.example.", 7), message) == TsigError::kNone);  // names have no case
}

TEST_CASE("tsig: a server that changed the id on the way is no reason to refuse") {
  const TsigKey key = key_of("k.", 7);
  TsigChain chain(key);
  Octets message = signed_by(chain, fixture::query("a.example.", "A"));
  message[0] ^= 0xffU;
  CHECK(checked(key, message) == TsigError::kNone);
}

TEST_CASE("tsig: any octet that is another makes it wrong") {
  const TsigKey key = key_of("k.", 7);
  TsigChain chain(key);
  const Octets message = signed_by(chain, fixture::query("a.example.", "SOA"));
  for (std::size_t i = 2; i < message.size(); ++i) {
    CAPTURE(i);
    Octets other = message;
    other[i] ^= 1U;
    const auto tsig = find_tsig(other);
    if (!tsig || !*tsig) continue;
    const TsigError error = TsigChain(key).check(other, **tsig, kNow);
    CHECK((error == TsigError::kBadSig || error == TsigError::kBadKey));
  }
}

TEST_CASE("tsig: the wrong key, algorithm, time or length") {
  const TsigKey key = key_of("k.", 7);
  TsigChain chain(key);
  const Octets message = signed_by(chain, fixture::query("a.example.", "A"));
  CHECK(checked(key_of("other.", 7), message) == TsigError::kBadKey);
  CHECK(checked(key_of("k.", 7, TsigAlgorithm::kHmacSha512), message) == TsigError::kBadKey);
  CHECK(checked(key_of("k.", 8), message) == TsigError::kBadSig);
  CHECK(checked(key, message, kNow + 300) == TsigError::kNone);
  CHECK(checked(key, message, kNow + 301) == TsigError::kBadTime);
  CHECK(checked(key, message, kNow - 301) == TsigError::kBadTime);
  // A MAC that is cut off: its length, and that of the data, are numbers of two octets each.
  const auto cut_to = [&](std::size_t bytes) {
    const auto tsig = find_tsig(message);
    const auto mac_at = static_cast<std::size_t>((*tsig)->mac.data() - message.data());
    const std::size_t gone = 32 - bytes;
    Octets cut = message;
    cut.erase(cut.begin() + static_cast<std::ptrdiff_t>(mac_at + bytes),
              cut.begin() + static_cast<std::ptrdiff_t>(mac_at + 32));
    cut[mac_at - 1] = static_cast<std::uint8_t>(bytes);
    const std::size_t length_at = (*tsig)->at + 3 + 8;  // "k.", type, class, TTL
    store_u16(&cut[length_at], static_cast<std::uint16_t>(load_u16(&cut[length_at]) - gone));
    return cut;
  };
  CHECK(checked(key, cut_to(31)) == TsigError::kBadTrunc);
  CHECK(checked(key, cut_to(16)) == TsigError::kBadTrunc);
  CHECK(checked(key, cut_to(15)) == TsigError::kBadSig);
  CHECK(checked(key, cut_to(0)) == TsigError::kBadSig);
}

TEST_CASE("tsig: the messages of a reply are a chain, which the client checks likewise") {
  const TsigKey key = key_of("k.", 7);
  TsigChain client(key);
  const Octets request = signed_by(client, fixture::query("a.example.", "AXFR"));
  TsigChain server(key);
  CHECK(server.check(request, **find_tsig(request), kNow) == TsigError::kNone);
  std::vector<Octets> replies;
  for (int i = 0; i < 3; ++i)
    replies.push_back(signed_by(server, fixture::query("a.example.", "SOA"), kNow + i));
  for (const Octets& reply : replies) {
    CHECK(client.check(reply, **find_tsig(reply), kNow) == TsigError::kNone);
  }
  // Nothing can be left out.
  TsigChain other(key);
  (void)signed_by(other, fixture::query("a.example.", "AXFR"));
  CHECK(other.check(replies[0], **find_tsig(replies[0]), kNow) == TsigError::kNone);
  CHECK(other.check(replies[2], **find_tsig(replies[2]), kNow) == TsigError::kBadSig);
}

TEST_CASE("tsig: errors are told, those of time with the server's, signed at the client's") {
  const TsigKey key = key_of("k.", 7);
  TsigChain client(key);
  const Octets request = signed_by(client, fixture::query("a.example.", "A"), kNow - 5000);
  TsigChain server(key);
  const auto asked = find_tsig(request);
  REQUIRE(server.check(request, **asked, kNow) == TsigError::kBadTime);
  Octets reply = fixture::query("a.example.", "A");
  const std::size_t bytes = reply.size();
  reply.resize(bytes + kTsigBytesMax);
  reply.resize(server.sign_error(reply, bytes, **asked, TsigError::kBadTime, kNow));
  const auto said = find_tsig(reply);
  REQUIRE((said && *said));
  CHECK((*said)->error == TsigError::kBadTime);
  CHECK((*said)->signed_at == kNow - 5000);
  REQUIRE((*said)->other.size() == 6);
  CHECK(load_u32(&(*said)->other[2]) == kNow);
  CHECK(client.check(reply, **said, kNow - 5000) == TsigError::kNone);

  Octets plain = fixture::query("a.example.", "A");
  plain.resize(bytes + kTsigBytesMax);
  plain.resize(append_tsig_error(plain, bytes, **asked, TsigError::kBadKey));
  const auto refused = find_tsig(plain);
  REQUIRE((refused && *refused));
  CHECK((*refused)->error == TsigError::kBadKey);
  CHECK((*refused)->mac.empty());
  std::vector<std::uint8_t> small(bytes + 10);
  std::ranges::copy(fixture::query("a.example.", "A"), small.begin());
  CHECK(append_tsig_error(small, bytes, **asked, TsigError::kBadKey) == 0);
}

TEST_CASE("tsig: a record that is not the last, or not formed as one, breaks the format") {
  const TsigKey key = key_of("k.", 7);
  TsigChain chain(key);
  const Octets message = signed_by(chain, fixture::query("a.example.", "A"));
  CHECK_FALSE(*find_tsig(fixture::query("a.example.", "A")));
  const auto broken = [&](auto change) {
    Octets other = message;
    change(other);
    return !find_tsig(other).has_value();
  };
  const std::size_t at = (*find_tsig(message))->at;
  CHECK(broken([](Octets& one) { one.push_back(0); }));
  CHECK(broken([](Octets& one) { one.pop_back(); }));
  CHECK(broken([&](Octets& one) { one[at + 3 + 3] = 1; }));      // class
  CHECK(broken([&](Octets& one) { one[at + 3 + 7] = 1; }));      // TTL
  CHECK(broken([&](Octets& one) { one[at + 3 + 10] = 0xC0; }));  // the algorithm as a pointer
  CHECK(broken([](Octets& one) { one[7] = 1, one[11] = 0; }));   // among the answers
  CHECK(broken([&](Octets& one) {                                // twice
    one.insert(one.end(), message.begin() + static_cast<std::ptrdiff_t>(at), message.end());
    one[11] = 2;
  }));
  CHECK_FALSE(find_tsig(Octets(3)).has_value());
}

TEST_CASE("tsig: algorithms by name") {
  CHECK(read_tsig_algorithm("hmac-sha384") == TsigAlgorithm::kHmacSha384);
  CHECK(read_tsig_algorithm("hmac-md5") == std::nullopt);
  CHECK(tsig_algorithm_text(TsigAlgorithm::kHmacSha1) == "hmac-sha1");
}

}  // namespace
}  // namespace weir::dns
