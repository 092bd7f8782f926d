#include "sim/agent_node.h"

#include <utility>

#include "invariants/invariants.h"
#include "sim/edge_node.h"

namespace weir::sim {
namespace {

constexpr Duration kDrainLimit = std::chrono::seconds(5);  // longer than any origin thinks
constexpr std::uint64_t kThinksOneIn = 4;

agent::Agent::Options agent_options(const AgentNode::Options& options) {
  agent::Agent::Options made{
      .hello = {.agent = options.name, .version = "1", .credential = options.token},
      .tls = options.tls,
      .edges = {},
      .links = invariants::kLinks,
  };
  for (const auto& [ip, name] : options.edges) {
    made.edges.push_back({.host = {.name = ip, .port = kTunnelPort}, .provider = {}, .region = {}});
  }
  return made;
}

}  // namespace

AgentNode::AgentNode(net::Env& env, Options options, Told told, Origin::Served served)
    : loop_(env.loop),
      options_(std::move(options)),
      told_(std::move(told)),
      origin_(env, {.at = options_.origin, .text = options_.name, .thinks_one_in = kThinksOneIn},
              std::move(served)),
      agent_(env, *this, agent_options(options_)),
      tasks_(env.loop) {
  agent_.offer({.wanted = {.origin = {.service = options_.service, .instance = options_.instance},
                           .type = "http",
                           .hostname = {}},
                .target = {.name = options_.origin.ip(), .port = options_.origin.port()},
                .tls = nullptr,
                .check = {},
                .reason = {}});
  tasks_.spawn(agent_.run());
}

net::Task<void> AgentNode::leave() {
  leaving_ = true;
  while (!attached_.empty()) lose(*attached_.begin(), {});
  const auto left = std::make_shared<net::Event>();
  tasks_.spawn(leave_edges(left));
  net::Loop& loop = loop_;  // when it is killed meanwhile, nothing of it is there any more
  (void)co_await left->wait(loop);
}

net::Task<void> AgentNode::leave_edges(std::shared_ptr<net::Event> left) {
  co_await agent_.leave(kDrainLimit);
  left->set();
}

net::Task<void> AgentNode::stop() {
  leaving_ = true;
  co_await tasks_.stop();
  co_await origin_.stop();
}

void AgentNode::registered(const wire::Welcome& edge, const wire::Registered& answer) {
  if (leaving_) return;
  if (!answer.refused.empty()) {
    lose(edge.edge, answer.refused);
  } else if (attached_.insert(edge.edge).second) {
    told_(
        {.kind = Event::Kind::kAttached, .node = options_.name, .key = options_.service, .text = edge.edge});
  }
}

void AgentNode::detached(const std::string& host, std::string_view /*why*/) {
  const std::string& edge = options_.edges.at(host);
  if (attached_.contains(edge)) lose(edge, {});
}

void AgentNode::lose(std::string edge, std::string why) {
  attached_.erase(edge);
  told_({.kind = Event::Kind::kDetached,
         .node = options_.name,
         .key = options_.service,
         .text = std::move(edge),
         .mark = std::move(why)});
}

}  // namespace weir::sim
