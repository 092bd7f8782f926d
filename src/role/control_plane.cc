#include "role/control_plane.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "api/api.h"
#include "auth/token_table.h"
#include "config/status.h"
#include "controller/controller.h"
#include "enroll/registrar.h"
#include "mirror/mirror.h"
#include "store/engine_store.h"

namespace weir::role {
namespace {

// The change that an answer to a write stands for is in force when the answer is there; a publisher that is
// stuck must not hold up the API.
constexpr Duration kSettleTimeout = std::chrono::seconds(1);

}  // namespace

// What there is only once the store is open: the API and the reconcilers.
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
        registrar(env, store, tokens, options.authority, options.domain),
        controller(
            env, store, mirror, tokens,
            {.edge_name = options.edge_name, .edge = options.edge, .started_from = std::move(started_from)},
            std::move(sinks)) {
    api.set_registrar(registrar);
  }

  std::unique_ptr<store::Engine> engine;
  store::EngineStore store;
  mirror::Mirror mirror;
  auth::TokenTable tokens;
  api::Api api;
  enroll::Registrar registrar;
  controller::Controller controller;
};

ControlPlane::ControlPlane(net::Env& env, ControlPlaneOptions options,
                           std::shared_ptr<const store::DataDirectory> directory, Traffic& traffic,
                           Ready ready)
    : env_(env),
      options_(std::move(options)),
      directory_(std::move(directory)),
      traffic_(traffic),
      ready_(std::move(ready)),
      api_server_(env, gate_, {}),
      tasks_(env.loop) {}

ControlPlane::~ControlPlane() = default;

std::expected<void, std::string> ControlPlane::prepare() {
  // With a snapshot, traffic flows whatever the store does; without one there is nothing to begin with.
  if (!traffic_.started_from()) {
    auto opened = store::Engine::open(store_options());
    if (!opened) return std::unexpected(opened.error().sentence);
    engine_ = std::move(*opened);
  }
  if (auto unused = env_.network.check_unused(options_.api); !unused) {
    return std::unexpected(cannot_listen("--api", options_.api, unused.error()));
  }
  auto token = auth::read_or_make_admin_token(options_.data_dir);
  if (!token) return std::unexpected(token.error().sentence);
  admin_token_ = std::move(*token);
  return {};
}

std::expected<void, std::string> ControlPlane::listen() {
  if (options_.api_names) {
    if (auto made = make_door(); !made) return made;
  }
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
    if (backend_) tasks_.spawn(backend_->registrar.refused_certificate(from, why));
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
         {"snapshot_revision", std::to_string(traffic_.started_from()->revision)}});
  }
  why_no_store_ = std::move(opened.error().sentence);
  gate_.close(why_no_store_ + " (traffic goes on as it was last configured)");
  open_api();
}

void ControlPlane::start_backend(std::unique_ptr<store::Engine> engine) {
  controller::PublisherSinks sinks{
      .snapshot = [this](config::SnapshotPointer snapshot) { traffic_.apply(std::move(snapshot)); },
      .settled =
          [this](store::Revision revision) {
            backend_->api.settled(revision);
            settled_.set();
          }};
  backend_ =
      std::make_unique<Backend>(options_, env_, std::move(engine), traffic_.started_from(), std::move(sinks));
  backend_->api.add_metrics([this](std::string& out) {
    traffic_.edge().write_metrics(out);
    backend_->controller.write_metrics(out);
  });
  backend_->api.add_ready_check(
      [this] { return backend_->controller.publisher().has_published() ? "" : "nothing published yet"; });
  backend_->api.set_status_source([this](const config::Object& object) { return status_of(object); });
  backend_->api.set_explain_source([this](api::ExplainQuestion asked, api::Api::Explained done) {
    if (!asked.id.empty()) {
      traffic_.edge().explain(std::move(asked.id), std::move(done));
    } else {
      traffic_.edge().explain_request(
          {std::move(asked.request), std::move(asked.headers), std::move(asked.peer)}, std::move(done));
    }
  });
  tasks_.spawn(begin());
}

// What the publisher and this edge see of an object, put together.
std::string ControlPlane::status_of(const config::Object& object) const {
  const controller::Publisher& publisher = backend_->controller.publisher();
  const edge::Edge& edge = traffic_.edge();
  const auto with_applied = [&](auto status) {
    status.applied = publisher.applied(object);
    return config::status_text(status);
  };
  switch (object.kind()) {
    case config::Kind::kService: return with_applied(edge.status_of(object.metadata.name));
    case config::Kind::kEndpoint:
      return with_applied(edge.status_of(std::get<config::EndpointSpec>(object.spec)));
    case config::Kind::kLoadBalancer:
      return with_applied(edge.status_of(std::get<config::LoadBalancerSpec>(object.spec)));
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

void ControlPlane::open_api() {
  if (api_listener_ && !api_server_.draining()) api_server_.listen(std::move(api_listener_), api_door_);
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
  api_server_.drain();
}

net::Task<void> ControlPlane::join() {
  co_await api_server_.join();
  if (backend_) co_await backend_->controller.stop();
  co_await tasks_.stop();
}

}  // namespace weir::role
