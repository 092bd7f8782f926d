#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/join_token.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/objects.h"
#include "cli/session.h"
#include "config/formats.h"
#include "enroll/messages.h"
#include "tls/certificate_request.h"
#include "translation/bootstrap.h"

namespace weir::cli {
namespace {

// Where an Envoy finds discovery when nothing else is said: on the API's host.
constexpr std::uint16_t kXdsPort = 18000;

// What a new machine shows for its certificate. Used once, and the Token is of no use afterwards.
net::Task<std::optional<std::string>> make_join_token(Session& session, const std::string& node,
                                                      const std::string& token_name) {
  const Tree token{{"kind", "Token"},
                   {"metadata", {{"name", token_name}}},
                   {"spec",
                    {{"description", "weir controller bootstrap --node " + node},
                     {"role", "join"},
                     {"join", {{"role", "edge"}, {"name", node}}}}}};
  const auto content =
      session.content_of(co_await session.api.ask(http::Method::kPost, "/v1/tokens", token.dump()));
  if (!content) co_return std::nullopt;
  auto parsed = auth::parse_join_token(text_at(parse_tree(*content), "/secret"));
  if (parsed) co_return std::move(parsed->token);
  session.terminal.say("weir: the API gave no secret for " + shown_name("Token", token_name));
  co_return std::nullopt;
}

// A certificate for the node; the private key does not leave this process before it is printed.
net::Task<bool> enrol(Session& session, const Arguments& arguments, translation::Bootstrap& bootstrap) {
  const auto request = tls::make_request();
  if (!request) {
    session.terminal.say(std::string("weir: no key could be made: ") + request.error().text);
    co_return false;
  }
  const std::uint64_t bits = session.env.random.next();
  const std::string token_name = "bootstrap-" + to_hex(std::as_bytes(std::span(&bits, 1))).substr(0, 8);
  const auto token = co_await make_join_token(session, bootstrap.node, token_name);
  if (!token) co_return false;
  const enroll::Node node{.name = bootstrap.node,
                          .provider = bootstrap.where.provider,
                          .region = bootstrap.where.region,
                          .city = bootstrap.where.city,
                          .address = {},
                          .version = "envoy",
                          .labels = labels_of(arguments.labels)};
  const auto content = session.content_of(co_await session.api.ask(
      http::Method::kPost, "/v1/enroll", enroll::request_text(*token, request->request, node)));
  (void)session.content_of(co_await session.api.ask(http::Method::kDelete, "/v1/tokens/" + token_name, {}));
  if (!content) co_return false;
  const auto answer = enroll::parse_answer(*content);
  if (!answer) {
    session.terminal.say(std::string("weir: the API gave no certificate: ") + answer.error().text);
    co_return false;
  }
  using Kind = translation::PemSource::Kind;
  bootstrap.ca = {Kind::kInline, answer->ca};
  bootstrap.certificate = {Kind::kInline, answer->certificate};
  bootstrap.private_key = {Kind::kInline, request->private_key};
  co_return true;
}

}  // namespace

net::Task<int> bootstrap_command(Session& session, const Arguments& arguments) {
  const BootstrapFlags& flags = arguments.bootstrap;
  translation::Bootstrap bootstrap{.node = flags.node, .labels = labels_of(arguments.labels)};
  bootstrap.where.provider = flags.provider;
  bootstrap.where.region = flags.region;
  bootstrap.where.city = flags.city;
  bootstrap.listen = flags.listen;
  bootstrap.http_port = flags.http_port;
  bootstrap.https_port = flags.https_port;
  bootstrap.admin_port = flags.admin_port;
  for (const std::string& controller : flags.controllers) {
    bootstrap.controllers.push_back(*config::parse_address(controller));
  }
  if (bootstrap.controllers.empty()) {
    const std::string& host = session.settings.api.host.name;
    const std::string bracketed = host.contains(':') ? '[' + host + ']' : host;
    bootstrap.controllers.push_back(*config::parse_address(bracketed + ':' + std::to_string(kXdsPort)));
  }
  for (const config::Address& controller : bootstrap.controllers) {
    bootstrap.server_names.push_back(controller.host);
  }
  if (!co_await enrol(session, arguments, bootstrap)) co_return kFailed;
  if (flags.plain) bootstrap.ca = bootstrap.certificate = bootstrap.private_key = {};
  session.terminal.print(translation::envoy_bootstrap(bootstrap));
  co_return kDone;
}

}  // namespace weir::cli
