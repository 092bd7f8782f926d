// HttpClient: calls of one API of a provider, over HTTP/1.1, with TLS or without: one request for one answer,
// read whole within a bound. Paces itself, and repeats what was certainly not done (and any reading) when the
// provider is busy or out of reach. On one loop. Knows no credentials but in the fields that it is given, and
// logs nothing.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "http/client.h"
#include "http/message.h"
#include "net/env.h"
#include "net/task.h"
#include "tls/client_context.h"
#include "tls/dial.h"

namespace weir::cloud {

// Where an API is.
struct Url {
  tls::Host host;
  bool over_tls = false;
  std::string authority;  // for the Host field: without the scheme's own port
  std::string path;       // before that of a call; without a slash at its end

  static std::expected<Url, std::string> parse(std::string_view text);
};

struct Call {
  http::Method method = http::Method::kGet;
  std::string path;   // behind that of the URL
  std::string query;  // without the "?"
  std::vector<std::pair<std::string, std::string>> fields;
  std::string content_type;
  std::string content;  // empty: none is sent
};

struct Answered {
  int status = 0;
  Duration retry_after{};  // zero: the answer does not say
  std::string content_type;
  std::string content;
};

// Why something was not done, in a sentence for people, without credentials.
struct Trouble {
  enum class Kind : unsigned char {
    kRefused,      // by the provider: the same again is refused again
    kBusy,         // nothing was done; later it may be
    kUnknown,      // nobody knows whether it was done: look, then do what is missing
    kUnreachable,  // nothing was done: there was no connection
    kCancelled,
  };
  Kind kind = Kind::kRefused;
  std::string sentence;
  Duration wait{};  // of kBusy: for how long the provider is not to be asked; zero: it does not say
};
template <class T>
using Told = std::expected<T, Trouble>;
inline std::unexpected<Trouble> trouble(Trouble::Kind kind, std::string sentence) {
  return std::unexpected(Trouble{kind, std::move(sentence), {}});
}

// When an account may be asked next: of all who speak for it. On one loop.
struct Pace {
  Instant next;
};

class HttpClient {
 public:
  static constexpr Duration kConnectTimeout = std::chrono::seconds(5);
  static constexpr Duration kAnswerTimeout = std::chrono::seconds(20);
  // A zone of 200,000 record sets as PowerDNS lists it.
  static constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20U;
  static constexpr int kTriesMax = 4;
  static constexpr Duration kBackoffFirst = std::chrono::milliseconds(500);  // doubled each time
  static constexpr Duration kWaitMax = std::chrono::seconds(60);             // within a call
  static constexpr Duration kRetryAfterMax = std::chrono::minutes(60);       // what a provider may ask for

  struct Options {
    Url url;
    std::shared_ptr<tls::ClientContext> context;  // of https
    Duration gap_min{};                           // between two requests of that pace
    std::shared_ptr<Pace> pace = std::make_shared<Pace>();
    std::vector<std::string> secrets{};  // that are sent, and shown to nobody else
    std::function<void(Call&)> prepare;  // each time before it is sent: a signature; null: nothing
    Duration connect_timeout = kConnectTimeout;
    Duration answer_timeout = kAnswerTimeout;
    std::size_t answer_bytes_max = kAnswerBytesMax;
    int tries_max = kTriesMax;
  };
  // env outlives the client.
  HttpClient(net::Env& env, Options options);

  // Any status but 429 and 5xx is an answer.
  net::Task<Told<Answered>> ask(Call call);
  // Once, at once, and any status is an answer. The error of what was certainly not done is kSafe.
  net::Task<Result<Answered>> ask_once(Call call);
  const Url& url() const { return options_.url; }
  // What a provider says, who may say what it was sent, without that: "***" in its place.
  std::string without_secrets(std::string text) const;
  net::Env& env() const { return env_; }

 private:
  net::Task<Result<Answered>> read_whole(http::Response& response);
  net::Task<Result<http::ClientConnectionPtr>> connection();
  Trouble trouble_of(const Error& error, http::Method method) const;
  Trouble trouble_of(const Answered& answer, http::Method method) const;
  net::Task<Told<void>> wait_for_turn();

  net::Env& env_;
  Options options_;
  std::shared_ptr<http::ClientPool> pool_;
};

// The same, with a secret that is kept.
inline HttpClient::Options keeping(HttpClient::Options options, const std::string& secret) {
  options.secrets.push_back(secret);
  return options;
}

// Of a 429 or 503: seconds; a date counts as nothing.
Duration retry_after_of(const http::ResponseHead& head);

}  // namespace weir::cloud
