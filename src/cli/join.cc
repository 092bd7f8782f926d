// weir join: makes what serves here a member of a service, for as long as it runs, or a command does that it
// starts. weir leave: takes out what others have left there.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/membership.h"
#include "client/objects.h"
#include "net/loop.h"
#include "net/task_group.h"

namespace weir::cli {
namespace {

// As shells have them.
constexpr int kCannotRun = 126;
constexpr int kNotFound = 127;
constexpr int kBySignal = 128;

client::MemberApi api_of(Session& session) {
  return {.ask =
              [&session](http::Method method, std::string target, std::string content) {
                return session.api.ask(method, std::move(target), std::move(content));
              },
          .host = [&session] { return session.settings.api.host; },
          .say = [&session](const std::string& sentence) { session.terminal.say("weir: " + sentence); },
          .say_wrong = [&session](const Result<ApiAnswer>& answer) { (void)session.content_of(answer); }};
}

// A command that was started. One, in the process group of this process.
class Started {
 public:
  // The error is that of posix_spawnp(3).
  static std::expected<Started, int> start(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    sigset_t none;
    sigset_t usual;
    ::sigemptyset(&none);
    ::sigemptyset(&usual);
    ::sigaddset(&usual, SIGPIPE);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &usual);
    pid_t id = 0;
    const int failed =
        ::posix_spawnp(&id, arguments.front(), nullptr, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    if (failed != 0) return std::unexpected(failed);
    return Started(id);
  }

  // What a terminal sends, it has sent to the command, too.
  void pass_on(int signal) const {
    const bool by_terminal = signal == SIGINT || signal == SIGQUIT || signal == SIGWINCH;
    if (by_terminal && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) return;
    ::kill(id_, signal);
  }
  // Its exit code, once it has ended.
  std::optional<int> ended() const {
    int status = 0;
    if (::waitpid(id_, &status, WNOHANG) != id_) return std::nullopt;
    return WIFSIGNALED(status) ? kBySignal + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  explicit Started(pid_t id) : id_(id) {}
  pid_t id_;
};

void say_left(Session& session, const std::string& name) {
  session.terminal.say("weir: " + shown_name("Endpoint", name) + " has left");
}

net::Task<void> set_after(net::Loop& loop, Duration pause, net::Event& event) {
  if (co_await loop.sleep(pause)) event.set();
}

// Those that were told of it before it left may still come: for so long, or until the event.
net::Task<void> drain(net::Loop& loop, Duration pause, net::Event& until) {
  if (pause <= Duration::zero()) co_return;
  until.reset();
  net::TaskGroup waiting(loop);
  waiting.spawn(set_after(loop, pause, until));
  (void)co_await until.wait(loop);
  co_await waiting.stop();
}

// For as long as the command runs, whatever the API does meanwhile.
net::Task<int> join_beside(Session& session, client::Membership& membership, const JoinFlags& flags) {
  const auto started = Started::start(flags.command);
  if (!started) {
    session.terminal.say("weir: can't run " + flags.command.front() + ": " +
                         why_not(system_error(started.error(), "cannot start it")));
    co_return started.error() == ENOENT ? kNotFound : kCannotRun;
  }
  std::optional<int> code;
  bool held = false;  // a SIGTERM that the command gets when nobody comes to it any more
  session.on_signal = [&](int signal) {
    if (signal == SIGCHLD) {
      if (!code && (code = started->ended())) session.ended.set();
    } else if (signal == SIGTERM && flags.drain_wait > Duration::zero() && !code && !held) {
      held = true;
      session.ended.set();
    } else if (!code) {
      started->pass_on(signal);
    }
  };
  net::TaskGroup staying(session.env.loop);
  staying.spawn(membership.stay());
  (void)co_await session.ended.wait(session.env.loop);
  co_await staying.stop();
  if (co_await membership.leave()) say_left(session, membership.name());
  if (!code) {
    co_await drain(session.env.loop, flags.drain_wait, session.ended);
    if (!code) {
      session.ended.reset();
      started->pass_on(SIGTERM);
      (void)co_await session.ended.wait(session.env.loop);
    }
  }
  session.on_signal = [](int /*signal*/) {};
  co_return code.value_or(kFailed);
}

}  // namespace

net::Task<int> join_command(Session& session, const Arguments& arguments) {
  const JoinFlags& flags = arguments.join;
  client::Member member = flags.member;
  if (!flags.once || flags.lease_given) member.lease = flags.lease;
  client::Membership membership(session.env, api_of(session), std::move(member));
  if (!flags.command.empty()) co_return co_await join_beside(session, membership, flags);
  if (!co_await membership.join()) co_return kFailed;
  session.terminal.say("weir: " + membership.welcome());
  if (flags.once) co_return kDone;
  net::TaskGroup keeping(session.env.loop);
  keeping.spawn(membership.keep());
  (void)co_await session.ended.wait(session.env.loop);
  co_await keeping.stop();
  const bool left = co_await membership.leave();
  if (left) say_left(session, membership.name());
  co_await drain(session.env.loop, flags.drain_wait, session.ended);
  co_return left ? kDone : kFailed;
}

net::Task<int> leave_command(Session& session, const Arguments& arguments) {
  const config::KindInfo& endpoints = config::info_of(config::Kind::kEndpoint);
  const std::string& service = arguments.join.member.service;
  std::vector<std::string> names;
  if (!arguments.join.member.name.empty()) {
    names.push_back(arguments.join.member.name);
  } else {
    const auto listed = co_await list_objects(session, endpoints, {});
    if (!listed) co_return kFailed;
    const std::string prefix = client::own_prefix(service);
    for (const Tree& object : listed->objects) {
      const std::string name = text_at(object, "/metadata/name");
      const bool is_own = name.starts_with(prefix) && parse_decimal(name.substr(prefix.size()));
      if (is_own && text_at(object, "/spec/service") == service) names.push_back(name);
    }
    if (names.empty()) {
      session.terminal.say("weir: nothing has joined " + shown_name("Service", service) +
                           " from this machine; --name names an Endpoint of another");
      co_return kFailed;
    }
  }
  for (const std::string& name : names) {
    const auto left = co_await session.api.ask(http::Method::kDelete, path_of(endpoints, name));
    if (!session.content_of(left)) co_return kFailed;
    say_left(session, name);
  }
  co_return kDone;
}

}  // namespace weir::cli
