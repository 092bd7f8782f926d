// Flow: sends somebody's browser to a provider of identities, and knows who comes back: the authorization
// code flow (OpenID Connect Core 1.0 section 3.1) with PKCE (RFC 7636, S256). Between the two there is one
// signed cookie of ten minutes, and nothing here: any process with the same key can go on. On the loop of the
// Providers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/crypto.h"
#include "base/time.h"
#include "net/env.h"
#include "net/task.h"
#include "oidc/provider.h"

namespace weir::oidc {

inline constexpr Duration kFlowLife = std::chrono::minutes(10);
inline constexpr std::size_t kFlowCookieBytesMax = 2048;
inline constexpr std::size_t kReturnBytesMax = 512;
inline constexpr std::size_t kCodeBytesMax = 4096;

// Who the provider is to let somebody be: whom it knows the browser as, whom they choose of those that it
// knows, or who logs in anew.
enum class Account : std::uint8_t { kKnown, kChosen, kAnew };

// What the cookie says.
struct Begun {
  std::string state;
  Account account = Account::kKnown;
  std::string name;       // which client of ours began
  std::string return_to;  // a path of this site
};

// A path of this site, and no other's: what a page asks to come back to, or "/".
std::string local_path(std::string_view asked);

// The decoded value of a query's parameter; empty: it is not there, is there twice, or is too long.
std::string parameter(std::string_view query, std::string_view name);

class Flow {
 public:
  // providers: outlive it.
  Flow(net::Env& env, Providers& providers, const auth::Digest& key)
      : env_(env), providers_(providers), key_(key) {}

  struct Start {
    std::string location;  // where the browser is sent
    std::string cookie;    // what it is to bring back
  };
  // name: without ":". redirect_uri: where it comes back to.
  net::Task<Told<Start>> start(Client client, std::string name, std::string redirect_uri,
                               std::string return_to, Account account = Account::kKnown);
  // Nothing: it is none of ours, or too old.
  std::optional<Begun> read(std::string_view cookie) const;
  // query: with which the browser came back. begun: of its cookie. Fails as kNoChoice when the provider takes
  // no kChosen: then kAnew is left.
  net::Task<Told<Claims>> finish(Client client, Begun begun, std::string redirect_uri, std::string query);

 private:
  std::string derived(std::string_view purpose, std::string_view state) const;
  std::string signed_by_us(std::string_view text) const;

  net::Env& env_;
  Providers& providers_;
  auth::Digest key_;
};

}  // namespace weir::oidc
