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
  std::vector<std::string> services = {};  // of the role member
  std::string user = {};                   // whose it is; empty: a program's
  std::string organization = {};           // empty: of the platform
  std::vector<std::string> scopes = {};
};

// Who is calling: by a token, or logged in.
struct Identity {
  std::string token;  // the record's name; empty: by a session
  Role role = Role::kViewer;
  std::vector<std::string> services = {};  // of the role member: what it may join and leave
  std::string user = {};                   // a User; empty: a program
  std::string organization = {};           // to which all else is not there; empty: the platform's, sees all
  std::vector<std::string> scopes = {};  // what is left of all that the role may; none: all. See in_scopes()
  std::string session = {};              // name of the Session; empty: by a token

  bool is_platform() const { return organization.empty(); }
  // As the audit has it: "ann", "ann/laptop" by a token of hers, "deploy" by a program's.
  std::string actor() const;
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
  TokenTable(const TokenTable&) = delete;
  TokenTable& operator=(const TokenTable&) = delete;
  TokenTable(TokenTable&&) = default;
  TokenTable& operator=(TokenTable&&) = default;
  ~TokenTable() = default;
  explicit TokenTable(const std::vector<TokenRecord>& records) { replace(records); }

  // From now on these and no others. Of two with one id the first is taken.
  void replace(const std::vector<TokenRecord>& records);
  // False: nobody has said yet which there are, so that a refusal would mean nothing.
  bool is_known() const { return known_; }

  // The same work is done whether the id is known or not.
  Verdict check(std::string_view bearer, WallTime now) const;
  Result<Identity> verify(std::string_view bearer, WallTime now) const { return check(bearer, now).identity; }

  // Who comes by the token of this name, which was shown before: to somebody's session. None: it lets in no
  // more.
  std::optional<Identity> find(std::string_view name, WallTime now) const;
  // Whether its token still lets it in as just that: for what outlives its request.
  bool is_valid(const Identity& caller, WallTime now) const;
  std::size_t size() const { return by_id_.size(); }

 private:
  bool known_ = false;
  std::map<std::string, TokenRecord, std::less<>> by_id_;
  std::map<std::string_view, const TokenRecord*>
      by_name_;  // of the same; names are of Tokens, which are one each
};

}  // namespace weir::auth
