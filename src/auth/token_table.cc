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

void TokenTable::replace(const std::vector<TokenRecord>& records) {
  known_ = true;
  by_id_.clear();
  for (const TokenRecord& record : records) by_id_.try_emplace(record.hash.id, record);
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
  return {Identity{record.name, record.role, record.services}, Outcome::kAccepted, std::move(*id)};
}

bool TokenTable::is_valid(std::string_view name, WallTime now) const {
  return std::ranges::any_of(by_id_, [&](const auto& line) {
    return line.second.name == name && state_of(line.second, now) == Outcome::kAccepted;
  });
}

}  // namespace weir::auth
