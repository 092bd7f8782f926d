#include "tunnel/ssh_arrival.h"

#include <string_view>
#include <utility>

namespace weir::tunnel {
namespace {

// By the key itself, which may be another one in each certificate, and the same one with and without.
std::string identity_of(const ssh::Credential& credential) {
  return std::string(credential.fingerprint).append("/").append(credential.user);
}

std::optional<Arrival> by_certificate(const ssh::Credential& credential, const Admission& admission) {
  const ssh::Certificate& certificate = *credential.certificate;
  const std::string_view authority = net::as_text(certificate.authority);
  const auto certified = admission.certified_by(authority, certificate.principals);
  if (!certified) return std::nullopt;
  return Arrival{
      .account = std::string(certified->user),
      .proof = {.key = std::string(authority), .principal = std::string(certified->principal), .token = {}},
      .identity = identity_of(credential)};
}

std::optional<Arrival> by_key(const ssh::Credential& credential, const Admission& admission) {
  const std::string_view key = net::as_text(credential.key_blob);
  const std::string_view user = admission.user_of_key(key);
  if (user.empty()) return std::nullopt;
  return Arrival{.account = std::string(user),
                 .proof = {.key = std::string(key), .principal = {}, .token = {}},
                 .identity = identity_of(credential)};
}

}  // namespace

std::optional<Arrival> arrival_of(const ssh::Credential& credential, const Admission& admission, bool nearby,
                                  WallTime now) {
  switch (credential.method) {
    case ssh::Method::kNone:
      if (!nearby || !admission.allows_anonymous(credential.user)) return std::nullopt;
      return Arrival{.account = std::string(kAnonymous), .proof = {}, .identity = {}};
    case ssh::Method::kPublicKey:
      return credential.certificate != nullptr ? by_certificate(credential, admission)
                                               : by_key(credential, admission);
    case ssh::Method::kPassword: {
      auto bearer = admission.bearer_of(credential.password, now);
      if (!bearer) return std::nullopt;
      std::string identity = (bearer->token + '/').append(credential.user);
      return Arrival{.account = std::move(bearer->user),
                     .proof = {.key = {}, .principal = {}, .token = std::move(bearer->token)},
                     .identity = std::move(identity)};
    }
  }
  return std::nullopt;
}

}  // namespace weir::tunnel
