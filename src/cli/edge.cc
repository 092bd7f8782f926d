// weir edge: the data plane alone, led by controllers elsewhere, or by somebody else's control plane.
#include <csignal>
#include <cstdio>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/log.h"
#include "h2/server_connection.h"
#include "role/foreign_follower.h"
#include "role/machine.h"
#include "role/probe.h"
#include "role/process.h"
#include "role/remote_edge.h"
#include "role/traffic.h"
#include "role/tunnels.h"
#include "store/data_directory.h"
#include "tls/client_context.h"
#include "tls/trust_store.h"
#include "xds/limits.h"

namespace weir::cli {
namespace {

// In the data directory.
constexpr const char* kSnapshotName = "snapshot.json";
constexpr const char* kCredentialsName = "edge.json";
constexpr const char* kSecretsName = "edge.secrets";

int refuse(const std::string& sentence) {
  std::fprintf(stderr, "weir: %s\n", sentence.c_str());
  return kFailed;
}

enroll::Node node_of(const Arguments& arguments) {
  const UpOptions& options = arguments.up.options;
  const EdgeFlags& flags = arguments.edge;
  return {.name = flags.name.empty() ? role::name_of_this_machine() : flags.name,
          .provider = options.provider,
          .region = options.region,
          .city = options.city,
          .address = flags.address.empty() ? role::reached_at(options.http) : flags.address,
          .version = WEIR_VERSION,
          .labels = labels_of(arguments.labels)};
}

role::TrafficOptions traffic_options(const UpOptions& options, const store::DataDirectory& directory,
                                     record::AccessLog* access_log) {
  return {.edge = {.http = options.http,
                   .server = {.h2 = h2::make_connection},
                   .zone = options.region,
                   .access_log = access_log},
          .https = options.https,
          .https_is_preset = options.https_is_preset,
          .snapshot_path = directory.path_of(kSnapshotName)};
}

// How a foreign control plane is spoken to.
std::expected<grpc::Dialler::Target, std::string> target_of(const EdgeFlags& flags) {
  grpc::Dialler::Target target{.host = flags.xds->name,
                               .port = flags.xds->port,
                               .tls = nullptr,
                               .server_name = {},
                               .timeout = xds::kAttachTimeout};
  if (flags.xds_ca.empty()) return target;
  const auto bundle = role::read_file(flags.xds_ca, tls::TrustStore::kBundleBytesMax);
  if (!bundle) return std::unexpected(flags.xds_ca + ": " + sentence_of(bundle.error()));
  auto authorities = tls::TrustStore::parse(*bundle);
  if (!authorities) return std::unexpected(flags.xds_ca + ": " + authorities.error().text);
  auto context = tls::ClientContext::create({.authorities = std::move(*authorities), .protocols = {"h2"}});
  if (!context) return std::unexpected(std::string("no TLS: ") + context.error().text);
  target.tls = std::move(*context);
  return target;
}

// What leads the traffic: one of the two.
struct Leader {
  std::optional<role::RemoteEdge> ours;
  std::optional<role::ForeignFollower> foreign;

  std::expected<void, std::string> prepare(net::Env& env, const Arguments& arguments,
                                           const store::DataDirectory& directory, role::Traffic& traffic,
                                           std::string relay) {
    const EdgeFlags& flags = arguments.edge;
    enroll::Node node = node_of(arguments);
    if (flags.xds) {
      auto target = target_of(flags);
      if (!target) return std::unexpected(target.error());
      foreign.emplace(env, traffic, xds::Node{node.name, node.region, "weir " WEIR_VERSION},
                      std::move(*target));
      return {};
    }
    ours.emplace(env,
                 role::RemoteEdgeOptions{.controllers = flags.controllers,
                                         .join_token = flags.join_token,
                                         .node = std::move(node),
                                         .capabilities = {"http", "https", "h2"},
                                         .relay = std::move(relay),
                                         .credentials_path = directory.path_of(kCredentialsName),
                                         .secrets_path = directory.path_of(kSecretsName)},
                 traffic);
    return ours->prepare();
  }
  void start(std::function<void(const std::string&)> refused) {
    if (ours) ours->start(std::move(refused));
    if (foreign) foreign->start();
  }
  net::Task<void> stop() {
    if (ours) co_await ours->stop();
    if (foreign) co_await foreign->stop();
  }
};

// With what controllers give to all edges, the same name and keys wherever a client comes in, and with our
// own certificate for other edges.
void open_tunnels(role::Tunnels& tunnels, const role::Traffic& traffic, const UpOptions& options,
                  const translation::EdgeSecrets& secrets, const enroll::Credentials& credentials) {
  if (secrets.ssh_host_key.empty() || secrets.tunnel.certificate.empty()) return;
  const auto& [http, https] = traffic.listening();
  tunnels.open(
      {.ssh_host_key = secrets.ssh_host_key,
       .admission = {.domain = secrets.domain,
                     .anonymous = false,
                     .ports = {.http = http.port(), .https = https ? https->port() : std::uint16_t{0}}},
       .welcome =
           {.edge = credentials.name, .provider = options.provider, .region = options.region, .refused = {}},
       .ca = credentials.ca,
       .port = {secrets.tunnel.certificate, secrets.tunnel.private_key},
       .edge = {credentials.certificate, credentials.private_key}});
}

// The ports that somebody asked for.
role::TunnelsOptions tunnels_options(const UpOptions& options) {
  role::TunnelsOptions asked;
  if (!options.ssh_is_preset) asked.ssh = {options.ssh, false};
  if (!options.tunnel_is_preset) asked.tunnel = {options.tunnel, false};
  return asked;
}

net::Task<void> drain(Leader& leader, role::Traffic& traffic, role::Tunnels& tunnels, role::Probe& probe) {
  tunnels.drain();
  co_await traffic.edge().drain();
  co_await tunnels.stop();
  co_await leader.stop();
  probe.drain();
  co_await probe.join();
}

// With the first snapshot: from then on requests are answered as they are meant to be.
void show_ready(Log& log, const UpOptions& options, const role::Traffic& traffic) {
  const auto& [http, https] = traffic.listening();
  log.info("ready", {{"http", "http://" + http.to_string()},
                     {"https", https ? "https://" + https->to_string() : "off"},
                     {"data_dir", options.data_dir},
                     {"workers", std::to_string(options.workers)}});
}

}  // namespace

int edge_command(const Arguments& arguments, Terminal& /*terminal*/) {
  const UpOptions& options = arguments.up.options;
  const std::unique_ptr<Log> log = make_log(options.log_level, options.log_json);
  const bool to_file = options.access_log.kind == record::AccessLogTarget::Kind::kFile;
  auto process = role::Process::create(*log, {.workers = options.workers, .on_hangup = to_file});
  if (!process) return refuse(process.error());
  net::Env& env = (*process)->control().env();
  auto access_log = open_access_log(options.access_log, *log);
  if (!access_log) return refuse(access_log.error());
  auto directory = store::DataDirectory::open(options.data_dir);
  if (!directory) return refuse(directory.error().sentence);

  role::Tunnels tunnels(env, (*process)->workers());
  role::TrafficOptions to_traffic = traffic_options(options, *directory, access_log->get());
  to_traffic.edge.live = &tunnels.live();
  role::Traffic traffic(tunnels.control(), tunnels.workers(), std::move(to_traffic));
  Leader leader;
  role::Probe probe(env, traffic);
  traffic.on_begun([&] { show_ready(*log, options, traffic); });
  if (auto done = traffic.prepare(); !done) return refuse(done.error());
  if (auto done = tunnels.listen(tunnels_options(options)); !done) return refuse(done.error());
  std::string relay = arguments.edge.relay;
  if (relay.empty() && tunnels.tunnel()) relay = role::reached_with_port(*tunnels.tunnel());
  if (auto done = leader.prepare(env, arguments, *directory, traffic, std::move(relay)); !done) {
    return refuse(done.error());
  }
  traffic.on_applied([&](const config::SnapshotPointer& snapshot) { tunnels.apply(snapshot); });
  if (arguments.edge.metrics) {
    if (auto at = probe.listen(env, *arguments.edge.metrics); !at) return refuse(at.error());
  }
  if (auto done = traffic.listen(); !done) return refuse(done.error());
  if (leader.ours) {
    leader.ours->on_known(
        [&](const translation::EdgeSecrets& secrets, const enroll::Credentials& credentials) {
          open_tunnels(tunnels, traffic, options, secrets, credentials);
        });
    tunnels.on_seen([&](const report::TunnelSeen& seen) { leader.ours->say(seen); });
  }

  int exit_code = kDone;
  role::Ending ending(env, {.drain = [&] { return drain(leader, traffic, tunnels, probe); },
                            .cut =
                                [&] {
                                  traffic.edge().cut();
                                  probe.cut();
                                }});
  (*process)->on_signal([&](int signal) {
    if (signal == SIGHUP) return (*access_log)->reopen();
    ending.on_signal(signal);
  });
  traffic.edge().passwords().answer_on((*process)->slow().loop());
  leader.start([&](const std::string& sentence) {
    exit_code = refuse(sentence);
    if (!ending.begun()) ending.on_signal(SIGTERM);
  });
  (*process)->run();
  return exit_code;
}

}  // namespace weir::cli
