// weir node: led by a file, it runs instances of containers; and shows what one of them wrote, for which it
// needs no such process.
#include <unistd.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "node/role.h"
#include "program/commands.h"
#include "program/environment.h"
#include "program/log.h"
#include "role/machine.h"
#include "role/process.h"

namespace weir::program {
namespace {

// Podman's own: the system's for root, else that of the user's session.
std::string usual_socket() {
  const auto runtime = ::getuid() == 0 ? std::nullopt : variable("XDG_RUNTIME_DIR");
  return runtime ? *runtime + "/podman/podman.sock" : std::string(node::kDefaultSocket);
}

std::expected<void, std::string> run_node(Log& log, const node::RoleOptions& options) {
  auto process = role::Process::create(log, {.workers = 0});
  if (!process) return std::unexpected(std::move(process.error()));
  net::Core& core = (*process)->control();
  node::Role role(core, options, role::read_file);
  if (auto started = role.start(); !started) return started;
  role::Ending ending(core.env(), {.drain = [&role] { return role.end(); }, .cut = [] {}, .hurry = [] {}});
  (*process)->on_signal([&ending](int signal) {
    tell_service_manager("STOPPING=1");
    ending.on_signal(signal);
  });
  tell_service_manager("READY=1");
  (*process)->run();
  return {};
}

std::expected<void, std::string> show_logs(Log& log, const node::RoleOptions& options, Terminal& terminal) {
  auto core = net::Core::create(log);
  if (!core) return std::unexpected(std::string(core.error().text));
  return node::print_logs(**core, options, [&terminal](std::string_view text) {
    terminal.print(text);
    (void)terminal.flush();
  });
}

}  // namespace

int node_command(const Arguments& arguments, Terminal& terminal) {
  const cli::NodeFlags& flags = arguments.node;
  const node::RoleOptions options{
      .instance = flags.instance,
      .file = flags.file,
      .podman_socket = flags.podman_socket.empty() ? usual_socket() : flags.podman_socket,
      .name = flags.name,
      .metrics = flags.metrics,
      .open_networks = flags.open_networks,
      .follow = flags.follow,
      .since = flags.since};
  const std::unique_ptr<Log> log = make_log(arguments.up.options.log_level, arguments.up.options.log_json);
  const auto done = flags.action.empty() ? run_node(*log, options) : show_logs(*log, options, terminal);
  if (done) return kDone;
  terminal.say("weir: " + done.error());
  return kFailed;
}

}  // namespace weir::program
