#include "tls/certificate_request.h"

#include <doctest/doctest.h>

#include <string>

#include "testing/manual_time.h"
#include "tls/tls_fixture.h"

namespace weir::tls {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUri = "spiffe://weir.localhost/edge/fra-1";
const WallTime kNow = testing::ManualClock::kWallStart;

// By OpenSSL 3.0, each with a subject and names that nobody asked for.
constexpr const char* kEd25519 = R"(-----BEGIN CERTIFICATE REQUEST-----
MIH2MIGpAgEAMCMxDjAMBgNVBAMMBWFkbWluMREwDwYDVQQKDAhzb21lYm9keTAq
MAUGAytlcAMhABF2mxkxpDQT5q4tqbV4SvID10//mxCp+EgWhjqVP8m1oFMwUQYJ
KoZIhvcNAQkOMUQwQjBABgNVHREEOTA3hidzcGlmZmU6Ly93ZWlyLmxvY2FsaG9z
dC9jb250cm9sbGVyL2V2aWyCDGV2aWwuZXhhbXBsZTAFBgMrZXADQQA2gpsI6vcF
oqHNkI2OG9zeYkCC0RrPLtQUoo//5FjcQte3gfPRYRTmzg1BEVuWy4vSaVZlJ5wN
p/ZsKUALn7gN
-----END CERTIFICATE REQUEST-----
)";
constexpr const char* kRsa2048 = R"(-----BEGIN CERTIFICATE REQUEST-----
MIICuzCCAaMCAQAwIzEOMAwGA1UEAwwFYWRtaW4xETAPBgNVBAoMCHNvbWVib2R5
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlgRWWxg8Tx2bsIh06lTx
MZ/z8jw+xuRRPyFpm7j5VmA5S9QsaupaZdz8wNfmB96YlkosVeoEwVMB4m+Kkgmg
O/foD4E51cEs5mjPvKD102a05h+5Eke14zRLZmu2w0pE9FInDkCLS2onXCqsi4Al
dSnbARBeqUPi10/aEQkebGeiN+PsiwhJtWxfIHQqAEdm52EwROHQTxAzlWQzUU/R
Rdy6S2D6EG4tGWs3cQ7XTWQnOhKaKJzL0pitrCr+NrzdrOpDcUF+si5/heonoQjF
GHrBkH4lTOtz+HVykq6mhXgKum4lNJscKIayT4DZ1Yl79zO/iebZkBerfTAZ/9Mq
7QIDAQABoFMwUQYJKoZIhvcNAQkOMUQwQjBABgNVHREEOTA3hidzcGlmZmU6Ly93
ZWlyLmxvY2FsaG9zdC9jb250cm9sbGVyL2V2aWyCDGV2aWwuZXhhbXBsZTANBgkq
hkiG9w0BAQsFAAOCAQEAHDgXtq+cl1DDvwKFF0vOHulkJtbhrNPsanuHSOG4Gih9
SmeMCnk4CfZQNlFWzR0kW2zuBLMqURgPMLxHOXQfxt26ZWIRDjPQmzfAdL69pFtf
3tCoZAiTRCRhDTfUImKNIBiRIbGHET/9Fra/BeyXdxYGImA/n4vABgQowBrhQDbI
3Bomob+36yHWODRotSk0Ri1g1+ceAYcMWnFkCOycZbMUhJsv39/F5zc2q7a7yqRa
ZedTfVHqc5Ab4G45hpfAF5T5us5eEUb2cU1qxC7+2SyX8BClItZ40dGkou/2ufoz
aK/t1K0wXnEAptQHxFj4Uj21p+2cqhgVEqkpIgucng==
-----END CERTIFICATE REQUEST-----
)";
constexpr const char* kRsa1024 = R"(-----BEGIN CERTIFICATE REQUEST-----
MIIBtjCCAR8CAQAwIzEOMAwGA1UEAwwFYWRtaW4xETAPBgNVBAoMCHNvbWVib2R5
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCmEFEJUQ4QDDYnbyzWOy4l9D6s
9IVOjqYhDCRVEaQnqjEmHG5n6+h8UxuWOJSS+9/at++FyviLbN1VEZ9DOMAc61qW
P8U6ZJoJ/7LrBDSaI8V4ySJgT4iCFO4kGfs2AgC2oRP/LsTaSMpOxvGniiSe1JfH
o/7xhbAJkipUFoz+CQIDAQABoFMwUQYJKoZIhvcNAQkOMUQwQjBABgNVHREEOTA3
hidzcGlmZmU6Ly93ZWlyLmxvY2FsaG9zdC9jb250cm9sbGVyL2V2aWyCDGV2aWwu
ZXhhbXBsZTANBgkqhkiG9w0BAQsFAAOBgQBQUsi9sUOeiEkse5EhoCyt2ZAszkPB
2prfRAlwjE+Zkr51tEYUaL3Se/27fWH9Aq1XJiNyowuwh1sw/PKd79evoLZyTvWc
9+gXVbU1nQfz4ezsJo24EtVxT66XsEeme5l/YEHV4ZVAXADFaiHAEsk18A7znCNs
ZkW0Et4UOa/iKw==
-----END CERTIFICATE REQUEST-----
)";
constexpr const char* kP384 = R"(-----BEGIN CERTIFICATE REQUEST-----
MIIBbjCB9QIBADAjMQ4wDAYDVQQDDAVhZG1pbjERMA8GA1UECgwIc29tZWJvZHkw
djAQBgcqhkjOPQIBBgUrgQQAIgNiAAQ1L2enPlctrwceigBuNRX1lCxN0TMAyE8f
b5G2E04yC0GQFkvJmQ2Nme6VjVATjXic1nRalo0SAfzXExWm2gF8CEREaxoAwUb7
vtDgTqZrSRiiFAUpi5ZOmbuDnsCOk12gUzBRBgkqhkiG9w0BCQ4xRDBCMEAGA1Ud
EQQ5MDeGJ3NwaWZmZTovL3dlaXIubG9jYWxob3N0L2NvbnRyb2xsZXIvZXZpbIIM
ZXZpbC5leGFtcGxlMAoGCCqGSM49BAMCA2gAMGUCMQDnZ/zpMhEUpsj87IAodpxP
cx7gA6b+K8SVwR/QhE31cV4p6005aKeoV6LNu7i76RUCMAx+bTxDWmRLyvZ3Xl2o
AOl20SqnQJcL9MDJ+ETX11eNPU62DjfCdST+Rbsh1PUTqQ==
-----END CERTIFICATE REQUEST-----
)";

std::string told(std::string_view request) {
  const auto made = make_authority().certify(request, kUri, kNow);
  return made ? "made" : made.error().text;
}

TEST_CASE("a machine's certificate serves on both ends, under the name that the authority gave") {
  World world;
  const auto own = make_request();
  REQUIRE(own.has_value());
  const auto chain = world.authority.certify(own->request, kUri, kNow);
  REQUIRE(chain.has_value());
  world.server_options.client_certificates = ClientCertificates::kRequired;
  world.server_options.client_authorities = world.trust();
  world.client_options.certificate = load({*chain, own->private_key});
  auto ends = world.connect(world.client(), world.server());
  REQUIRE(ends.server.has_value());
  CHECK((*ends.server)->details().client_names == std::string("URI:") + kUri);
  CHECK((*ends.server)->details().client_subject.empty());
}

TEST_CASE("a machine's certificate is good for a day, and from five minutes ago") {
  World world;
  const auto own = make_request();
  const auto chain = world.authority.certify(own->request, kUri, kNow);
  const auto certificate = load({*chain, own->private_key});
  const CertificateInfo& info = certificate->info();
  CHECK(info.not_before == kNow - 5min);
  CHECK(info.not_after == kNow + 24h);
  CHECK(info.names.empty());
}

TEST_CASE("keys that are strong are taken, whatever else the request says") {
  CHECK(told(kEd25519) == "made");
  CHECK(told(kRsa2048) == "made");
  const std::string weak =
      "the key of the certificate request is none of ECDSA P-256, Ed25519 and RSA of 2048 to 4096 bits";
  CHECK(told(kRsa1024) == weak);
  CHECK(told(kP384) == weak);
}

TEST_CASE("what is no request, or not of who holds the key, is refused") {
  CHECK(told("") == "not a certificate request in PEM");
  CHECK(told(std::string(20'000, 'x')) == "the certificate request is longer than 16 KiB");
  CHECK(told(make_authority().root_pem()) == "not a certificate request in PEM");
  std::string forged = kEd25519;
  const std::size_t end = forged.find("-----END");
  forged[end - 8] = forged[end - 8] == 'A' ? 'B' : 'A';  // within the signature
  CHECK(told(forged) == "the certificate request is not signed with its own key");
  const auto own = make_request();
  CHECK_FALSE(make_authority().certify(own->request, "no uri", kNow).has_value());
}

TEST_CASE("an authority is recognised by its fingerprint, before anybody has its certificate") {
  World world;
  CHECK(world.authority.fingerprint().size() == 64);
  world.client_options.authorities = nullptr;
  const auto told = [&world](std::string fingerprint, std::string name) -> std::string {
    world.client_options.authority_fingerprint = std::move(fingerprint);
    const auto ends =
        world.connect(world.client(), world.server(), {.name = std::move(name), .endpoint = {}});
    return ends.client ? "connected" : ends.client.error().text;
  };
  CHECK(told(world.authority.fingerprint().substr(0, 32), "a.example") == "connected");
  CHECK(told(make_authority().fingerprint().substr(0, 32), "a.example") == kUntrusted);
  CHECK(told(world.authority.fingerprint(), "b.example") == kOtherName);
  world.fake.advance(Authority::kLeafValidity + 1h);
  CHECK(told(world.authority.fingerprint(), "a.example") == "the peer's certificate has expired");
}

}  // namespace
}  // namespace weir::tls
