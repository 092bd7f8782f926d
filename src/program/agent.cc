// weir agent and weir connect: origins of this machine, brought to edges. The one is led by a file that is
// watched and runs as a service; the other is for a person, and shows what visitors ask for.
#include <algorithm>
#include <array>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/agent.h"
#include "agent/agent_file.h"
#include "auth/pinned_token.h"
#include "auth/token.h"
#include "base/spoken_name.h"
#include "cli/settings.h"
#include "client/api_client.h"
#include "config/formats.h"
#include "health/from_config.h"
#include "program/agent_joins.h"
#include "program/commands.h"
#include "program/environment.h"
#include "program/log.h"
#include "role/machine.h"
#include "role/process.h"

namespace weir::program {
namespace {

template <class T>
using Read = std::expected<T, std::string>;

constexpr const char* kTokenVariable = "WEIR_TUNNEL_TOKEN";
// What visitors have open when the process is told to end.
constexpr Duration kDrainLimit = std::chrono::seconds(30);
// A change of the file takes effect within this, and costs one stat(2).
constexpr Duration kFileInterval = std::chrono::seconds(1);
// Names of edges are asked for again after this, so that new addresses are found.
constexpr Duration kResolveInterval = std::chrono::seconds(30);
constexpr Duration kResolveTimeout = std::chrono::seconds(5);

int refuse(const std::string& sentence) {
  std::fprintf(stderr, "weir: %s\n", sentence.c_str());
  return kFailed;
}

Read<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  auto text = role::read_file(path, bytes_max);
  if (!text) return std::unexpected(path + ": " + why_not(text.error()));
  return std::move(*text);
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

Read<std::shared_ptr<const tls::TrustStore>> read_authorities(const std::string& path) {
  auto bundle = read_file(path, tls::TrustStore::kBundleBytesMax);
  if (!bundle) return std::unexpected(std::move(bundle.error()));
  auto parsed = tls::TrustStore::parse(*bundle);
  if (!parsed) return std::unexpected(path + ": " + parsed.error().text);
  return std::move(*parsed);
}

// How edges are known: by the authority in the file, or else by what the token says of it.
Read<std::shared_ptr<tls::ClientContext>> context_for(const std::string& ca_file, const std::string& token) {
  tls::ClientOptions options{.authorities = nullptr, .protocols = {std::string(wire::kProtocol)}};
  if (!token.empty()) {
    const auto pinned = auth::parse_pinned_token(auth::kTunnelPrefix, token);
    if (!pinned) {
      return std::unexpected(
          "this is no token for tunnels (weirtunnel_...), or not all of it; "
          "`weir token create --for USER` makes one");
    }
    options.authority_fingerprint = pinned->fingerprint;
  }
  if (!ca_file.empty()) {
    auto authorities = read_authorities(ca_file);
    if (!authorities) return std::unexpected(std::move(authorities.error()));
    options.authorities = std::move(*authorities);
    options.authority_fingerprint.clear();
  }
  if (!options.authorities && options.authority_fingerprint.empty()) {
    return std::unexpected(
        "nothing says by which authority edges are known: give a token (WEIR_TUNNEL_TOKEN), or the "
        "authority's certificate, which `weir ca` prints (--ca, ca_file)");
  }
  auto context = tls::ClientContext::create(std::move(options));
  if (!context) return std::unexpected(std::string("no TLS: ") + context.error().text);
  return std::move(*context);
}

// What was checked before.
tls::Host host_of(const std::string& address) {
  const auto parsed = config::parse_address(address);
  return {parsed->host, parsed->port};
}

Read<agent::Offer> offer_of(const agent::FileService& service, const std::string& instance) {
  agent::Offer offer{.wanted = {.origin = {service.name, instance},
                                .type = std::string(agent::name_of(service.type)),
                                .weight = service.weight,
                                .priority = service.priority,
                                .hostname = service.hostname},
                     .target = host_of(service.target)};
  if (service.type == agent::OriginType::kHttps) {
    tls::ClientOptions options{.authorities = nullptr, .protocols = {"http/1.1"}};
    if (!service.ca_file.empty()) {
      auto authorities = read_authorities(service.ca_file);
      if (!authorities) return std::unexpected(std::move(authorities.error()));
      options.authorities = std::move(*authorities);
    } else {
      auto system = tls::TrustStore::system();
      if (!system) return std::unexpected(std::string("no authorities: ") + system.error().text);
      options.authorities = std::move(*system);
    }
    auto context = tls::ClientContext::create(std::move(options));
    if (!context) return std::unexpected(std::string("no TLS: ") + context.error().text);
    offer.tls = std::move(*context);
  }
  if (service.health_check) {
    offer.check = health::check_of(*service.health_check, service.target);
    offer.check->transport.secure = offer.tls != nullptr;
    offer.check->transport.tls = offer.tls;
    offer.check->transport.server_name = offer.target.name;
  }
  return offer;
}

Read<std::vector<agent::Offer>> offers_of(const agent::File& file, const std::string& instance) {
  std::vector<agent::Offer> offers;
  for (const agent::FileService& service : file.services) {
    auto offer = offer_of(service, instance);
    if (!offer) return std::unexpected("the service " + service.name + ": " + offer.error());
    offers.push_back(std::move(*offer));
  }
  return offers;
}

// The ways to the APIs by which services are joined.
Read<std::vector<AgentJoins::Api>> apis_of(net::Env& env, const agent::FileJoin& join) {
  auto text = read_file(join.token_file, cli::kTokenBytesMax);
  if (!text) return std::unexpected(text.error());
  cli::Settings settings;
  settings.token = trimmed(std::move(*text));
  if (!auth::token_id(settings.token)) {
    return std::unexpected(join.token_file +
                           "this is no token (weir_...), or not all of it; "
                           "`weir token create --service SERVICE` makes one");
  }
  settings.ca_path = join.ca_file;
  settings.ca_source = join.ca_file.empty() ? "" : "join.ca_file";
  std::vector<AgentJoins::Api> apis;
  for (const std::string& url : join.apis) {
    auto parsed = client::parse_url(url);
    if (!parsed) return std::unexpected("join.apis: " + url + ": " + parsed.error());
    settings.api = std::move(*parsed);
    auto context = cli::tls_for(settings);
    if (!context) return std::unexpected("join.apis: " + url + ": " + context.error());
    apis.push_back(
        {std::make_unique<client::ApiClient>(env, settings.api, settings.token, std::move(*context)),
         settings.api});
  }
  return apis;
}

// What goes on, as lines of the log.
class LoggedWatch final : public agent::AgentWatch {
 public:
  explicit LoggedWatch(Log& log) : log_(log) {}
  void attached(const wire::Welcome& edge) override {
    log_.info("attached", {{"edge", edge.edge}, {"provider", edge.provider}, {"region", edge.region}});
    ready();
  }
  void ready() {
    if (std::exchange(ready_, true)) return;
    tell_service_manager("READY=1");
  }
  void detached(const std::string& host, std::string_view why) override {
    log_.warning("not attached", {{"edge", host}, {"reason", std::string(why)}});
  }
  void registered(const wire::Welcome& edge, const wire::Registered& answer) override {
    if (!answer.refused.empty()) {
      log_.error("a service is refused",
                 {{"service", answer.origin.service}, {"edge", edge.edge}, {"reason", answer.refused}});
      return;
    }
    log_.info("a service is served", {{"service", answer.origin.service},
                                      {"edge", edge.edge},
                                      {"url", answer.urls.empty() ? "" : answer.urls.front()}});
  }
  void health(const agent::Offer& offer) override {
    log_.warning(offer.up ? "an origin is up" : "an origin is down",
                 {{"service", offer.wanted.origin.service}, {"reason", offer.reason}});
  }

 private:
  Log& log_;
  bool ready_ = false;
};

// The same for a person: where visitors come in, and what they ask for.
class ShownWatch final : public agent::AgentWatch {
 public:
  explicit ShownWatch(Terminal& terminal) : terminal_(terminal) {}
  void detached(const std::string& host, std::string_view why) override {
    terminal_.say("weir: " + host + ": " + std::string(why));
  }
  void registered(const wire::Welcome& edge, const wire::Registered& answer) override {
    if (!answer.refused.empty()) {
      terminal_.say("weir: " + edge.edge + ": " + answer.refused);
      return;
    }
    for (const std::string& url : answer.urls) {
      if (shown_.insert(url).second) print(client::printable(url));
    }
  }
  void request(const wire::RequestLine& line) override { print(client::printable(line.line)); }
  void health(const agent::Offer& offer) override {
    terminal_.say(offer.up ? "weir: the origin is up" : "weir: the origin is down: " + offer.reason);
  }

 private:
  void print(const std::string& line) {
    terminal_.print(line + '\n');
    (void)terminal_.flush();
  }
  Terminal& terminal_;
  std::set<std::string> shown_;
};

// The addresses that the names of edges have, now and later: each may be another edge.
net::Task<void> find_edges(net::Env& env, agent::Agent& agent, std::vector<tls::Host> names) {
  do {
    for (const tls::Host& name : names) {
      if (name.is_loopback() || net::Address::parse_ip(name.name, name.port)) continue;
      auto found = co_await env.network.resolve(name.name, name.port, kResolveTimeout);
      if (!found) continue;
      // One of each family are two ways to one edge.
      const bool v6 = found->addresses.front().is_v6();
      std::erase_if(found->addresses, [v6](const net::Address& one) { return one.is_v6() != v6; });
      if (found->addresses.size() < 2) continue;
      for (const net::Address& address : found->addresses) {
        agent.know({.host = {address.ip(), address.port()}, .provider = {}, .region = {}});
      }
    }
  } while (co_await env.loop.sleep(kResolveInterval));
}

// The services of the file, as it changes. There are ways to edges and APIs only if it had some at first.
class Watched {
 public:
  Watched(net::Env& env, agent::Agent& agent, AgentJoins* joins, const agent::File& file, std::string path,
          std::string instance)
      : env_(env),
        agent_(agent),
        joins_(joins),
        has_edges_(!file.edges.empty()),
        path_(std::move(path)),
        instance_(std::move(instance)),
        seen_(look()) {}

  void take(const agent::File& file, std::vector<agent::Offer> offers) {
    if (joins_ != nullptr) joins_->set(file.join.value_or(agent::FileJoin{}));
    std::set<std::string> wanted;
    for (agent::Offer& offer : offers) {
      const std::string& name = offer.wanted.origin.service;
      wanted.insert(name);
      agent_.offer(std::move(offer));
    }
    std::vector<std::string> gone;
    for (const auto& [name, offer] : agent_.offers()) {
      if (!wanted.contains(name)) gone.push_back(name);
    }
    for (const std::string& name : gone) agent_.withdraw(name);
    for (const std::string& edge : file.edges) {
      agent_.know({.host = host_of(edge), .provider = {}, .region = {}});
    }
  }

  net::Task<void> run() {
    while (co_await env_.loop.sleep(kFileInterval)) {
      if (auto now = look(); now && now != seen_) {
        seen_ = now;
        read();
      }
    }
  }

 private:
  using Stamp = std::optional<std::pair<std::filesystem::file_time_type, std::uintmax_t>>;
  Stamp look() const {
    std::error_code error;
    const auto time = std::filesystem::last_write_time(path_, error);
    if (error) return std::nullopt;
    const auto bytes = std::filesystem::file_size(path_, error);
    if (error) return std::nullopt;
    return std::pair(time, bytes);
  }
  void read() {
    const auto text = read_file(path_, agent::kFileBytesMax);
    const auto file = text ? agent::parse_file(*text) : config::Checked<agent::File>();
    if (!text || !file) {
      return keep(text ? config::to_text(file.error()) : text.error());
    }
    if (!file->edges.empty() && !has_edges_) return keep("edges need the agent to be started anew");
    if (file->join && joins_ == nullptr) return keep("join needs the agent to be started anew");
    auto offers = offers_of(*file, instance_);
    if (!offers) return keep(offers.error());
    take(*file, std::move(*offers));
    env_.log.info("the file has changed", {{"services", std::to_string(file->services.size())}});
  }
  void keep(const std::string& why) {
    env_.log.error("the file has changed, and is not good; what was before goes on",
                   {{"file", path_}, {"reason", why}});
  }

  net::Env& env_;
  agent::Agent& agent_;
  AgentJoins* joins_;  // null: nothing joins
  bool has_edges_;
  std::string path_;
  std::string instance_;
  Stamp seen_;
};

struct Setup {
  agent::Agent::Options options;
  std::vector<agent::Offer> offers;
};

agent::Agent::Options options_of(const std::vector<std::string>& edges, std::size_t links,
                                 const std::string& instance, std::string token,
                                 std::shared_ptr<tls::ClientContext> context, bool looks_on) {
  agent::Agent::Options options{.hello = {.agent = instance,
                                          .version = WEIR_VERSION,
                                          .credential = std::move(token),
                                          .looks_on = looks_on},
                                .tls = std::move(context),
                                .edges = {},
                                .links = links};
  for (const std::string& edge : edges) {
    options.edges.push_back({.host = host_of(edge), .provider = {}, .region = {}});
  }
  return options;
}

// Until it is told to end. more: what goes on beside it. joins: what leaves with it; may be null.
void run(role::Process& process, agent::AgentWatch& watch, Setup setup, AgentJoins* joins,
         const std::function<net::Task<void>(net::Env&, agent::Agent&)>& more) {
  net::Env& env = process.control().env();
  std::vector<tls::Host> names;
  for (const agent::EdgeAddress& edge : setup.options.edges) names.push_back(edge.host);
  agent::Agent agent(env, watch, std::move(setup.options));
  for (agent::Offer& offer : setup.offers) agent.offer(std::move(offer));
  net::TaskGroup attached(env.loop);
  net::TaskGroup beside(env.loop);
  role::Ending ending(env, {.drain = [&]() -> net::Task<void> {
                              tell_service_manager("STOPPING=1");
                              co_await beside.stop();
                              if (joins != nullptr) co_await joins->leave();
                              co_await agent.leave(kDrainLimit);
                              co_await attached.join();
                            },
                            .cut =
                                [&] {
                                  if (joins != nullptr) joins->cut();
                                  attached.cancel();
                                }});
  process.on_signal([&](int signal) { ending.on_signal(signal); });
  if (!names.empty()) attached.spawn(agent.run());
  beside.spawn(find_edges(env, agent, std::move(names)));
  if (more) beside.spawn(more(env, agent));
  process.run();
}

}  // namespace

int agent_command(const Arguments& arguments, Terminal& /*terminal*/) {
  const std::string& path = arguments.agent.config;
  const auto text = read_file(path, agent::kFileBytesMax);
  if (!text) return refuse(text.error());
  const auto file = agent::parse_file(*text);
  if (!file) return refuse(path + ":\n" + config::to_text(file.error()));
  std::string token;
  if (!file->token_file.empty()) {
    auto read = read_file(file->token_file, cli::kTokenBytesMax);
    if (!read) return refuse(read.error());
    token = trimmed(std::move(*read));
  }
  Read<std::shared_ptr<tls::ClientContext>> context = nullptr;
  if (!file->edges.empty()) context = context_for(file->ca_file, token);
  if (!context) return refuse(context.error());
  const std::string instance = file->instance.empty() ? role::name_of_this_machine() : file->instance;
  auto offers = offers_of(*file, instance);
  if (!offers) return refuse(path + ": " + offers.error());
  const std::unique_ptr<Log> log = make_log(arguments.up.options.log_level, arguments.up.options.log_json);
  auto process = role::Process::create(*log, {.workers = 0});
  if (!process) return refuse(process.error());
  LoggedWatch watch(*log);
  std::optional<AgentJoins> joins;
  if (file->join) {
    net::Env& env = (*process)->control().env();
    auto apis = apis_of(env, *file->join);
    if (!apis) return refuse(path + ": " + apis.error());
    joins.emplace(env, std::move(*apis), [&watch] { watch.ready(); });
    joins->set(*file->join);
  }
  std::optional<Watched> watched;
  run(**process, watch,
      {options_of(file->edges, file->links, instance, std::move(token), *context, false), std::move(*offers)},
      joins ? &*joins : nullptr, [&](net::Env& env, agent::Agent& agent) {
        return watched.emplace(env, agent, joins ? &*joins : nullptr, *file, path, instance).run();
      });
  return kDone;
}

int connect_command(const Arguments& arguments, Terminal& terminal) {
  const cli::AgentFlags& flags = arguments.agent;
  std::string token = flags.token;
  if (token.empty()) token = trimmed(variable(kTokenVariable).value_or(""));
  std::vector<std::string> edges = flags.edges;
  if (edges.empty()) edges.push_back("127.0.0.1:" + std::to_string(cli::kTunnelPort));
  std::string ca = flags.ca;
  const bool is_here =
      std::ranges::all_of(edges, [](const std::string& edge) { return host_of(edge).is_loopback(); });
  std::error_code error;
  if (ca.empty() && token.empty() && is_here && std::filesystem::exists(cli::kOwnCaPath, error))
    ca = cli::kOwnCaPath;
  auto context = context_for(ca, token);
  if (!context) return refuse(context.error());

  const std::unique_ptr<Log> log = make_log(Level::kWarning, false);
  auto process = role::Process::create(*log, {.workers = 0});
  if (!process) return refuse(process.error());
  const std::string port = std::to_string(flags.port);
  const std::string machine = role::name_of_this_machine();
  // One that serves another port is another origin.
  std::string instance = machine.substr(0, 63 - 1 - port.size()) + '-' + port;
  auto offer =
      offer_of({.name = flags.name.empty() ? spoken_name((*process)->control().env().random) : flags.name,
                .target = flags.host + ':' + port,
                .type = agent::type_of(flags.type),
                .ca_file = flags.origin_ca},
               instance);
  if (!offer) return refuse(offer.error());
  ShownWatch watch(terminal);
  std::vector<agent::Offer> offers;
  offers.push_back(std::move(*offer));
  run(**process, watch,
      {options_of(edges, agent::Agent::Options().links, machine, std::move(token), *context, true),
       std::move(offers)},
      nullptr, nullptr);
  return kDone;
}

}  // namespace weir::program
