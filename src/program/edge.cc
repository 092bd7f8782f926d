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

#include "anycast/serving.h"
#include "anycast/station.h"
#include "h2/server_connection.h"
#include "program/commands.h"
#include "program/environment.h"
#include "program/log.h"
#include "program/up.h"
#include "role/foreign_follower.h"
#include "role/machine.h"
#include "role/probe.h"
#include "role/process.h"
#include "role/remote_edge.h"
#include "role/succession.h"
#include "role/traffic.h"
#include "role/tunnels.h"
#include "store/data_directory.h"
#include "tls/client_context.h"
#include "tls/trust_store.h"
#include "xds/limits.h"

namespace weir::program {
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
  const cli::EdgeFlags& flags = arguments.edge;
  const net::Address& reached = flags.name_server_only ? *options.dns : options.http;
  return {.name = flags.name.empty() ? role::name_of_this_machine() : flags.name,
          .provider = options.provider,
          .region = options.region,
          .city = options.city,
          .address = flags.address.empty() ? role::reached_at(reached) : flags.address,
          .version = WEIR_VERSION,
          .labels = cli::labels_of(arguments.labels)};
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
std::expected<grpc::Dialler::Target, std::string> target_of(const cli::EdgeFlags& flags) {
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
                                           std::string relay, bool answers_dns) {
    const cli::EdgeFlags& flags = arguments.edge;
    enroll::Node node = node_of(arguments);
    if (flags.xds) {
      auto target = target_of(flags);
      if (!target) return std::unexpected(target.error());
      foreign.emplace(env, traffic, xds::Node{node.name, node.region, "weir " WEIR_VERSION},
                      std::move(*target));
      return {};
    }
    auto token = join_token_of(flags);
    if (!token) return std::unexpected(token.error());
    ours.emplace(env,
                 role::RemoteEdgeOptions{.controllers = flags.controllers,
                                         .join_token = std::move(*token),
                                         .node = std::move(node),
                                         .carries_traffic = !flags.name_server_only,
                                         .answers_dns = answers_dns,
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

// With the first snapshot: from then on requests are answered as they are meant to be.
void show_ready(Log& log, const UpOptions& options, const role::Traffic& traffic) {
  const auto& [http, https] = traffic.listening();
  if (http.port() == 0) {
    return log.info("ready", {{"dns", options.dns->to_string()},
                              {"data_dir", options.data_dir},
                              {"workers", std::to_string(options.workers)}});
  }
  log.info("ready", {{"http", "http://" + http.to_string()},
                     {"https", https ? "https://" + https->to_string() : "off"},
                     {"data_dir", options.data_dir},
                     {"workers", std::to_string(options.workers)}});
}

// Before any thread is started, and before anything is taken over: the speaker has none of it.
std::expected<std::unique_ptr<anycast::Station>, std::string> make_station(const Arguments& arguments) {
  if (arguments.edge.anycast.anycast.wanted.empty()) return nullptr;
  return anycast::Station::begin(arguments.edge.anycast);
}

// The parts of weir edge, in the order in which they need each other.
class EdgeProcess {
 public:
  EdgeProcess(const Arguments& arguments, Log& log, role::Succession& succession,
              std::unique_ptr<anycast::Station> station)
      : arguments_(arguments),
        options_(arguments.up.options),
        log_(log),
        succession_(succession),
        station_(std::move(station)) {}

  // The errors are sentences.
  std::expected<void, std::string> make() {
    auto footing = make_footing(options_, log_, succession_);
    if (!footing) return std::unexpected(footing.error());
    footing_ = std::move(*footing);
    tunnels_.emplace(env(), footing_.process->workers());
    role::TrafficOptions to_traffic =
        traffic_options(options_, *footing_.directory, footing_.eyes.access_log.get());
    to_traffic.edge.live = &tunnels_->live();
    to_traffic.edge.tracing = footing_.eyes.tracing.get();
    to_traffic.edge.carries_traffic = !arguments_.edge.name_server_only;
    succession_.give(to_traffic);
    traffic_.emplace(tunnels_->control(), tunnels_->workers(), std::move(to_traffic));
    if (options_.dns) {
      nameserver_.emplace(tunnels_->control(), tunnels_->workers(), nameserver::WorkerOptions{},
                          health_seen_by(*traffic_));
      traffic_->on_queries([this] { return nameserver_->queries(); });
    }
    probe_.emplace(env(), *traffic_);
    probe_->add_metrics([this](std::string& out) {
      succession_.write_metrics(out);
      footing_.eyes.write_metrics(out);
      if (nameserver_) nameserver_->write_metrics(out);
      if (station_) station_->write_metrics(out);
    });
    if (!station_) return {};
    return station_->make(env(), footing_.process->control().poller(),
                          {.why_not_served = [this](auto... about) { return why_not_served(about...); },
                           .report =
                               [this](const std::vector<report::AnycastSeen>& seen) {
                                 if (leader_.ours) leader_.ours->say(seen);
                               }});
  }

  std::expected<void, std::string> listen() {
    traffic_->on_begun([this] { begun(); });
    if (auto done = traffic_->prepare(); !done) return done;
    if (auto done = tunnels_->listen(tunnels_options(options_)); !done) return done;
    std::string relay = arguments_.edge.relay;
    if (relay.empty() && tunnels_->tunnel()) relay = role::reached_with_port(*tunnels_->tunnel());
    if (auto done = leader_.prepare(env(), arguments_, *footing_.directory, *traffic_, std::move(relay),
                                    nameserver_.has_value());
        !done) {
      return done;
    }
    traffic_->on_applied([this](const config::SnapshotPointer& snapshot) {
      tunnels_->apply(snapshot);
      if (nameserver_) nameserver_->apply(snapshot);
    });
    if (arguments_.edge.metrics) {
      if (auto at = probe_->listen(env(), *arguments_.edge.metrics); !at) return std::unexpected(at.error());
    }
    if (nameserver_) {
      traffic_->edge().on_health([this](const std::string& service) { nameserver_->look_at(service); });
    }
    if (auto done = traffic_->open_ports(); !done) return done;
    if (leader_.ours) follow_prepared();
    traffic_->begin_with_last();
    if (nameserver_) {
      if (auto done = listen_for_queries(env(), footing_.process->slow().env(), *nameserver_, options_);
          !done)
        return done;
    }
    return {};
  }

  // Before the first checks of endpoints: some of them are reached by tunnels of other edges.
  void follow_prepared() {
    if (station_) {
      leader_.ours->on_reply([this](std::size_t controller, std::optional<report::Reply> reply) {
        station_->hear(controller, std::move(reply));
      });
    }
    leader_.ours->on_known(
        [this](const translation::EdgeSecrets& secrets, const enroll::Credentials& credentials) {
          if (nameserver_) {
            nameserver_->set_cookies(dns_cookies(secrets.cookie_key));
            nameserver_->set_domain(secrets.domain, name_server_address(options_.dns));
          }
          open_tunnels(*tunnels_, *traffic_, options_, secrets, credentials);
        });
    tunnels_->on_seen([this](const report::TunnelSeen& seen) {
      if (!ending_ || !ending_->left()) leader_.ours->say(seen);
    });
  }

  // Until the end; the exit code.
  std::expected<int, std::string> run() {
    role::Ending ending(env(), {.drain = [this] { return drain(); },
                                .cut =
                                    [this] {
                                      if (station_) station_->hurry();
                                      traffic_->edge().cut();
                                      probe_->cut();
                                    },
                                .hurry = [this] { traffic_->edge().hurry(); }});
    ending_ = &ending;
    footing_.process->on_signal([&](int signal) {
      if (signal == SIGHUP) return footing_.eyes.access_log->reopen();
      ending.on_signal(signal);
    });
    traffic_->edge().passwords().answer_on(footing_.process->slow().loop());
    auto started = succession_.start(*footing_.process, *footing_.directory, ending,
                                     {.traffic = &*traffic_,
                                      .take_clients = [this] { tunnels_->expect(); },
                                      .take_control = [this] { take_control(); },
                                      .give_control = [this] { return leader_.stop(); },
                                      .leave =
                                          [this] {
                                            probe_->drain();
                                            return leave();
                                          },
                                      .end = [this] { return end(); }});
    if (!started) return std::unexpected(started.error());
    if (!succession_.takes_over()) {
      follow();
      announce(false);
    }
    footing_.process->run();
    return exit_code_;
  }

 private:
  net::Env& env() { return footing_.process->control().env(); }

  void follow() {
    leader_.start([this](const std::string& sentence) {
      exit_code_ = refuse(sentence);
      if (!ending_->begun()) ending_->on_signal(SIGTERM);
    });
  }
  void announce(bool takes_over) {
    if (station_) station_->start(traffic_->listening().http.port(), takes_over);
  }
  std::string why_not_served(std::string_view balancer, anycast::Share share) const {
    // One that does not know its region has all endpoints near.
    const bool has_region = !options_.region.empty();
    const auto serves = [this, has_region](const std::string& service, anycast::Where where) {
      if (has_region && where == anycast::Where::kNear) return traffic_->edge().serves_near(service);
      return traffic_->edge().status_of(service).serving > 0;
    };
    return anycast::why_not_served(traffic_->in_force().get(), balancer, share, serves);
  }
  void take_control() {
    follow();
    announce(true);
    succession_.ready();
  }
  // One that takes over is ready when it is the controllers' edge, too.
  void begun() {
    show_ready(log_, options_, *traffic_);
    if (!succession_.takes_over()) succession_.ready();
  }
  net::Task<void> drain() {
    tell_service_manager("STOPPING=1");
    if (station_) co_await station_->drain();
    tunnels_->drain();
    co_await traffic_->edge().drain();
    co_await tunnels_->stop();
    if (nameserver_) co_await nameserver_->stop();
    co_await leader_.stop();
    co_await end_probe();
    co_await succession_.stop();
  }
  net::Task<void> leave() {
    if (station_) co_await station_->leave();
    if (nameserver_) co_await nameserver_->stop();
    co_await tunnels_->leave();
  }
  net::Task<void> end_probe() {
    probe_->drain();
    co_await probe_->join();
  }
  net::Task<void> end() {
    co_await end_probe();
    co_await tunnels_->stop();
  }

  const Arguments& arguments_;
  const UpOptions& options_;
  Log& log_;
  role::Succession& succession_;
  Footing footing_;
  std::unique_ptr<anycast::Station> station_;  // null: no address is shared with others
  std::optional<role::Tunnels> tunnels_;
  std::optional<role::Traffic> traffic_;
  std::optional<nameserver::Nameserver> nameserver_;  // none: no queries are answered here
  Leader leader_;
  std::optional<role::Probe> probe_;
  role::Ending* ending_ = nullptr;
  int exit_code_ = kDone;
};

}  // namespace

int edge_command(const Arguments& arguments, Terminal& /*terminal*/) {
  const UpOptions& options = arguments.up.options;
  const std::unique_ptr<Log> log = make_log(options.log_level, options.log_json);
  auto station = make_station(arguments);
  if (!station) return refuse(station.error());
  role::Succession succession(*log, succession_options(options));
  if (auto begun = succession.begin(); !begun) return refuse(begun.error());
  const auto fail = [&succession](const std::string& sentence) {
    succession.refuse(sentence);
    return refuse(sentence);
  };
  EdgeProcess edge(arguments, *log, succession, std::move(*station));
  if (auto made = edge.make(); !made) return fail(made.error());
  const auto listening = edge.listen();
  const auto ended = listening ? edge.run() : std::unexpected(listening.error());
  if (!ended) exit_at_once(fail(ended.error()));
  return *ended;
}

}  // namespace weir::program
