// weir login, weir logout and weir user: who somebody is at the API.
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "mirror/accounts.h"
#include "role/machine.h"
#include "store/kept_file.h"

namespace weir::cli {
namespace {

constexpr Duration kSlower = std::chrono::seconds(5);  // RFC 8628 section 3.5
constexpr std::size_t kPasswordBytesMax = 1024;

// What the terminal shows of what is typed, until it is destroyed.
class Unseen {
 public:
  Unseen() {
    if (::tcgetattr(STDIN_FILENO, &saved_) != 0) return;
    termios unseen = saved_;
    unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen) == 0;
  }
  ~Unseen() {
    if (changed_) (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  termios saved_{};
  bool changed_ = false;
};

// The first line of stdin; nothing: it is longer, or there is none.
std::optional<std::string> read_line(std::size_t bytes_max) {
  std::string line;
  while (line.size() <= bytes_max) {
    char c = 0;
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || c == '\n') break;
    line += c;
  }
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty() || line.size() > bytes_max) return std::nullopt;
  return line;
}

std::optional<std::string> read_password(Terminal& terminal) {
  if (::isatty(STDIN_FILENO) == 0) return read_line(kPasswordBytesMax);
  terminal.print_error("Password: ");
  std::optional<std::string> line;
  {
    const Unseen unseen;
    line = read_line(kPasswordBytesMax);
  }
  terminal.print_error("\n");
  return line;
}

// The first line of the file, or of stdin; says what is wrong with it.
std::optional<std::string> read_token(const std::string& path, Terminal& terminal) {
  std::optional<std::string> text;
  if (path == "-") {
    text = read_line(kTokenBytesMax);
  } else if (auto read = role::read_file(path, kTokenBytesMax)) {
    text = std::string(trim(std::string_view(*read).substr(0, read->find_first_of("\r\n"))));
  } else {
    terminal.say("weir: " + path + ": " + why_not(read.error()));
    return std::nullopt;
  }
  if (!text || text->empty() || std::ranges::any_of(*text, [](char c) { return c <= ' ' || c > '~'; })) {
    terminal.say("weir: there is no token in " + (path == "-" ? std::string("stdin") : path));
    return std::nullopt;
  }
  return text;
}

bool keep(Session& session, std::string_view token) {
  const std::string& path = session.settings.config_path;
  if (path.empty()) {
    session.terminal.say("weir: there is no HOME to keep a login in");
    return false;
  }
  const auto fails = [&](const std::string& why) {
    session.terminal.say("weir: " + path + ": " + why);
    return false;
  };
  std::error_code none;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), none);
  auto before = store::KeptFile::read(path, kConfigBytesMax);
  if (!before && before.error().code != Code::kNotFound) return fails(why_not(before.error()));
  const std::string text =
      with_login(before ? std::string_view(*before) : std::string_view(), session.settings.api.text, token);
  if (auto kept = store::KeptFile::replace(path, text); !kept) return fails(why_not(kept.error()));
  return true;
}

std::string who_of(const Tree& answer) {
  const std::string user = text_at(answer, "/user");
  return user.empty() ? "the token " + text_at(answer, "/token") : user;
}

// Whose token it is, by the API's own word; then it is kept.
net::Task<int> take_token(Session& session, std::string token) {
  auto context = tls_for(session.settings);
  if (!context) {
    session.terminal.say("weir: " + context.error());
    co_return kFailed;
  }
  ApiClient api(session.env, session.settings.api, token, std::move(*context));
  const auto content = session.content_of(co_await api.ask(http::Method::kGet, "/v1/session"));
  if (!content) co_return kFailed;
  if (!keep(session, token)) co_return kFailed;
  session.terminal.say("weir: logged in at " + session.settings.api.text + " as " +
                       who_of(parse_tree(*content)) + "; kept in " + session.settings.config_path);
  co_return kDone;
}

struct Waiting {
  std::string code;
  Duration interval{};
  Instant until;
};

// The token, once somebody has approved it; says why there is none.
net::Task<std::optional<std::string>> wait_for_token(Session& session, Waiting waiting) {
  const std::string asked = Tree{
      {"grant_type", "urn:ietf:params:oauth:grant-type:device_code"},
      {"device_code",
       waiting.code}}.dump();
  while (session.env.loop.now() < waiting.until) {
    if (!co_await session.env.loop.sleep(waiting.interval)) co_return std::nullopt;
    const auto answer = co_await session.api.ask(http::Method::kPost, "/v1/device/token", asked);
    if (!answer || answer->status != 400) {
      const auto content = session.content_of(answer);
      if (!content) co_return std::nullopt;
      co_return text_at(parse_tree(*content), "/access_token");
    }
    const Tree told = parse_tree(answer->content);
    const std::string error = text_at(told, "/error");
    if (error == "slow_down") waiting.interval += kSlower;
    if (error == "slow_down" || error == "authorization_pending") continue;
    session.terminal.say("weir: " + text_at(told, "/error_description"));
    co_return std::nullopt;
  }
  session.terminal.say("weir: nobody has approved it in time");
  co_return std::nullopt;
}

net::Task<int> log_in_by_code(Session& session) {
  const Tree asked{{"device", role::name_of_this_machine()}};
  const auto content =
      session.content_of(co_await session.api.ask(http::Method::kPost, "/v1/device/code", asked.dump()));
  if (!content) co_return kFailed;
  const Tree told = parse_tree(*content);
  const auto seconds = [&told](const char* at, std::uint64_t otherwise, std::uint64_t max) {
    return std::chrono::seconds(
        std::clamp<std::uint64_t>(parse_decimal(text_at(told, at)).value_or(otherwise), 1, max));
  };
  Waiting waiting{.code = text_at(told, "/device_code"),
                  .interval = seconds("/interval", 5, 60),
                  .until = session.env.loop.now() + seconds("/expires_in", 600, 3600)};
  if (waiting.code.empty()) {
    session.terminal.say("weir: the API gave no code to log in by");
    co_return kFailed;
  }
  session.terminal.say("weir: open " + text_at(told, "/verification_uri_complete") +
                       " in a browser, and let this device in if it shows the code " +
                       text_at(told, "/user_code"));
  const auto token = co_await wait_for_token(session, std::move(waiting));
  if (!token) co_return kFailed;
  co_return co_await take_token(session, *token);
}

// The organization as it shall be, with one member more; says what is wrong.
net::Task<std::optional<Tree>> with_member(Session& session, const std::string& organization,
                                           const std::string& user, const std::string& role) {
  const auto content = session.content_of(co_await session.api.ask(
      http::Method::kGet, path_of(config::info_of(config::Kind::kOrganization), organization)));
  if (!content) co_return std::nullopt;
  Tree object = parse_tree(*content);
  object.erase("status");
  object["spec"]["members"].push_back({{"user", user}, {"role", role}});
  co_return object;
}

}  // namespace

net::Task<int> login_command(Session& session, const Arguments& arguments) {
  if (arguments.login.token_file.empty()) co_return co_await log_in_by_code(session);
  auto token = read_token(arguments.login.token_file, session.terminal);
  if (!token) co_return kFailed;
  co_return co_await take_token(session, std::move(*token));
}

net::Task<int> logout_command(Session& session, const Arguments& /*arguments*/) {
  const Settings& settings = session.settings;
  if (settings.token_source != settings.config_path || settings.token.empty()) {
    session.terminal.say("weir: nobody is logged in: there is no token in " + settings.config_path);
    co_return kFailed;
  }
  // A token that is no session's stays what it is, and is forgotten here.
  const auto answer = co_await session.api.ask(http::Method::kDelete, "/v1/session");
  if (!answer || (answer->status >= 300 && answer->status != 401)) {
    (void)session.content_of(answer);
    co_return kFailed;
  }
  if (!keep(session, {})) co_return kFailed;
  session.terminal.say("weir: logged out at " + settings.api.text);
  co_return kDone;
}

net::Task<int> user_command(Session& session, const Arguments& arguments) {
  const UserFlags& flags = arguments.user;
  const std::string name = mirror::user_name_of(flags.email);
  auto password = read_password(session.terminal);
  if (!password) {
    session.terminal.say("weir: a password is needed: on the terminal, or as a line of stdin");
    co_return kFailed;
  }
  Tree spec{{"email", flags.email}, {"password", std::move(*password)}};
  Tree objects = Tree::array();
  if (flags.organization.empty()) {
    if (!flags.role.empty()) spec["role"] = flags.role;
  } else {
    auto organization =
        co_await with_member(session, flags.organization, name, flags.role.empty() ? "viewer" : flags.role);
    if (!organization) co_return kFailed;
    objects.push_back(std::move(*organization));
  }
  const Tree user{{"kind", "User"}, {"metadata", {{"name", name}}}, {"spec", std::move(spec)}};
  std::optional<std::string> content;
  if (objects.empty()) {
    content = session.content_of(co_await session.api.ask(http::Method::kPost, "/v1/users", user.dump()));
  } else {
    objects.push_back(user);
    content = session.content_of(
        co_await session.api.ask(http::Method::kPost, "/v1/apply", Tree{{"objects", objects}}.dump()));
  }
  if (!content) co_return kFailed;
  session.terminal.say("weir: " + shown_name("User", name) + " is created");
  co_return kDone;
}

}  // namespace weir::cli
