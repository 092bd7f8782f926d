#include "role/control_plane.h"

#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "api/api.h"
#include "auth/account_token.h"
#include "auth/token_table.h"
#include "balance/balancer.h"
#include "config/status.h"
#include "controller/controller.h"
#include "controller/foresight.h"
#include "controller/rollouts.h"
#include "controller/shown_rollouts.h"
#include "controller/tunnels.h"
#include "controller/views.h"
#include "enroll/authority_file.h"
#include "enroll/registrar.h"
#include "enroll/shared_authority.h"
#include "insight/insight.h"
#include "inspection/edge_channels.h"
#include "metrics/recorder.h"
#include "mirror/mirror.h"
#include "mysocket/calls.h"
#include "providers/providers.h"
#include "role/discovery.h"
#include "role/said.h"
#include "session/calls.h"
#include "store/engine_store.h"
#include "workload/roster.h"
#include "workload/scheduler.h"

namespace weir::role {
namespace {

// The change that an answer to a write stands for is in force when the answer is there; a publisher that is
// stuck must not hold up the API.
constexpr Duration kSettleTimeout = std::chrono::seconds(1);
// The same for a store that another process gives up: whoever calls meanwhile waits in its connection.
constexpr Duration kTakeOverTimeout = std::chrono::seconds(10);
constexpr Duration kRetryAfterError = std::chrono::seconds(1);

}  // namespace

// What there is only once the store is open: the API, the reconcilers and discovery.
struct ControlPlane::Backend {
  Backend(const ControlPlaneOptions& options, net::Env& env, std::unique_ptr<store::Engine> opened,
          config::SnapshotPointer started_from, controller::PublisherSinks sinks, providers::Health health,
          inspection::RequestVisits* requests)
      : engine(std::move(opened)),
        store(*engine, env.loop),
        mirror(store, env.log),
        views(mirror.objects()),
        fleet(env, store, mirror),
        shown(mirror.objects(), views),
        rollouts(env, store, mirror, fleet),
        tunnels(env, store, mirror, fleet, options.machine, options.tcp_ports),
        providers(env, store, mirror,
                  {.health = std::move(health), .settled = [this] { return fleet.settled(); }}),
        balancer(env, store, mirror,
                 {.loads = [this](Duration span) { return loads_of(fleet, span); },
                  .settled = [this] { return fleet.settled(); }}),
        roster(env),
        scheduler(env, store, mirror, roster, load_by(fleet)),
        channels(env.loop,
                 {.order = [this](std::string_view node, std::string id,
                                  std::string what) { return order(node, {std::move(id), std::move(what)}); },
                  .comes_from =
                      [this](const http::Request& request, std::string_view node) {
                        return discovery->node_server().comes_from(request, node);
                      }}),
        edge_channels(env.loop, options.edge_name, requests,
                      [this] { return discovery ? &discovery->report_server() : nullptr; }),
        recorder(env, options.metrics_file),
        insight(env, store, mirror, channels,
                {env, edge_channels.channels(), [this] { return edge_channels.edges(); }},
                recorder.history()),
        api(env, store, mirror, tokens,
            {.version = options.version,
             .anonymous_metrics = options.api.is_loopback(),
             .settle_timeout = kSettleTimeout,
             .tcp_ports = options.tcp_ports,
             .domain = options.domain}),
        controller(env, store, mirror, tokens,
                   {.edge_name = options.edge_name,
                    .edge = options.edge,
                    .started_from = std::move(started_from),
                    .objects_for = [this](const std::string& edge, const config::Labels& labels)
                        -> const config::Whole& { return views.objects_for(edge, labels); }},
                   std::move(sinks)) {}

  bool order(std::string_view node, nodelink::Open what) {
    return discovery && discovery->node_server().open(node, std::move(what));
  }
  std::unique_ptr<store::Engine> engine;
  store::EngineStore store;
  mirror::Mirror mirror;
  controller::Views views;
  controller::Fleet fleet;
  controller::ShownRollouts shown;
  controller::Rollouts rollouts;
  controller::Tunnels tunnels;
  providers::Providers providers;
  balance::Balancer balancer;
  workload::Roster roster;
  workload::Scheduler scheduler;
  channel::Channels channels;
  inspection::EdgeChannels edge_channels;
  metrics::Recorder recorder;
  insight::Insight insight;
  auth::TokenTable tokens;
  api::Api api;
  controller::Controller controller;
  // Once the authority is known.
  std::optional<enroll::Registrar> registrar;
  std::optional<mysocket::Calls> calls;
  std::optional<session::Calls> sessions;
  std::optional<Discovery> discovery;
};

ControlPlane::ControlPlane(net::Env& env, ControlPlaneOptions options,
                           std::shared_ptr<const store::DataDirectory> directory, Traffic* traffic,
                           Ready ready)
    : env_(env),
      options_(std::move(options)),
      directory_(std::move(directory)),
      traffic_(traffic),
      ready_(std::move(ready)),
      api_server_(env, gate_, {}),
      tasks_(env.loop) {
  if (traffic_ == nullptr) return;
  traffic_->edge().on_finding([this](const edge::Finding& finding) { say(seen_of(finding)); });
}

ControlPlane::~ControlPlane() = default;

config::SnapshotPointer ControlPlane::started_from() const {
  return traffic_ == nullptr ? nullptr : traffic_->started_from();
}

std::expected<void, std::string> ControlPlane::prepare() {
  // With a snapshot, traffic flows whatever the store does; without one there is nothing to begin with.
  if (options_.store_is_held) {
    if (!options_.store.empty()) return prepare_ports();
    if (auto known = store::Engine::check(*directory_); !known)
      return std::unexpected(known.error().sentence);
  } else if (!started_from()) {
    auto opened = store::Engine::open(store_options());
    if (!opened) return std::unexpected(opened.error().sentence);
    engine_ = std::move(*opened);
  }
  return prepare_ports();
}

std::expected<void, std::string> ControlPlane::prepare_ports() {
  if (auto unused = env_.network.check_unused(options_.api); !unused) {
    return std::unexpected(cannot_listen("--api", options_.api, unused.error()));
  }
  if (options_.discovery) {
    auto unused = env_.network.check_unused(*options_.discovery);
    if (!unused && !options_.discovery_is_preset) {
      return std::unexpected(cannot_listen("--xds", *options_.discovery, unused.error()));
    }
    if (!unused) {
      env_.log.warning("no other edges can be attached: the port is taken",
                       {{"address", options_.discovery->to_string()}});
      options_.discovery.reset();
    }
  }
  auto token = auth::read_or_make_admin_token(options_.data_dir);
  if (!token) return std::unexpected(token.error().sentence);
  admin_token_ = std::move(*token);
  return {};
}

std::expected<void, std::string> ControlPlane::listen() {
  auto api = env_.network.listen(options_.api);
  if (!api) return std::unexpected(cannot_listen("--api", options_.api, api.error()));
  api_address_ = (*api)->address();
  api_listener_ = std::move(*api);
  if (engine_) {
    start_backend(std::move(engine_));
  } else if (!options_.store_is_held) {
    open_store_late(kSettleTimeout);
  }
  return {};
}

void ControlPlane::open_store() {
  if (!draining_) open_store_late(kTakeOverTimeout);
}

void ControlPlane::close_store() {
  closed_ = true;
  opener_.reset();
  backend_.reset();
  engine_.reset();
}

std::expected<void, std::string> ControlPlane::make_door() {
  auto door = enroll::Door::create(env_, options_.authority, {.names = options_.api_names});
  if (!door) return std::unexpected(std::string("no TLS for the API: ") + door.error().text);
  api_door_ = std::move(*door);
  api_door_->on_refused([this](const net::Address& from, const char* why) {
    if (backend_ && backend_->registrar) tasks_.spawn(backend_->registrar->refused_certificate(from, why));
  });
  tasks_.spawn(api_door_->keep_fresh());
  return {};
}

store::Engine::Options ControlPlane::store_options() const {
  return {.directory = {}, .taken = directory_, .url = options_.store, .log = &env_.log};
}

void ControlPlane::open_store_late(Duration admit_after) {
  gate_.close("the store is being opened");
  tasks_.spawn(admit_late(admit_after));
  opener_.emplace(store_options(), [this](store::Opened<std::unique_ptr<store::Engine>> opened) {
    env_.loop.post([this, result = std::move(opened)]() mutable { on_store(std::move(result)); });
  });
}

void ControlPlane::on_store(store::Opened<std::unique_ptr<store::Engine>> opened) {
  if (draining_) return;
  if (opened) {
    start_backend(std::move(*opened));
    return;
  }
  if (why_no_store_ != opened.error().sentence) {
    env_.log.error(
        "the store can't be opened: traffic goes on from the last snapshot, and nothing can be changed",
        {{"reason", opened.error().sentence},
         {"snapshot_revision", started_from() ? std::to_string(started_from()->revision) : "none"}});
  }
  why_no_store_ = std::move(opened.error().sentence);
  gate_.close(why_no_store_ + " (traffic goes on as it was last configured)");
  open_api();
}

void ControlPlane::start_backend(std::unique_ptr<store::Engine> engine) {
  controller::PublisherSinks sinks{
      .snapshot =
          [this](config::SnapshotPointer snapshot) {
            const std::uint64_t revision = snapshot->revision;
            traffic_->apply(std::move(snapshot));
            backend_->fleet.report(options_.edge_name, {.load = report::Load{.applied_revision = revision}});
          },
      .changed = std::bind_front(&ControlPlane::objects_changed, this),
      .settled =
          [this](store::Revision revision) {
            when_taken(traffic_, [this, revision] {
              if (backend_) backend_->api.settled(revision);
            });
            settled_.set();
            open_discovery();
          }};
  backend_ = std::make_unique<Backend>(
      options_, env_, std::move(engine), started_from(), std::move(sinks),
      [this](std::string_view service) { return service_seen(service); },
      traffic_ == nullptr ? nullptr : traffic_->requests());
  backend_->api.add_metrics([this](std::string& out) {
    if (traffic_ != nullptr) traffic_->edge().write_metrics(out);
    if (more_metrics_) more_metrics_(out);
    backend_->controller.write_metrics(out);
    backend_->fleet.write_metrics(out);
    backend_->recorder.write_metrics(out);
    if (backend_->discovery) backend_->discovery->write_metrics(out);
  });
  backend_->api.add_ready_check(
      [this] { return backend_->controller.publisher().has_published() ? "" : "nothing published yet"; });
  backend_->api.set_foresight(
      [this](std::span<const config::ObjectChange> changes) { return foreseen(changes); });
  backend_->api.set_health_source(std::bind_front(&controller::Fleet::vantage_points, &backend_->fleet));
  backend_->api.set_status_source([this](const config::Object& object) { return status_of(object); });
  backend_->fleet.on_verdict([this](const std::string& service, const std::set<std::string>& unhealthy) {
    backend_->views.set_unhealthy(service, {unhealthy.begin(), unhealthy.end()});
    if (traffic_ != nullptr) traffic_->edge().set_verdict(service, unhealthy);
  });
  backend_->fleet.start();
  backend_->rollouts.start();
  backend_->tunnels.start();
  backend_->providers.start();
  backend_->balancer.start();
  backend_->roster.start();
  backend_->scheduler.start();
  record(backend_->recorder, traffic_, options_.edge_name, backend_->fleet, backend_->roster,
         backend_->mirror.objects());
  backend_->recorder.start();
  backend_->api.set_insight(std::bind_front(&insight::Insight::handle, &backend_->insight));
  backend_->api.set_provider_source(
      [this](std::string provider, api::ProviderCall call, api::Api::Explained done) {
        const auto mode = call == api::ProviderCall::kPlan   ? providers::Mode::kCompare
                          : call == api::ProviderCall::kSync ? providers::Mode::kWrite
                                                             : providers::Mode::kForce;
        backend_->providers.ask(std::move(provider), mode, std::move(done));
      });
  if (traffic_ != nullptr) {
    traffic_->edge().heed_verdicts(true);
    show_traffic();
    watch_traffic();
  }
  tasks_.spawn(begin());
}

void ControlPlane::show_traffic() {
  backend_->api.set_explain_source([this](api::ExplainQuestion asked, api::Api::Explained done) {
    if (!asked.dns.empty()) {
      done(query_explained_ ? query_explained_(asked)
                            : std::unexpected(std::string("there is no name server in this process")));
    } else if (!asked.id.empty()) {
      traffic_->edge().explain(std::move(asked.id), std::move(done));
    } else {
      traffic_->edge().explain_request(
          {std::move(asked.request), std::move(asked.headers), std::move(asked.peer)}, std::move(done));
    }
  });
}

// What edges see of a service's endpoints, put together.
config::ServiceStatus ControlPlane::service_seen(const config::Object& service) const {
  const edge::Edge* edge = traffic_ == nullptr ? nullptr : &traffic_->edge();
  auto status = edge == nullptr ? config::ServiceStatus{} : edge->status_of(service.metadata.name);
  backend_->fleet.complete(status, service);
  return status;
}

config::ServiceStatus ControlPlane::service_seen(std::string_view service) const {
  const auto object = backend_->mirror.objects().find(config::Kind::kService, service);
  return object ? service_seen(*object) : config::ServiceStatus{};
}

// What edges see of an object, put together: this process's own and those that report.
std::string ControlPlane::status_of(const config::Object& object) const {
  const controller::Fleet& fleet = backend_->fleet;
  const std::string& name = object.metadata.name;
  const edge::Edge* edge = traffic_ == nullptr ? nullptr : &traffic_->edge();
  const auto told = [&](auto status) {
    status.applied = fleet.applied(object, [&](const std::string& one) { return share_of(one, object); });
    status.refused = refusals_of(object);
    return config::status_text(status);
  };
  switch (object.kind()) {
    case config::Kind::kService: return told(service_seen(object));
    case config::Kind::kEndpoint: {
      const auto& spec = std::get<config::EndpointSpec>(object.spec);
      auto status = edge == nullptr ? config::EndpointStatus{} : edge->status_of(spec);
      fleet.complete(status, spec);
      return told(std::move(status));
    }
    case config::Kind::kLoadBalancer:
      return told(edge == nullptr ? config::LoadBalancerStatus{}
                                  : edge->status_of(std::get<config::LoadBalancerSpec>(object.spec)));
    case config::Kind::kCertificate:
    case config::Kind::kSecret: return told(config::AppliedStatus{});
    case config::Kind::kEdge: return config::status_text(fleet.status_of(name));
    case config::Kind::kRollout: return config::status_text(backend_->rollouts.status_of(object));
    case config::Kind::kZone:
    case config::Kind::kRecordSet: return records_seen_ ? records_seen_(object) : std::string();
    case config::Kind::kDnsProvider: return config::status_text(backend_->providers.status_of(object));
    case config::Kind::kDnsWeights: return config::status_text(backend_->balancer.status_of(object));
    case config::Kind::kWorkload:
    case config::Kind::kNode:
    case config::Kind::kInstance: return backend_->scheduler.status_of(object);
    case config::Kind::kSession:
      return backend_->sessions ? backend_->sessions->status_of(object) : std::string();
    default: return {};  // nothing is seen of the others
  }
}

// At the edges that are attached here, and the one of this process.
std::string ControlPlane::foreseen(std::span<const config::ObjectChange> changes) {
  std::vector<xds::Node> nodes;
  if (backend_->discovery) nodes = backend_->discovery->nodes();
  if (!options_.edge_name.empty()) {
    nodes.push_back({.id = options_.edge_name, .cluster = {}, .user_agent = "weir", .metadata = {}});
  }
  return controller::foreseen(backend_->views, nodes, changes);
}

// Also what Envoys can't be told, which none of them says.
std::vector<config::RefusedBy> ControlPlane::refusals_of(const config::Object& object) const {
  std::vector<config::RefusedBy> all = backend_->fleet.refused(object);
  for (const translation::Unsaid& one : backend_->views.unsaid_of(object)) {
    if (all.size() == config::kRefusedByShownMax) break;
    all.push_back({"every Envoy", one.field + ": " + one.reason});
  }
  return all;
}

controller::Fleet::Share ControlPlane::share_of(const std::string& edge, const config::Object& object) const {
  using Share = controller::Fleet::Share;
  // The edge of this process has whatever no selector keeps from it, needed or not.
  const bool is_here = !options_.edge_name.empty() && edge == options_.edge_name;
  const bool has_all = is_here && object.kind() != config::Kind::kLoadBalancer;
  const bool carries = has_all ? config::is_carried(object.kind()) : backend_->views.carries(edge, object);
  if (!carries) return Share::kNone;
  return backend_->views.is_held_back(edge, object) ? Share::kHeldBack : Share::kWhole;
}

void ControlPlane::objects_changed(std::span<const config::ObjectChange> changes, store::Revision revision) {
  bool sort_anew = backend_->views.apply(changes, revision);
  sort_anew |= backend_->shown.update();
  if (backend_->discovery) backend_->discovery->changed(changes, sort_anew);
}

// The edge of this process says what others say by their reports.
void ControlPlane::watch_traffic() {
  backend_->fleet.attach(hello_of(options_.edge_name, options_.edge, relay_));
  if (const auto started = started_from()) {
    backend_->fleet.report(options_.edge_name, {.load = report::Load{.applied_revision = started->revision}});
  }
  for (report::EndpointSeen& seen : unsaid_) say(std::move(seen));
  unsaid_.clear();
  if (hearing_) hearing_();
  tasks_.spawn(tell_load(env_, traffic_->edge(), backend_->fleet, options_.edge_name,
                         [this] { return backend_->controller.publisher().published(); }));
}

void ControlPlane::say(report::EndpointSeen seen) {
  if (closed_) return;
  if (!backend_) return unsaid_.push_back(std::move(seen));
  backend_->fleet.report(options_.edge_name, {.endpoints = {std::move(seen)}});
}

void ControlPlane::say(report::TunnelSeen seen) {
  if (closed_) return;
  backend_->fleet.report(options_.edge_name, {.tunnels = {std::move(seen)}});
}

// None: nobody else uses the store.
std::optional<controller::AdminPlace> ControlPlane::admin_place() const {
  if (options_.store.empty()) return {};
  std::error_code none;
  const std::filesystem::path directory = std::filesystem::canonical(options_.data_dir, none);
  return controller::AdminPlace{options_.machine, none ? options_.data_dir : directory.string()};
}

net::Task<void> ControlPlane::begin() {
  const auto kept =
      co_await controller::keep_admin_object(env_, backend_->store, admin_token_.text, admin_place());
  if (!kept) {
    env_.log.error("the admin token cannot be kept", {{"reason", kept.error().text}});
    if (kept.error().code == Code::kCancelled) co_return;
  }
  if (!co_await share_authority()) co_return;
  open_backend();
  backend_->controller.start();
  tasks_.spawn(backend_->api.follow());
  tasks_.spawn(backend_->api.leases().run());
  // The API answers when the tokens are known and the edge has its first Snapshot; one that cannot be built
  // must not keep anybody from mending it.
  tasks_.spawn(settle_late());
  if (!co_await settled_.wait(env_.loop)) co_return;
  if (backend_->calls) {
    gate_.open(*backend_->calls);
  } else {
    gate_.open(backend_->api);
  }
  open_api();
  ready_(api_address_, admin_token_.made ? admin_token_.text : std::string());
  admin_token_.text.clear();
}

// Controllers of one store have one authority: what the store has takes the place of this one's own. Tried
// until it is done or cancelled, since an own one would not be believed elsewhere.
net::Task<bool> ControlPlane::share_authority() {
  if (options_.store.empty()) co_return true;
  auto own = enroll::read_authority(options_.data_dir);
  for (;;) {
    if (!own) {
      env_.log.error("the authority cannot be shared", {{"reason", own.error()}});
      co_return true;
    }
    auto shared = co_await enroll::share_authority(backend_->store, *own);
    if (!shared) {
      if (shared.error().code == Code::kCancelled) co_return false;
      env_.log.warning("the authority cannot be shared yet", {{"reason", shared.error().text}});
      if (!co_await env_.loop.sleep(kRetryAfterError)) co_return false;
      continue;
    }
    if (shared->certificate == own->certificate) co_return true;
    auto authority = tls::Authority::load(*shared);
    if (!authority) {
      env_.log.error("the store's authority is none", {{"reason", authority.error().text}});
      co_return true;
    }
    options_.authority = std::make_shared<const tls::Authority>(std::move(*authority));
    if (auto kept = enroll::keep_authority(options_.data_dir, *shared); !kept) {
      env_.log.warning("the store's authority is not kept on disk", {{"reason", kept.error()}});
    }
    co_return true;
  }
}

void ControlPlane::open_backend() {
  backend_->registrar.emplace(env_, backend_->store, backend_->tokens, options_.authority, options_.domain,
                              options_.discovery ? options_.discovery->port() : enroll::kDiscoveryPort);
  backend_->api.set_registrar(*backend_->registrar);
  backend_->api.writer().set_passwords(passwords_);
  open_calls();
  backend_->api.keep_images(
      options_.data_dir + "/images", options_.images, [this](const http::Request& request) {
        return enroll::is_node(backend_->mirror.objects(), options_.domain, request.tls);
      });
  if (!options_.discovery) return;
  backend_->discovery.emplace(env_, backend_->mirror, backend_->views, backend_->fleet,
                              DiscoveryOptions{.at = *options_.discovery,
                                               .domain = options_.domain,
                                               .names = options_.discovery_names,
                                               .authority = options_.authority,
                                               .nodes = sink_of(backend_->roster),
                                               .channels = &backend_->channels,
                                               .edge_channels = &backend_->edge_channels.channels()},
                              [this](const net::Address& from, const char* why) {
                                tasks_.spawn(backend_->registrar->refused_certificate(from, why));
                              });
}

void ControlPlane::open_calls() {
  const auto key = options_.authority->derive_secret(auth::kAccountPurpose);
  const auto session_key = options_.authority->derive_secret(session::kPurpose);
  if (!key || !session_key) return env_.log.error("nobody can log in");
  Backend& at = *backend_;
  at.calls.emplace(
      env_, at.mirror, at.api, passwords_,
      mysocket::Options{.surroundings = {.domain = options_.domain, .ports = options_.visitor_ports},
                        .sign_up_open = options_.sign_up_open,
                        .key = *key});
  at.sessions.emplace(env_, at.store, at.mirror, at.api, at.tokens, passwords_,
                      session::Options{options_.version, options_.domain, *session_key});
  tasks_.spawn(at.sessions->sessions().run());
}

// Once it has seen all objects: an edge must never be told that there are none.
void ControlPlane::open_discovery() {
  if (!backend_->discovery || backend_->discovery->listening() || draining_) return;
  if (auto listening = backend_->discovery->listen(); !listening) {
    env_.log.error("no other edges can be attached", {{"reason", listening.error()}});
    backend_->discovery.reset();
  }
}

void ControlPlane::open_api() {
  if (!api_listener_ || api_server_.draining()) return;
  if (options_.api_names) {
    if (auto made = make_door(); !made)
      return env_.log.error("the API stays closed", {{"reason", made.error()}});
  }
  api_server_.listen(std::move(api_listener_), api_door_);
}

net::Task<void> ControlPlane::settle_late() {
  if (co_await env_.loop.sleep(kSettleTimeout)) settled_.set();
}
// A store that takes long to open is no reason to answer nothing.
net::Task<void> ControlPlane::admit_late(Duration at_most) {
  if (co_await env_.loop.sleep(at_most)) open_api();
}

net::Task<api::Answer<api::Written>> ControlPlane::write(api::IntentSource source, mirror::Actor actor) {
  if (!backend_ || draining_) co_return api::refuse(503, "not-ready", "the store is not open");
  auto written = co_await backend_->api.writer().write(std::move(source), std::move(actor));
  if (written && written->plan.writes()) co_await backend_->api.settle(written->revision);
  co_return written;
}

void ControlPlane::drain() {
  draining_ = true;
  if (backend_) backend_->api.drain();
  if (backend_) backend_->insight.stop();
  if (backend_ && backend_->discovery) backend_->discovery->drain();
  api_server_.drain();
}

void ControlPlane::cut() {
  api_server_.cut();
  if (backend_ && backend_->discovery) backend_->discovery->cut();
}

net::Task<void> ControlPlane::join() {
  co_await api_server_.join();
  if (traffic_ != nullptr && traffic_->requests() != nullptr) co_await traffic_->requests()->stop();
  if (backend_ && backend_->discovery) co_await backend_->discovery->join();
  if (backend_) co_await backend_->controller.stop();
  if (backend_) co_await backend_->rollouts.stop();
  if (backend_) co_await backend_->tunnels.stop();
  if (backend_) co_await backend_->providers.stop();
  if (backend_) co_await backend_->balancer.stop();
  if (backend_) co_await backend_->scheduler.stop();
  if (backend_) co_await backend_->roster.stop();
  if (backend_) co_await backend_->fleet.stop();
  if (backend_) co_await backend_->recorder.stop();
  co_await tasks_.stop();
}

}  // namespace weir::role
