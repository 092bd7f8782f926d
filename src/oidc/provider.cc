#include "oidc/provider.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "auth/crypto.h"
#include "base/uri_path.h"
#include "oidc/json.h"
#include "tls/trust_store.h"

namespace weir::oidc {
namespace {

using nlohmann::json;

constexpr const char* kOutOfReach =
    "the provider of identities can't be reached, or does not answer as it should";
constexpr const char* kNotBelieved = "what the provider of identities says about you can't be verified";

std::unexpected<Failure> failure(Failure::Kind kind, const char* sentence, std::string reason) {
  return std::unexpected(Failure{kind, sentence, std::move(reason)});
}

// One of the requests that are under way.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::size_t& count_;
};

bool lists(const json& tree, const char* name, std::string_view word) {
  const auto list = tree.find(name);
  return list != tree.end() && list->is_array() && std::ranges::find(*list, json(word)) != list->end();
}

// RFC 6749 section 2.3.1: encoded as a form has it, then as Basic.
std::string basic(const Client& client) {
  const std::string pair = encoded(client.client_id) + ':' + encoded(client.client_secret);
  return "Basic " + auth::to_base64(auth::bytes_of(pair));
}

}  // namespace

std::expected<Metadata, std::string> parse_metadata(std::string_view text, std::string_view issuer) {
  const auto tree = parse_object(text);
  if (!tree) return std::unexpected("its discovery document is no JSON object");
  if (text_at(*tree, "issuer", kUrlBytesMax) != issuer) {
    return std::unexpected("its discovery document is another issuer's");
  }
  Metadata metadata;
  metadata.authorization_endpoint = text_at(*tree, "authorization_endpoint", kUrlBytesMax).value_or("");
  if (const auto url = Url::parse(metadata.authorization_endpoint); !url) {
    return std::unexpected("its authorization_endpoint " + url.error());
  }
  auto token = Url::parse(text_at(*tree, "token_endpoint", kUrlBytesMax).value_or(""));
  if (!token) return std::unexpected("its token_endpoint " + token.error());
  auto keys = Url::parse(text_at(*tree, "jwks_uri", kUrlBytesMax).value_or(""));
  if (!keys) return std::unexpected("its jwks_uri " + keys.error());
  metadata.token_endpoint = std::move(*token);
  metadata.keys = std::move(*keys);
  constexpr const char* kMethods = "token_endpoint_auth_methods_supported";
  metadata.secret_in_form = tree->contains(kMethods) && !lists(*tree, kMethods, "client_secret_basic") &&
                            lists(*tree, kMethods, "client_secret_post");
  // Initiating User Registration 1.0 section 4.
  constexpr const char* kPrompts = "prompt_values_supported";
  metadata.has_choice = !tree->contains(kPrompts) || lists(*tree, kPrompts, "select_account");
  return metadata;
}

net::Task<Told<cloud::Answered>> Providers::ask(const std::string& issuer, Wanted wanted) {
  if (wanted.url.over_tls && !context_) {
    auto trust = tls::TrustStore::system();
    if (!trust) co_return failure(Failure::Kind::kOurs, "no authorities are known here", trust.error().text);
    auto context = tls::ClientContext::create(
        {.authorities = std::move(*trust), .protocols = {"http/1.1"}, .certificate = nullptr});
    if (!context) co_return failure(Failure::Kind::kOurs, "no TLS can be spoken here", context.error().text);
    context_ = std::move(*context);
  }
  if (requests_ >= kRequestsMax) {
    co_return failure(Failure::Kind::kProvider, "too many people are signing in; try again in a moment",
                      issuer + ": as many requests to providers as may be are under way");
  }
  const Counted counted(requests_);
  const std::string authority = wanted.url.authority;
  auto fetched = co_await fetch(env_, context_, std::move(wanted));
  if (!fetched) {
    co_return failure(Failure::Kind::kProvider, kOutOfReach,
                      issuer + ": " + authority + ": " + fetched.error().text);
  }
  co_return std::move(*fetched);
}

net::Task<Told<Metadata>> Providers::metadata(std::string issuer) {
  const auto found = known_.find(issuer);
  const Instant now = env_.loop.now();
  if (found != known_.end() && now - found->second.metadata_since < kKeptFor)
    co_return found->second.metadata;
  // OpenID Connect Discovery 1.0 section 4: behind whatever path the issuer has.
  const std::string base = issuer.ends_with('/') ? issuer.substr(0, issuer.size() - 1) : issuer;
  auto url = Url::parse(base + "/.well-known/openid-configuration");
  if (!url) co_return failure(Failure::Kind::kProvider, kOutOfReach, issuer + ": " + url.error());
  const auto fetched = co_await ask(issuer, {.url = std::move(*url), .answer_bytes_max = kDocumentBytesMax});
  if (!fetched) co_return std::unexpected(fetched.error());
  if (fetched->status != 200) {
    co_return failure(Failure::Kind::kProvider, kOutOfReach,
                      issuer + ": its discovery document has status " + std::to_string(fetched->status));
  }
  auto metadata = parse_metadata(fetched->content, issuer);
  if (!metadata) co_return failure(Failure::Kind::kProvider, kOutOfReach, issuer + ": " + metadata.error());
  if (known_.size() >= kProvidersMax) known_.clear();
  Known& known = known_[issuer];
  known.metadata = *metadata;
  known.metadata_since = env_.loop.now();
  co_return std::move(*metadata);
}

// Keys change: one that is not known is looked for, but not by everybody who makes one up.
net::Task<Told<Signed>> Providers::check_signature(const std::string& issuer, const IdToken& token) {
  for (bool is_fresh = false;; is_fresh = true) {
    const auto found = known_.find(issuer);
    if (found == known_.end()) co_return failure(Failure::Kind::kOurs, kOutOfReach, issuer + ": forgotten");
    Known& known = found->second;
    const bool has_keys = known.keys_since != Instant::min();
    const Duration age = has_keys ? env_.loop.now() - known.keys_since : Duration::max();
    const Signed verdict = has_keys ? is_signed(token, known.keys) : Signed::kUnknownKey;
    const bool again = age >= kKeptFor || (verdict == Signed::kUnknownKey && age >= kKeysAgainAfter);
    if (is_fresh || !again) co_return verdict;
    const auto fetched =
        co_await ask(issuer, {.url = known.metadata.keys, .answer_bytes_max = kKeySetBytesMax});
    if (!fetched) co_return std::unexpected(fetched.error());
    auto keys = parse_keys(fetched->content);
    if (fetched->status != 200 || !keys) {
      co_return failure(Failure::Kind::kProvider, kOutOfReach,
                        issuer + ": " + (keys ? "its keys can't be read" : keys.error()));
    }
    Known& later = known_[issuer];  // somebody may have forgotten it meanwhile
    later.keys = std::move(*keys);
    later.keys_since = env_.loop.now();
  }
}

net::Task<Told<std::string>> Providers::redeem_code(const Client& client, const Metadata& at,
                                                    std::string code, std::string redirect_uri,
                                                    std::string verifier) {
  Wanted wanted{.url = at.token_endpoint,
                .method = http::Method::kPost,
                .authorization = {},
                .form = "grant_type=authorization_code&code=" + encoded(code) +
                        "&redirect_uri=" + encoded(redirect_uri) + "&code_verifier=" + verifier,
                .answer_bytes_max = kTokenAnswerBytesMax};
  if (client.client_secret.empty() || at.secret_in_form) {
    wanted.form += "&client_id=" + encoded(client.client_id);
  }
  if (!client.client_secret.empty()) {
    if (at.secret_in_form) {
      wanted.form += "&client_secret=" + encoded(client.client_secret);
    } else {
      wanted.authorization = basic(client);
    }
  }
  const auto fetched = co_await ask(client.issuer, std::move(wanted));
  if (!fetched) co_return std::unexpected(fetched.error());
  const auto tree = parse_object(fetched->content);
  if (fetched->status != 200 || !tree) {
    const std::string error = tree ? text_at(*tree, "error", 80).value_or("") : "";
    co_return failure(Failure::Kind::kRefused,
                      "the provider of identities did not take its own code; try again",
                      client.issuer + ": its token endpoint answers with status " +
                          std::to_string(fetched->status) + ' ' + printable(error));
  }
  auto token = text_at(*tree, "id_token", kTokenBytesMax);
  if (!token) {
    co_return failure(Failure::Kind::kProvider, kNotBelieved, client.issuer + ": it gives no id_token");
  }
  co_return std::move(*token);
}

net::Task<Told<Claims>> Providers::redeem(Client client, std::string code, std::string redirect_uri,
                                          std::string verifier, std::string nonce) {
  const auto at = co_await metadata(client.issuer);
  if (!at) co_return std::unexpected(at.error());
  const auto text =
      co_await redeem_code(client, *at, std::move(code), std::move(redirect_uri), std::move(verifier));
  if (!text) co_return std::unexpected(text.error());
  auto token = IdToken::parse(*text);
  const auto not_believed = [&](const std::string& why) {
    return failure(Failure::Kind::kRefused, kNotBelieved, client.issuer + ": its token: " + why);
  };
  if (!token) co_return not_believed(token.error());
  const auto verdict = co_await check_signature(client.issuer, *token);
  if (!verdict) co_return std::unexpected(verdict.error());
  if (*verdict == Signed::kUnknownKey) co_return not_believed("none of its keys signs so");
  if (*verdict == Signed::kNo) co_return not_believed("its signature is wrong");
  const auto now = std::chrono::floor<std::chrono::seconds>(env_.loop.clock().wall_now());
  const std::string wrong =
      check(token->claims,
            {.issuer = client.issuer, .client_id = client.client_id, .nonce = std::move(nonce)}, now);
  if (!wrong.empty()) co_return not_believed(wrong);
  co_return std::move(token->claims);
}

}  // namespace weir::oidc
