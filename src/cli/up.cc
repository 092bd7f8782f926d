#include "cli/up.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "api/api.h"
#include "auth/admin_token.h"
#include "auth/token_table.h"
#include "cli/authority.h"
#include "cli/log.h"
#include "cli/machine.h"
#include "config/formats.h"
#include "controller/admin_object.h"
#include "controller/controller.h"
#include "edge/edge.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "net/core.h"
#include "net/signals.h"
#include "store/sqlite_store.h"

namespace weir::cli {
namespace {

// The change that an answer to a write stands for is in force when the answer is there; a publisher that is
// stuck must not hold up the API.
constexpr Duration kSettleTimeout = std::chrono::seconds(1);

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

// All that `weir up` consists of, on the control core; the edge's workers have cores of their own.
class Up {
 public:
  Up(const UpOptions& options, Log& log, net::Core& control, std::span<net::Env* const> workers,
     store::Engine& engine, std::shared_ptr<const tls::Authority> authority)
      : options_(options),
        log_(log),
        control_(control),
        store_(engine, control.loop()),
        edge_(control.env(), workers,
              {.http = options.http,
               .server = {.h2 = h2::make_connection},
               .zone = options.region,
               .domain = options.domain,
               .authority = std::move(authority)}),
        api_(control.env(), store_, tokens_,
             {.version = WEIR_VERSION,
              .anonymous_metrics = options.api.is_loopback(),
              .settle_timeout = kSettleTimeout}),
        api_server_(control.env(), api_, {}),
        controller_(
            control.env(), store_, tokens_,
            {.edge_name = edge_name(),
             .edge = {.provider = options.provider,
                      .region = options.region,
                      .city = options.city,
                      .address = options.http.ip(),
                      .version = WEIR_VERSION,
                      .capabilities = {"http", "https", "h2"}}},
            {.snapshot = [this](config::SnapshotPointer snapshot) { edge_.apply(std::move(snapshot)); },
             .settled = [this](store::Revision revision) { api_.settled(revision); }}),
        tasks_(control.loop()),
        ending_(control.loop()) {}

  // What can fail at once, before any thread runs: an address in use, a file that cannot be read.
  std::expected<void, std::string> open() {
    for (const auto& [flag, address] :
         {std::pair("--http", &options_.http), std::pair("--api", &options_.api)}) {
      if (auto unused = net::check_unused(*address); !unused)
        return cannot_listen(flag, *address, unused.error());
    }
    if (options_.https) {
      auto unused = net::check_unused(*options_.https);
      if (!unused && !options_.https_is_preset)
        return cannot_listen("--https", *options_.https, unused.error());
      if (!unused) log_.warning("no HTTPS: its port is taken", {{"address", options_.https->to_string()}});
      edge_.set_https(unused ? options_.https : std::nullopt);
    }
    auto traffic = edge_.listen();
    if (!traffic) return cannot_listen("--http", options_.http, traffic.error());
    auto api = control_.env().network.listen(options_.api);
    if (!api) return cannot_listen("--api", options_.api, api.error());
    traffic_ = *traffic;
    api_address_ = (*api)->address();
    auto token = auth::read_or_make_admin_token(options_.data_dir);
    if (!token) return std::unexpected(token.error().sentence);
    admin_token_ = std::move(*token);
    api_listener_ = std::move(*api);
    return {};
  }

  void start(net::Loop& passwords) {
    edge_.passwords().answer_on(passwords);
    api_.add_metrics([this](std::string& out) {
      edge_.write_metrics(out);
      controller_.write_metrics(out);
    });
    api_.add_ready_check(
        [this] { return controller_.publisher().has_published() ? "" : "nothing published yet"; });
    api_.set_status_source(
        [this](const config::Object& object) { return controller_.publisher().status_of(object); });
    tasks_.spawn(begin());
  }

  void on_signal(int signal) {
    if (++signals_ == 1) {
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

  net::Task<void> begin() {
    if (auto kept = co_await controller::keep_admin_object(control_.env(), store_, admin_token_.text);
        !kept) {
      log_.error("the admin token cannot be kept", {{"reason", kept.error().text}});
      if (kept.error().code == Code::kCancelled) co_return;
    }
    controller_.start();
    tasks_.spawn(api_.follow());
    // The API answers when the tokens are known and the edge has its first Snapshot; one that cannot be built
    // must not keep anybody from mending it.
    tasks_.spawn(settle_late());
    if (!co_await settled_.wait(control_.loop())) co_return;
    api_server_.listen(std::move(api_listener_));
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

  net::Task<void> settle_late() {
    if (co_await control_.loop().sleep(kSettleTimeout)) settled_.set();
  }

  net::Task<void> end() {
    api_.drain();
    api_server_.drain();
    co_await edge_.drain();
    co_await api_server_.join();
    co_await controller_.stop();
    co_await tasks_.stop();
    log_.info("stopped");
    control_.loop().stop();
  }

  UpOptions options_;
  Log& log_;
  net::Core& control_;
  store::SqliteStore store_;
  auth::TokenTable tokens_;
  edge::Edge edge_;
  api::Api api_;
  http::Server api_server_;
  controller::Controller controller_;
  net::TaskGroup tasks_;
  net::TaskGroup ending_;
  net::Event settled_;
  std::unique_ptr<net::Listener> api_listener_;
  edge::Listening traffic_;
  net::Address api_address_;
  auth::AdminToken admin_token_;
  int signals_ = 0;
};

}  // namespace

int run_up(const UpOptions& options) {
  raise_descriptor_limit();
  const std::unique_ptr<Log> log = make_log(options.log_level, options.log_json);
  auto control = net::Core::create(*log);
  if (!control) return refuse(control.error().text);
  // Before any thread starts, so that all leave these signals to the control loop.
  Up* up = nullptr;
  auto signals = net::Signals::create((*control)->poller(), {SIGTERM, SIGINT}, [&up](int signal) {
    if (up != nullptr) up->on_signal(signal);
  });
  if (!signals) return refuse(signals.error().text);
  auto engine = store::Engine::open({.directory = options.data_dir});
  if (!engine) return refuse(engine.error().sentence);
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
    Up running(options, *log, **control, workers, **engine, std::move(*authority));
    up = &running;
    if (auto opened = running.open(); !opened) return refuse(opened.error());
    running.start((*passwords)->loop());
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
