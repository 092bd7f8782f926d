#include "cli/up.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/log.h"
#include "controller/issuer.h"
#include "enroll/authority_file.h"
#include "h2/server_connection.h"
#include "record/access_log.h"
#include "role/control_plane.h"
#include "role/machine.h"
#include "role/process.h"
#include "role/traffic.h"
#include "role/tunnels.h"
#include "store/data_directory.h"

namespace weir::cli {
namespace {

constexpr const char* kSnapshotName = "snapshot.json";  // in the data directory

std::vector<std::string> names_with(std::vector<std::string> names, std::vector<std::string> more) {
  std::ranges::move(more, std::back_inserter(names));
  return names;
}

int refuse(const std::string& sentence) {
  std::fprintf(stderr, "weir: %s\n", sentence.c_str());
  return 1;
}

role::TrafficOptions traffic_options(const UpOptions& options, const store::DataDirectory& directory,
                                     std::shared_ptr<const tls::Authority> authority,
                                     const auth::Digest& cookie_key, record::AccessLog* access_log,
                                     record::LiveRequests& live) {
  return {.edge = {.http = options.http,
                   .server = {.h2 = h2::make_connection},
                   .zone = options.region,
                   .domain = options.domain,
                   .authority = std::move(authority),
                   .cookie_key = cookie_key,
                   .access_log = access_log,
                   .live = &live},
          .https = options.https,
          .https_is_preset = options.https_is_preset,
          .snapshot_path = directory.path_of(kSnapshotName)};
}

role::ControlPlaneOptions control_plane_options(const UpOptions& options,
                                                std::shared_ptr<const tls::Authority> authority) {
  const std::function<std::vector<std::string>()> names = [given = options.api_names] {
    return names_with(given, role::names_of_this_machine());
  };
  return {.api = options.api,
          .api_names = options.api_over_tls() ? names : nullptr,
          .data_dir = options.data_dir,
          .store = options.store,
          .machine = role::name_of_this_machine(),
          .version = WEIR_VERSION,
          .domain = options.domain,
          .authority = std::move(authority),
          .tcp_ports = options.tcp_ports,
          .sign_up_open = options.sign_up_open.value_or(false),
          .discovery = options.xds,
          .discovery_is_preset = options.xds_is_preset,
          .discovery_names = options.xds_plain ? nullptr : names,
          .edge_name = {},
          .edge = {}};
}

// How the edge of this process is known to agents and to other edges. Whoever comes may bring an origin
// where only this machine can come.
Result<role::TunnelsIdentity> tunnels_identity(const UpOptions& options, const role::Traffic& traffic,
                                               const tls::Authority& authority, WallTime now) {
  const bool is_here =
      (!options.ssh || options.ssh->is_loopback()) && (!options.tunnel || options.tunnel->is_loopback());
  const auto& [http, https] = traffic.listening();
  return role::make_identity(
      authority,
      {.edge = role::name_of_this_machine(),
       .provider = options.provider,
       .region = options.region,
       .refused = {}},
      {.domain = options.domain,
       .anonymous = is_here,
       .ports = {.http = http.port(), .https = https ? https->port() : std::uint16_t{0}}},
      now);
}

// Its own certificate is good for a day.
net::Task<void> keep_identity(net::Env& env, role::Tunnels& tunnels,
                              std::function<Result<role::TunnelsIdentity>()> make) {
  while (co_await env.loop.sleep(tls::Authority::kMachineValidity / 3)) {
    if (auto identity = make()) {
      tunnels.open(std::move(*identity));
    } else {
      env.log.error("the certificates for tunnels could not be made anew",
                    {{"reason", identity.error().text}});
    }
  }
}

config::EdgeSpec edge_spec(const UpOptions& options) {
  return {.provider = options.provider,
          .region = options.region,
          .city = options.city,
          .address = role::reached_at(options.http),
          .version = WEIR_VERSION,
          .capabilities = {"http", "https", "h2"}};
}

// Beside an edge in the same process.
role::ControlPlaneOptions with_edge(const UpOptions& options, role::ControlPlaneOptions control) {
  control.edge_name = role::name_of_this_machine();
  control.edge = edge_spec(options);
  control.sign_up_open = options.lets_sign_up();
  control.visitor_ports = {options.http.port()};
  if (options.https) control.visitor_ports.push_back(options.https->port());
  return control;
}

void show_admin_token(const std::string& data_dir, const std::string& token) {
  std::printf("admin token (shown once, kept in %s/%.*s): %s\n", data_dir.c_str(),
              static_cast<int>(auth::kAdminTokenName.size()), auth::kAdminTokenName.data(), token.c_str());
  std::fflush(stdout);
}

std::string api_url(const UpOptions& options, const net::Address& api) {
  return (options.api_over_tls() ? "https://" : "http://") + api.to_string();
}

void show_ready(Log& log, const UpOptions& options, const role::Traffic& traffic, const net::Address& api) {
  const auto& [http, https] = traffic.listening();
  log.info("ready", {{"http", "http://" + http.to_string()},
                     {"https", https ? "https://" + https->to_string() : "off"},
                     {"api", api_url(options, api)},
                     {"data_dir", options.data_dir},
                     {"workers", std::to_string(options.workers)}});
}

net::Task<void> drain(role::ControlPlane& control, role::Traffic& traffic, role::Tunnels& tunnels) {
  control.drain();
  tunnels.drain();
  co_await traffic.edge().drain();
  co_await tunnels.stop();
  co_await control.join();
}

}  // namespace

int run_up(const UpOptions& options) {
  const std::unique_ptr<Log> log = make_log(options.log_level, options.log_json);
  const bool to_file = options.access_log.kind == record::AccessLogTarget::Kind::kFile;
  auto process = role::Process::create(*log, {.workers = options.workers, .on_hangup = to_file});
  if (!process) return refuse(process.error());
  net::Env& env = (*process)->control().env();

  auto access_log = open_access_log(options.access_log, *log);
  if (!access_log) return refuse(access_log.error());
  auto taken = store::DataDirectory::open(options.data_dir);
  if (!taken) return refuse(taken.error().sentence);
  const auto directory = std::make_shared<const store::DataDirectory>(std::move(*taken));
  auto authority = enroll::read_or_make_authority(options.data_dir, env.loop.clock().wall_now());
  if (!authority) return refuse(authority.error());
  const auto cookie_key = (*authority)->derive_secret(controller::kCookiePurpose);
  if (!cookie_key) return refuse(cookie_key.error().text);

  role::Tunnels tunnels(env, (*process)->workers());
  role::Traffic traffic(
      tunnels.control(), tunnels.workers(),
      traffic_options(options, *directory, *authority, *cookie_key, access_log->get(), tunnels.live()));
  const auto on_ready = [&](const net::Address& api, const std::string& made_token) {
    if (!made_token.empty()) show_admin_token(options.data_dir, made_token);
    show_ready(*log, options, traffic, api);
  };
  role::ControlPlane control(env, with_edge(options, control_plane_options(options, *authority)), directory,
                             &traffic, on_ready);
  if (auto done = traffic.prepare(); !done) return refuse(done.error());
  if (auto done = control.prepare(); !done) return refuse(done.error());
  traffic.on_applied([&](const config::SnapshotPointer& snapshot) { tunnels.apply(snapshot); });
  if (auto done = traffic.listen(); !done) return refuse(done.error());
  if (auto done = tunnels.listen({.ssh = {options.ssh, options.ssh_is_preset},
                                  .tunnel = {options.tunnel, options.tunnel_is_preset}});
      !done) {
    return refuse(done.error());
  }
  const auto identity = [&] {
    return tunnels_identity(options, traffic, **authority, env.loop.clock().wall_now());
  };
  auto known = identity();
  if (!known) return refuse(known.error().text);
  tunnels.open(std::move(*known));
  if (tunnels.tunnel()) control.set_relay(role::reached_with_port(*tunnels.tunnel()));
  net::TaskGroup keeping(env.loop);
  keeping.spawn(keep_identity(env, tunnels, identity));
  control.on_hearing([&] { tunnels.on_seen([&](const report::TunnelSeen& seen) { control.say(seen); }); });
  if (auto done = control.listen(); !done) return refuse(done.error());

  role::Ending ending(env, {.drain =
                                [&] {
                                  keeping.cancel();
                                  return drain(control, traffic, tunnels);
                                },
                            .cut =
                                [&] {
                                  traffic.edge().cut();
                                  control.cut();
                                }});
  (*process)->on_signal([&](int signal) {
    if (signal == SIGHUP) return (*access_log)->reopen();
    ending.on_signal(signal);
  });
  traffic.edge().passwords().answer_on((*process)->slow().loop());
  control.passwords().answer_on((*process)->slow().loop());
  (*process)->run();
  return 0;
}

int run_controller(const UpOptions& options) {
  const std::unique_ptr<Log> log = make_log(options.log_level, options.log_json);
  auto process = role::Process::create(*log, {.workers = 0});
  if (!process) return refuse(process.error());
  net::Env& env = (*process)->control().env();
  auto taken = store::DataDirectory::open(options.data_dir);
  if (!taken) return refuse(taken.error().sentence);
  const auto directory = std::make_shared<const store::DataDirectory>(std::move(*taken));
  auto authority = enroll::read_or_make_authority(options.data_dir, env.loop.clock().wall_now());
  if (!authority) return refuse(authority.error());

  std::optional<role::ControlPlane> control;
  const auto on_ready = [&](const net::Address& api, const std::string& made_token) {
    if (!made_token.empty()) show_admin_token(options.data_dir, made_token);
    log->info("ready", {{"api", api_url(options, api)},
                        {"xds", control->discovery() ? control->discovery()->to_string() : "off"},
                        {"data_dir", options.data_dir}});
  };
  control.emplace(env, control_plane_options(options, *authority), directory, nullptr, on_ready);
  if (auto done = control->prepare(); !done) return refuse(done.error());
  if (auto done = control->listen(); !done) return refuse(done.error());
  const auto drain_control = [&]() -> net::Task<void> {
    control->drain();
    co_await control->join();
  };
  role::Ending ending(env, {.drain = drain_control, .cut = [&] { control->cut(); }});
  (*process)->on_signal([&](int signal) { ending.on_signal(signal); });
  control->passwords().answer_on((*process)->slow().loop());
  (*process)->run();
  return 0;
}

}  // namespace weir::cli
