#include "ssh/certificate.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "auth/ssh_key.h"
#include "ssh/key.h"

namespace weir::ssh {
namespace {

using namespace std::chrono_literals;

// Made by tools/ssh_certificates.py, valid through 2026.
std::string blob_of(const std::string& name) {
  std::filesystem::path folder = std::filesystem::current_path();
  while (!std::filesystem::exists(folder / "src" / "LAYERS") && folder != folder.parent_path()) {
    folder = folder.parent_path();
  }
  std::ifstream file(folder / "src/ssh/corpus/certificate_fuzz" / name, std::ios::binary);
  std::string blob{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  REQUIRE_FALSE(blob.empty());
  return blob;
}

constexpr WallTime kBegin{std::chrono::sys_days{std::chrono::January / 1 / 2026}};
constexpr WallTime kEnd{std::chrono::sys_days{std::chrono::January / 1 / 2027}};
constexpr WallTime kNow = kBegin + 24h;

CertificateUse use(std::string_view peer = "192.0.2.7", WallTime now = kNow) {
  return {*net::Address::parse_ip(peer, 4711), now};
}

// "" when it is good, else why not.
std::string verdict(const std::string& blob, const CertificateUse& by) {
  const auto certificate = parse_certificate(net::as_slice(blob));
  if (!certificate) return "malformed: " + std::string(certificate.error().text);
  const auto checked = check_certificate(*certificate, by);
  return checked ? "" : checked.error().text;
}

TEST_CASE("certificates of every type of key, by authorities of every type") {
  for (const char* name : {"ed25519", "ecdsa_256", "ecdsa_384", "ecdsa_521", "rsa_sha512"}) {
    CAPTURE(name);
    const std::string blob = blob_of(name);
    CHECK(verdict(blob, use()) == "");
    const auto certificate = parse_certificate(net::as_slice(blob));
    REQUIRE(certificate.has_value());
    // The key that is inside is known by the fingerprint that it has by itself.
    const std::string key = blob_of("key_of_" + std::string(name));
    CHECK(certificate->key_blob == key);
    CHECK(auth::ssh_fingerprint(net::as_slice(certificate->key_blob)) ==
          auth::ssh_fingerprint(net::as_slice(key)));
    CHECK(is_certificate_type(type_of_key(net::as_slice(blob))));
    CHECK_FALSE(is_certificate_type(type_of_key(net::as_slice(key))));
  }
  CHECK(verdict(blob_of("rsa_sha256"), use()) == "");
  for (const char* name : {"by_sk_ed25519", "by_sk_ecdsa"}) {
    CAPTURE(name);
    const std::string blob = blob_of(name);
    CHECK(verdict(blob, use()) == "");
    CHECK(type_of_key(parse_certificate(net::as_slice(blob))->authority).starts_with("sk-"));
  }
  CHECK(verdict(blob_of("rsa_sha1"), use()) == "its signature is not its authority's");
}

TEST_CASE("what a certificate says") {
  const std::string blob = blob_of("ed25519");
  const auto certificate = parse_certificate(net::as_slice(blob));
  REQUIRE(certificate.has_value());
  CHECK(certificate->serial == 42);
  CHECK(certificate->id == "the ed25519 one");
  CHECK(certificate->principals == std::vector<std::string_view>{"me"});
  CHECK(certificate->permits_port_forwarding);
  CHECK(certificate->permits_pty);
  CHECK_FALSE(certificate->force_command);
  CHECK(type_of_key(certificate->authority) == "ssh-ed25519");
  const std::string several = blob_of("several");
  CHECK(parse_certificate(net::as_slice(several))->principals ==
        std::vector<std::string_view>{"you", "me", "them"});

  const std::string bare = blob_of("nothing");
  const auto nothing = parse_certificate(net::as_slice(bare));
  REQUIRE(nothing.has_value());
  CHECK_FALSE(nothing->permits_port_forwarding);
  CHECK_FALSE(nothing->permits_pty);
  CHECK_FALSE(parse_certificate(net::as_slice(blob_of("no_forwards")))->permits_port_forwarding);

  const std::string forced = blob_of("command");
  CHECK(parse_certificate(net::as_slice(forced))->force_command == "status");
  CHECK(verdict(forced, use()) == "");
}

TEST_CASE("each way of being wrong") {
  const std::string blob = blob_of("ed25519");
  CHECK(verdict(blob_of("nobody"), use()) == "it names no principal");
  CHECK(verdict(blob_of("host"), use()) == "it is not a user's certificate");
  CHECK(verdict(blob_of("unknown_critical"), use()) == "it has a critical option that is not known here");
  CHECK(verdict(blob_of("unknown_extension"), use()) == "");
  CHECK(verdict(blob_of("key_of_ed25519"), use()) == "malformed: not a certificate of version 1");
  CHECK(verdict("", use()) == "malformed: not a certificate of version 1");
  CHECK(verdict(blob + "x", use()) == "malformed: the certificate does not end with its signature");
  CHECK(verdict(blob + std::string(40'000, 'x'), use()) == "malformed: the certificate is too long");
}

TEST_CASE("the time of a certificate: the first second counts, the last does not") {
  const std::string blob = blob_of("ed25519");
  CHECK(verdict(blob, use("192.0.2.7", kBegin)) == "");
  CHECK(verdict(blob, use("192.0.2.7", kBegin - 1ms)) == "it is not valid yet");
  CHECK(verdict(blob, use("192.0.2.7", kEnd - 1ms)) == "");
  CHECK(verdict(blob, use("192.0.2.7", kEnd)) == "it has expired");
  CHECK(verdict(blob_of("forever"), use("192.0.2.7", kEnd + 100 * 365 * 24h)) == "");
  CHECK(verdict(blob_of("forever"), use("192.0.2.7", WallTime{})) == "");
}

TEST_CASE("the networks of a certificate") {
  const std::string blob = blob_of("from_networks");  // 192.0.2.0/24,2001:db8::/33
  for (const char* good : {"192.0.2.0", "192.0.2.255", "2001:db8::1", "2001:db8:7fff::1"}) {
    CAPTURE(good);
    CHECK(verdict(blob, use(good)) == "");
  }
  for (const char* bad : {"192.0.3.0", "192.0.1.255", "2001:db8:8000::1", "2001:db9::1", "::192.0.2.1"}) {
    CAPTURE(bad);
    CHECK(verdict(blob, use(bad)) == "it is not for this address");
  }
}

TEST_CASE("no byte of a certificate can be another one, and none can be missing") {
  for (const char* name : {"ed25519", "ecdsa_256", "rsa_sha512", "by_sk_ed25519", "by_sk_ecdsa"}) {
    CAPTURE(name);
    const std::string blob = blob_of(name);
    const std::size_t stride = name == std::string_view("ed25519") ? 1 : 13;
    for (std::size_t at = 0; at < blob.size(); at += stride) {
      CAPTURE(at);
      std::string changed = blob;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      CHECK(verdict(changed, use()) != "");
      CHECK(verdict(blob.substr(0, at), use()).starts_with("malformed: "));
    }
  }
}

}  // namespace
}  // namespace weir::ssh
