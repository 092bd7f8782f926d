// Providers: what providers of identities say of themselves (OpenID Connect Discovery 1.0) and their keys,
// kept for a while, and a code exchanged for an ID token that is checked (OpenID Connect Core 1.0 section
// 3.1.3). On one loop. Never logs; no sentence has a secret.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "net/env.h"
#include "net/task.h"
#include "oidc/fetch.h"
#include "oidc/keys.h"
#include "oidc/token.h"
#include "tls/client_context.h"

namespace weir::oidc {

// By what a provider knows us.
struct Client {
  std::string issuer;
  std::string client_id;
  std::string client_secret;  // empty: a public client
};

// What we need of its discovery document.
struct Metadata {
  std::string authorization_endpoint;
  Url token_endpoint;
  Url keys;
  bool secret_in_form = false;  // client_secret_post; else client_secret_basic
  bool has_choice = true;       // of accounts; false: it says that it has none
};

// Why it did not work.
struct Failure {
  enum class Kind : std::uint8_t {
    kProvider,  // it is out of reach, or says what it should not
    kRefused,   // by the provider, or by us: signing in did not happen
    kNoChoice,  // of accounts, at this provider
    kOurs,
  };
  Kind kind = Kind::kRefused;
  std::string sentence;  // for whoever wants to sign in
  std::string reason;    // for the log
};
template <class T>
using Told = std::expected<T, Failure>;

// The error is a sentence for the log.
std::expected<Metadata, std::string> parse_metadata(std::string_view json, std::string_view issuer);

class Providers {
 public:
  static constexpr Duration kKeptFor = std::chrono::hours(1);            // documents and keys
  static constexpr Duration kKeysAgainAfter = std::chrono::seconds(30);  // for a key that is not known
  static constexpr std::size_t kProvidersMax = 256;                      // that are remembered
  static constexpr std::size_t kRequestsMax = 64;                        // to them, at a time
  static constexpr std::size_t kDocumentBytesMax = 256 * 1024;
  static constexpr std::size_t kTokenAnswerBytesMax = 64 * 1024;

  // context: of https; null: the system's authorities are believed.
  explicit Providers(net::Env& env, std::shared_ptr<tls::ClientContext> context = nullptr)
      : env_(env), context_(std::move(context)) {}

  net::Task<Told<Metadata>> metadata(std::string issuer);
  // Whom the code is of. redirect_uri, verifier: as when it was asked for.
  net::Task<Told<Claims>> redeem(Client client, std::string code, std::string redirect_uri,
                                 std::string verifier, std::string nonce);

 private:
  struct Known {
    Metadata metadata;
    Instant metadata_since;
    std::vector<Key> keys;
    Instant keys_since = Instant::min();
  };
  net::Task<Told<cloud::Answered>> ask(const std::string& issuer, Wanted wanted);
  net::Task<Told<std::string>> redeem_code(const Client& client, const Metadata& at, std::string code,
                                           std::string redirect_uri, std::string verifier);
  net::Task<Told<Signed>> check_signature(const std::string& issuer, const IdToken& token);

  net::Env& env_;
  std::shared_ptr<tls::ClientContext> context_;
  std::size_t requests_ = 0;                         // under way
  std::map<std::string, Known, std::less<>> known_;  // by issuer
};

}  // namespace weir::oidc
