#include "oidc/fetch.h"

#include <algorithm>
#include <utility>

namespace weir::oidc {
namespace {

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

}  // namespace

std::expected<Url, std::string> Url::parse(std::string_view text) {
  constexpr std::string_view kTls = "https://";
  constexpr std::string_view kPlain = "http://";
  if (text.size() > kUrlBytesMax) return refuse("is too long");
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c >= '\x7f'; })) {
    return refuse("has characters that no URL has");
  }
  if (!text.starts_with(kTls) && !text.starts_with(kPlain)) return refuse("must begin with https://");
  if (text.contains('#')) return refuse("must not have a fragment");
  const std::size_t begin = text.find("://") + 3;
  const std::size_t end = std::min(text.find_first_of("/?", begin), text.size());
  auto server = cloud::Url::parse(text.substr(0, end));
  if (!server) return refuse(std::move(server.error()));
  if (server->host.name.empty()) return refuse("must name a host");
  if (!server->over_tls && !server->host.is_loopback()) return refuse("must begin with https://");
  Url url{std::move(*server), {}};
  const std::size_t question = std::min(text.find('?', end), text.size());
  url.path = question > end ? text.substr(end, question - end) : "/";
  url.query = text.substr(std::min(question + 1, text.size()));
  return url;
}

net::Task<Result<cloud::Answered>> fetch(net::Env& env, std::shared_ptr<tls::ClientContext> context,
                                         Wanted wanted) {
  cloud::Call call{.method = wanted.method,
                   .path = std::exchange(wanted.url.path, {}),
                   .query = std::move(wanted.url.query),
                   .fields = {{"Accept", "application/json"}},
                   .content_type = "application/x-www-form-urlencoded",
                   .content = std::move(wanted.form)};
  if (!wanted.authorization.empty()) {
    call.fields.emplace_back("Authorization", std::move(wanted.authorization));
  }
  const bool over_tls = wanted.url.over_tls;
  cloud::HttpClient client(env, {.url = std::move(wanted.url),
                                 .context = over_tls ? std::move(context) : nullptr,
                                 .prepare = nullptr,
                                 .connect_timeout = kConnectTimeout,
                                 .answer_timeout = kAnswerTimeout,
                                 .answer_bytes_max = wanted.answer_bytes_max});
  co_return co_await client.ask_once(std::move(call));
}

}  // namespace weir::oidc
