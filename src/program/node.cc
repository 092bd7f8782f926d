// weir node: led by controllers or by a file, it runs instances of containers; and shows what one of them
// wrote, for which it needs no such process.
#include <unistd.h>

#include <csignal>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "node/role.h"
#include "program/commands.h"
#include "program/environment.h"
#include "program/log.h"
#include "role/machine.h"
#include "role/process.h"
#include "store/data_directory.h"

namespace weir::program {
namespace {

// Podman's own: the system's for root, else that of the user's session.
std::string usual_socket() {
  const auto runtime = ::getuid() == 0 ? std::nullopt : variable("XDG_RUNTIME_DIR");
  return runtime ? *runtime + "/podman/podman.sock" : std::string(node::kDefaultSocket);
}

// In the data directory.
constexpr const char* kCredentialsName = "node.json";
constexpr const char* kAssignmentName = "node.assignment";

enroll::Node machine_of(const Arguments& arguments) {
  const cli::EdgeFlags& flags = arguments.edge;
  return {.name = flags.name.empty() ? role::name_of_this_machine() : flags.name,
          .provider = arguments.up.options.provider,
          .region = arguments.up.options.region,
          .city = arguments.up.options.city,
          .address = flags.address.empty() ? role::reached_at(net::Address::v6({}, 0)) : flags.address,
          .version = WEIR_VERSION,
          .labels = cli::labels_of(arguments.labels),
          .role = config::MachineRole::kNode};
}

nodelink::Capacity capacity_of(const cli::NodeFlags& flags) {
  return {.cpu_milli = flags.cpu_milli != 0 ? flags.cpu_milli : role::usable_cores() * 1000,
          .memory_bytes = flags.memory_bytes != 0 ? flags.memory_bytes : role::usable_memory(),
          .instances_max = static_cast<std::uint32_t>(flags.instances_max),
          .port_first = flags.ports.first,
          .port_last = flags.ports.last};
}

std::expected<void, std::string> run_node(Log& log, node::RoleOptions options, const Arguments& arguments) {
  std::optional<store::DataDirectory> directory;
  if (options.file.empty()) {
    auto opened = store::DataDirectory::open(arguments.up.options.data_dir);
    if (!opened) return std::unexpected(std::move(opened.error().sentence));
    auto token = join_token_of(arguments.edge);
    if (!token) return std::unexpected(std::move(token.error()));
    options.led = {.controllers = arguments.edge.controllers,
                   .join_token = std::move(*token),
                   .machine = machine_of(arguments),
                   .capacity = capacity_of(arguments.node),
                   .credentials_path = opened->path_of(kCredentialsName),
                   .assignment_path = opened->path_of(kAssignmentName)};
    directory = std::move(*opened);
  }
  auto process = role::Process::create(log, {.workers = 0});
  if (!process) return std::unexpected(std::move(process.error()));
  net::Core& core = (*process)->control();
  node::Role role(core, std::move(options), role::read_file);
  role::Ending ending(core.env(), {.drain = [&role] { return role.end(); }, .cut = [] {}, .hurry = [] {}});
  std::expected<void, std::string> done;
  auto started = role.start([&](const std::string& sentence) {
    done = std::unexpected(sentence);
    if (!ending.begun()) ending.on_signal(SIGTERM);
  });
  if (!started) return started;
  (*process)->on_signal([&ending](int signal) {
    tell_service_manager("STOPPING=1");
    ending.on_signal(signal);
  });
  tell_service_manager("READY=1");
  (*process)->run();
  return done;
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
  node::RoleOptions options{
      .instance = flags.instance,
      .file = flags.file,
      .led = {},
      .podman_socket = flags.podman_socket.empty() ? usual_socket() : flags.podman_socket,
      .name = flags.name,
      .metrics = flags.metrics,
      .open_networks = flags.open_networks,
      .follow = flags.follow,
      .since = flags.since};
  const std::unique_ptr<Log> log = make_log(arguments.up.options.log_level, arguments.up.options.log_json);
  const auto done = flags.action.empty() ? run_node(*log, std::move(options), arguments)
                                         : show_logs(*log, options, terminal);
  if (done) return kDone;
  terminal.say("weir: " + done.error());
  return kFailed;
}

}  // namespace weir::program
