#include "client/api_client.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "config/formats.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "http/request_body.h"
#include "net/buffer.h"
#include "websocket/handshake.h"

namespace weir::client {
namespace {

using http::Known;

std::string target_path(std::string_view target) { return std::string(target.substr(0, target.find('?'))); }

void write_token(http::HeadWriter& writer, std::string_view token) {
  writer.begin_field(http::name_of(Known::kAuthorization));
  writer.append("Bearer ");
  writer.append(token);
  writer.end_field();
}

// Of a request for a socket.
net::Task<Result<std::variant<ApiAnswer, ApiClient::Socket>>> read_refusal(net::Stream& stream,
                                                                           const http::ResponseHead& head,
                                                                           net::Slice rest) {
  ApiAnswer answer{head.status, std::string(head.fields.value_of(Known::kContentType)), {}};
  http::H1Body body(stream, Side::kUpstream, head.framing, head.content_length, rest,
                    net::Patience(ApiClient::kAnswerTimeout));
  while (!body.at_end() && answer.content.size() < ApiClient::kLineBytesMax) {
    const auto piece = co_await body.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) break;
    answer.content += net::as_text(*piece);
  }
  co_return answer;
}

}  // namespace

std::expected<ApiUrl, std::string> parse_url(std::string_view text) {
  constexpr std::string_view kLike =
      "must be a URL such as http://127.0.0.1:8480 or https://weir.example:8480";
  const std::string lower = to_lower(text);
  const bool over_tls = lower.starts_with("https://");
  const std::string_view scheme = over_tls ? "https://" : "http://";
  if (!lower.starts_with(scheme)) return std::unexpected(std::string(kLike));
  std::string_view authority = text.substr(scheme.size());
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (authority.find_first_of("/?#") != std::string_view::npos)
    return std::unexpected(std::string("must be a URL without a path"));
  if (authority.contains('@'))
    return std::unexpected(std::string("must be a URL without a user; a token goes into WEIR_TOKEN"));
  const bool has_port = authority.rfind(':') != std::string_view::npos && !authority.ends_with(']');
  const std::string_view usual_port = over_tls ? ":443" : ":80";
  const auto parsed =
      config::parse_address(std::string(authority).append(has_port ? std::string_view() : usual_port));
  if (!parsed) return std::unexpected(std::string(kLike));
  ApiUrl url;
  url.host = {parsed->host, parsed->port};
  url.over_tls = over_tls;
  url.authority = config::to_text(*parsed);
  url.text = std::string(scheme) + url.authority;
  return url;
}

Result<std::optional<StreamEvent>> EventStream::next() {
  std::size_t begin = 0;
  std::optional<StreamEvent> done;
  while (!done) {
    const std::size_t end = pending_.find('\n', std::max(begin, scanned_));
    if (end == std::string::npos) {
      scanned_ = pending_.size();
      break;
    }
    std::string_view line(pending_.data() + begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin = end + 1;
    if (!line.empty()) {
      take(line);
    } else if (std::exchange(any_, false)) {
      done = std::exchange(event_, {});
    }
  }
  pending_.erase(0, begin);
  scanned_ -= std::min(scanned_, begin);
  if (pending_.size() + event_.data.size() > kEventBytesMax) {
    return fail(Code::kBodyTooLarge, "an event of the watch is too large", Side::kUpstream);
  }
  return done;
}

void EventStream::take(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") {
    event_.name = value;
  } else if (field == "data") {
    if (!event_.data.empty()) event_.data += '\n';
    event_.data += value;
  } else if (field == "id") {
    event_.id = parse_decimal(value);
  } else {
    return;
  }
  any_ = true;
}

ApiClient::ApiClient(net::Env& env, ApiUrl url, std::string token,
                     std::shared_ptr<tls::ClientContext> context)
    : env_(env),
      url_(std::move(url)),
      token_(std::move(token)),
      context_(std::move(context)),
      pool_(std::make_shared<http::ClientPool>(nullptr)) {}

net::Task<Result<ApiAnswer>> ApiClient::ask(http::Method method, std::string target, std::string content) {
  co_return co_await exchange({method, std::move(target), std::move(content)});
}

net::Task<Result<ApiAnswer>> ApiClient::watch(std::string target, const OnEvent& on_event) {
  co_return co_await exchange({http::Method::kGet, std::move(target), {}, &on_event, nullptr});
}

net::Task<Result<ApiAnswer>> ApiClient::read_lines(std::string target, const OnLine& on_line) {
  co_return co_await exchange({http::Method::kGet, std::move(target), {}, nullptr, &on_line});
}

net::Task<Result<std::variant<ApiAnswer, ApiClient::Socket>>> ApiClient::open_socket(std::string target) {
  const auto key = websocket::make_key();
  if (!key) co_return fail(key.error());
  const std::string path = target_path(target);
  const net::Buffer room = net::Buffer::acquire();
  http::HeadWriter writer(room.span());
  writer.request_line("GET", path, std::string_view(target).substr(std::min(path.size() + 1, target.size())));
  writer.field(Known::kHost, url_.authority);
  writer.field(Known::kUserAgent, "weir/" WEIR_VERSION);
  if (!token_.empty()) write_token(writer, token_);
  writer.field(Known::kConnection, "Upgrade");
  writer.field(Known::kUpgrade, "websocket");
  writer.field("Sec-WebSocket-Version", "13");
  writer.field(Known::kSecWebsocketKey, *key);
  const auto bytes = writer.finish();
  if (!bytes) co_return fail(bytes.error());
  auto stream = co_await tls::dial(env_, url_.host, context_, kConnectTimeout);
  if (!stream) co_return fail(stream.error());
  if (auto sent = co_await (*stream)->write(room.span().first(*bytes), kAnswerTimeout); !sent) {
    co_return fail(sent.error());
  }
  http::ResponseHead head;
  for (std::size_t end = 0;;) {
    const auto got = co_await (*stream)->read(room.span().subspan(end), kAnswerTimeout);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Code::kClosed, "the API closed without an answer", Side::kUpstream);
    end += *got;
    const net::Slice received = room.span().first(end);
    const auto parsed = http::parse_response_head(net::as_text(received), http::Method::kGet, head);
    if (!parsed) co_return fail(parsed.error());
    if (*parsed == 0) continue;
    const net::Slice rest = received.subspan(*parsed);
    if (head.status != 101) co_return co_await read_refusal(**stream, head, rest);
    const http::Field* accept = head.fields.find("Sec-WebSocket-Accept");
    if (accept == nullptr || accept->value != websocket::accept_of(*key)) {
      co_return fail(Code::kMalformed, "the API's Sec-WebSocket-Accept is wrong", Side::kUpstream);
    }
    co_return std::make_unique<WebSocket>(std::move(*stream), std::string(net::as_text(rest)));
  }
}

net::Task<Result<ApiAnswer>> ApiClient::send(http::Method method, std::string target, http::Body& content,
                                             std::optional<std::uint64_t> bytes) {
  co_return co_await exchange({method, std::move(target), {}, nullptr, nullptr, &content, bytes});
}

net::Task<Result<http::ClientConnectionPtr>> ApiClient::connection() {
  if (auto kept = pool_->take()) co_return std::move(kept);
  auto stream = co_await tls::dial(env_, url_.host, context_, kConnectTimeout);
  if (!stream) co_return fail(stream.error());
  co_return std::make_unique<http::ClientConnection>(std::move(*stream));
}

net::Task<Result<ApiAnswer>> ApiClient::exchange(Asked asked) {
  const std::string path = target_path(asked.target);
  const bool with_query = path.size() < asked.target.size();
  const net::Buffer room = net::Buffer::acquire();
  http::HeadWriter writer(room.span());
  writer.request_line(
      http::name_of(asked.method), path,
      with_query ? std::string_view(asked.target).substr(path.size() + 1) : std::string_view());
  writer.field(Known::kHost, url_.authority);
  writer.field(Known::kUserAgent, "weir/" WEIR_VERSION);
  writer.field(Known::kAccept, asked.on_event == nullptr ? "application/json" : "text/event-stream");
  if (!token_.empty()) write_token(writer, token_);
  http::RequestHead head;
  head.method = asked.method;
  head.framing = asked.body != nullptr && !asked.body_bytes        ? http::Framing::kChunked
                 : asked.body != nullptr || !asked.content.empty() ? http::Framing::kLength
                                                                   : http::Framing::kNone;
  head.content_length = asked.body_bytes.value_or(asked.content.size());
  if (head.framing != http::Framing::kNone) {
    writer.field(Known::kContentType, asked.body != nullptr ? "application/x-tar" : "application/json");
  }
  if (head.framing == http::Framing::kLength) writer.field(Known::kContentLength, head.content_length);
  if (head.framing == http::Framing::kChunked) writer.field(Known::kTransferEncoding, "chunked");
  const auto head_bytes = writer.finish();
  if (!head_bytes) co_return fail(head_bytes.error());

  auto connected = co_await connection();
  if (!connected) co_return fail(connected.error());
  http::TextBody body(asked.content);
  http::Request request{.head = head};
  if (asked.body != nullptr) {
    request.body = asked.body;
  } else if (!asked.content.empty()) {
    request.body = &body;
  }
  const bool streams = asked.on_event != nullptr || asked.on_line != nullptr;
  const Duration read_timeout = streams ? kWatchTimeout : kAnswerTimeout;
  const Duration response_timeout = asked.body == nullptr ? kAnswerTimeout : kKeptTimeout;
  auto response = co_await http::exchange(
      std::move(*connected), pool_, room.span().first(*head_bytes), request,
      {.response_timeout = response_timeout, .read_timeout = read_timeout, .write_timeout = kAnswerTimeout});
  if (!response) co_return fail(response.error());
  const bool succeeded = (*response)->head.status == 200;
  auto answer = asked.on_event != nullptr && succeeded  ? co_await read_events(**response, *asked.on_event)
                : asked.on_line != nullptr && succeeded ? co_await read_lines(**response, *asked.on_line)
                                                        : co_await read_whole(**response);
  if (!(*response)->settled()) co_await (*response)->settle();
  co_return answer;
}

net::Task<Result<ApiAnswer>> ApiClient::read_whole(http::Response& response) {
  ApiAnswer answer{response.head.status, std::string(response.head.fields.value_of(Known::kContentType)), {}};
  while (!response.at_end()) {
    const auto piece = co_await response.read();
    if (!piece) co_return fail(piece.error());
    answer.content += net::as_text(*piece);
    if (answer.content.size() > kAnswerBytesMax) {
      co_return fail(Code::kBodyTooLarge, "the answer is too large", Side::kUpstream);
    }
  }
  co_return answer;
}

net::Task<Result<ApiAnswer>> ApiClient::read_lines(http::Response& response, const OnLine& on_line) {
  const ApiAnswer answer{
      response.head.status, std::string(response.head.fields.value_of(Known::kContentType)), {}};
  std::string pending;
  while (!response.at_end()) {
    const auto piece = co_await response.read();
    if (!piece) co_return fail(piece.error());
    pending += net::as_text(*piece);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string_view line = std::string_view(pending).substr(begin, end - begin);
      if (!line.empty() && !on_line(line)) co_return answer;
    }
    pending.erase(0, begin);
    if (pending.size() > kLineBytesMax) {
      co_return fail(Code::kBodyTooLarge, "a line of the answer is too long", Side::kUpstream);
    }
  }
  co_return answer;
}

net::Task<Result<ApiAnswer>> ApiClient::read_events(http::Response& response, const OnEvent& on_event) {
  const ApiAnswer answer{
      response.head.status, std::string(response.head.fields.value_of(Known::kContentType)), {}};
  EventStream events;
  while (!response.at_end()) {
    const auto piece = co_await response.read();
    if (!piece) co_return fail(piece.error());
    events.add(net::as_text(*piece));
    for (;;) {
      const auto event = events.next();
      if (!event) co_return fail(event.error());
      if (!*event) break;
      if (!on_event(**event)) co_return answer;
    }
  }
  co_return answer;
}

}  // namespace weir::client
