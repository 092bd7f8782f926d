// HTTP Basic authentication (RFC 7617) against the password hashes of a Secret. Hashes are slow on purpose,
// so they are made beside the loop, right credentials are remembered for a while (as a keyed digest, never
// the password), and addresses that fail again and again have to wait.
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
constexpr Duration kBusyWait =
    std::chrono::seconds(1);  // what a client is told when no password can be checked

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
  BasicAuth(const std::string& realm, const config::Labels& users,
            std::shared_ptr<auth::PasswordChecker> passwords)
      : challenge_("Basic realm=\"" + realm + "\", charset=\"UTF-8\""),
        users_(users),
        passwords_(std::move(passwords)) {
    WEIR_CHECK(net::fill_random(key_));
  }

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    const std::string_view given = credentials_of(exchange);
    if (given.empty())
      return refuse(exchange, 401, "credentials_missing", "a name and a password are needed");
    const Instant now = exchange.env.loop.now();
    if (remembered_.holds(digest_of(given), now)) return nullptr;
    if (const Duration wait = exchange.throttle.wait(exchange.request.peer, now); wait > Duration::zero()) {
      return refuse(exchange, 429, "credentials_throttled", "too many wrong passwords; wait", wait);
    }
    if (users_.empty() || !auth::parse_basic(given)) return refuse_wrong(exchange);
    exchange.deferred = true;
    return nullptr;
  }

  net::Task<std::unique_ptr<http::TextResponse>> on_request_deferred(Exchange& exchange) const override {
    using Verdict = auth::PasswordChecker::Verdict;
    const net::Address& peer = exchange.request.peer;
    const std::string_view given = credentials_of(exchange);
    auto credentials = auth::parse_basic(given);  // was looked at by on_request()
    const auto user = users_.find(credentials->name);
    // A name that is not there takes as long as one that is.
    const std::string& hash = user == users_.end() ? users_.begin()->second : user->second;
    const Verdict verdict =
        co_await passwords_->check(exchange.env.loop, {.key = digest_of(given),
                                                       .source = auth::FailureThrottle::source_of(peer),
                                                       .hash = hash,
                                                       .password = std::move(credentials->password)});
    switch (verdict) {
      case Verdict::kRight:
        if (user == users_.end()) break;
        exchange.throttle.succeeded(peer);
        remembered_.add(digest_of(given), exchange.env.loop.now());
        co_return nullptr;
      case Verdict::kWrong: break;
      case Verdict::kSourceBusy:
        co_return refuse(exchange, 429, "credentials_throttled", "too many passwords at a time; wait",
                         kBusyWait);
      case Verdict::kBusy:
      case Verdict::kCancelled:
        co_return refuse(exchange, 503, "credentials_busy", "too many passwords are being checked",
                         kBusyWait);
    }
    co_return refuse_wrong(exchange);
  }

 private:
  static std::string_view credentials_of(const Exchange& exchange) {
    return exchange.request.head.fields.value_of(http::Known::kAuthorization);
  }
  auth::Digest digest_of(std::string_view given) const { return auth::sha256({key_, auth::bytes_of(given)}); }

  std::unique_ptr<http::TextResponse> refuse_wrong(Exchange& exchange) const {
    exchange.throttle.failed(exchange.request.peer, exchange.env.loop.now());
    return refuse(exchange, 401, "credentials_wrong", "that name and password are not known");
  }
  // wait: until the next try is looked at; zero: it may be made at once.
  std::unique_ptr<http::TextResponse> refuse(Exchange& exchange, int status, std::string_view reason,
                                             std::string_view text, Duration wait = {}) const {
    exchange.reason = reason;
    auto response = http::refusal(status, reason, text, exchange.request.id);
    if (status == 401) response->add_field(http::Known::kWwwAuthenticate, challenge_);
    if (wait > Duration::zero()) {
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
      response->add_field(http::Known::kRetryAfter, std::to_string(seconds.count()));
    }
    return response;
  }

  std::array<std::byte, 16> key_{};  // random, so that what is remembered fits nowhere else
  std::string challenge_;
  config::Labels users_;
  std::shared_ptr<auth::PasswordChecker> passwords_;
  mutable Remembered remembered_;
};

}  // namespace

FilterPointer make_basic_auth(const config::Route& route, const RouteContext& context) {
  if (!route.basic_auth) return nullptr;
  const config::Secret* secret = context.snapshot.find_secret(route.basic_auth->secret);
  return std::make_unique<BasicAuth>(route.basic_auth->realm,
                                     secret == nullptr ? config::Labels() : secret->spec.values,
                                     context.common.passwords);
}

}  // namespace weir::filter
