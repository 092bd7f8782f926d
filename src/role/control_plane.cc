#include "role/control_plane.h"

#include <utility>

#include "api/api.h"
#include "auth/token_table.h"
#include "config/status.h"
#include "controller/admin_object.h"
#include "controller/controller.h"
#include "enroll/authority_file.h"
#include "enroll/registrar.h"
#include "enroll/shared_authority.h"
#include "mirror/mirror.h"
#include "role/discovery.h"
#include "store/engine_store.h"

namespace weir::role {
namespace {

// The change that an answer to a write stands for is in force when the answer is there; a publisher that is
// stuck must not hold up the API.
constexpr Duration kSettleTimeout = std::chrono::seconds(1);
constexpr Duration kRetryAfterError = std::chrono::seconds(1);

}  // namespace

// What there is only once the store is open: the API, the reconcilers and discovery.
struct ControlPlane::Backend {
  Backend(const ControlPlaneOptions& options, net::Env& env, std::unique_ptr<store::Engine> opened,
          config::SnapshotPointer started_from, controller::PublisherSinks sinks)
      : engine(std::move(opened)),
        store(*engine, env.loop),
        mirror(store, env.log),
        api(env, store, mirror, tokens,
            {.version = options.version,
             .anonymous_metrics = options.api.is_loopback(),
             .settle_timeout = kSettleTimeout}),
        controller(
            env, store, mirror, tokens,
            {.edge_name = options.edge_name, .edge = options.edge, .started_from = std::move(started_from)},
            std::move(sinks)) {}

  std::unique_ptr<store::Engine> engine;
  store::EngineStore store;
  mirror::Mirror mirror;
  auth::TokenTable tokens;
  api::Api api;
  controller::Controller controller;
  // Once the authority is known.
  std::optional<enroll::Registrar> registrar;
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
      tasks_(env.loop) {}

ControlPlane::~ControlPlane() = default;

config::SnapshotPointer ControlPlane::started_from() const {
  return traffic_ == nullptr ? nullptr : traffic_->started_from();
}

std::expected<void, std::string> ControlPlane::prepare() {
  // With a snapshot, traffic flows whatever the store does; without one there is nothing to begin with.
  if (!started_from()) {
    auto opened = store::Engine::open(store_options());
    if (!opened) return std::unexpected(opened.error().sentence);
    engine_ = std::move(*opened);
  }
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
  } else {
    open_store_late();
  }
  return {};
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

void ControlPlane::open_store_late() {
  gate_.close("the store is being opened");
  tasks_.spawn(admit_late());
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
         {"snapshot_revision", std::to_string(started_from()->revision)}});
  }
  why_no_store_ = std::move(opened.error().sentence);
  gate_.close(why_no_store_ + " (traffic goes on as it was last configured)");
  open_api();
}

void ControlPlane::start_backend(std::unique_ptr<store::Engine> engine) {
  controller::PublisherSinks sinks{
      .snapshot = [this](config::SnapshotPointer snapshot) { traffic_->apply(std::move(snapshot)); },
      .changed =
          [this](std::span<const config::ObjectChange> changes, store::Revision revision) {
            if (backend_->discovery) backend_->discovery->apply(changes, revision);
          },
      .settled =
          [this](store::Revision revision) {
            backend_->api.settled(revision);
            settled_.set();
            open_discovery();
          }};
  backend_ = std::make_unique<Backend>(options_, env_, std::move(engine), started_from(), std::move(sinks));
  backend_->api.add_metrics([this](std::string& out) {
    if (traffic_ != nullptr) traffic_->edge().write_metrics(out);
    backend_->controller.write_metrics(out);
    if (backend_->discovery) backend_->discovery->write_metrics(out);
  });
  backend_->api.add_ready_check(
      [this] { return backend_->controller.publisher().has_published() ? "" : "nothing published yet"; });
  backend_->api.set_status_source([this](const config::Object& object) { return status_of(object); });
  if (traffic_ != nullptr) show_traffic();
  tasks_.spawn(begin());
}

void ControlPlane::show_traffic() {
  backend_->api.set_explain_source([this](api::ExplainQuestion asked, api::Api::Explained done) {
    if (!asked.id.empty()) {
      traffic_->edge().explain(std::move(asked.id), std::move(done));
    } else {
      traffic_->edge().explain_request(
          {std::move(asked.request), std::move(asked.headers), std::move(asked.peer)}, std::move(done));
    }
  });
}

// What the publisher and the edges see of an object, put together.
std::string ControlPlane::status_of(const config::Object& object) const {
  const controller::Publisher& publisher = backend_->controller.publisher();
  const auto with_applied = [&](auto status) {
    status.applied = publisher.applied(object);
    return config::status_text(status);
  };
  const edge::Edge* edge = traffic_ == nullptr ? nullptr : &traffic_->edge();
  switch (object.kind()) {
    case config::Kind::kService:
      return with_applied(edge == nullptr ? config::ServiceStatus{} : edge->status_of(object.metadata.name));
    case config::Kind::kEndpoint:
      return with_applied(edge == nullptr ? config::EndpointStatus{}
                                          : edge->status_of(std::get<config::EndpointSpec>(object.spec)));
    case config::Kind::kLoadBalancer:
      return with_applied(edge == nullptr ? config::LoadBalancerStatus{}
                                          : edge->status_of(std::get<config::LoadBalancerSpec>(object.spec)));
    case config::Kind::kCertificate:
    case config::Kind::kSecret: return with_applied(config::AppliedStatus{});
    case config::Kind::kEdge:
      if (object.metadata.name != options_.edge_name) return {};
      return config::status_text(
          config::EdgeStatus{.attached = true, .applied_revision = publisher.published()});
    case config::Kind::kRollout:
    case config::Kind::kToken:
    case config::Kind::kEvent: break;
  }
  return {};
}

net::Task<void> ControlPlane::begin() {
  if (auto kept = co_await controller::keep_admin_object(env_, backend_->store, admin_token_.text); !kept) {
    env_.log.error("the admin token cannot be kept", {{"reason", kept.error().text}});
    if (kept.error().code == Code::kCancelled) co_return;
  }
  if (!co_await share_authority()) co_return;
  open_backend();
  backend_->controller.start();
  tasks_.spawn(backend_->api.follow());
  // The API answers when the tokens are known and the edge has its first Snapshot; one that cannot be built
  // must not keep anybody from mending it.
  tasks_.spawn(settle_late());
  if (!co_await settled_.wait(env_.loop)) co_return;
  gate_.open(backend_->api);
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
  backend_->registrar.emplace(env_, backend_->store, backend_->tokens, options_.authority, options_.domain);
  backend_->api.set_registrar(*backend_->registrar);
  if (!options_.discovery) return;
  backend_->discovery.emplace(
      env_, backend_->mirror.objects(),
      DiscoveryOptions{.at = *options_.discovery,
                       .domain = options_.domain,
                       .names = options_.discovery_names,
                       .authority = options_.authority},
      DiscoverySinks{.reports = {.attached = [](const auto&) {},
                                 .reported = [](const auto&, const auto&) {},
                                 .detached = [](const auto&) {}},
                     .refused = [](const auto&, const auto&, auto) {},
                     .distrusted =
                         [this](const net::Address& from, const char* why) {
                           tasks_.spawn(backend_->registrar->refused_certificate(from, why));
                         }});
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
net::Task<void> ControlPlane::admit_late() {
  if (co_await env_.loop.sleep(kSettleTimeout)) open_api();
}

void ControlPlane::drain() {
  draining_ = true;
  if (backend_) backend_->api.drain();
  if (backend_ && backend_->discovery) backend_->discovery->drain();
  api_server_.drain();
}

void ControlPlane::cut() {
  api_server_.cut();
  if (backend_ && backend_->discovery) backend_->discovery->cut();
}

net::Task<void> ControlPlane::join() {
  co_await api_server_.join();
  if (backend_ && backend_->discovery) co_await backend_->discovery->join();
  if (backend_) co_await backend_->controller.stop();
  co_await tasks_.stop();
}

}  // namespace weir::role
