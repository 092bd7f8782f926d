#include "tunnel/ssh_arrival.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/pinned_token.h"
#include "auth/ssh_key.h"
#include "auth/token.h"

namespace weir::tunnel {
namespace {

const std::string kKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop ada@laptop";
const std::string kAuthority =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq ca@work";

// Ada has a key and a token; eve trusts an authority.
struct Site {
  Site() {
    auto made = std::make_shared<config::Snapshot>();
    for (auto& [name, line] :
         {std::pair("ada", kKey), std::pair("eve", "cert-authority,principals=\"e,f\" " + kAuthority)}) {
      made->users.push_back(std::make_shared<const config::User>(
          config::User{.name = name, .spec = {.email = {}, .ssh_keys = {line}}}));
    }
    made->tunnel_tokens.push_back(std::make_shared<const config::TunnelToken>(config::TunnelToken{
        "laptop", {.role = config::Role::kTunnel, .user = "ada", .hash = token.hash.to_text()}}));
    admission = std::make_unique<Admission>(std::move(made),
                                            AdmissionOptions{.domain = "weir.example", .anonymous = true});
  }
  std::optional<Arrival> arrival(const ssh::Credential& credential, bool nearby = true) const {
    return arrival_of(credential, *admission, nearby, WallTime{});
  }
  // "ada by KEY/me": the account and the identity; "" when it is not let in.
  std::string seen(const ssh::Credential& credential, bool nearby = true) const {
    const auto one = arrival(credential, nearby);
    return one ? one->account + " by " + one->identity : "";
  }
  const auth::IssuedToken token = *auth::issue_token();
  std::unique_ptr<Admission> admission;
};

struct Shown {
  explicit Shown(const std::string& line) : blob(auth::parse_ssh_key(line)->blob) {}
  ssh::Credential credential(const ssh::Certificate* certificate = nullptr) const {
    return {.method = ssh::Method::kPublicKey,
            .user = "me",
            .key_blob = net::as_slice(blob),
            .fingerprint = "KEY",
            .certificate = certificate};
  }
  // Of this key, by that authority.
  ssh::Certificate certified(const Shown& authority, std::vector<std::string_view> principals) const {
    ssh::Certificate certificate;
    certificate.key_blob = blob;
    certificate.authority = net::as_slice(authority.blob);
    certificate.principals = std::move(principals);
    return certificate;
  }
  std::string blob;
};

TEST_CASE("what one calls oneself counts only for who shows nothing") {
  const Site site;
  const auto called = [](std::string_view user) {
    return ssh::Credential{.method = ssh::Method::kNone, .user = user};
  };
  CHECK(site.seen(called("anyone")) == "anonymous by ");
  CHECK(site.seen(called("ada")).empty());  // has to prove it
  CHECK(site.seen(called("anyone"), false).empty());
  CHECK(site.arrival(called("anyone"))->proof.key.empty());
}

TEST_CASE("a key and a token are somebody's") {
  const Site site;
  CHECK(site.seen(Shown(kKey).credential()) == "ada by KEY/me");
  CHECK(site.arrival(Shown(kKey).credential())->proof.key == Shown(kKey).blob);
  CHECK(site.seen(Shown(kAuthority).credential()).empty());  // an authority lets others in, not itself
  const std::string text = auth::pinned_text(auth::kTunnelPrefix, site.token.text, std::string(64, 'a'));
  const auto password = [](std::string_view shown) {
    return ssh::Credential{.method = ssh::Method::kPassword, .user = "me", .password = shown};
  };
  CHECK(site.seen(password(text)) == "ada by laptop/me");
  CHECK(site.arrival(password(text))->proof.token == "laptop");
  CHECK(site.seen(password("x")).empty());
}

TEST_CASE("a certificate is somebody's by its authority and its principals, whosever the key in it is") {
  const Site site;
  const Shown key(kKey);
  const Shown authority(kAuthority);
  const auto seen = [&](const Shown& signer, std::vector<std::string_view> principals) {
    const ssh::Certificate certificate = key.certified(signer, std::move(principals));
    return site.seen(key.credential(&certificate));
  };
  CHECK(seen(authority, {"x", "f", "e"}) == "eve by KEY/me");  // and not ada, whose key it is
  CHECK(seen(authority, {"eve"}).empty());
  CHECK(seen(authority, {"ada"}).empty());
  CHECK(seen(authority, {}).empty());
  CHECK(seen(key, {"ada"}).empty());  // a plain key's signature
  const ssh::Certificate certificate = key.certified(authority, {"x", "f"});
  const Proof proof = site.arrival(key.credential(&certificate))->proof;
  CHECK(proof.key == authority.blob);
  CHECK(proof.principal == "f");
}

}  // namespace
}  // namespace weir::tunnel
