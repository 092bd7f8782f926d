#include "role/tunnels.h"

#include "role/traffic.h"

namespace weir::role {

Tunnels::Core::Core(tunnel::Registry& registry, net::Env& below)
    : below(below),
      attachments(registry, below),
      network(below.network, attachments, nullptr),
      env{below.loop, network, below.random, below.log},
      serving(below.loop),
      ending(below.loop) {}

Tunnels::Tunnels(net::Env& control, std::span<net::Env* const> workers) : control_(control) {
  cores_.push_back(std::make_unique<Core>(registry_, control));
  for (net::Env* worker : workers) {
    cores_.push_back(std::make_unique<Core>(registry_, *worker));
    worker_envs_.push_back(&cores_.back()->env);
  }
}

Tunnels::~Tunnels() = default;

std::expected<void, std::string> Tunnels::listen(TunnelsOptions options) {
  options_ = std::move(options);
  if (!options_.ssh) return {};
  if (auto unused = control_.network.check_unused(*options_.ssh); !unused) {
    if (!options_.ssh_is_preset) {
      return std::unexpected(cannot_listen("--ssh", *options_.ssh, unused.error()));
    }
    control_.log.warning("nobody comes in by SSH: the port is taken",
                         {{"address", options_.ssh->to_string()}});
    options_.ssh.reset();
    return {};
  }
  return listen_ssh();
}

// On every worker: the kernel spreads the clients.
std::expected<void, std::string> Tunnels::listen_ssh() {
  for (std::size_t i = 1; i < cores_.size(); ++i) {
    auto listener = cores_[i]->below.network.listen(*options_.ssh);
    if (!listener) return std::unexpected(cannot_listen("--ssh", *options_.ssh, listener.error()));
    options_.ssh = (*listener)->address();
    cores_[i]->ssh_listener = std::move(*listener);
  }
  return {};
}

void Tunnels::open(TunnelsIdentity identity) {
  if (identity_) return;
  identity_ = std::move(identity);
  admission_ = std::make_shared<const tunnel::Admission>(snapshot_, identity_->admission);
  for (const auto& core : cores_) {
    if (core->ssh_listener) open_ssh(*core);
  }
}

void Tunnels::open_ssh(Core& core) {
  core.below.loop.post([this, &core, key = identity_->ssh_host_key, admission = admission_] {
    auto door = tunnel::SshDoor::create(
        core.env, core.attachments, admission,
        [this](report::TunnelSeen seen) {
          control_.loop.post([this, seen = std::move(seen)]() mutable { see(std::move(seen)); });
        },
        live_, {.host_keys = {key}, .software = "weir"});
    if (!door) return core.below.log.error("nobody comes in by SSH", {{"reason", door.error().text}});
    core.ssh_door = std::move(*door);
    core.serving.spawn(core.ssh_door->serve(*core.ssh_listener));
  });
}

void Tunnels::apply(const config::SnapshotPointer& snapshot) {
  snapshot_ = snapshot;
  if (!identity_) return;
  admission_ = std::make_shared<const tunnel::Admission>(snapshot, identity_->admission);
  for (const auto& core : cores_) {
    core->below.loop.post([core = core.get(), admission = admission_] {
      if (core->ssh_door) core->ssh_door->admit(admission);
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

net::Task<void> Tunnels::stop_core(Core& core, net::Event& stopped) {
  co_await core.serving.stop();
  if (core.ssh_door) co_await core.ssh_door->stop();
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
