#include "cli/up.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/gate.h"
#include "auth/admin_token.h"
#include "auth/token_table.h"
#include "cli/authority.h"
#include "cli/log.h"
#include "cli/machine.h"
#include "config/formats.h"
#include "config/snapshot.h"
#include "config/status.h"
#include "controller/admin_object.h"
#include "controller/controller.h"
#include "edge/edge.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "net/core.h"
#include "net/signals.h"
#include "record/access_log.h"
#include "store/data_directory.h"
#include "store/engine_store.h"
#include "store/kept_file.h"
#include "store/opener.h"

namespace weir::cli {
namespace {

// The change that an answer to a write stands for is in force when the answer is there; a publisher that is
// stuck must not hold up the API.
constexpr Duration kSettleTimeout = std::chrono::seconds(1);

constexpr const char* kSnapshotName = "snapshot.json";  // in the data directory

// Every connection is a descriptor or two: take what the system gives.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// The Edge object's name: the host's, as far as a name may hold it.
std::string edge_name() {
  std::array<char, 256> host{};
  (void)::gethostname(host.data(), host.size() - 1);
  std::string name = host.data();
  name = name.substr(0, name.find('.'));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return config::check_name(name).empty() ? name : "edge";
}

int refuse(const std::string& sentence) {
  std::fprintf(stderr, "weir up: %s\n", sentence.c_str());
  return 1;
}

// What there is only once the store is open: the API and the reconcilers.
struct Backend {
  Backend(const UpOptions& options, net::Env& env, std::unique_ptr<store::Engine> opened,
          config::SnapshotPointer started_from, controller::PublisherSinks sinks)
      : engine(std::move(opened)),
        store(*engine, env.loop),
        api(env, store, tokens,
            {.version = WEIR_VERSION,
             .anonymous_metrics = options.api.is_loopback(),
             .settle_timeout = kSettleTimeout}),
        controller(env, store, tokens,
                   {.edge_name = edge_name(),
                    .edge = {.provider = options.provider,
                             .region = options.region,
                             .city = options.city,
                             .address = options.http.ip(),
                             .version = WEIR_VERSION,
                             .capabilities = {"http", "https", "h2"}},
                    .started_from = std::move(started_from)},
                   std::move(sinks)) {}

  std::unique_ptr<store::Engine> engine;
  store::EngineStore store;
  auth::TokenTable tokens;
  api::Api api;
  controller::Controller controller;
};

// All that `weir up` consists of, on the control core; the edge's workers have cores of their own. The edge
// starts from the last good Snapshot, and the rest when the store is open.
class Up {
 public:
  Up(const UpOptions& options, Log& log, net::Core& control, std::span<net::Env* const> workers,
     std::shared_ptr<const store::DataDirectory> directory, std::shared_ptr<const tls::Authority> authority,
     record::AccessLog* access_log)
      : options_(options),
        log_(log),
        control_(control),
        directory_(std::move(directory)),
        access_log_(access_log),
        edge_(control.env(), workers,
              {.http = options.http,
               .server = {.h2 = h2::make_connection},
               .zone = options.region,
               .domain = options.domain,
               .authority = std::move(authority),
               .access_log = access_log}),
        api_server_(control.env(), gate_, {}),
        tasks_(control.loop()),
        ending_(control.loop()),
        snapshot_file_(directory_->path_of(kSnapshotName), log) {}

  // What can fail at once, before any thread runs: an address in use, a file that cannot be read.
  std::expected<void, std::string> open() {
    // With a snapshot, traffic flows whatever the store does; without one there is nothing to begin with.
    started_from_ = read_last_snapshot();
    std::unique_ptr<store::Engine> engine;
    if (!started_from_) {
      auto opened = store::Engine::open(store_options());
      if (!opened) return std::unexpected(opened.error().sentence);
      engine = std::move(*opened);
    }
    for (const auto& [flag, address] :
         {std::pair("--http", &options_.http), std::pair("--api", &options_.api)}) {
      if (auto unused = control_.env().network.check_unused(*address); !unused)
        return cannot_listen(flag, *address, unused.error());
    }
    if (options_.https) {
      auto unused = control_.env().network.check_unused(*options_.https);
      if (!unused && !options_.https_is_preset)
        return cannot_listen("--https", *options_.https, unused.error());
      if (!unused) log_.warning("no HTTPS: its port is taken", {{"address", options_.https->to_string()}});
      edge_.set_https(unused ? options_.https : std::nullopt);
    }
    auto token = auth::read_or_make_admin_token(options_.data_dir);
    if (!token) return std::unexpected(token.error().sentence);
    admin_token_ = std::move(*token);
    auto traffic = edge_.listen();
    if (!traffic) return cannot_listen("--http", options_.http, traffic.error());
    auto api = control_.env().network.listen(options_.api);
    if (!api) return cannot_listen("--api", options_.api, api.error());
    traffic_ = *traffic;
    api_address_ = (*api)->address();
    api_listener_ = std::move(*api);
    if (started_from_) {
      begin_from_snapshot();
    } else {
      start_backend(std::move(engine));
    }
    return {};
  }

  // Before any core starts.
  void check_passwords_on(net::Loop& loop) { edge_.passwords().answer_on(loop); }

  void on_signal(int signal) {
    if (signal == SIGHUP) {
      access_log_->reopen();
    } else if (++signals_ == 1) {
      log_.info("draining", {{"signal", strsignal(signal)}});
      ending_.spawn(end());
    } else if (signals_ == 2) {
      log_.warning("stopping at once");
      edge_.cut();
      api_server_.cut();
    } else {
      std::_Exit(1);
    }
  }

 private:
  static std::unexpected<std::string> cannot_listen(const char* flag, const net::Address& address,
                                                    const Error& error) {
    return std::unexpected("cannot listen on " + address.to_string() + " (" + flag + "): " + why_not(error));
  }

  store::Engine::Options store_options() const {
    return {.directory = {}, .taken = directory_, .url = options_.store, .log = &log_};
  }

  void begin_from_snapshot() {
    edge_.apply(started_from_);
    log_.info("traffic begins with the last snapshot",
              {{"revision", std::to_string(started_from_->revision)}});
    gate_.close("the store is being opened");
    tasks_.spawn(admit_late());
    opener_.emplace(store_options(), [this](store::Opened<std::unique_ptr<store::Engine>> opened) {
      control_.loop().post([this, result = std::move(opened)]() mutable { on_store(std::move(result)); });
    });
  }

  config::SnapshotPointer read_last_snapshot() {
    const std::string path = directory_->path_of(kSnapshotName);
    const auto refuse = [&](std::string reason) {
      log_.error("the last snapshot can't be used; traffic waits for the store",
                 {{"file", path}, {"reason", std::move(reason)}});
      return nullptr;
    };
    const auto text = store::KeptFile::read(path, config::kSnapshotBytesMax);
    if (!text && text.error().code == Code::kNotFound) return nullptr;
    if (!text) return refuse(std::string(text.error().text) + ": " + why_not(text.error()));
    auto snapshot = config::read_snapshot(*text);
    if (!snapshot) return refuse(config::to_text(snapshot.error()));
    return std::move(*snapshot);
  }

  void on_store(store::Opened<std::unique_ptr<store::Engine>> opened) {
    if (signals_ > 0) return;
    if (opened) {
      start_backend(std::move(*opened));
      return;
    }
    if (why_no_store_ != opened.error().sentence) {
      log_.error(
          "the store can't be opened: traffic goes on from the last snapshot, and nothing can be changed",
          {{"reason", opened.error().sentence},
           {"snapshot_revision", std::to_string(started_from_->revision)}});
    }
    why_no_store_ = std::move(opened.error().sentence);
    gate_.close(why_no_store_ + " (traffic goes on as it was last configured)");
    open_api();
  }

  void start_backend(std::unique_ptr<store::Engine> engine) {
    controller::PublisherSinks sinks{
        .snapshot = [this](config::SnapshotPointer snapshot) { edge_.apply(std::move(snapshot)); },
        .parts =
            [this](store::Revision revision, std::vector<config::ObjectPointer> parts) {
              snapshot_file_.keep(
                  [revision, parts = std::move(parts)] { return config::snapshot_text(revision, parts); });
            },
        .settled =
            [this](store::Revision revision) {
              backend_->api.settled(revision);
              settled_.set();
            }};
    backend_ = std::make_unique<Backend>(options_, control_.env(), std::move(engine), started_from_,
                                         std::move(sinks));
    backend_->api.add_metrics([this](std::string& out) {
      edge_.write_metrics(out);
      backend_->controller.write_metrics(out);
    });
    backend_->api.add_ready_check(
        [this] { return backend_->controller.publisher().has_published() ? "" : "nothing published yet"; });
    backend_->api.set_status_source([this](const config::Object& object) { return status_of(object); });
    backend_->api.set_explain_source([this](api::ExplainQuestion asked, api::Api::Explained done) {
      if (!asked.id.empty()) {
        edge_.explain(std::move(asked.id), std::move(done));
      } else {
        edge_.explain_request({std::move(asked.request), std::move(asked.headers), std::move(asked.peer)},
                              std::move(done));
      }
    });
    tasks_.spawn(begin());
  }

  // What the publisher and this edge see of an object, put together.
  std::string status_of(const config::Object& object) const {
    const controller::Publisher& publisher = backend_->controller.publisher();
    const auto with_applied = [&](auto status) {
      status.applied = publisher.applied(object);
      return config::status_text(status);
    };
    switch (object.kind()) {
      case config::Kind::kService: return with_applied(edge_.status_of(object.metadata.name));
      case config::Kind::kEndpoint:
        return with_applied(edge_.status_of(std::get<config::EndpointSpec>(object.spec)));
      case config::Kind::kLoadBalancer:
        return with_applied(edge_.status_of(std::get<config::LoadBalancerSpec>(object.spec)));
      case config::Kind::kCertificate:
      case config::Kind::kSecret: return with_applied(config::AppliedStatus{});
      case config::Kind::kEdge:
        if (object.metadata.name != edge_name()) return {};
        return config::status_text(config::EdgeStatus{publisher.published()});
      case config::Kind::kToken:
      case config::Kind::kEvent: break;
    }
    return {};
  }

  net::Task<void> begin() {
    if (auto kept =
            co_await controller::keep_admin_object(control_.env(), backend_->store, admin_token_.text);
        !kept) {
      log_.error("the admin token cannot be kept", {{"reason", kept.error().text}});
      if (kept.error().code == Code::kCancelled) co_return;
    }
    backend_->controller.start();
    tasks_.spawn(backend_->api.follow());
    // The API answers when the tokens are known and the edge has its first Snapshot; one that cannot be built
    // must not keep anybody from mending it.
    tasks_.spawn(settle_late());
    if (!co_await settled_.wait(control_.loop())) co_return;
    co_await backend_->api.prepare();
    gate_.open(backend_->api);
    open_api();
    if (admin_token_.made) {
      std::printf("admin token (shown once, kept in %s/%.*s): %s\n", options_.data_dir.c_str(),
                  static_cast<int>(auth::kAdminTokenName.size()), auth::kAdminTokenName.data(),
                  admin_token_.text.c_str());
      std::fflush(stdout);
    }
    admin_token_.text.clear();
    log_.info("ready", {{"http", "http://" + traffic_.http.to_string()},
                        {"https", traffic_.https ? "https://" + traffic_.https->to_string() : "off"},
                        {"api", "http://" + api_address_.to_string()},
                        {"data_dir", options_.data_dir},
                        {"workers", std::to_string(options_.workers)}});
  }

  void open_api() {
    if (api_listener_ && !api_server_.draining()) api_server_.listen(std::move(api_listener_));
  }

  net::Task<void> settle_late() {
    if (co_await control_.loop().sleep(kSettleTimeout)) settled_.set();
  }
  // A store that takes long to open is no reason to answer nothing.
  net::Task<void> admit_late() {
    if (co_await control_.loop().sleep(kSettleTimeout)) open_api();
  }

  net::Task<void> end() {
    if (backend_) backend_->api.drain();
    api_server_.drain();
    co_await edge_.drain();
    co_await api_server_.join();
    if (backend_) co_await backend_->controller.stop();
    co_await tasks_.stop();
    log_.info("stopped");
    control_.loop().stop();
  }

  UpOptions options_;
  Log& log_;
  net::Core& control_;
  std::shared_ptr<const store::DataDirectory> directory_;
  record::AccessLog* access_log_;  // null: none is written
  edge::Edge edge_;
  config::SnapshotPointer started_from_;  // null: there was none
  std::string why_no_store_;
  std::unique_ptr<Backend> backend_;  // null: the store is not open yet
  api::Gate gate_;
  http::Server api_server_;
  net::TaskGroup tasks_;
  net::TaskGroup ending_;
  net::Event settled_;
  std::unique_ptr<net::Listener> api_listener_;
  edge::Listening traffic_;
  net::Address api_address_;
  auth::AdminToken admin_token_;
  int signals_ = 0;
  store::KeptFile snapshot_file_;
  std::optional<store::Opener> opener_;
};

}  // namespace

int run_up(const UpOptions& options) {
  raise_descriptor_limit();
  const std::unique_ptr<Log> log = make_log(options.log_level, options.log_json);
  auto control = net::Core::create(*log);
  if (!control) return refuse(control.error().text);
  // Before any thread starts, so that all leave these signals to the control loop.
  Up* up = nullptr;
  const auto on_signal = [&up](int signal) {
    if (up != nullptr) up->on_signal(signal);
  };
  // A rotation's SIGHUP; without a file it ends the process, as a terminal that is closed means it to.
  const bool to_file = options.access_log.kind == record::AccessLogTarget::Kind::kFile;
  auto signals = to_file ? net::Signals::create((*control)->poller(), {SIGTERM, SIGINT, SIGHUP}, on_signal)
                         : net::Signals::create((*control)->poller(), {SIGTERM, SIGINT}, on_signal);
  if (!signals) return refuse(signals.error().text);
  std::unique_ptr<record::AccessLog> access_log;
  if (options.access_log.kind != record::AccessLogTarget::Kind::kOff) {
    auto opened = record::AccessLog::open(options.access_log, *log);
    if (!opened) {
      return refuse("cannot open the access log " + options.access_log.path +
                    " (--access-log): " + why_not(opened.error()));
    }
    access_log = std::move(*opened);
  }
  auto directory = store::DataDirectory::open(options.data_dir);
  if (!directory) return refuse(directory.error().sentence);
  std::vector<std::unique_ptr<net::Core>> cores;
  std::vector<net::Env*> workers;
  for (unsigned i = 0; i < options.workers; ++i) {
    auto core = net::Core::create(*log);
    if (!core) return refuse(core.error().text);
    workers.push_back(&(*core)->env());
    cores.push_back(std::move(*core));
  }
  auto passwords = net::Core::create(*log);  // a hash takes as long as a thousand requests
  if (!passwords) return refuse(passwords.error().text);
  auto authority = read_or_make_authority(options.data_dir, (*control)->loop().clock().wall_now());
  if (!authority) return refuse(authority.error());
  {
    Up running(options, *log, **control, workers,
               std::make_shared<const store::DataDirectory>(std::move(*directory)), std::move(*authority),
               access_log.get());
    up = &running;
    if (auto opened = running.open(); !opened) return refuse(opened.error());
    running.check_passwords_on((*passwords)->loop());
    (*passwords)->start("weir-passwords");
    for (std::size_t i = 0; i < cores.size(); ++i) cores[i]->start("weir-edge-" + std::to_string(i));
    (*control)->loop().run();
    for (const auto& core : cores) core->stop();
    (*passwords)->stop();
    up = nullptr;
  }
  return 0;
}

}  // namespace weir::cli
