// HTTP Basic authentication (RFC 7617) against the password hashes of a Secret. Hashes are slow on purpose,
// so an outcome is remembered for a while (as a keyed digest, never the password), and addresses that fail
// again and again have to wait.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "auth/crypto.h"
#include "auth/password.h"
#include "base/check.h"
#include "base/text.h"
#include "filter/filters.h"
#include "net/core.h"

namespace weir::filter {
namespace {

constexpr std::size_t kRememberedMax = 4096;
constexpr Duration kRememberedFor = std::chrono::minutes(5);

// Right credentials that were checked before; shared by all cores.
class Remembered {
 public:
  bool holds(const auth::Digest& credentials, Instant now) const {
    const std::scoped_lock lock(mutex_);
    const auto found = until_.find(credentials);
    return found != until_.end() && found->second > now;
  }
  void add(const auth::Digest& credentials, Instant now) {
    const std::scoped_lock lock(mutex_);
    if (until_.size() >= kRememberedMax) until_.clear();
    until_[credentials] = now + kRememberedFor;
  }

 private:
  mutable std::mutex mutex_;
  std::map<auth::Digest, Instant> until_;
};

class BasicAuth final : public Filter {
 public:
  BasicAuth(const std::string& realm, const config::Labels& users)
      : challenge_("Basic realm=\"" + realm + "\", charset=\"UTF-8\""), users_(users) {
    WEIR_CHECK(net::fill_random(key_));
  }

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    const http::Request& request = exchange.request;
    const std::string_view given = request.head.fields.value_of(http::Known::kAuthorization);
    if (given.empty())
      return refuse(exchange, 401, "credentials_missing", "a name and a password are needed");
    const Instant now = exchange.env.loop.now();
    const auth::Digest digest = auth::sha256({key_, auth::bytes_of(given)});
    if (remembered_.holds(digest, now)) return nullptr;
    if (exchange.throttle.wait(request.peer, now) > Duration::zero()) {
      return refuse(exchange, 429, "credentials_throttled", "too many wrong passwords; wait");
    }
    if (is_right(given)) {
      exchange.throttle.succeeded(request.peer);
      remembered_.add(digest, now);
      return nullptr;
    }
    exchange.throttle.failed(request.peer, now);
    return refuse(exchange, 401, "credentials_wrong", "that name and password are not known");
  }

 private:
  bool is_right(std::string_view given) const {
    const auto credentials = auth::parse_basic(given);
    if (!credentials) return false;
    const auto user = users_.find(credentials->name);
    // A name that is not there takes as long as one that is.
    const auto hash = user != users_.end() || users_.empty() ? user : users_.begin();
    return hash != users_.end() && auth::password_matches(hash->second, credentials->password) &&
           user != users_.end();
  }

  std::unique_ptr<http::TextResponse> refuse(Exchange& exchange, int status, std::string_view reason,
                                             std::string_view text) const {
    exchange.reason = reason;
    auto response = http::refusal(status, reason, text, exchange.request.id);
    if (status == 401) response->add_field(http::Known::kWwwAuthenticate, challenge_);
    if (status == 429) {
      const auto wait = std::chrono::ceil<std::chrono::seconds>(
          exchange.throttle.wait(exchange.request.peer, exchange.env.loop.now()));
      response->add_field(http::Known::kRetryAfter, std::to_string(wait.count()));
    }
    return response;
  }

  std::array<std::byte, 16> key_{};  // random, so that what is remembered fits nowhere else
  std::string challenge_;
  config::Labels users_;
  mutable Remembered remembered_;
};

}  // namespace

FilterPointer make_basic_auth(const config::Route& route, const RouteContext& context) {
  if (!route.basic_auth) return nullptr;
  const config::Secret* secret = context.snapshot.find_secret(route.basic_auth->secret);
  return std::make_unique<BasicAuth>(route.basic_auth->realm,
                                     secret == nullptr ? config::Labels() : secret->spec.values);
}

}  // namespace weir::filter
