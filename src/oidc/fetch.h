// One request to a provider of identities, and its answer, whole: over TLS (or without, for this machine's
// own), bounded in time and size. Redirections are answers. On the loop of its Env. Never logs.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "cloud/http_client.h"
#include "http/message.h"
#include "net/env.h"
#include "net/task.h"
#include "tls/client_context.h"

namespace weir::oidc {

inline constexpr std::size_t kUrlBytesMax = 2048;

// Of one document, whose path is "/" at least.
struct Url : cloud::Url {
  std::string query;  // without the "?"

  // https://, or http:// to this machine; the error is a predicate.
  static std::expected<Url, std::string> parse(std::string_view text);
};

struct Wanted {
  Url url;
  http::Method method = http::Method::kGet;
  std::string authorization;  // the field's value; empty: none
  std::string form;           // the content, of a POST
  std::size_t answer_bytes_max = 0;
};

inline constexpr Duration kConnectTimeout = std::chrono::seconds(5);
inline constexpr Duration kAnswerTimeout = std::chrono::seconds(10);

// context: for https.
net::Task<Result<cloud::Answered>> fetch(net::Env& env, std::shared_ptr<tls::ClientContext> context,
                                         Wanted wanted);

}  // namespace weir::oidc
