#include "oidc/token.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "auth/crypto.h"
#include "oidc/json.h"

namespace weir::oidc {
namespace {

using nlohmann::json;
using std::chrono::sys_seconds;

constexpr std::array<std::pair<std::string_view, Algorithm>, 4> kAlgorithms{{
    {"RS256", Algorithm::kRs256},
    {"PS256", Algorithm::kPs256},
    {"ES256", Algorithm::kEs256},
    {"EdDSA", Algorithm::kEdDsa},
}};
// Year 9999: beyond, a time is none.
constexpr double kSecondsMax = 253'402'300'799;

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

std::optional<std::string> decoded(std::string_view part) {
  const auto bytes = auth::from_base64url(part);
  if (!bytes) return std::nullopt;
  return *bytes;
}

std::optional<sys_seconds> time_at(const json& tree, const char* name) {
  const auto found = tree.find(name);
  if (found == tree.end() || !found->is_number()) return std::nullopt;
  const double seconds = found->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kSecondsMax) return std::nullopt;
  return sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

bool take_audiences(const json& tree, std::vector<std::string>& to) {
  const auto found = tree.find("aud");
  if (found == tree.end()) return false;
  if (found->is_string()) {
    to.push_back(found->get<std::string>());
    return to.back().size() <= kClaimBytesMax;
  }
  if (!found->is_array() || found->empty() || found->size() > kAudiencesMax) return false;
  for (const json& one : *found) {
    if (!one.is_string() || one.get_ref<const std::string&>().size() > kClaimBytesMax) return false;
    to.push_back(one.get<std::string>());
  }
  return true;
}

// Some providers write it as a text.
bool is_true(const json& tree, const char* name) {
  const auto found = tree.find(name);
  if (found == tree.end()) return false;
  return found->is_boolean() ? found->get<bool>() : found->is_string() && *found == "true";
}

std::expected<Claims, std::string> read_claims(std::string_view part) {
  const auto text = decoded(part);
  const auto tree = text ? parse_object(*text) : std::nullopt;
  if (!tree) return refuse("its claims are no JSON object");
  Claims claims;
  const auto required = [&tree](const char* name, std::string& to) {
    auto value = text_at(*tree, name, kClaimBytesMax);
    if (!value || value->empty()) return false;
    to = std::move(*value);
    return true;
  };
  if (!required("iss", claims.issuer)) return refuse("it has no iss");
  if (!required("sub", claims.subject) || claims.subject.size() > 255) return refuse("it has no sub");
  if (!take_audiences(*tree, claims.audiences)) return refuse("it has no aud");
  const auto expires_at = time_at(*tree, "exp");
  const auto issued_at = time_at(*tree, "iat");
  if (!expires_at || !issued_at) return refuse("it has no exp and iat");
  claims.expires_at = *expires_at;
  claims.issued_at = *issued_at;
  if (tree->contains("nbf")) {
    claims.not_before = time_at(*tree, "nbf");
    if (!claims.not_before) return refuse("its nbf is no time");
  }
  claims.authorized_party = text_at(*tree, "azp", kClaimBytesMax).value_or("");
  if (tree->contains("azp") && claims.authorized_party.empty()) return refuse("its azp is no text");
  claims.nonce = text_at(*tree, "nonce", kClaimBytesMax).value_or("");
  claims.email = text_at(*tree, "email", kClaimBytesMax).value_or("");
  claims.email_verified = is_true(*tree, "email_verified");
  claims.name = text_at(*tree, "name", kClaimBytesMax).value_or("");
  return claims;
}

}  // namespace

std::optional<Algorithm> find_algorithm(std::string_view name) {
  for (const auto& [word, algorithm] : kAlgorithms) {
    if (word == name) return algorithm;
  }
  return std::nullopt;
}

std::expected<IdToken, std::string> IdToken::parse(std::string_view text) {
  if (text.size() > kTokenBytesMax) return refuse("it is too long");
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) {
    return refuse("it has not three parts");
  }
  const auto header_text = decoded(text.substr(0, first));
  const auto header = header_text ? parse_object(*header_text) : std::nullopt;
  if (!header) return refuse("its header is no JSON object");
  const auto name = text_at(*header, "alg", 16);
  const auto algorithm = name ? find_algorithm(*name) : std::nullopt;
  if (!algorithm) return refuse("its alg is none of RS256, PS256, ES256 and EdDSA");
  // RFC 7515 section 4.1.11: what must be understood, and is not.
  if (header->contains("crit")) return refuse("its header has crit");
  auto claims = read_claims(text.substr(first + 1, second - first - 1));
  if (!claims) return refuse(std::move(claims.error()));
  auto signature = decoded(text.substr(second + 1));
  if (!signature || signature->empty()) return refuse("its signature is none");
  IdToken token;
  token.algorithm = *algorithm;
  token.key_id = text_at(*header, "kid", kClaimBytesMax).value_or("");
  token.claims = std::move(*claims);
  token.signed_part = text.substr(0, second);
  token.signature = std::move(*signature);
  return token;
}

std::string check(const Claims& claims, const Expected& expected, sys_seconds now) {
  if (claims.issuer != expected.issuer) return "its iss is another";
  if (std::ranges::find(claims.audiences, expected.client_id) == claims.audiences.end()) {
    return "it is for somebody else (aud)";
  }
  if (claims.audiences.size() > 1 && claims.authorized_party.empty()) return "it has several aud and no azp";
  if (!claims.authorized_party.empty() && claims.authorized_party != expected.client_id) {
    return "it was made for somebody else (azp)";
  }
  if (now >= claims.expires_at + kClockSkew) return "it has expired";
  if (claims.issued_at > now + kClockSkew) return "it was made in the future (iat)";
  if (claims.issued_at + kAgeMax + kClockSkew < now) return "it was made too long ago (iat)";
  if (claims.not_before && *claims.not_before > now + kClockSkew) return "it is not valid yet (nbf)";
  const bool same = auth::constant_time_equal(auth::bytes_of(claims.nonce), auth::bytes_of(expected.nonce));
  if (expected.nonce.empty() || !same) return "its nonce is another";
  return {};
}

}  // namespace weir::oidc
