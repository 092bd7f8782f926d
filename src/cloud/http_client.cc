#include "cloud/http_client.h"

#include <algorithm>
#include <utility>

#include "base/host_port.h"
#include "base/text.h"
#include "http/h1_writer.h"
#include "http/request_body.h"
#include "net/buffer.h"

namespace weir::cloud {
namespace {

using http::Known;

bool is_busy(int status) { return status == 429 || status >= 500; }

std::optional<std::uint16_t> port_of(std::string_view text) {
  const auto port = parse_decimal(text);
  if (!port || *port == 0 || *port > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

}  // namespace

std::expected<Url, std::string> Url::parse(std::string_view text) {
  const std::string lower = to_lower(text);
  Url url;
  url.over_tls = lower.starts_with("https://");
  const std::string_view scheme = url.over_tls ? "https://" : "http://";
  if (!lower.starts_with(scheme)) return std::unexpected("must begin with http:// or https://");
  std::string_view rest = text.substr(scheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  url.path = rest.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  url.authority = rest.substr(0, slash);
  if (url.path.find_first_of("?# ") != std::string::npos) {
    return std::unexpected("must be a URL without a query");
  }
  if (!http::is_valid_authority(url.authority)) return std::unexpected("must name a host");
  const std::string_view host = http::host_of(url.authority);
  url.host.name = without_brackets(host);
  url.host.port = url.over_tls ? 443 : 80;
  if (host.size() < url.authority.size()) {
    const auto port = port_of(std::string_view(url.authority).substr(host.size() + 1));
    if (!port) return std::unexpected("must have a port from 1 to 65535");
    url.host.port = *port;
  }
  return url;
}

Duration retry_after_of(const http::ResponseHead& head) {
  const auto seconds = parse_decimal(head.fields.value_of(http::Known::kRetryAfter));
  if (!seconds) return {};
  return std::min<Duration>(std::chrono::seconds(std::min<std::uint64_t>(*seconds, 86'400)),
                            HttpClient::kRetryAfterMax);
}

HttpClient::HttpClient(net::Env& env, Options options)
    : env_(env), options_(std::move(options)), pool_(std::make_shared<http::ClientPool>(nullptr)) {
  if (!options_.pace) options_.pace = std::make_shared<Pace>();
}

std::string HttpClient::without_secrets(std::string text) const {
  constexpr std::string_view kInstead = "***";
  for (const std::string& secret : options_.secrets) {
    if (secret.empty()) continue;
    for (std::size_t at = text.find(secret); at != std::string::npos;) {
      text.replace(at, secret.size(), kInstead);
      at = text.find(secret, at + kInstead.size());
    }
  }
  return text;
}

Trouble HttpClient::trouble_of(const Error& error, http::Method method) const {
  const std::string sentence = options_.url.authority + ": " + sentence_of(error);
  if (error.code == Code::kCancelled) return {Trouble::Kind::kCancelled, "told to stop", {}};
  const bool unseen = error.retry == Retry::kSafe || error.code == Code::kConnectFailed ||
                      error.code == Code::kNotResolved || http::is_safe(method);
  return {unseen ? Trouble::Kind::kUnreachable : Trouble::Kind::kUnknown, sentence, {}};
}

Trouble HttpClient::trouble_of(const Answered& answer, http::Method method) const {
  const bool undone = answer.status == 429 || answer.status == 503 || http::is_safe(method);
  return {.kind = undone ? Trouble::Kind::kBusy : Trouble::Kind::kUnknown,
          .sentence = options_.url.authority + " answers with status " + std::to_string(answer.status),
          .wait = answer.retry_after};
}

// Each takes the next moment that is free.
net::Task<Told<void>> HttpClient::wait_for_turn() {
  const Instant now = env_.loop.now();
  const Instant turn = std::max(options_.pace->next, now);
  if (turn - now > kWaitMax) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(turn - now).count();
    co_return std::unexpected(Trouble{
        Trouble::Kind::kBusy,
        options_.url.authority + " asked not to be asked for another " + std::to_string(seconds) + " s",
        turn - now});
  }
  options_.pace->next = turn + options_.gap_min;
  if (turn > now && !co_await env_.loop.sleep(turn - now)) {
    co_return trouble(Trouble::Kind::kCancelled, "told to stop");
  }
  co_return Told<void>{};
}

net::Task<Told<Answered>> HttpClient::ask(Call call) {
  Duration backoff = kBackoffFirst;
  for (int tried = 1;; ++tried) {
    if (auto turn = co_await wait_for_turn(); !turn) co_return std::unexpected(std::move(turn.error()));
    auto answer = co_await ask_once(call);
    if (answer && !is_busy(answer->status)) co_return std::move(*answer);
    Trouble why = answer ? trouble_of(*answer, call.method) : trouble_of(answer.error(), call.method);
    options_.pace->next = std::max(options_.pace->next, env_.loop.now() + why.wait);
    const bool again = why.kind == Trouble::Kind::kBusy || why.kind == Trouble::Kind::kUnreachable;
    if (!again || tried >= options_.tries_max || why.wait > kWaitMax)
      co_return std::unexpected(std::move(why));
    // Somewhere within the second half, so that those who were turned away together don't come back so.
    const Duration half = std::max(backoff, why.wait) / 2;
    Duration wait =
        half + Duration(static_cast<Duration::rep>(env_.random.next() % 1000) * half.count() / 1000);
    if (!co_await env_.loop.sleep(std::max(wait, why.wait))) {
      co_return trouble(Trouble::Kind::kCancelled, "told to stop");
    }
    backoff *= 2;
  }
}

net::Task<Result<http::ClientConnectionPtr>> HttpClient::connection() {
  if (auto kept = pool_->take()) co_return std::move(kept);
  auto stream = co_await tls::dial(env_, options_.url.host, options_.context, options_.connect_timeout);
  if (!stream) co_return fail(stream.error());
  co_return std::make_unique<http::ClientConnection>(std::move(*stream));
}

net::Task<Result<Answered>> HttpClient::ask_once(Call call) {
  if (options_.prepare) options_.prepare(call);
  const std::string path = options_.url.path + call.path;
  const net::Buffer room = net::Buffer::acquire();
  http::HeadWriter writer(room.span());
  writer.request_line(http::name_of(call.method), path,
                      call.query.empty() ? std::string_view() : std::string_view(call.query));
  writer.field(Known::kHost, options_.url.authority);
  writer.field(Known::kUserAgent, "weir/" WEIR_VERSION);
  for (const auto& [name, value] : call.fields) writer.field(name, value);
  if (!call.content.empty()) writer.field(Known::kContentType, call.content_type);
  const bool sends = !http::is_safe(call.method);
  if (sends) writer.field(Known::kContentLength, call.content.size());
  const auto head_bytes = writer.finish();
  if (!head_bytes) co_return fail(head_bytes.error());
  auto connected = co_await connection();
  if (!connected) {
    Error error = connected.error();
    if (error.code != Code::kCancelled) error.retry = Retry::kSafe;
    co_return fail(error);
  }
  http::RequestHead head;
  head.method = call.method;
  head.framing = call.content.empty() ? http::Framing::kNone : http::Framing::kLength;
  head.content_length = call.content.size();
  http::TextBody body(call.content);
  http::Request request{.head = head};
  if (!call.content.empty()) request.body = &body;
  auto response =
      co_await http::exchange(std::move(*connected), pool_, room.span().first(*head_bytes), request,
                              {.response_timeout = options_.answer_timeout,
                               .read_timeout = options_.answer_timeout,
                               .write_timeout = options_.answer_timeout});
  if (!response) co_return fail(response.error());
  auto answer = co_await read_whole(**response);
  if (!(*response)->settled()) co_await (*response)->settle();
  co_return answer;
}

net::Task<Result<Answered>> HttpClient::read_whole(http::Response& response) {
  Answered answer{.status = response.head.status,
                  .retry_after = retry_after_of(response.head),
                  .content_type = std::string(response.head.fields.value_of(Known::kContentType)),
                  .content = {}};
  while (!response.at_end()) {
    const auto piece = co_await response.read();
    if (!piece) co_return fail(piece.error());
    answer.content += net::as_text(*piece);
    if (answer.content.size() > options_.answer_bytes_max) {
      co_return fail(Code::kBodyTooLarge, "the answer is too large", Side::kUpstream);
    }
  }
  co_return answer;
}

}  // namespace weir::cloud
