// tunnel_peer: the two ends of an agent's connection as programs of their own, for `./dev bench tunnel`: what
// tunnels cost without accounts, routes and HTTP.
//
//   tunnel_peer edge VISITORS_PORT AGENTS_PORT CERTIFICATE KEY
//                                  TCP on VISITORS_PORT goes to the service "web" of the last agent that came
//   tunnel_peer agent AGENTS_PORT AUTHORITY ORIGIN_PORT
//                                  brings the service "web", which is at ORIGIN_PORT
//   tunnel_peer agents AGENTS_PORT AUTHORITY COUNT
//                                  so many agents that bring nothing and wait
// All say "ready" once there is a session, or all of them, and run until they are ended.
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/link.h"
#include "bench/peer.h"
#include "net/core.h"
#include "net/pump.h"
#include "net/task_group.h"
#include "tls/certificate.h"
#include "tls/certificate_set.h"
#include "tls/client_context.h"
#include "tls/server_context.h"
#include "tunnel/port.h"

namespace {

using namespace weir;
using namespace weir::bench;
using namespace std::chrono_literals;

std::string read_file(const char* path) {
  std::ifstream file(path);
  if (!file) die(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// --- the edge

struct Gate final : tunnel::AgentGate {
  std::expected<std::string, std::string> hello(tunnel::AgentSession& session,
                                                const tunnel::AgentCredential& /*credential*/) override {
    last = &session;
    return "bench";
  }
  std::expected<std::vector<std::string>, std::string> registered(tunnel::AgentSession& /*session*/,
                                                                  const wire::Register& /*wanted*/) override {
    say("ready");
    return std::vector<std::string>{};
  }
  void unregistered(tunnel::AgentSession& /*session*/, const wire::Origin& /*origin*/) override {}
  void health(tunnel::AgentSession& /*session*/, const wire::Health& /*health*/) override {}
  void ended(tunnel::AgentSession& session, std::string_view why) override {
    say("ended: " + std::string(why));
    if (last == &session) last = nullptr;
  }
  tunnel::AgentSession* last = nullptr;
};

net::Task<void> forward(Gate& gate, net::Accepted accepted) {
  if (gate.last == nullptr) co_return;
  auto origin = co_await gate.last->open("web", accepted.peer, 5s);
  if (origin) co_await net::carry(std::move(accepted.stream), *std::move(origin), Duration::max());
}

net::Task<void> take_visitors(Gate& gate, net::Listener& listener, net::TaskGroup& visitors) {
  for (;;) {
    auto accepted = co_await listener.accept();
    if (!accepted) die(sentence_of(accepted.error()));
    visitors.spawn(forward(gate, *std::move(accepted)));
  }
}

void run_edge(net::Core& core, char** arguments) {
  const auto certificate = value_of(tls::Certificate::load(read_file(arguments[2]), read_file(arguments[3])));
  const auto context = value_of(
      tls::ServerContext::create({.protocols = {std::string(wire::kProtocol)}, .tls13_only = true},
                                 std::make_shared<const tls::CertificateSet>(
                                     std::vector<std::shared_ptr<const tls::Certificate>>{certificate}),
                                 std::make_shared<tls::TicketKeys>()));
  Gate gate;
  tunnel::Registry registry;
  tunnel::Attachments attachments(registry, core.env());
  tunnel::Port port(core.env(), attachments, gate,
                    {.context = context, .welcome = {.edge = "bench"}, .domain = "bench"});
  const auto at = [](std::string_view number) {
    return net::Address::v4({127, 0, 0, 1}, number_of<std::uint16_t>(number));
  };
  const auto for_visitors = value_of(core.env().network.listen(at(arguments[0])));
  const auto for_agents = value_of(core.env().network.listen(at(arguments[1])));
  net::TaskGroup visitors(core.loop());
  net::TaskGroup ports(core.loop());
  ports.spawn(take_visitors(gate, *for_visitors, visitors));
  ports.spawn(port.serve(*for_agents));
  core.loop().run();
}

// --- the agent

struct Owner final : agent::LinkOwner {
  void welcomed(agent::Link& /*link*/) override {}
  void registered(agent::Link& /*link*/, const wire::Registered& /*answer*/) override { say("ready"); }
  void request(agent::Link& /*link*/, const wire::RequestLine& /*line*/) override {}
  void draining(agent::Link& /*link*/) override {}
};

net::Task<void> attach(agent::Link& link) {
  const auto ended = co_await link.run();
  die(ended ? "ended" : sentence_of(ended.error()));
}

void run_agent(net::Core& core, char** arguments) {
  const auto context = value_of(
      tls::ClientContext::create({.authorities = value_of(tls::TrustStore::parse(read_file(arguments[1]))),
                                  .protocols = {std::string(wire::kProtocol)}}));
  agent::Offers offers;
  offers["web"] = {.wanted = {.origin = {"web", "bench"}, .type = "tcp"},
                   .target = {"127.0.0.1", number_of<std::uint16_t>(arguments[2])}};
  Owner owner;
  agent::Link link(core.env(), owner, offers,
                   {.edge = {"localhost", number_of<std::uint16_t>(arguments[0])},
                    .tls = context,
                    .hello = {.agent = "bench", .version = WEIR_VERSION}});
  net::TaskGroup tasks(core.loop());
  tasks.spawn(attach(link));
  core.loop().run();
}

// --- many agents, who come one after the other

struct Crowd final : agent::LinkOwner {
  void welcomed(agent::Link& /*link*/) override { came.set(); }
  void registered(agent::Link& /*link*/, const wire::Registered& /*answer*/) override {}
  void request(agent::Link& /*link*/, const wire::RequestLine& /*line*/) override {}
  void draining(agent::Link& /*link*/) override {}
  net::Event came;
};

net::Task<void> attach_all(net::Core& core, Crowd& crowd, const agent::Offers& offers,
                           agent::Link::Options options, std::vector<std::unique_ptr<agent::Link>>& links,
                           net::TaskGroup& tasks, std::size_t count) {
  while (links.size() < count) {
    links.push_back(std::make_unique<agent::Link>(core.env(), crowd, offers, options));
    tasks.spawn(attach(*links.back()));
    if (!co_await crowd.came.wait(core.loop())) co_return;
    crowd.came.reset();
  }
  say("ready");
}

void run_agents(net::Core& core, char** arguments) {
  const auto context = value_of(
      tls::ClientContext::create({.authorities = value_of(tls::TrustStore::parse(read_file(arguments[1]))),
                                  .protocols = {std::string(wire::kProtocol)}}));
  const agent::Offers offers;
  Crowd crowd;
  std::vector<std::unique_ptr<agent::Link>> links;
  net::TaskGroup tasks(core.loop());
  tasks.spawn(attach_all(core, crowd, offers,
                         {.edge = {"localhost", number_of<std::uint16_t>(arguments[0])},
                          .tls = context,
                          .hello = {.agent = "bench", .version = WEIR_VERSION}},
                         links, tasks, number_of<std::uint32_t>(arguments[2])));
  core.loop().run();
}

}  // namespace

int main(int count, char** arguments) {
  Silence log;
  const auto core = value_of(net::Core::create(log));
  const std::string_view role = count > 1 ? arguments[1] : "";
  if (role == "edge" && count == 6) {
    run_edge(*core, arguments + 2);
  } else if (role == "agent" && count == 5) {
    run_agent(*core, arguments + 2);
  } else if (role == "agents" && count == 5) {
    run_agents(*core, arguments + 2);
  } else {
    die("usage: see the head of tunnel_peer.cc");
  }
}
