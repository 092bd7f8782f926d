#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"

namespace weir::cli {
namespace {

Tree token_of(const Arguments& arguments, const std::string& name, WallTime now) {
  const TokenFlags& flags = arguments.token_flags;
  Tree spec = Tree::object();
  const auto add = [](Tree& to, const char* key, const std::string& value) {
    if (!value.empty()) to[key] = value;
  };
  add(spec, "description", flags.description);
  if (flags.valid_for > Duration::zero()) {
    spec["expires_at"] = format_rfc3339(now + std::chrono::floor<std::chrono::milliseconds>(flags.valid_for));
  }
  if (!flags.user.empty()) {
    spec["role"] = "tunnel";
    spec["user"] = flags.user;
  } else if (!flags.services.empty()) {
    spec["role"] = "member";
    spec["services"] = flags.services;
  } else if (flags.join.empty()) {
    add(spec, "role", flags.role);
    add(spec, "user", flags.person);
    if (!flags.scopes.empty()) spec["scopes"] = flags.scopes;
  } else {
    spec["role"] = "join";
    if (flags.uses != 0) spec["uses"] = flags.uses;
    Tree& join = spec["join"] = Tree{{"role", flags.join}};
    add(join, "name", flags.as);
    add(join, "provider", flags.provider);
    add(join, "region", flags.region);
    add(join, "city", flags.city);
    for (const auto& [key, value] : labels_of(arguments.labels)) join["labels"][key] = value;
  }
  Tree metadata{{"name", name}};
  add(metadata, "organization", flags.organization);
  return {{"kind", "Token"}, {"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
}

}  // namespace

net::Task<int> token_command(Session& session, const Arguments& arguments) {
  std::string name = arguments.name;
  if (name.empty()) {
    const std::uint64_t bits = session.env.random.next();
    name = "token-" + to_hex(std::as_bytes(std::span(&bits, 1))).substr(0, 8);
  }
  const Tree token = token_of(arguments, name, session.env.loop.clock().wall_now());
  const auto content =
      session.content_of(co_await session.api.ask(http::Method::kPost, "/v1/tokens", token.dump()));
  if (!content) co_return kFailed;
  const std::string secret = text_at(parse_tree(*content), "/secret");
  if (secret.empty()) {
    session.terminal.say("weir: the API gave no secret for " + shown_name("Token", name));
    co_return kFailed;
  }
  session.terminal.print(secret + "\n");
  session.terminal.say("weir: " + shown_name("Token", name) + " is created; its text is shown this once");
  co_return kDone;
}

}  // namespace weir::cli
