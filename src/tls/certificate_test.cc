#include "tls/certificate.h"

#include <doctest/doctest.h>

#include <chrono>
#include <ctime>
#include <string>
#include <string_view>

#include "tls/certificate_set.h"
#include "tls/tls_fixture.h"

namespace weir::tls {
namespace {

using namespace std::chrono_literals;

// openssl req -x509 -newkey rsa:2048 -nodes -subj '/O=Weir, Ltd/CN=Old.Example'
//   -addext subjectAltName=DNS:Old.Example,DNS:*.old.example,IP:192.0.2.7,IP:2001:db8::1 -days 36500
constexpr std::string_view kRsaCertificate = R"(-----BEGIN CERTIFICATE-----
MIIDeDCCAmCgAwIBAgIUPZn2DZNNcATXfay4SRjf4fRXROYwDQYJKoZIhvcNAQEL
BQAwKjESMBAGA1UECgwJV2VpciwgTHRkMRQwEgYDVQQDDAtPbGQuRXhhbXBsZTAg
Fw0yNjExMjEwNzUwMTNaGA8yMTI2MTAyODA3NTAxM1owKjESMBAGA1UECgwJV2Vp
ciwgTHRkMRQwEgYDVQQDDAtPbGQuRXhhbXBsZTCCASIwDQYJKoZIhvcNAQEBBQAD
ggEPADCCAQoCggEBALZnn1dzdUIZ2IBo8ugc8IUVo2RAX22HW7zElsH/CtaXj3+p
yZfwjf+97OUqYQfFzMAXQxPbZe2qdtvUvtlyF3oklhsYIkay0py2euUP6uYg+Jbc
pRvIaJ8zzQn5cuuoY+WQYx6j5iqUhrM2kPiQBsCV1szIpb/wZgjN6ZpYqAyvxqnr
PBHGG3act9uYHV2g1bFjydvUhJyNGYmFQv7Yu4ZtybLBa5RTRZYr3zT0GmCiVUPE
xpQJvSrVzg3xHwIhvmEN+MLCv26Df/vqhaiRoEfnWXLaUzW/yK+wEz1mVV53Vth0
szWsDxoLbzRl4Et6DpJ2lUYb4c/ZDR9om+cxPn8CAwEAAaOBkzCBkDAdBgNVHQ4E
FgQU+Peep7vfM4qg14nUAIbpodiOyq4wHwYDVR0jBBgwFoAU+Peep7vfM4qg14nU
AIbpodiOyq4wDwYDVR0TAQH/BAUwAwEB/zA9BgNVHREENjA0ggtPbGQuRXhhbXBs
ZYINKi5vbGQuZXhhbXBsZYcEwAACB4cQIAENuAAAAAAAAAAAAAAAATANBgkqhkiG
9w0BAQsFAAOCAQEAO8C0mtvnaS7EE6lSijih6cI5g1BTui1lhgbKwzmvmhDc7CVT
TmAGTlsj52TR/m7a0qA/jxwnlAKf/sp/BD1oFTsWUqNmhoZkmM0jQtINL9OWS16U
cQsKkFOYoOW9fmXgTeXjCSCuBH7aX+e52g5PzBiefwV9hjo/3jk1svWO3iGQwqVS
x/kUkJOvgDFU+5rFyf8+mJnS/hbPTljSbDCXZCy7YltQ0l6syhtwMaUoHQlD2mO3
drUJ/AB8gE0iOFtfGd/6rckCGwYVcpDUyAS7uRn6USdKP8xC0ZpmW5X6veoHpYdz
Fq6RFpgL0tRRt3CSYZPO9ZRKbOaEfll1sz3lBA==
-----END CERTIFICATE-----
)";
constexpr std::string_view kRsaKey = R"(-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC2Z59Xc3VCGdiA
aPLoHPCFFaNkQF9th1u8xJbB/wrWl49/qcmX8I3/vezlKmEHxczAF0MT22Xtqnbb
1L7Zchd6JJYbGCJGstKctnrlD+rmIPiW3KUbyGifM80J+XLrqGPlkGMeo+YqlIaz
NpD4kAbAldbMyKW/8GYIzemaWKgMr8ap6zwRxht2nLfbmB1doNWxY8nb1IScjRmJ
hUL+2LuGbcmywWuUU0WWK9809BpgolVDxMaUCb0q1c4N8R8CIb5hDfjCwr9ug3/7
6oWokaBH51ly2lM1v8ivsBM9ZlVed1bYdLM1rA8aC280ZeBLeg6SdpVGG+HP2Q0f
aJvnMT5/AgMBAAECggEAMJhixzWnY7jnCS7sqBItsgcVxLuxsMiDFEN7tqtwA8PV
Iznkz2nzKtM6rcMgnqV/6x1HbZ7iBPOJPv/q6JuQzaW5p/ZCC3vQyJeFHkmjVzQp
hme6RTCbTu7KDYI7r7TpCFvzTFJ2G5n+WPiMnuwgIGbLFzvNjNlLFcVmGwzLmLU3
tBOnlqYqOPYe8r5YxWW/wMyWjoJXkGEL2J5NSxGGxIeILqAmHxg9c2Sk03pdB1Bm
LYOSuuaj0rJpQa+ZZ2XaJbdgdqRD7Bo7hb5SVMFWzmyuSiLQxfi0qqlhOP9ErpTJ
pR7J6WRVodRTMS7t6kgVUKkh1Q6ZGXIvkxi+ckWwQQKBgQD1N4q5041EnN41lEK4
55UImS7lgTbuV6syRI1DxQ0jXtRHutGDB78iWJZYPUwDfj2B2Ey4qxKzf1Y+e7Zu
LTDoVuh7Yl1N37s5BUPYNy/921Al5w3m52PF9uAL0ARLShFdgB5WNGOqNW+rMyFM
FpQroK35E2IkrW+KknjZSTGbNwKBgQC+bP2h8CKoS+1tzDYy2S75KSamYDuOIr16
vt383BexZuf3/vhXwen9pwDKtFcWrw49MX+sz4zYJq+JLVdxGIO6PyRm8XtIJYke
Ug6K6Z2FVovfKyE+m4TZj2B7SBNPBeQBhyHjIZCpxegcXaqj6BkXqI374VC6BoGK
cwJjRPfq+QKBgQCZN5QZmiKZrX52ceXizOhlD/mqcztUXzjb1tOBdb1IzXbMPuGs
AoodtsZx6hL118osuG7vsAymVTkZH4mUe+4kLjFi7son31SHQ0/p6Em3T3JbzGv2
S7wetKu3FcmpFWWWS3gpGuDvOCZHDVKPzUfVnrc1ezQGgMvCBNU3xzEUrwKBgEfv
OjzTTvROgmmIzCyXOJRtBCmzjqvZ2cQlmAwuRFECs7xOOBhGq5LjZHwudfues31Q
Vo+8c9Mvgf4K/848WX6g3ap5rH2LmGm4y7+UEqpNEFeEnnFdJGlfLS5FAu5GJmSh
XJ7FjjVkCpO0moKCagAy7zfoXKt5S7Q2T/+aDSFZAoGAXhq7c+3R6B8p10NrWtAh
phch9MKkznE7Xz/i7fGZmYpg4r3gTYP3lChQeLeNa4r2DdTbIUP8r0S28T7eIcl3
nflghguGL+QJ7ViAQrG1OhPqWC7rcb+1r2K6q84CTIXjCWmRl1onaQkwR86qR7m/
J4xRncKXJ3U/ctj34NZCihI=
-----END PRIVATE KEY-----
)";
// openssl req -x509 -newkey ed25519 -nodes -subj /CN=ed.example
constexpr std::string_view kEd25519Certificate = R"(-----BEGIN CERTIFICATE-----
MIIBPjCB8aADAgECAhQHGvYsnKj74fMpQxS6RpcRbZzN5TAFBgMrZXAwFTETMBEG
A1UEAwwKZWQuZXhhbXBsZTAeFw0yNjExMjEwNzUwMTNaFw0yNjEyMjEwNzUwMTNa
MBUxEzARBgNVBAMMCmVkLmV4YW1wbGUwKjAFBgMrZXADIQAasZ8UeFxTtvOp285q
pHBTZYcmeXg0hwJsyVjb/9GKlKNTMFEwHQYDVR0OBBYEFH9lCQnVxpPROoxDj3ex
nHlsF3Y7MB8GA1UdIwQYMBaAFH9lCQnVxpPROoxDj3exnHlsF3Y7MA8GA1UdEwEB
/wQFMAMBAf8wBQYDK2VwA0EALIOBj4j9BnlrAccozKDA6vEj0vYokMpatMKyeROf
IGyW/tVzX/iaCQuwiQufzqpcDAiquILO+9oNOZjkXu9PDQ==
-----END CERTIFICATE-----
)";
// openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=weak.example
constexpr std::string_view kWeakCertificate = R"(-----BEGIN CERTIFICATE-----
MIICCjCCAXOgAwIBAgIUMeitMRUuiO/639VCLn+2OfCGQ1QwDQYJKoZIhvcNAQEL
BQAwFzEVMBMGA1UEAwwMd2Vhay5leGFtcGxlMB4XDTI2MTEyMTA3NTAxM1oXDTI2
MTIyMTA3NTAxM1owFzEVMBMGA1UEAwwMd2Vhay5leGFtcGxlMIGfMA0GCSqGSIb3
DQEBAQUAA4GNADCBiQKBgQDG0/rmGdvhnTwRQpdP6uLSTj538xbziZfSYZ8TcEL7
zieJNRe0BpKKfpcFDQcmqXO9Af/VWDtgd/OKrxKitU0WV+8PjgUxHL3urP9GlL5V
7joeL1moMZoyXkE8CRSccZNg+53xyNlxG9MOLiT/ptCtQbdgHPlniDtkGHwOD0Ax
rwIDAQABo1MwUTAdBgNVHQ4EFgQUAB+ijjZAyCw9aKj7GsMQL64BpaUwHwYDVR0j
BBgwFoAUAB+ijjZAyCw9aKj7GsMQL64BpaUwDwYDVR0TAQH/BAUwAwEB/zANBgkq
hkiG9w0BAQsFAAOBgQAWpG/JgIUF0uGHLcXQX6V0wSbCD3/mu+EL25BFX1dYqHKp
S5u8pMPBEzQN6tz06gag9XCXhyIgTgM4WYbSSjAdrTGbsAoNTP7rIrAo5IXCVZFs
MVkDrHHmmpDh4oa0R8SS5EYcz9AieKPdbPchdPxa0VYXmlJEDsLDJptOt6agVw==
-----END CERTIFICATE-----
)";
constexpr std::string_view kWeakKey = R"(-----BEGIN PRIVATE KEY-----
MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAMbT+uYZ2+GdPBFC
l0/q4tJOPnfzFvOJl9JhnxNwQvvOJ4k1F7QGkop+lwUNByapc70B/9VYO2B384qv
EqK1TRZX7w+OBTEcve6s/0aUvlXuOh4vWagxmjJeQTwJFJxxk2D7nfHI2XEb0w4u
JP+m0K1Bt2Ac+WeIO2QYfA4PQDGvAgMBAAECgYBFkZhheLzR9WU2GNm+0c3pjg0X
hUwLjKI9r4CsmYQmfRyiSpxvljkiEmcfEk7lPTdM8+0jJgsolu/1H4riuZMt1w65
d9XlcSau2ajnKR+cREq/aCNt4Tttc3fEr983FmzIs9J/4rgeE3/+/+A2A5DzGHOJ
mKmROA2/vDUFt+KAiQJBAO+EIHZW3XKvIQI774i/g/PFEjXUPIkmSh0Y2eNWrwl+
bMQ8TNBJNPUvY15cjwMxHFbZHmXNeAvk8qa7L8C7YzsCQQDUgv9c/mQykaUD7p0I
gO5yjCMbjPeXKAptsC3+W05B9V6rNHTDPpWUCKllL/yU2pUWmfSMWFA8jB8k9Z5n
ypwdAkBAriueCYMvzz9YvRrIkP9vOw7Z3oCigOaOyQE+NVB7fdqde7M6pCpa8/sf
plswf3ips2RUFZKPk7o7cF1K7M+1AkEAzXWBcuU49nM9uVl/VXNiFjlK0B4wWmIK
AxaswRiBxt92Ecx7fzEI6MCfFgeZCklyjxF2ECJqIL/QdKlL50lKOQJBANQi9aJp
atBZALK4+f8D9PV7GgX59kH+Hx0ZsjGmJqY6tn/oKomjItiR302D0S46Vp7/aI2F
QzzRWhd17kF/lfs=
-----END PRIVATE KEY-----
)";
// openssl genpkey -algorithm EC -aes128 -pass pass:secret
constexpr std::string_view kEncryptedKey = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgXym3RbPe9RwICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEMbCC06My0ha6E+JYmYRmNMEgZBs
U55svdZIRzIHztcReDzHTUgyiTV5X8yPS5o7tVntGGGeR4V86sSRqWZhFN89AI1C
ugVEYV98eHvWYNIGfGa/MYMiY0REQ6q2EyefVoR1VZGj0d1m25EWxs0cga9zZWJl
zsP0++84H+YH6HThMHkAYBRpFVx/iAIQXuywjmmYMMUAPLzY9Wc3Qsehrpnebkg=
-----END ENCRYPTED PRIVATE KEY-----
)";

TEST_CASE("inspect reads names, validity, subject and issuer") {
  const auto info = inspect(kRsaCertificate, kRsaKey);
  REQUIRE(info);
  CHECK(info->names == std::vector<std::string>{"old.example", "*.old.example", "192.0.2.7", "2001:db8::1"});
  CHECK(info->key == KeyKind::kRsa);
  CHECK(info->subject == "CN=Old.Example,O=Weir\\, Ltd");
  CHECK(info->issuer == info->subject);
  CHECK(info->not_after - info->not_before == 36500 * 24h);

  const World world;
  const PemPair made = world.issue({"a.example", "10.0.0.1"});
  const auto own = inspect(made.certificate, made.private_key);
  REQUIRE(own);
  CHECK(own->names == std::vector<std::string>{"a.example", "10.0.0.1"});
  CHECK(own->key == KeyKind::kEcdsa);
  CHECK(own->issuer == "CN=weir test authority");
  CHECK(own->not_after == testing::ManualClock::kWallStart + 90 * 24h);
}

TEST_CASE("inspect refuses in sentences") {
  const World world;
  const PemPair one = world.issue({"a.example"});
  const PemPair other = world.issue({"a.example"});
  const std::string chain_of_11 = [&] {
    std::string chain = one.certificate;
    for (int i = 0; i < 10; ++i) chain += world.authority.root_pem();
    return chain;
  }();
  std::string cut = one.certificate;
  cut.resize(cut.size() - 60);
  std::string damaged = one.certificate;
  damaged.at(200) = '!';
  struct Case {
    std::string_view chain;
    std::string_view key;
    std::string_view text;
  };
  const std::string huge(kPemBytesMax + 1, 'x');
  for (const Case& wrong : {
           Case{one.certificate, other.private_key,
                "the private key does not belong to the first certificate"},
           Case{"", one.private_key, "no certificate in PEM"},
           Case{"hello", one.private_key, "no certificate in PEM"},
           Case{one.certificate, "", "no private key in PEM"},
           Case{one.certificate, one.certificate, "no private key in PEM"},
           Case{one.certificate, kEncryptedKey, "the private key is encrypted"},
           Case{one.private_key, one.private_key, "a private key stands among the certificates"},
           Case{cut, one.private_key, "a certificate of the chain is not PEM"},
           Case{damaged, one.private_key, "no certificate in PEM"},
           Case{chain_of_11, one.private_key, "the chain has more than 10 certificates"},
           Case{huge, one.private_key, "the certificate chain is too long"},
           Case{one.certificate, huge, "the private key is too long"},
           Case{kEd25519Certificate, one.private_key, "the certificate's key is neither RSA nor ECDSA"},
           Case{kWeakCertificate, kWeakKey, "the RSA key is shorter than 2048 bits"},
       }) {
    CAPTURE(wrong.text);
    const auto info = inspect(wrong.chain, wrong.key);
    REQUIRE_FALSE(info);
    CHECK(info.error().text == wrong.text);
    CHECK(info.error().code == Code::kInvalid);
  }
}

TEST_CASE("a set finds by exact name, then wildcard of one label, then the default") {
  const World world;
  const auto first = load(world.issue({"default.example"}));
  const auto exact = load(world.issue({"www.a.example", "b.example"}));
  const auto wildcard = load(world.issue({"*.a.example"}));
  const auto later = load(world.issue({"b.example"}));
  const CertificateSet set({first, exact, wildcard, later});
  struct Case {
    std::string_view name;
    const Certificate* found;
  };
  for (const Case& row : {
           Case{"www.a.example", exact.get()},
           Case{"WWW.A.Example", exact.get()},
           Case{"www.a.example.", exact.get()},
           Case{"other.a.example", wildcard.get()},
           Case{"x.a.example", wildcard.get()},
           Case{"deep.other.a.example", first.get()},
           Case{"a.example", first.get()},
           Case{".a.example", first.get()},
           Case{"b.example", exact.get()},  // the first of two
           Case{"default.example", first.get()},
           Case{"", first.get()},
           Case{"localhost", first.get()},
       }) {
    CAPTURE(row.name);
    CHECK(set.find(row.name, true) == row.found);
  }
  CHECK(set.find(std::string(300, 'a'), true) == first.get());
  CHECK(CertificateSet({}).find("a.example", true) == nullptr);
}

TEST_CASE("of two kinds of key for one name, ECDSA is for clients that take it") {
  const World world;
  const auto rsa = *Certificate::load(kRsaCertificate, std::string(kRsaKey));
  const auto ecdsa = load(world.issue({"old.example"}));
  for (const auto& order : {std::vector{rsa, ecdsa}, std::vector{ecdsa, rsa}}) {
    const CertificateSet set(order);
    CHECK(set.find("old.example", true) == ecdsa.get());
    CHECK(set.find("old.example", false) == rsa.get());
    CHECK(set.find("unknown", true) == ecdsa.get());
    CHECK(set.find("unknown", false) == rsa.get());
    CHECK(set.find("www.old.example", true) == rsa.get());  // there is no other
  }
}

// Of this process, so that a busy machine changes nothing.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// How quickly depends on the machine and the sanitizer, so it is compared with itself; figures are in the
// ADR.
TEST_CASE(
    "each of ten thousand certificates costs as much as the first, and one more is a small part of all") {
  constexpr int kCount = 10'000;
  const World world;
  const PemPair pair = world.issue({"a.example"});
  std::vector<std::shared_ptr<const Certificate>> all;
  const auto load_half = [&] {
    const double start = cpu_seconds();
    for (int i = 0; i < kCount / 2; ++i)
      all.push_back(*Certificate::load(pair.certificate, pair.private_key));
    return cpu_seconds() - start;
  };
  const double first_half = load_half();
  const double second_half = load_half();
  MESSAGE("loaded in ", first_half + second_half, " s");
  CHECK(second_half < 2 * first_half);
  const auto before = set_of(all);

  const double start = cpu_seconds();
  all.at(kCount / 2) = *Certificate::load(pair.certificate, pair.private_key);
  const auto after = set_of(all);
  const double replaced = cpu_seconds() - start;
  MESSAGE("replaced in ", replaced, " s");
  CHECK(replaced < (first_half + second_half) / 10);
}

}  // namespace
}  // namespace weir::tls
