#include "edge/edge.h"

#include <algorithm>
#include <utility>

#include "health/from_config.h"

namespace weir::edge {
namespace {

// A record with no time to live is asked for again after this, so that it costs no storm; one with a very
// long one after the longest, so that a mistake in the zone is not for ever.
constexpr Duration kTtlMin = std::chrono::seconds(1);
constexpr Duration kTtlMax = std::chrono::hours(1);
constexpr Duration kResolveTimeout = std::chrono::seconds(5);
constexpr Duration kResolveRetry = std::chrono::seconds(2);
// A port that another program has is ours soon after it is given up; a try costs three system calls.
constexpr Duration kClaimInterval = std::chrono::milliseconds(250);
constexpr Duration kSweepInterval = std::chrono::seconds(1);  // intervals of outlier detection are multiples
constexpr Duration kRenewInterval =
    std::chrono::hours(24);  // certificates are renewed a month before their end

std::optional<tls::ProxyVersion> proxy_version(config::ProxyProtocol protocol) {
  if (protocol == config::ProxyProtocol::kNone) return std::nullopt;
  return protocol == config::ProxyProtocol::kV1 ? tls::ProxyVersion::k1 : tls::ProxyVersion::k2;
}

health::Check to_check(const upstream::PlannedService& service, const upstream::SharedHost& host) {
  health::Check check = health::check_of(*service.spec.health_check, host.address.to_string());
  check.transport = {.http2 = service.spec.protocol == config::Protocol::kHttp2,
                     .secure = service.spec.tls.has_value(),
                     .tls = service.tls,
                     .server_name = host.name,
                     .proxy_header = proxy_version(service.spec.proxy_protocol)};
  if (service.spec.tls && !service.spec.tls->server_name.empty()) {
    check.transport.server_name = service.spec.tls->server_name;
  }
  return check;
}

}  // namespace

// A name that endpoints are given by, and the task that keeps its addresses.
struct Edge::Name {
  Name(net::Loop& loop, std::string endpoint_key, config::Address name_address)
      : key(std::move(endpoint_key)), address(std::move(name_address)), group(loop) {}
  std::string key;
  config::Address address;
  std::size_t services = 0;  // that have it
  net::TaskGroup group;
};

Edge::Edge(net::Env& control, std::span<net::Env* const> workers, const EdgeOptions& options)
    : control_(control),
      options_(options),
      snapshot_(std::make_shared<config::Snapshot>()),
      listening_{options.http, std::nullopt},
      ports_(control, options.authority, options.domain),
      plan_(std::make_shared<Plan>(Plan{.snapshot = snapshot_, .router = std::make_shared<const Router>()})),
      monitor_(control),
      sweeping_(control.loop),
      ending_(control.loop) {
  for (net::Env* env : workers)
    workers_.push_back(std::make_unique<Worker>(
        *env, options.server,
        WorkerOptions{options.zone, options.access_log, options.live, options.tracing}));
}

Edge::~Edge() = default;

Result<Listening> Edge::listen() {
  plan_ = build_plan(snapshot_, resolved_, nullptr, common_, ports_, control_, options_.cookie_key);
  for (const auto& worker : workers_) {
    if (!options_.carries_traffic) break;
    auto opened = worker->listen(listening_, *plan_);
    if (!opened) return fail(opened.error());
    listening_ = *opened;  // the ports that the first was given serve all
  }
  ports_.set_shared(listening_.http,
                    {.http = listening_.http.port(),
                     .https = listening_.https ? listening_.https->port() : std::uint16_t{0}});
  sweeping_.spawn(sweep_outliers());
  sweeping_.spawn(renew_certificates());
  return listening_;
}

void Edge::set_secrets(const EdgeSecrets& secrets) {
  options_.cookie_key = secrets.cookie_key;
  ports_.set_issued(secrets.domain, secrets.issued);
}

void Edge::apply(config::SnapshotPointer snapshot) {
  const config::SnapshotPointer before = std::exchange(snapshot_, std::move(snapshot));
  if (draining_) return;
  watch_names(*before);
  rebuild();
}

void Edge::when_taken(std::function<void()> then) {
  struct Waiting {
    std::size_t workers;  // that are still to come; on the control loop
    std::function<void()> then;
  };
  const auto waiting = std::make_shared<Waiting>(workers_.size(), std::move(then));
  for (const auto& worker : workers_) {
    worker->env().loop.post([&control = control_.loop, waiting] {
      control.post([waiting] {
        if (--waiting->workers == 0) waiting->then();
      });
    });
  }
}

void Edge::rebuild() {
  const PlanPointer before = plan_;
  plan_ = build_plan(snapshot_, resolved_, before.get(), common_, ports_, control_, options_.cookie_key);
  if (!recalled_.empty()) apply_recalled();
  for (const auto& worker : workers_) post_to_worker(*worker, true);
  watch_health(*before);
  watch_ports();
}

// Its plan, or just the ports of it that it could not open.
void Edge::post_to_worker(Worker& worker, bool whole_plan) {
  worker.env().loop.post([this, target = &worker, plan = plan_, whole_plan] {
    auto ports = whole_plan ? target->apply(plan) : target->open_ports(*plan);
    if (!ports) return;
    control_.loop.post(
        [this, target, found = std::move(*ports)]() mutable { on_open_ports(*target, std::move(found)); });
  });
}

// A failure is none that another program had caused by holding the port: there were too few descriptors, or
// somebody was faster.
void Edge::on_open_ports(const Worker& worker, Worker::OpenPorts ports) {
  auto& known = open_ports_[&worker];
  for (const auto& [number, error] : ports.failures) {
    if (const auto before = known.failures.find(number);
        before != known.failures.end() && before->second == error) {
      continue;
    }
    control_.log.error("cannot listen",
                       {{"address", ports_.address_of(number).to_string()}, {"reason", sentence_of(error)}});
  }
  known = std::move(ports);
  watch_ports();
}

bool Edge::any_port_failed() const {
  return std::ranges::any_of(open_ports_, [](const auto& one) { return !one.second.failures.empty(); });
}

void Edge::watch_ports() {
  if (claiming_ports_ || draining_ || (!ports_.any_taken() && !any_port_failed())) return;
  claiming_ports_ = true;
  sweeping_.spawn(claim_ports());
}

net::Task<void> Edge::claim_ports() {
  while (ports_.any_taken() || any_port_failed()) {
    if (!co_await control_.loop.sleep(kClaimInterval)) break;
    if (ports_.any_free_again()) {
      ports_.look_again();
      rebuild();
    } else if (any_port_failed()) {
      for (const auto& worker : workers_) post_to_worker(*worker, false);
    }
  }
  claiming_ports_ = false;
}

void Edge::watch_health(const Plan& before) {
  config::each_difference(before.services, plan_->services, [this](const auto& old, const auto& service) {
    if (service) {
      judge(*service);
      watch_health_of(*service);
    } else {
      monitor_.set(old->name, {});
    }
    tell_findings(old.get(), service.get());
    if (health_told_) health_told_(service ? service->name : old->name);
  });
}

void Edge::watch_health_of(const upstream::PlannedService& service) {
  std::map<std::string, health::Target> targets;
  for (const upstream::PlannedHost& host : service.hosts) {
    if (!service.spec.health_check) break;
    health::Target target{.addresses = {host.shared->address},
                          .check = to_check(service, *host.shared),
                          .known = host.shared->health.load(std::memory_order_relaxed),
                          .on_verdict = {},
                          .on_pass = {}};
    if (host.shared->other) target.addresses.push_back(*host.shared->other);
    target.on_verdict = [this, name = service.name, shared = service.shared, host = host.shared](
                            lb::Health health, const Error& why) {
      host->health_since = control_.loop.clock().wall_now();
      host->health_reason = why;
      if (health == lb::Health::kHealthy && host->health.load(std::memory_order_relaxed) != health) {
        host->serving_since.store(control_.loop.now(), std::memory_order_relaxed);
      }
      host->health.store(health, std::memory_order_relaxed);
      health_changed(shared, health != lb::Health::kHealthy);
      if (found_) tell_finding(name, *host);
      if (health_told_) health_told_(name);
    };
    target.on_pass = [this, name = service.name, shared = service.shared, host = host.shared] {
      if (!shared->outliers.check_passed(host->outcomes)) return;
      shared->health_epoch.fetch_add(1, std::memory_order_release);
      control_.log.info("endpoint back",
                        {{"service", name}, {"endpoint", host->key}, {"reason", "check_passed"}});
      if (health_told_) health_told_(name);
    };
    targets.emplace(service.name + "/" + host.shared->key, std::move(target));
  }
  monitor_.set(service.name, std::move(targets));
}

// Each core sees it at its next pick; what waits there already is told.
void Edge::health_changed(const std::shared_ptr<upstream::SharedService>& service, bool for_worse) {
  service->health_epoch.fetch_add(1, std::memory_order_release);
  if (!for_worse) return;
  for (const auto& worker : workers_) {
    worker->env().loop.post([target = worker.get(), service] { target->leave_hosts_down(*service); });
  }
}

void Edge::watch_names(const config::Snapshot& before) {
  const auto each_name = [](const std::shared_ptr<const config::Service>& service, const auto& visit) {
    if (!service) return;
    for (const config::Endpoint& endpoint : service->endpoints) {
      if (endpoint.address.family == config::Address::Family::kName) visit(endpoint);
    }
  };
  config::each_difference(before.services, snapshot_->services, [&](const auto& old, const auto& service) {
    each_name(service, [this](const config::Endpoint& endpoint) {
      auto& name = names_[endpoint.key];
      const bool is_new = !name;
      if (is_new) name = std::make_unique<Name>(control_.loop, endpoint.key, endpoint.address);
      ++name->services;
      if (is_new) name->group.spawn(follow_name(*name));
    });
    each_name(old, [this](const config::Endpoint& endpoint) {
      const auto name = names_.find(endpoint.key);
      if (--name->second->services > 0) return;
      resolved_.erase(endpoint.key);
      ending_.spawn(end_name(std::move(name->second)));
      names_.erase(name);
    });
  });
}

// Ejected endpoints come back, and those that fail more often than their peers go.
net::Task<void> Edge::sweep_outliers() {
  while (co_await control_.loop.sleep(kSweepInterval)) {
    const Instant now = control_.loop.now();
    for (const upstream::PlannedServicePointer& service : plan_->services) {
      const lb::OutlierSettings settings = upstream::outlier_settings(service->spec.outlier_detection);
      upstream::SharedService& shared = *service->shared;
      if (!service->spec.outlier_detection.enabled || now - shared.swept_at < settings.interval) continue;
      shared.swept_at = now;
      std::vector<lb::EndpointOutcomes*> endpoints;
      for (const upstream::PlannedHost& host : service->hosts) endpoints.push_back(&host.shared->outcomes);
      for (const auto& change : shared.outliers.sweep(endpoints, settings, now)) {
        control_.log.warning(change.reason ? "endpoint ejected" : "endpoint back",
                             {{"service", service->name},
                              {"endpoint", service->hosts[change.place].shared->key},
                              {"reason", change.reason ? std::string(lb::name_of(*change.reason)) : ""}});
        if (change.reason) shared.ejections.fetch_add(1, std::memory_order_relaxed);
        shared.health_epoch.fetch_add(1, std::memory_order_release);
      }
    }
  }
}

// An edge that nobody changes for months still has certificates that are good.
net::Task<void> Edge::renew_certificates() {
  while (co_await control_.loop.sleep(kRenewInterval)) {
    ports_.look_again();
    rebuild();
  }
}

net::Task<void> Edge::end_name(std::unique_ptr<Name> name) { co_await name->group.stop(); }

// Addresses stay in use while a later look-up fails: a broken resolver is no reason to drop a working origin.
net::Task<void> Edge::follow_name(Name& name) {
  for (;;) {
    auto answer = co_await control_.network.resolve(name.address.host, name.address.port, kResolveTimeout);
    Duration pause = kResolveRetry;
    if (answer) {
      std::ranges::sort(answer->addresses, {},
                        [](const net::Address& address) { return address.to_string(); });
      pause = std::clamp(answer->ttl, kTtlMin, kTtlMax);
      auto& known = resolved_[name.key];
      if (known != answer->addresses) {
        known = std::move(answer->addresses);
        rebuild();
      }
    } else if (answer.error().code == Code::kCancelled) {
      co_return;
    } else {
      control_.log.warning("endpoint name not resolved",
                           {{"name", name.key}, {"reason", answer.error().text}});
    }
    if (!co_await control_.loop.sleep(pause)) co_return;
  }
}

void Edge::worker_finished() {
  if (++finished_ == workers_.size()) all_finished_.set();
}

net::Task<void> Edge::drain() {
  draining_ = true;
  for (const auto& worker : workers_) {
    worker->env().loop.post([this, target = worker.get()] {
      target->finish([this] { control_.loop.post([this] { worker_finished(); }); });
    });
  }
  co_await join_workers();
}

net::Task<void> Edge::leave(std::optional<Duration> limit, Heir heir) {
  draining_ = true;
  for (const auto& worker : workers_) {
    worker->env().loop.post([this, target = worker.get(), limit, heir] {
      target->leave(limit, heir, [this] { control_.loop.post([this] { worker_finished(); }); });
    });
  }
  co_await join_workers();
}

void Edge::hurry() {
  for (const auto& worker : workers_) {
    worker->env().loop.post([target = worker.get()] { target->hurry(); });
  }
}

net::Task<void> Edge::join_workers() {
  (void)co_await all_finished_.wait(control_.loop);
  co_await monitor_.stop();
  co_await sweeping_.stop();
  for (auto& [key, name] : names_) ending_.spawn(end_name(std::move(name)));
  names_.clear();
  co_await ending_.join();
}

void Edge::cut() {
  for (const auto& worker : workers_) {
    worker->env().loop.post([target = worker.get()] { target->cut(); });
  }
}

}  // namespace weir::edge
