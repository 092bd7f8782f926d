#include "enroll/client.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "auth/pinned_token.h"
#include "base/host_port.h"
#include "http/client.h"
#include "http/h1_writer.h"
#include "http/request_body.h"
#include "net/buffer.h"
#include "tls/certificate_request.h"

namespace weir::enroll {
namespace {

using http::Known;
using Tree = nlohmann::ordered_json;

constexpr Duration kTimeout = std::chrono::seconds(10);

std::unexpected<Failure> failed(const Error& error, std::string sentence, bool is_final = false) {
  return std::unexpected(Failure{error, std::move(sentence), is_final});
}
std::unexpected<Failure> failed(const Error& error) { return failed(error, sentence_of(error)); }

struct Told {
  int status = 0;
  std::string content;
};

net::Task<Result<Told>> post(net::Env& env, tls::Host to, std::shared_ptr<tls::ClientContext> context,
                             std::string content) {
  auto stream = co_await tls::dial(env, to, std::move(context), kTimeout);
  if (!stream) co_return fail(stream.error());
  const net::Buffer room = net::Buffer::acquire();
  http::HeadWriter writer(room.span());
  writer.request_line(http::name_of(http::Method::kPost), "/v1/enroll", {});
  writer.field(Known::kHost, with_port(to.name, to.port));
  writer.field(Known::kUserAgent, "weir");
  writer.field(Known::kContentType, "application/json");
  writer.field(Known::kContentLength, content.size());
  const auto head_bytes = writer.finish();
  if (!head_bytes) co_return fail(head_bytes.error());
  http::RequestHead head;
  head.method = http::Method::kPost;
  head.framing = http::Framing::kLength;
  head.content_length = content.size();
  http::TextBody body(content);
  http::Request request{.head = head, .body = &body};
  auto response = co_await http::exchange(
      std::make_unique<http::ClientConnection>(std::move(*stream)),
      std::make_shared<http::ClientPool>(nullptr), room.span().first(*head_bytes), request,
      {.response_timeout = kTimeout, .read_timeout = kTimeout, .write_timeout = kTimeout});
  if (!response) co_return fail(response.error());
  Told told{.status = (*response)->head.status, .content = {}};
  Result<void> read;
  while (read && !(*response)->at_end()) {
    const auto piece = co_await (*response)->read();
    if (!piece) {
      read = fail(piece.error());
    } else {
      told.content += net::as_text(*piece);
      if (told.content.size() > kMessageBytesMax) read = fail(Code::kBodyTooLarge, "the answer is too large");
    }
  }
  if (!(*response)->settled()) co_await (*response)->settle();
  if (!read) co_return fail(read.error());
  co_return told;
}

net::Task<std::expected<Credentials, Failure>> ask(net::Env& env, tls::Host controller,
                                                   Result<std::shared_ptr<tls::ClientContext>> context,
                                                   std::string token, Node node) {
  if (!context) co_return failed(context.error());
  auto made = tls::make_request();
  if (!made) co_return failed(made.error());
  const std::string place = with_port(controller.name, controller.port);
  const auto told = co_await post(env, std::move(controller), std::move(*context),
                                  request_text(token, made->request, node));
  if (!told) co_return failed(told.error(), "the controller at " + place + ": " + sentence_of(told.error()));
  if (told->status != 200) {
    const std::string why = refusal_of(told->content);
    const bool is_final = told->status >= 400 && told->status < 500 && told->status != 429;
    co_return failed({Code::kForbidden, Side::kUpstream, Retry::kNever, 0, "the controller refuses"},
                     "the controller at " + place +
                         " refuses: " + (why.empty() ? "status " + std::to_string(told->status) : why),
                     is_final);
  }
  auto answer = parse_answer(told->content);
  if (!answer) co_return failed(answer.error(), "the controller at " + place + ": " + answer.error().text);
  co_return Credentials{.name = std::move(answer->name),
                        .private_key = std::move(made->private_key),
                        .certificate = std::move(answer->certificate),
                        .ca = std::move(answer->ca),
                        .discovery_port = answer->discovery_port};
}

// Null: it is not readable.
std::shared_ptr<const tls::Certificate> load(const Credentials& credentials) {
  auto loaded = tls::Certificate::load(credentials.certificate, credentials.private_key);
  return loaded ? std::move(*loaded) : nullptr;
}

}  // namespace

WallTime Credentials::not_before() const {
  const auto loaded = load(*this);
  return loaded ? loaded->info().not_before : WallTime{};
}

WallTime Credentials::not_after() const {
  const auto loaded = load(*this);
  return loaded ? loaded->info().not_after : WallTime{};
}

std::string Credentials::to_text() const {
  const Tree tree{{"name", name},
                  {"private_key", private_key},
                  {"certificate", certificate},
                  {"ca", ca},
                  {"discovery_port", discovery_port}};
  return tree.dump(2, ' ', false, Tree::error_handler_t::replace) + '\n';
}

Result<Credentials> Credentials::parse(std::string_view text) {
  const Tree tree = Tree::parse(text, nullptr, false);
  const auto is_there = [&tree](const char* key) { return tree.contains(key) && tree[key].is_string(); };
  if (!tree.is_object() || !is_there("name") || !is_there("private_key") || !is_there("certificate") ||
      !is_there("ca")) {
    return fail(Code::kInvalid, "no credentials of a machine");
  }
  Credentials credentials{.name = tree["name"].get<std::string>(),
                          .private_key = tree["private_key"].get<std::string>(),
                          .certificate = tree["certificate"].get<std::string>(),
                          .ca = tree["ca"].get<std::string>(),
                          .discovery_port = kDiscoveryPort};
  const auto port = tree.find("discovery_port");
  if (port != tree.end() && port->is_number_unsigned() && port->get<std::uint64_t>() <= UINT16_MAX)
    credentials.discovery_port = port->get<std::uint16_t>();
  if (load(credentials) == nullptr)
    return fail(Code::kInvalid, "the certificate of the machine is not readable");
  return credentials;
}

Result<std::shared_ptr<tls::ClientContext>> client_context(const Credentials& credentials,
                                                           std::vector<std::string> protocols) {
  auto trust = tls::TrustStore::parse(credentials.ca);
  if (!trust) return fail(trust.error());
  auto certificate = tls::Certificate::load(credentials.certificate, credentials.private_key);
  if (!certificate) return fail(certificate.error());
  return tls::ClientContext::create({.authorities = std::move(*trust),
                                     .protocols = std::move(protocols),
                                     .certificate = std::move(*certificate)});
}

net::Task<std::expected<Credentials, Failure>> join(net::Env& env, tls::Host controller,
                                                    std::string join_token, Node node) {
  auto parsed = auth::parse_pinned_token(auth::kJoinPrefix, join_token);
  if (!parsed) {
    constexpr const char* kText = "this is no join token (weirjoin_...), or not all of it";
    co_return failed({Code::kInvalid, Side::kInternal, Retry::kNever, 0, kText}, kText, true);
  }
  auto context = tls::ClientContext::create({.authorities = nullptr,
                                             .protocols = {"http/1.1"},
                                             .certificate = nullptr,
                                             .authority_fingerprint = parsed->fingerprint});
  co_return co_await ask(env, std::move(controller), std::move(context), std::move(parsed->token),
                         std::move(node));
}

net::Task<std::expected<Credentials, Failure>> join_any(net::Env& env, std::vector<tls::Host> controllers,
                                                        std::string join_token, Node node) {
  grpc::Backoff backoff(kJoinPauses);
  for (;;) {
    std::string why;
    for (const tls::Host& controller : controllers) {
      auto joined = co_await join(env, controller, join_token, node);
      if (joined) {
        env.log.info("this machine has joined", {{"name", joined->name}});
        co_return joined;
      }
      if (joined.error().error.code == Code::kCancelled || joined.error().is_final) co_return joined;
      why = std::move(joined.error().sentence);
    }
    env.log.warning("no controller lets this machine in yet", {{"reason", why}});
    if (auto slept = co_await env.loop.sleep(backoff.failed(env.random)); !slept) {
      co_return failed(slept.error());
    }
  }
}

net::Task<std::expected<Credentials, Failure>> renew(net::Env& env, tls::Host controller,
                                                     Credentials credentials, Node node) {
  node.name = credentials.name;
  auto context = client_context(credentials, {"http/1.1"});
  co_return co_await ask(env, std::move(controller), std::move(context), {}, std::move(node));
}

}  // namespace weir::enroll
