#include "role/tunnels.h"

#include <chrono>

#include "auth/machine.h"
#include "controller/issuer.h"
#include "controller/tunnels.h"
#include "role/traffic.h"
#include "ssh/key.h"
#include "tls/certificate_request.h"
#include "tls/ticket_keys.h"

namespace weir::role {

Tunnels::Core::Core(tunnel::Registry& registry, const tunnel::Origins& origins, net::Env& below)
    : below(below),
      attachments(registry, below),
      relay(below, origins),
      network(below.network, attachments, &relay),
      env{below.loop, network, below.random, below.log},
      serving(below.loop),
      ending(below.loop) {}

Tunnels::Tunnels(net::Env& control, std::span<net::Env* const> workers) : control_(control) {
  cores_.push_back(std::make_unique<Core>(registry_, origins_, control));
  for (net::Env* worker : workers) {
    cores_.push_back(std::make_unique<Core>(registry_, origins_, *worker));
    worker_envs_.push_back(&cores_.back()->env);
  }
}

Tunnels::~Tunnels() = default;

Result<TunnelsIdentity> make_identity(const tls::Authority& authority, wire::Welcome welcome,
                                      tunnel::AdmissionOptions admission, WallTime now) {
  const auto seed = authority.derive_secret(controller::kSshHostKeyPurpose);
  if (!seed) return fail(seed.error());
  auto port = authority.issue(std::vector{std::string(wire::kServerName)}, tls::Usage::kServer, now);
  if (!port) return fail(port.error());
  auto request = tls::make_request();
  if (!request) return fail(request.error());
  const auth::Machine machine{admission.domain, std::string(auth::kEdgeRole), welcome.edge};
  auto edge = authority.certify(request->request, machine.uri(), now);
  if (!edge) return fail(edge.error());
  return TunnelsIdentity{.ssh_host_key = ssh::host_key_of(*seed),
                         .admission = std::move(admission),
                         .welcome = std::move(welcome),
                         .ca = authority.root_pem(),
                         .port = std::move(*port),
                         .edge = {std::move(*edge), std::move(request->private_key)}};
}

std::expected<void, std::string> Tunnels::listen(TunnelsOptions options) {
  options_ = std::move(options);
  if (auto done = listen_at("--ssh", options_.ssh, &Core::ssh_listener); !done) return done;
  return listen_at("--tunnel", options_.tunnel, &Core::tunnel_listener);
}

// On every worker: the kernel spreads the clients.
std::expected<void, std::string> Tunnels::listen_at(const char* flag, TunnelsPort& port, Listener listener) {
  if (!port.at) return {};
  if (auto unused = control_.network.check_unused(*port.at); !unused) {
    if (!port.is_preset) return std::unexpected(cannot_listen(flag, *port.at, unused.error()));
    control_.log.warning("nobody comes in there: the port is taken",
                         {{"flag", flag}, {"address", port.at->to_string()}});
    port.at.reset();
    return {};
  }
  for (std::size_t i = 1; i < cores_.size(); ++i) {
    auto taken = cores_[i]->below.network.listen(*port.at);
    if (!taken) return std::unexpected(cannot_listen(flag, *port.at, taken.error()));
    port.at = (*taken)->address();
    *cores_[i].*listener = std::move(*taken);
  }
  return {};
}

void Tunnels::open(TunnelsIdentity identity) {
  if (auto done = take_certificates(identity); !done) {
    control_.log.error("nobody comes in by tunnels: the certificates can't be used",
                       {{"reason", done.error().text}});
    return;
  }
  if (std::exchange(identity_, std::move(identity))) return;
  admission_ = std::make_shared<const tunnel::Admission>(snapshot_, identity_->admission);
  for (const auto& core : cores_) {
    if (core->ssh_listener) open_ssh(*core);
    if (core->tunnel_listener) open_port(*core);
  }
}

// Connections that there are stay.
Result<void> Tunnels::take_certificates(const TunnelsIdentity& identity) {
  auto certificate = tls::Certificate::load(identity.port.certificate, identity.port.private_key);
  if (!certificate) return fail(certificate.error());
  auto certificates = std::make_shared<const tls::CertificateSet>(
      std::vector<std::shared_ptr<const tls::Certificate>>{std::move(*certificate)});
  if (port_context_) {
    port_context_->replace(std::move(certificates));
    return reach_others(identity);
  }
  auto authorities = tls::TrustStore::parse(identity.ca);
  if (!authorities) return fail(authorities.error());
  auto context = tls::ServerContext::create(
      {.protocols = {std::string(wire::kProtocol), std::string(wire::kRelayProtocol)},
       .client_certificates = tls::ClientCertificates::kRequested,
       .client_authorities = std::move(*authorities),
       .tls13_only = true},
      std::move(certificates), std::make_shared<tls::TicketKeys>());
  if (!context) return fail(context.error());
  port_context_ = std::move(*context);
  return reach_others(identity);
}

Result<void> Tunnels::reach_others(const TunnelsIdentity& identity) {
  auto authorities = tls::TrustStore::parse(identity.ca);
  if (!authorities) return fail(authorities.error());
  auto certificate = tls::Certificate::load(identity.edge.certificate, identity.edge.private_key);
  if (!certificate) return fail(certificate.error());
  auto context = tls::ClientContext::create({.authorities = std::move(*authorities),
                                             .protocols = {std::string(wire::kRelayProtocol)},
                                             .certificate = std::move(*certificate)});
  if (!context) return fail(context.error());
  const tunnel::Relay::Here here{identity.welcome.edge, identity.welcome.provider, identity.welcome.region};
  for (const auto& core : cores_) {
    auto use = [core = core.get(), here, context = *context] {
      core->relay.begin(here);
      core->relay.use(context);
    };
    // The control core checks endpoints as soon as there is a snapshot, which may be now.
    if (core == cores_.front()) {
      use();
    } else {
      core->below.loop.post(std::move(use));
    }
  }
  return {};
}

std::function<void(report::TunnelSeen)> Tunnels::announce() {
  return [this](report::TunnelSeen seen) {
    control_.loop.post([this, seen = std::move(seen)]() mutable { see(std::move(seen)); });
  };
}

void Tunnels::open_ssh(Core& core) {
  core.below.loop.post([this, &core, key = identity_->ssh_host_key, admission = admission_] {
    auto door = tunnel::SshDoor::create(core.env, core.attachments, admission, announce(), live_,
                                        {.host_keys = {key}, .software = "weir"});
    if (!door) return core.below.log.error("nobody comes in by SSH", {{"reason", door.error().text}});
    core.ssh_door = std::move(*door);
    core.serving.spawn(core.ssh_door->serve(*core.ssh_listener));
  });
}

void Tunnels::open_port(Core& core) {
  core.below.loop.post([this, &core, admission = admission_, context = port_context_,
                        welcome = identity_->welcome, domain = identity_->admission.domain] {
    core.guests =
        std::make_unique<tunnel::AgentGuests>(core.env, core.attachments, admission, announce(), live_);
    core.port = std::make_unique<tunnel::Port>(
        core.env, core.attachments, *core.guests,
        tunnel::Port::Options{.context = context, .welcome = welcome, .domain = domain});
    core.serving.spawn(core.port->serve(*core.tunnel_listener));
  });
}

void Tunnels::apply(const config::SnapshotPointer& snapshot) {
  snapshot_ = snapshot;
  origins_.apply(snapshot);
  if (!identity_) return;
  admission_ = std::make_shared<const tunnel::Admission>(snapshot, identity_->admission);
  for (const auto& core : cores_) {
    core->below.loop.post([core = core.get(), admission = admission_] {
      if (core->ssh_door) core->ssh_door->admit(admission);
      if (core->guests) core->guests->admit(admission);
    });
  }
}

void Tunnels::on_seen(Told told) {
  told_ = std::move(told);
  for (const auto& [place, seen] : present_) told_(seen);
}

void Tunnels::see(report::TunnelSeen seen) {
  const std::pair place(seen.service, seen.instance);
  const auto known = present_.find(place);
  if (seen.gone) {
    if (known == present_.end() || known->second.session != seen.session) return;
    present_.erase(known);
  } else {
    present_[place] = seen;
  }
  if (told_) told_(seen);
}

// As long as controllers wait for what an edge has lost (controller::kTunnelGrace).
void Tunnels::expect() { registry_.expect_until(control_.loop.now() + controller::kTunnelGrace); }

void Tunnels::drain() {
  for (const auto& core : cores_) {
    core->below.loop.post([core = core.get()] {
      if (core->port) core->port->drain();
    });
  }
}

net::Task<void> Tunnels::leave() {
  for (const auto& core : cores_) core->below.loop.post([core = core.get()] { core->serving.cancel(); });
  drain();
  // For what is under way; the client that is sent away comes again at once, to the other process.
  constexpr Duration kSshGrace = std::chrono::seconds(1);
  (void)co_await control_.loop.sleep(kSshGrace);
  for (const auto& core : cores_) {
    net::Event ended;
    core->below.loop.post([&] { core->ending.spawn(end_ssh(*core, ended)); });
    (void)co_await ended.wait(control_.loop);
  }
}

net::Task<void> Tunnels::end_ssh(Core& core, net::Event& ended) {
  if (core.ssh_door) co_await core.ssh_door->stop();
  control_.loop.post([&ended] { ended.set(); });
}

net::Task<void> Tunnels::stop_core(Core& core, net::Event& stopped) {
  co_await core.serving.stop();
  if (core.port) co_await core.port->stop();
  if (core.ssh_door) co_await core.ssh_door->stop();
  co_await core.relay.stop();
  co_await core.attachments.stop();
  control_.loop.post([&stopped] { stopped.set(); });
}

net::Task<void> Tunnels::stop() {
  for (const auto& core : cores_) {
    net::Event stopped;
    core->below.loop.post([&] { core->ending.spawn(stop_core(*core, stopped)); });
    (void)co_await stopped.wait(control_.loop);
  }
}

}  // namespace weir::role
