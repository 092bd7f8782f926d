#include "node/visits.h"

#include <csignal>
#include <expected>
#include <optional>
#include <utility>
#include <variant>

#include "node/held_process.h"
#include "node/labels.h"
#include "node/log_visit.h"

namespace weir::node {
namespace {

using channel::ChannelEnd;
using channel::ChannelOpen;
using channel::End;
using channel::ExecWanted;

net::Task<void> tell_logs(LogVisit& visit, End& end) {
  std::string wrong = co_await visit.run();
  co_await say_end(end, {.exit_code = 0, .reason = std::move(wrong)});
}

// What it writes, to its end.
net::Task<void> tell_output(podman::Client& podman, podman::Exec& exec, End& end, bool& ended) {
  std::string reason;
  for (bool more = true; more;) {
    std::vector<channel::ChannelOutput> outputs;
    const auto read = co_await exec.read([&outputs](podman::LogStream stream, std::string_view text) {
      const bool err = stream == podman::LogStream::kErr;
      if (outputs.empty() || outputs.back().err != err) outputs.push_back({.err = err, .bytes = {}});
      outputs.back().bytes += text;
    });
    for (channel::ChannelOutput& output : outputs) {
      if (!co_await end.write(std::move(output))) co_return;
    }
    if (!read && read.error().kind == podman::Trouble::Kind::kCancelled) co_return;  // who stops it says why
    if (!read) reason = read.error().sentence;
    more = read && *read;
  }
  const auto seen = co_await podman.inspect_exec(exec.id());
  if (!seen && reason.empty()) reason = seen.error().sentence;
  ended = seen && !seen->running;
  co_await say_end(end, {.exit_code = seen ? seen->exit_code : 0, .reason = std::move(reason)});
}

// What the user sends, until the call ends; or why no more of it is taken.
net::Task<std::string> take_input(podman::Client& podman, podman::Exec& exec, End& end) {
  for (;;) {
    const auto message = co_await end.read();
    if (!message || !*message) co_return std::string();
    auto said = channel::parse_to_machine(**message);
    if (!said) co_return std::string(said.error().text);
    if (auto* input = std::get_if<channel::ChannelInput>(&*said); input != nullptr) {
      auto written =
          co_await exec.write(std::move(input->bytes));  // it may have ended, which is told by others
      if (!written && written.error().kind == podman::Trouble::Kind::kRefused) {
        co_return std::move(written.error().sentence);
      }
    } else if (const auto* size = std::get_if<channel::TerminalSize>(&*said); size != nullptr) {
      (void)co_await podman.resize_exec(exec.id(), size->rows, size->columns);
    } else {
      exec.end_input();
    }
  }
}

// The one that a command is to run in; or why there is none.
std::expected<std::string, std::string> choose(const std::vector<podman::Container>& listed,
                                               const ChannelOpen& open) {
  std::string names;
  for (const podman::Container& one : listed) {
    if (!label_of(one.labels, kInitLabel).empty()) continue;
    const std::string name = label_of(one.labels, kContainerLabel);
    if (name != open.container) {
      names.append(names.empty() ? "" : ", ").append(name);
    } else if (one.state == "running") {
      return one.id;
    } else {
      return std::unexpected("the container " + name + " of " + open.instance + " does not run now");
    }
  }
  if (names.empty()) return std::unexpected("there is no container of " + open.instance + " on its node");
  return std::unexpected(open.instance + " has no container " + open.container + "; it has " + names);
}

net::Task<std::optional<HeldProcess>> hold(podman::Client& podman, std::string exec, std::string container) {
  const auto seen = co_await podman.inspect_exec(std::move(exec));
  co_return HeldProcess::find(seen && seen->running ? seen->process : 0, container);
}

}  // namespace

void Visits::begin(grpc::Channel& way, std::string id, std::string what) {
  if (tasks_.size() >= kMax) {
    env_.log.warning("a visit is not answered: there are too many", {{"visits", std::to_string(kMax)}});
    return;
  }
  tasks_.spawn(answer(way, std::move(id), std::move(what)));
}

net::Task<void> Visits::answer(grpc::Channel& way, std::string id, std::string what) {
  const auto made = co_await channel::call_about(way, std::string(channel::kNodeChannelPath), std::move(id));
  if (!made) co_return;  // who waits for it is told so at its deadline
  End& end = **made;
  const auto open = channel::parse_channel_open(what);
  if (open && std::holds_alternative<ExecWanted>(open->what)) {
    co_await run(end, *open);
  } else if (open && std::holds_alternative<channel::LogsWanted>(open->what)) {
    co_await show(end, *open);
  } else {
    co_await say_end(
        end, {.exit_code = 0,
              .reason = open ? "a node shows logs and runs commands, nothing else" : open.error().text});
    co_await end.wait_for_end();
  }
}

net::Task<void> Visits::show(End& end, const ChannelOpen& open) {
  LogVisit visit(env_, podman_, node_, end, open);
  net::TaskGroup telling(env_.loop);
  telling.spawn(tell_logs(visit, end));
  co_await end.wait_for_end();
  co_await telling.stop();
}

net::Task<void> Visits::run(End& end, const ChannelOpen& open) {
  const auto& wanted = std::get<ExecWanted>(open.what);
  std::string wrong;
  std::unique_ptr<podman::Exec> exec;
  std::string container;
  auto listed = co_await podman_.list(labels_of_instance(node_, open.instance));
  if (!listed) wrong = std::move(listed.error().sentence);
  if (listed) {
    auto chosen = choose(*listed, open);
    wrong = chosen ? std::string() : std::move(chosen.error());
    if (chosen) container = std::move(*chosen);
  }
  if (wrong.empty()) {
    auto begun = co_await podman_.begin_exec(container, {.command = wanted.command,
                                                         .input = true,
                                                         .terminal = wanted.terminal,
                                                         .rows = wanted.size.rows,
                                                         .columns = wanted.size.columns});
    if (!begun) wrong = std::move(begun.error().sentence);
    if (begun) exec = std::move(*begun);
  }
  if (!exec) {
    co_await say_end(end, {.exit_code = 0, .reason = std::move(wrong)});
    co_return co_await end.wait_for_end();
  }
  auto process = co_await hold(podman_, exec->id(), container);
  bool ended = false;
  net::TaskGroup telling(env_.loop);
  telling.spawn(tell_output(podman_, *exec, end, ended));
  wrong = co_await take_input(podman_, *exec, end);
  co_await telling.stop();
  if (ended) co_return;
  if (!wrong.empty()) co_await say_end(end, {.exit_code = 0, .reason = std::move(wrong)});
  if (!process) process = co_await hold(podman_, exec->id(), container);
  if (!process) {
    env_.log.warning("a command goes on whose user has gone: its process is not known",
                     {{"instance", open.instance}});
    co_return;
  }
  process->signal(SIGHUP);
  (void)co_await env_.loop.sleep(kEndGrace);
  process->signal(SIGKILL);
}

}  // namespace weir::node
