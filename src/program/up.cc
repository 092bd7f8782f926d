#include "program/up.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/host_port.h"
#include "controller/issuer.h"
#include "enroll/authority_file.h"
#include "h2/server_connection.h"
#include "nameserver/explain.h"
#include "nameserver/nameserver.h"
#include "program/environment.h"
#include "program/log.h"
#include "record/access_log.h"
#include "role/control_plane.h"
#include "role/machine.h"
#include "role/process.h"
#include "role/succession.h"
#include "role/traffic.h"
#include "role/tunnels.h"
#include "store/data_directory.h"

namespace weir::program {
namespace {

constexpr std::string_view kDnsCookiePurpose = "weir dns cookies";
constexpr const char* kSnapshotName = "snapshot.json";  // in the data directory
// What the key of DNS cookies is derived from the authority for: all servers of a weir know each other's.

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
          .metrics_file = options.data_dir + "/metrics.db",
          .machine = role::name_of_this_machine(),
          .version = WEIR_VERSION,
          .domain = options.domain,
          .authority = std::move(authority),
          .tcp_ports = options.tcp_ports,
          .sign_up_open = options.sign_up_open.value_or(false),
          .images = options.images,
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

net::Task<void> drain(role::ControlPlane& control, role::Traffic& traffic, role::Tunnels& tunnels,
                      nameserver::Nameserver& nameserver, role::Succession& succession) {
  tell_service_manager("STOPPING=1");
  control.drain();
  tunnels.drain();
  co_await traffic.edge().drain();
  co_await tunnels.stop();
  co_await nameserver.stop();
  co_await control.join();
  co_await succession.stop();
}

net::Task<void> leave(role::Tunnels& tunnels, nameserver::Nameserver& nameserver) {
  co_await nameserver.stop();
  co_await tunnels.leave();
}

net::Task<void> give_control(role::ControlPlane& control) {
  control.fall_silent();
  control.drain();
  co_await control.join();
  control.close_store();
}

net::Task<void> nothing() { co_return; }

// The parts of weir up, in the order in which they need each other.
class Up {
 public:
  Up(const UpOptions& options, Log& log, role::Succession& succession)
      : options_(options), log_(log), succession_(succession) {}

  // The errors are sentences.
  std::expected<void, std::string> make() {
    auto footing = make_footing(options_, log_, succession_);
    if (!footing) return std::unexpected(footing.error());
    footing_ = std::move(*footing);
    auto authority = enroll::read_or_make_authority(options_.data_dir, env().loop.clock().wall_now());
    if (!authority) return std::unexpected(authority.error());
    authority_ = std::move(*authority);
    const auto cookie_key = authority_->derive_secret(controller::kCookiePurpose);
    if (!cookie_key) return std::unexpected(std::string(cookie_key.error().text));
    tunnels_.emplace(env(), footing_.process->workers());
    role::TrafficOptions to_traffic = traffic_options(options_, *footing_.directory, authority_, *cookie_key,
                                                      footing_.eyes.access_log.get(), tunnels_->live());
    to_traffic.edge.tracing = footing_.eyes.tracing.get();
    succession_.give(to_traffic);
    traffic_.emplace(tunnels_->control(), tunnels_->workers(), std::move(to_traffic));
    role::ControlPlaneOptions to_control = with_edge(options_, control_plane_options(options_, authority_));
    to_control.store_is_held = succession_.takes_over();
    control_.emplace(env(), std::move(to_control), footing_.directory, &*traffic_,
                     [this](const net::Address& api, const std::string& made_token) {
                       if (!made_token.empty()) show_admin_token(options_.data_dir, made_token);
                       show_ready(log_, options_, *traffic_, api);
                       succession_.ready();
                     });
    nameserver_.emplace(tunnels_->control(), tunnels_->workers(),
                        nameserver::WorkerOptions{.cookies = dns_cookies(*cookie_key)},
                        health_seen_by(*traffic_));
    traffic_->on_queries([this] { return nameserver_->queries(); });
    nameserver_->set_domain(options_.domain, name_server_address(options_.dns));
    nameserver_->on_update([this](dnsupdate::UpdateRequest request) {
      return carry_out_update(env().log, *control_, std::move(request));
    });
    control_->add_metrics([this](std::string& out) {
      succession_.write_metrics(out);
      nameserver_->write_metrics(out);
      footing_.eyes.write_metrics(out);
    });
    return {};
  }

  void show_what_is_answered() {
    control_->on_records_seen([this](const config::Object& object) {
      const nameserver::Catalogue& catalogue = nameserver_->catalogue();
      return object.kind() == config::Kind::kZone
                 ? config::status_text(catalogue.zone_status(object.metadata.name))
                 : config::status_text(catalogue.record_set_status(object.metadata.name));
    });
    control_->on_query_explained([this](const api::ExplainQuestion& asked) {
      return nameserver::explain(nameserver_->catalogue(),
                                 {.name = asked.dns, .type = asked.type, .from = asked.peer});
    });
  }

  std::expected<void, std::string> listen() {
    if (auto done = traffic_->prepare(); !done) return done;
    if (auto done = control_->prepare(); !done) return done;
    traffic_->on_applied([this](const config::SnapshotPointer& snapshot) {
      tunnels_->apply(snapshot);
      if (options_.dns) nameserver_->apply(snapshot);
    });
    if (options_.dns) show_what_is_answered();
    traffic_->edge().on_health([this](const std::string& service) { nameserver_->look_at(service); });
    if (auto done = traffic_->listen(); !done) return done;
    if (auto done = tunnels_->listen({.ssh = {options_.ssh, options_.ssh_is_preset},
                                      .tunnel = {options_.tunnel, options_.tunnel_is_preset}});
        !done) {
      return done;
    }
    if (auto done = listen_for_queries(env(), footing_.process->slow().env(), *nameserver_, options_); !done)
      return done;
    const auto identity = [this] {
      return tunnels_identity(options_, *traffic_, *authority_, env().loop.clock().wall_now());
    };
    auto known = identity();
    if (!known) return std::unexpected(std::string(known.error().text));
    tunnels_->open(std::move(*known));
    if (tunnels_->tunnel()) control_->set_relay(role::reached_with_port(*tunnels_->tunnel()));
    keeping_.emplace(env().loop);
    keeping_->spawn(keep_identity(env(), *tunnels_, identity));
    control_->on_hearing(
        [this] { tunnels_->on_seen([this](const report::TunnelSeen& seen) { control_->say(seen); }); });
    return control_->listen();
  }

  // Until the end.
  std::expected<void, std::string> run() {
    role::Ending ending(env(), {.drain =
                                    [this] {
                                      keeping_->cancel();
                                      return drain(*control_, *traffic_, *tunnels_, *nameserver_,
                                                   succession_);
                                    },
                                .cut =
                                    [this] {
                                      traffic_->edge().cut();
                                      control_->cut();
                                    },
                                .hurry = [this] { traffic_->edge().hurry(); }});
    footing_.process->on_signal([&](int signal) {
      if (signal == SIGHUP) return footing_.eyes.access_log->reopen();
      ending.on_signal(signal);
    });
    auto started = succession_.start(*footing_.process, *footing_.directory, ending,
                                     {.traffic = &*traffic_,
                                      .take_clients = [this] { tunnels_->expect(); },
                                      .take_control = [this] { control_->open_store(); },
                                      .give_control = [this] { return give_control(*control_); },
                                      .leave =
                                          [this] {
                                            keeping_->cancel();
                                            return leave(*tunnels_, *nameserver_);
                                          },
                                      .end = [this] { return tunnels_->stop(); }});
    if (!started) return started;
    traffic_->edge().passwords().answer_on(footing_.process->slow().loop());
    control_->passwords().answer_on(footing_.process->slow().loop());
    footing_.process->run();
    return {};
  }

 private:
  net::Env& env() { return footing_.process->control().env(); }

  const UpOptions& options_;
  Log& log_;
  role::Succession& succession_;
  Footing footing_;
  std::shared_ptr<const tls::Authority> authority_;
  std::optional<role::Tunnels> tunnels_;
  std::optional<role::Traffic> traffic_;
  std::optional<role::ControlPlane> control_;
  std::optional<nameserver::Nameserver> nameserver_;
  std::optional<net::TaskGroup> keeping_;
};

}  // namespace

nameserver::Catalogue::Health health_seen_by(role::Traffic& traffic) {
  return {.now = [&traffic](std::string_view service) { return traffic.edge().status_of(service); },
          .epoch = [&traffic](std::string_view service) { return traffic.edge().health_epoch(service); }};
}

dns::CookieSecrets dns_cookies(const auth::Digest& edges_secret) {
  const auth::Digest secret = auth::hmac_sha256(edges_secret, {auth::bytes_of(kDnsCookiePurpose)});
  dns::CookieSecrets cookies;
  std::ranges::transform(std::span(secret).first(cookies.current.size()), cookies.current.begin(),
                         [](std::byte one) { return std::to_integer<std::uint8_t>(one); });
  return cookies;
}

std::string name_server_address(const std::optional<net::Address>& at) {
  if (!at) return {};
  return std::string(without_brackets(role::reached_at(*at)));
}

std::expected<void, std::string> listen_for_queries(net::Env& env, net::Env& slow,
                                                    nameserver::Nameserver& server,
                                                    const UpOptions& options) {
  if (!options.dns) return {};
  if (!options.zone_files.empty()) {
    if (auto done = server.serve_files(slow, options.zone_files); !done) {
      return std::unexpected("--zone-files " + options.zone_files + ": " + sentence_of(done.error()));
    }
  }
  if (!options.geoip.empty()) {
    if (auto done = server.read_countries(options.geoip, slow.loop); !done) {
      return std::unexpected("--geoip: " + done.error());
    }
  }
  auto unused = env.network.check_unused(*options.dns);
  auto bound = unused ? server.listen(*options.dns) : fail(unused.error());
  if (bound) {
    env.log.info("answering DNS", {{"address", bound->to_string()}});
    return {};
  }
  if (!options.dns_is_preset) {
    return std::unexpected(role::cannot_listen("--dns", *options.dns, bound.error()));
  }
  env.log.warning("no DNS: its port is taken", {{"address", options.dns->to_string()}});
  return {};
}

role::Succession::Options succession_options(const UpOptions& options) {
  return {.data_dir = options.data_dir,
          .version = WEIR_VERSION,
          .takes_over = is_successor(),
          .environment = environ,
          .tell_manager = tell_service_manager};
}

std::expected<Footing, std::string> make_footing(const UpOptions& options, Log& log,
                                                 role::Succession& succession) {
  Footing footing;
  using Kind = record::AccessLogTarget::Kind;
  const bool to_file = std::ranges::find(options.access_log, Kind::kFile, &record::AccessLogTarget::kind) !=
                       options.access_log.end();
  auto process = role::Process::create(
      log, {.workers = options.workers, .on_hangup = to_file, .inherited = succession.inherited()});
  if (!process) return std::unexpected(process.error());
  footing.process = std::move(*process);
  auto directory = succession.directory();
  if (!directory) return std::unexpected(directory.error());
  footing.directory = std::make_shared<const store::DataDirectory>(std::move(*directory));
  auto eyes = open_eyes(options, *footing.directory, log);
  if (!eyes) return std::unexpected(eyes.error());
  footing.eyes = std::move(*eyes);
  return footing;
}

void exit_at_once(int code) {
  std::fflush(nullptr);
  std::_Exit(code);
}

int run_up(const UpOptions& options) {
  const std::unique_ptr<Log> log = make_log(options.log_level, options.log_json);
  role::Succession succession(*log, succession_options(options));
  if (auto begun = succession.begin(); !begun) return refuse(begun.error());
  const auto fail = [&succession](const std::string& sentence) {
    succession.refuse(sentence);
    return refuse(sentence);
  };
  Up up(options, *log, succession);
  if (auto made = up.make(); !made) return fail(made.error());
  auto done = up.listen();
  if (done) done = up.run();
  if (!done) exit_at_once(fail(done.error()));
  return 0;
}

// As Up, without an edge.
int run_controller(const UpOptions& options) {
  const std::unique_ptr<Log> log = make_log(options.log_level, options.log_json);
  role::Succession succession(*log, succession_options(options));
  if (auto begun = succession.begin(); !begun) return refuse(begun.error());
  const auto fail = [&succession](const std::string& sentence) {
    succession.refuse(sentence);
    return refuse(sentence);
  };
  auto process = role::Process::create(*log, {.workers = 0, .inherited = succession.inherited()});
  if (!process) return fail(process.error());
  net::Env& env = (*process)->control().env();
  auto taken = succession.directory();
  if (!taken) return fail(taken.error());
  const auto directory = std::make_shared<const store::DataDirectory>(std::move(*taken));
  auto authority = enroll::read_or_make_authority(options.data_dir, env.loop.clock().wall_now());
  if (!authority) return fail(authority.error());

  std::optional<role::ControlPlane> control;
  const auto on_ready = [&](const net::Address& api, const std::string& made_token) {
    if (!made_token.empty()) show_admin_token(options.data_dir, made_token);
    log->info("ready", {{"api", api_url(options, api)},
                        {"xds", control->discovery() ? control->discovery()->to_string() : "off"},
                        {"data_dir", options.data_dir}});
    succession.ready();
  };
  role::ControlPlaneOptions to_control = control_plane_options(options, *authority);
  to_control.store_is_held = succession.takes_over();
  control.emplace(env, std::move(to_control), directory, nullptr, on_ready);
  if (auto done = control->prepare(); !done) return fail(done.error());
  if (auto done = control->listen(); !done) return fail(done.error());
  const auto drain_control = [&]() -> net::Task<void> {
    control->drain();
    co_await control->join();
    co_await succession.stop();
  };
  role::Ending ending(env, {.drain = drain_control, .cut = [&] { control->cut(); }, .hurry = [] {}});
  (*process)->on_signal([&](int signal) { ending.on_signal(signal); });
  auto started = succession.start(**process, *directory, ending,
                                  {.traffic = nullptr,
                                   .take_clients = [] {},
                                   .take_control = [&] { control->open_store(); },
                                   .give_control = [&] { return give_control(*control); },
                                   .leave = nothing,
                                   .end = nothing});
  if (!started) return fail(started.error());
  control->passwords().answer_on((*process)->slow().loop());
  (*process)->run();
  return 0;
}

}  // namespace weir::program
