#include "node/visits.h"

#include <algorithm>
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

using nodelink::ChannelEnd;
using nodelink::ChannelOpen;
using nodelink::ExecWanted;
using nodelink::FromNode;
using nodelink::ToNode;

constexpr std::size_t kReasonBytesMax = 1000;

net::Task<void> say_end(grpc::ClientCall& call, ChannelEnd end) {
  end.reason.resize(std::min(end.reason.size(), kReasonBytesMax));
  (void)co_await call.write(serialize(FromNode(std::move(end))));
  call.half_close();
}

// Until the controller has ended the call.
net::Task<void> wait_for_end(grpc::ClientCall& call) {
  for (;;) {
    const auto message = co_await call.read();
    if (!message || !*message) co_return;
  }
}

net::Task<void> tell_logs(LogVisit& visit, grpc::ClientCall& call) {
  std::string wrong = co_await visit.run();
  co_await say_end(call, {.exit_code = 0, .reason = std::move(wrong)});
}

// What it writes, to its end.
net::Task<void> tell_output(podman::Client& podman, podman::Exec& exec, grpc::ClientCall& call, bool& ended) {
  std::string reason;
  for (bool more = true; more;) {
    std::vector<nodelink::ChannelOutput> outputs;
    const auto read = co_await exec.read([&outputs](podman::LogStream stream, std::string_view text) {
      const bool err = stream == podman::LogStream::kErr;
      if (outputs.empty() || outputs.back().err != err) outputs.push_back({.err = err, .bytes = {}});
      outputs.back().bytes += text;
    });
    for (nodelink::ChannelOutput& output : outputs) {
      if (!co_await call.write(serialize(FromNode(std::move(output))))) co_return;
    }
    if (!read) reason = read.error().sentence;
    more = read && *read;
  }
  const auto seen = co_await podman.inspect_exec(exec.id());
  if (!seen && reason.empty()) reason = seen.error().sentence;
  ended = seen && !seen->running;
  co_await say_end(call, {.exit_code = seen ? seen->exit_code : 0, .reason = std::move(reason)});
}

// What the user sends, until the call ends.
net::Task<void> take_input(podman::Client& podman, podman::Exec& exec, grpc::ClientCall& call) {
  for (;;) {
    const auto message = co_await call.read();
    if (!message || !*message) co_return;
    auto said = nodelink::parse_to_node(**message);
    if (!said) co_return;
    if (auto* input = std::get_if<nodelink::ChannelInput>(&*said); input != nullptr) {
      (void)co_await exec.write(std::move(input->bytes));  // a command that does not read it has its reasons
    } else if (const auto* size = std::get_if<nodelink::TerminalSize>(&*said); size != nullptr) {
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
  auto made = co_await way.call(std::string(nodelink::kChannelPath), {}, std::nullopt);
  if (!made) co_return;  // who waits for it is told so at its deadline
  grpc::ClientCall& call = **made;
  if (!co_await call.write(serialize(FromNode(nodelink::ChannelId{std::move(id)})))) co_return;
  const auto open = nodelink::parse_channel_open(what);
  if (!open) {
    co_await say_end(call, {.exit_code = 0, .reason = open.error().text});
    co_await wait_for_end(call);
  } else if (std::holds_alternative<ExecWanted>(open->what)) {
    co_await run(call, *open);
  } else {
    co_await show(call, *open);
  }
}

net::Task<void> Visits::show(grpc::ClientCall& call, const ChannelOpen& open) {
  LogVisit visit(env_, podman_, node_, call, open);
  net::TaskGroup telling(env_.loop);
  telling.spawn(tell_logs(visit, call));
  co_await wait_for_end(call);
  co_await telling.stop();
}

net::Task<void> Visits::run(grpc::ClientCall& call, const ChannelOpen& open) {
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
    co_await say_end(call, {.exit_code = 0, .reason = std::move(wrong)});
    co_return co_await wait_for_end(call);
  }
  auto process = co_await hold(podman_, exec->id(), container);
  bool ended = false;
  net::TaskGroup telling(env_.loop);
  telling.spawn(tell_output(podman_, *exec, call, ended));
  co_await take_input(podman_, *exec, call);
  co_await telling.stop();
  if (ended) co_return;
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
