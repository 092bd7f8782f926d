// TokenTable: the tokens that are known, and whose a presented one is. Filled from Token objects whenever
// these change; owned by whoever serves the API, on that core. Never logs; what it says to a client never
// tells which part was wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/permissions.h"
#include "auth/token.h"
#include "base/error.h"
#include "base/time.h"

namespace weir::auth {

struct TokenRecord {
  std::string name;
  TokenHash hash;
  Role role = Role::kViewer;
  std::optional<WallTime> expires_at;  // refused from then on
  bool revoked = false;
  std::vector<std::string> services;  // of the role member
};

// Who is calling.
struct Identity {
  std::string token;  // the record's name
  Role role = Role::kViewer;
  std::vector<std::string> services = {};  // of the role member: what it may join and leave
  friend bool operator==(const Identity&, const Identity&) = default;
};

// For the log of the server alone.
enum class Outcome : std::uint8_t {
  kAccepted,
  kMissing,
  kMalformed,
  kUnknown,
  kWrongSecret,
  kRevoked,
  kExpired
};
std::string_view name_of(Outcome outcome);  // "wrong_secret"

struct Verdict {
  Result<Identity> identity;  // kUnauthenticated, with one text for all reasons but that there was no token
  Outcome outcome = Outcome::kAccepted;
  std::string id;  // of the token as presented, when it has one: public
};

class TokenTable {
 public:
  TokenTable() = default;
  explicit TokenTable(const std::vector<TokenRecord>& records) { replace(records); }

  // From now on these and no others. Of two with one id the first is taken.
  void replace(const std::vector<TokenRecord>& records);
  // False: nobody has said yet which there are, so that a refusal would mean nothing.
  bool is_known() const { return known_; }

  // The same work is done whether the id is known or not.
  Verdict check(std::string_view bearer, WallTime now) const;
  Result<Identity> verify(std::string_view bearer, WallTime now) const { return check(bearer, now).identity; }

  // Whether a record of this name still lets in: for what outlives its request.
  bool is_valid(std::string_view name, WallTime now) const;
  std::size_t size() const { return by_id_.size(); }

 private:
  bool known_ = false;
  std::map<std::string, TokenRecord, std::less<>> by_id_;
};

}  // namespace weir::auth
