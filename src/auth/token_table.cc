#include "auth/token_table.h"

#include <algorithm>
#include <utility>

namespace weir::auth {
namespace {

Outcome state_of(const TokenRecord& record, WallTime now) {
  if (record.revoked) return Outcome::kRevoked;
  if (record.expires_at && now >= *record.expires_at) return Outcome::kExpired;
  return Outcome::kAccepted;
}

Verdict refuse(Outcome outcome, std::string id = {}) {
  const char* text = outcome == Outcome::kMissing ? "a token is needed: Authorization: Bearer <token>"
                                                  : "the token is not valid";
  return {fail(Code::kUnauthenticated, text, Side::kDownstream), outcome, std::move(id)};
}

Identity identity_of(const TokenRecord& record) {
  return {.token = record.name,
          .role = record.role,
          .services = record.services,
          .user = record.user,
          .organization = record.organization,
          .scopes = record.scopes};
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAccepted: return "accepted";
    case Outcome::kMissing: return "missing";
    case Outcome::kMalformed: return "malformed";
    case Outcome::kUnknown: return "unknown";
    case Outcome::kWrongSecret: return "wrong_secret";
    case Outcome::kRevoked: return "revoked";
    case Outcome::kExpired: return "expired";
  }
  return "unknown";
}

std::string Identity::actor() const {
  if (user.empty()) return token.empty() ? session : token;
  return token.empty() ? user : user + '/' + token;
}

void TokenTable::replace(const std::vector<TokenRecord>& records) {
  known_ = true;
  by_name_.clear();
  by_id_.clear();
  for (const TokenRecord& record : records) {
    const auto [line, is_new] = by_id_.try_emplace(record.hash.id, record);
    if (is_new) by_name_.try_emplace(line->second.name, &line->second);
  }
}

Verdict TokenTable::check(std::string_view bearer, WallTime now) const {
  if (bearer.empty()) return refuse(Outcome::kMissing);
  auto id = token_id(bearer);
  if (!id) return refuse(Outcome::kMalformed);
  const TokenHash nobody;
  const auto found = by_id_.find(*id);
  const TokenHash& hash = found != by_id_.end() ? found->second.hash : nobody;
  const bool matches = constant_time_equal(token_digest(hash.salt, bearer), hash.digest);
  if (found == by_id_.end()) return refuse(Outcome::kUnknown, std::move(*id));
  if (!matches) return refuse(Outcome::kWrongSecret, std::move(*id));
  const TokenRecord& record = found->second;
  if (const Outcome state = state_of(record, now); state != Outcome::kAccepted) {
    return refuse(state, std::move(*id));
  }
  return {identity_of(record), Outcome::kAccepted, std::move(*id)};
}

std::optional<Identity> TokenTable::find(std::string_view name, WallTime now) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end() || state_of(*found->second, now) != Outcome::kAccepted) return std::nullopt;
  return identity_of(*found->second);
}

bool TokenTable::is_valid(const Identity& caller, WallTime now) const {
  const auto found = by_name_.find(caller.token);
  if (found == by_name_.end()) return false;
  const TokenRecord& record = *found->second;
  return state_of(record, now) == Outcome::kAccepted && identity_of(record) == caller;
}

}  // namespace weir::auth
