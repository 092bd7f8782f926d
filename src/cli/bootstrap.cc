#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "auth/pinned_token.h"
#include "base/host_port.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "config/formats.h"
#include "enroll/keeper.h"
#include "enroll/messages.h"
#include "store/kept_file.h"
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
  auto parsed = auth::parse_pinned_token(auth::kJoinPrefix, text_at(parse_tree(*content), "/secret"));
  if (parsed) co_return std::move(parsed->token);
  session.terminal.say("weir: the API gave no secret for " + shown_name("Token", token_name));
  co_return std::nullopt;
}

enroll::Node node_of(const Arguments& arguments) {
  const BootstrapFlags& flags = arguments.bootstrap;
  return {.name = flags.node,
          .provider = flags.provider,
          .region = flags.region,
          .city = flags.city,
          .address = {},
          .version = "envoy",
          .labels = labels_of(arguments.labels)};
}

// A certificate for the node; the private key does not leave this process before it is printed.
net::Task<std::optional<enroll::Credentials>> enrol(Session& session, const Arguments& arguments) {
  const auto request = tls::make_request();
  if (!request) {
    session.terminal.say(std::string("weir: no key could be made: ") + request.error().text);
    co_return std::nullopt;
  }
  const std::uint64_t bits = session.env.random.next();
  const std::string token_name = "bootstrap-" + to_hex(std::as_bytes(std::span(&bits, 1))).substr(0, 8);
  const std::string& name = arguments.bootstrap.node;
  const auto token = co_await make_join_token(session, name, token_name);
  if (!token) co_return std::nullopt;
  const auto content = session.content_of(co_await session.api.ask(
      http::Method::kPost, "/v1/enroll", enroll::request_text(*token, request->request, node_of(arguments))));
  (void)session.content_of(co_await session.api.ask(http::Method::kDelete, "/v1/tokens/" + token_name, {}));
  if (!content) co_return std::nullopt;
  auto answer = enroll::parse_answer(*content);
  if (!answer) {
    session.terminal.say(std::string("weir: the API gave no certificate: ") + answer.error().text);
    co_return std::nullopt;
  }
  co_return enroll::Credentials{.name = std::move(answer->name),
                                .private_key = request->private_key,
                                .certificate = std::move(answer->certificate),
                                .ca = std::move(answer->ca),
                                .discovery_port = answer->discovery_port};
}

translation::Bootstrap bootstrap_of(const Session& session, const Arguments& arguments) {
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
    bootstrap.controllers.push_back(*config::parse_address(with_port(host, kXdsPort)));
  }
  for (const config::Address& controller : bootstrap.controllers) {
    bootstrap.server_names.push_back(controller.host);
  }
  return bootstrap;
}

// The files of a node, in --dir.
struct Files {
  explicit Files(const std::string& directory) : folder(std::filesystem::absolute(directory)) {}
  std::filesystem::path folder;
  std::string bootstrap() const { return folder / "envoy.json"; }
  std::string identity() const { return folder / "identity.json"; }
  std::string credentials() const { return folder / "edge.json"; }
};

bool write(Session& session, const std::string& path, const std::string& text) {
  const auto written = store::KeptFile::replace(path, text);
  if (!written) session.terminal.say("weir: " + path + ": " + sentence_of(written.error()));
  return written.has_value();
}

bool write_identity(Session& session, const Files& files, const enroll::Credentials& credentials) {
  return write(session, files.identity(),
               translation::envoy_identity(credentials.certificate, credentials.private_key));
}

// Until it is stopped, or the controllers give this node no more certificates. Envoy sees another file in
// the place of the old one, and shows the certificate in it from its next connection on.
net::Task<int> keep_fresh(Session& session, const Arguments& arguments, const Files& files,
                          enroll::Credentials credentials) {
  enroll::Keeper keeper(session.env, {session.settings.api.host}, node_of(arguments), std::move(credentials),
                        files.credentials());
  keeper.on_renewed([&](const enroll::Credentials& renewed) {
    if (write_identity(session, files, renewed))
      session.terminal.say("weir: the certificate of " + renewed.name + " is renewed");
  });
  co_await keeper.run();
  session.terminal.say("weir: the certificate of " + arguments.bootstrap.node + " is not renewed any more");
  co_return kFailed;
}

net::Task<int> bootstrap_into(Session& session, const Arguments& arguments) {
  const BootstrapFlags& flags = arguments.bootstrap;
  const Files files(flags.directory);
  if (flags.renews && !session.settings.api.over_tls) {
    session.terminal.say(
        "weir: --renew needs an API over TLS (https://): the certificate speaks for the node there");
    co_return kBadUsage;
  }
  auto known = enroll::Keeper::read(files.credentials());
  if (!known && known.error().code != Code::kNotFound) {
    session.terminal.say("weir: " + files.credentials() + ": " + sentence_of(known.error()));
    co_return kFailed;
  }
  if (known && known->name != flags.node) {
    session.terminal.say("weir: " + files.folder.string() + " has the files of " + known->name);
    co_return kFailed;
  }
  std::optional<enroll::Credentials> credentials;
  if (flags.renews && known && known->not_after() > session.env.loop.clock().wall_now()) {
    credentials = std::move(*known);
  } else {
    credentials = co_await enrol(session, arguments);
    if (!credentials) co_return kFailed;
    std::error_code none;
    std::filesystem::create_directories(files.folder, none);
    if (!write(session, files.credentials(), credentials->to_text())) co_return kFailed;
  }
  translation::Bootstrap bootstrap = bootstrap_of(session, arguments);
  if (!flags.plain) {
    bootstrap.ca = {translation::PemSource::Kind::kInline, credentials->ca};
    bootstrap.identity_path = files.identity();
  }
  if (!write_identity(session, files, *credentials)) co_return kFailed;
  if (!write(session, files.bootstrap(), translation::envoy_bootstrap(bootstrap))) co_return kFailed;
  session.terminal.print(files.bootstrap() + '\n');
  session.terminal.flush();
  if (!flags.renews) co_return kDone;
  co_return co_await keep_fresh(session, arguments, files, *std::move(credentials));
}

}  // namespace

net::Task<int> bootstrap_command(Session& session, const Arguments& arguments) {
  if (!arguments.bootstrap.directory.empty()) co_return co_await bootstrap_into(session, arguments);
  const auto credentials = co_await enrol(session, arguments);
  if (!credentials) co_return kFailed;
  translation::Bootstrap bootstrap = bootstrap_of(session, arguments);
  if (!arguments.bootstrap.plain) {
    using Kind = translation::PemSource::Kind;
    bootstrap.ca = {Kind::kInline, credentials->ca};
    bootstrap.certificate = {Kind::kInline, credentials->certificate};
    bootstrap.private_key = {Kind::kInline, credentials->private_key};
  }
  session.terminal.print(translation::envoy_bootstrap(bootstrap));
  co_return kDone;
}

}  // namespace weir::cli
