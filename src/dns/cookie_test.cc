#include "dns/cookie.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace weir::dns {
namespace {

std::vector<std::uint8_t> unhex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return bytes;
}

SipKey key(std::string_view hex) {
  SipKey key{};
  std::ranges::copy(unhex(hex), key.begin());
  return key;
}

Ip ip(std::string_view hex) {
  Ip ip;
  const auto octets = unhex(hex);
  std::ranges::copy(octets, ip.octets.begin());
  ip.size = static_cast<std::uint8_t>(octets.size());
  return ip;
}

constexpr std::string_view kSecret = "e5e973e5a6b2a43f48e7dc849e37bfcf";
constexpr std::string_view kV4 = "c6336464";  // 198.51.100.100
constexpr std::string_view kV6 = "20010db80220000159ded0f4876982b8";

TEST_CASE("SipHash-2-4 of its paper and reference vectors") {
  const SipKey counting = key("000102030405060708090a0b0c0d0e0f");
  std::vector<std::uint8_t> message;
  CHECK(siphash_2_4(counting, message) == 0x726fdb47dd0e0e31U);
  for (std::uint8_t i = 0; i < 15; ++i) message.push_back(i);
  CHECK(siphash_2_4(counting, message) == 0xa129ca6149be45e5U);
}

TEST_CASE("the cookies of RFC 9018 appendix A") {
  struct Case {
    std::string_view secret, client_cookie, ip;
    std::uint32_t now;
    std::string_view cookie;
  };
  constexpr Case kCases[] = {
      {kSecret, "2464c4abcf10c957", kV4, 1559731985, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
      {kSecret, "2464c4abcf10c957", kV4, 1559734385, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
      {kSecret, "fc93fc62807ddb86", "cb0071cb", 1559734700,
       "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
      {"445536bcd2513298075a5d379663c962", "22681ab97d52c298", kV6, 1559741961,
       "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
  };
  for (const Case& test : kCases) {
    CAPTURE(test.cookie);
    const Cookie made = make_cookie(unhex(test.client_cookie), ip(test.ip), test.now, key(test.secret));
    CHECK(same_bytes(made, unhex(test.cookie)));
  }
}

TEST_CASE("which cookies are valid, and which are renewed") {
  struct Case {
    const char* what;
    std::string_view cookie, ip;
    std::uint32_t now;
    CookieCheck check;
  };
  constexpr std::uint32_t kMade = 1559731985;
  constexpr std::string_view kFirst = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
  constexpr Case kCases[] = {
      {"client only", "2464c4abcf10c957", kV4, kMade, CookieCheck::kAbsent},
      {"just made", kFirst, kV4, kMade, CookieCheck::kFresh},
      {"half an hour", kFirst, kV4, kMade + 1800, CookieCheck::kFresh},
      {"A.2: 40 minutes", kFirst, kV4, kMade + 2400, CookieCheck::kRenew},
      {"an hour", kFirst, kV4, kMade + 3600, CookieCheck::kRenew},
      {"over an hour", kFirst, kV4, kMade + 3601, CookieCheck::kInvalid},
      {"a clock ahead", kFirst, kV4, kMade - 300, CookieCheck::kFresh},
      {"a clock too far ahead", kFirst, kV4, kMade - 301, CookieCheck::kInvalid},
      {"of another client", kFirst, "c6336465", kMade, CookieCheck::kInvalid},
      {"another client cookie", "2464c4abcf10c958010000005cf79f111f8130c3eee29480", kV4, kMade,
       CookieCheck::kInvalid},
      {"another version", "2464c4abcf10c957020000005cf79f111f8130c3eee29480", kV4, kMade,
       CookieCheck::kInvalid},
      {"another length", "2464c4abcf10c957010000005cf79f111f8130c3eee2948000", kV4, kMade,
       CookieCheck::kInvalid},
      {"A.3: reserved octets are hashed as they are", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
       "cb0071cb", 1559727985 + 60, CookieCheck::kFresh},
      {"A.4: of the previous secret", "22681ab97d52c298010000005cf7c57926556bd0934c72f8", kV6, 1559741961,
       CookieCheck::kRenew},
  };
  const CookieSecrets secrets{key(kSecret), key("dd3bdf9344b678b185a6f5cb60fca715")};
  for (const Case& test : kCases) {
    CAPTURE(test.what);
    CHECK(check_cookie(unhex(test.cookie), ip(test.ip), test.now, secrets) == test.check);
  }
  CHECK(check_cookie(unhex(kFirst), ip(kV4), kMade, {SipKey{}, {}}) == CookieCheck::kInvalid);
}

}  // namespace
}  // namespace weir::dns
