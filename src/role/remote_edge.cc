#include "role/remote_edge.h"

#include <algorithm>
#include <map>
#include <utility>

#include "controller/views.h"
#include "role/said.h"
#include "xds/limits.h"

namespace weir::role {
namespace {

std::map<std::string, std::string> metadata_of(const RemoteEdgeOptions& options) {
  std::map<std::string, std::string> metadata;
  if (!options.carries_traffic) metadata[controller::kNoTrafficKey] = "yes";
  if (options.answers_dns) metadata[controller::kAnswersDnsKey] = "yes";
  return metadata;
}

// For people, in the Edge's status.
std::vector<std::string> capabilities_of(const RemoteEdgeOptions& options) {
  std::vector<std::string> capabilities;
  if (options.carries_traffic) capabilities = {"http", "https", "h2"};
  if (options.answers_dns) capabilities.emplace_back("dns");
  return capabilities;
}

}  // namespace

struct RemoteEdge::Line {
  Line(net::Env& env, const tls::Host& controller, report::Hello hello, Traffic& traffic)
      : dialler(env, {.host = controller.name}),
        channel(env.loop, dialler, {.authority = grpc::Dialler::Target{.host = controller.name}.authority()}),
        reporter(env, channel, std::move(hello),
                 [this, &traffic] { return load_since(traffic.edge(), told); }, {}) {}
  grpc::Dialler dialler;
  grpc::Channel channel;
  LoadTold told;  // in the last report
  report::Reporter reporter;
};

RemoteEdge::RemoteEdge(net::Env& env, RemoteEdgeOptions options, Traffic& traffic)
    : env_(env),
      options_(std::move(options)),
      traffic_(traffic),
      intervals_(env.random.next()),
      tasks_(env.loop) {}

RemoteEdge::~RemoteEdge() = default;

std::expected<void, std::string> RemoteEdge::prepare() {
  auto kept = enroll::Keeper::begin(options_.credentials_path, !options_.join_token.empty(),
                                    options_.node.role, env_.loop.clock().wall_now());
  if (!kept) return std::unexpected(kept.error());
  credentials_ = std::move(*kept);
  if (credentials_) options_.node.name = credentials_->name;
  auto secrets = OwnFollower::read_secrets(options_.secrets_path);
  if (!secrets && secrets.error().code != Code::kNotFound) {
    env_.log.error("what this edge had from its controllers can't be used; they are asked again",
                   {{"file", options_.secrets_path}, {"reason", sentence_of(secrets.error())}});
  }
  if (secrets) traffic_.edge().set_secrets(to_edge(*secrets));
  follower_.emplace(env_, traffic_, secrets ? std::move(*secrets) : translation::EdgeSecrets{},
                    options_.secrets_path, [this] { tell_state(); });
  make_lines();
  return {};
}

void RemoteEdge::make_lines() {
  const enroll::Node& node = options_.node;
  const report::Hello hello{.node = node.name,
                            .version = node.version,
                            .provider = node.provider,
                            .region = node.region,
                            .city = node.city,
                            .labels = {node.labels.begin(), node.labels.end()},
                            .capabilities = capabilities_of(options_),
                            .address = node.address,
                            .relay = options_.relay};
  for (const tls::Host& controller : options_.controllers) {
    lines_.push_back(std::make_unique<Line>(env_, controller, hello, traffic_));
    lines_.back()->reporter.tell_intervals(intervals_);
    lines_.back()->reporter.on_open([this](grpc::Channel& way, channel::Open what) {
      if (traffic_.requests() != nullptr) traffic_.requests()->begin(way, std::move(what));
    });
    if (traffic_.started_from()) lines_.back()->reporter.applied(traffic_.started_from()->revision);
  }
  traffic_.edge().on_finding([this](const edge::Finding& finding) {
    for (const auto& line : lines_) line->reporter.see(seen_of(finding));
  });
}

void RemoteEdge::start(std::function<void(const std::string&)> refused) {
  refused_ = std::move(refused);
  tasks_.spawn(run());
}

net::Task<void> RemoteEdge::run() {
  if (!credentials_ && !co_await join()) co_return;
  begin();
}

// True: there are credentials.
net::Task<bool> RemoteEdge::join() {
  auto joined = co_await enroll::join_any(env_, options_.controllers, options_.join_token, options_.node);
  if (joined) {
    credentials_ = std::move(*joined);
    co_return true;
  }
  if (joined.error().is_final) refused_(joined.error().sentence);
  co_return false;
}

void RemoteEdge::begin() {
  keeper_.emplace(env_, options_.controllers, options_.node, *credentials_, options_.credentials_path);
  keeper_->on_renewed([this](const enroll::Credentials& renewed) { use(renewed); });
  std::vector<grpc::Dialler::Target> targets;
  for (const tls::Host& controller : options_.controllers) {
    targets.push_back({.host = controller.name,
                       .port = credentials_->discovery_port,
                       .tls = nullptr,
                       .server_name = {},
                       .timeout = xds::kAttachTimeout});
  }
  client_.emplace(env_, *follower_,
                  xds::Client::Options{.node = {.id = credentials_->name,
                                                .cluster = {},
                                                .user_agent = "weir " + options_.node.version,
                                                .metadata = metadata_of(options_)},
                                       .controllers = std::move(targets),
                                       .wanted = {{xds::Type::kObject, {"*"}}, {xds::Type::kHealth, {"*"}}},
                                       .had = follower_->had()});
  use(*credentials_);
  tasks_.spawn(keeper_->run());
  tasks_.spawn(client_->run());
  for (const auto& line : lines_) tasks_.spawn(line->reporter.run());
  tasks_.spawn(measure());
}

// What was carried is told to all of them.
net::Task<void> RemoteEdge::measure() {
  MeasuresTold told;
  Instant since = env_.loop.now();
  for (;;) {
    const Duration wait = report::until_interval_end(env_.loop.clock().wall_now());
    if (!co_await env_.loop.sleep(wait)) co_return;
    const Instant now = env_.loop.now();
    intervals_.add(now, now - std::exchange(since, now), measured_since(traffic_, told));
    for (const auto& line : lines_) line->reporter.has_interval();
  }
}

// Connections that there are stay: a renewed certificate says the same.
void RemoteEdge::use(const enroll::Credentials& credentials) {
  auto tls = enroll::client_context(credentials, {"h2"});
  if (!tls) {
    env_.log.error("the machine's certificate can't be used", {{"reason", tls.error().text}});
    return;
  }
  client_->set_tls(*tls);
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    lines_[i]->dialler.set_target(
        {.host = options_.controllers[i].name, .port = credentials.discovery_port, .tls = *tls});
  }
  tell_known(true);
}

void RemoteEdge::on_known(Known told) {
  known_told_ = std::move(told);
  tell_known(true);
}

// The keeper's credentials are the newest; before it is there, those of an earlier life.
void RemoteEdge::tell_known(bool anew) {
  if (!known_told_ || !credentials_) return;
  const translation::EdgeSecrets& secrets = follower_->secrets();
  if (!anew && told_ == secrets) return;
  told_ = secrets;
  known_told_(secrets, keeper_ ? keeper_->credentials() : *credentials_);
}

void RemoteEdge::say(const report::TunnelSeen& seen) {
  for (const auto& line : lines_) line->reporter.see(seen);
}

void RemoteEdge::say(const std::vector<report::AnycastSeen>& seen) {
  for (const auto& line : lines_) line->reporter.announces(seen);
}

void RemoteEdge::on_reply(const std::function<void(std::size_t, std::optional<report::Reply>)>& told) {
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    lines_[i]->reporter.on_reply(
        [told, i](std::optional<report::Reply> reply) { told(i, std::move(reply)); });
  }
}

void RemoteEdge::tell_state() {
  tell_known(false);
  std::vector<report::RefusedObject> refused;
  for (auto& [object, reason] : follower_->refused()) refused.push_back({object, reason});
  for (const auto& line : lines_) {
    line->reporter.applied(follower_->revision());
    line->reporter.refused(refused);
  }
}

net::Task<void> RemoteEdge::stop() {
  co_await tasks_.stop();
  if (traffic_.requests() != nullptr) co_await traffic_.requests()->stop();
  for (const auto& line : lines_) co_await line->channel.close();
  if (follower_) co_await follower_->stop();
}

}  // namespace weir::role
