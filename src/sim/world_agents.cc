// What World does of agents: who they are, their coming and going, what befalls them, and who visits what
// they bring.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "auth/pinned_token.h"
#include "base/check.h"
#include "sim/world.h"
#include "tls/client_context.h"
#include "tls/trust_store.h"
#include "wire/agent_messages.h"

namespace weir::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kVisitorPatience = 20s;  // longer than two silent peers, one after the other
constexpr std::uint16_t kOriginPort = 3000;
constexpr int kFlaps = 5;

std::string account_name(std::size_t account) { return fmt::format("u{}", account + 1); }

auth::IssuedToken tunnel_token(std::size_t account) {
  std::array<std::byte, auth::kTokenEntropyBytes> entropy{};
  entropy.fill(static_cast<std::byte>(11 + account));
  return auth::make_token(entropy);
}

}  // namespace

// --- who they are

void World::add_agents() {
  if (script_.agents.empty()) return;
  auto authorities = tls::TrustStore::parse(authority_->root_pem());
  WEIR_CHECK(authorities.has_value());
  auto tls = tls::ClientContext::create(
      {.authorities = std::move(*authorities), .protocols = {std::string(wire::kProtocol)}});
  WEIR_CHECK(tls.has_value());
  agents_tls_ = std::move(*tls);
  for (std::size_t i = 0; i < script_.controllers; ++i) {
    tell({.kind = Event::Kind::kJoined, .node = machines_[i]->name, .key = "store"});
  }
  for (std::size_t i = 0; i < script_.agents.size(); ++i) {
    Tenant& tenant = tenants_.emplace_back(Tenant{.plan = script_.agents[i]});
    tenant.machines = {&add_machine(fmt::format("a{}", i + 1), fmt::format("10.0.5.{}", i + 1)),
                       &add_machine(fmt::format("b{}", i + 1), fmt::format("10.0.6.{}", i + 1))};
    releases_.push_back(std::make_unique<Writer>(*visitors_->env,
                                                 Writer::Options{.name = tenant.service(),
                                                                 .controllers = controllers(),
                                                                 .origins = {},
                                                                 .seed = script_.seed + 100 + i},
                                                 [this](Event event) { tell(std::move(event)); }));
  }
}

void World::put_accounts(store::Transaction& transaction) {
  for (std::size_t i = 0; i < kAccounts; ++i) {
    config::Object user;
    user.metadata.name = account_name(i);
    user.spec = config::UserSpec{.email = account_name(i) + "@example.com"};
    transaction.put("users/" + user.metadata.name, config::to_json(user, config::Secrets::kKeep));
    config::Object token;
    token.metadata.name = account_name(i);
    token.spec = config::TokenSpec{
        .role = config::Role::kTunnel, .user = account_name(i), .hash = tunnel_token(i).hash.to_text()};
    transaction.put("tokens/" + token.metadata.name, config::to_json(token, config::Secrets::kKeep));
  }
}

// --- their coming and going

// A session on the machine that the one before is not on.
void World::come(Tenant& tenant) {
  ++tenant.sessions;
  Machine& machine = tenant.now();
  if (!machine.agents.empty()) tasks_.spawn(go(machine, false));
  std::map<std::string, std::string> edges;
  for (std::size_t i = 0; i < script_.edges; ++i) edges[edge(i).ip] = edge(i).name;
  const std::string name = fmt::format("{}.{}", machine.name, tenant.sessions);
  const std::string instance = fmt::format("i{}", tenant.plan.instance + 1);
  tell({.kind = Event::Kind::kCame,
        .node = name,
        .key = tenant.service(),
        .text = instance,
        .mark = account_name(tenant.plan.account)});
  machine.agents.push_back(std::make_unique<AgentNode>(
      *machine.env,
      AgentNode::Options{
          .name = name,
          .service = tenant.service(),
          .instance = instance,
          .origin =
              *net::Address::parse_ip(machine.ip, static_cast<std::uint16_t>(kOriginPort + tenant.sessions)),
          .token = auth::pinned_text(auth::kTunnelPrefix, tunnel_token(tenant.plan.account).text,
                                     authority_->fingerprint()),
          .tls = agents_tls_,
          .edges = std::move(edges)},
      [this](Event event) { tell(std::move(event)); },
      [this, name](const std::string& /*from*/, const std::string& host, const std::string& path) {
        asked(name, host, path);
      }));
}

// Who is there now.
net::Task<void> World::go(Machine& machine, bool kindly) {
  if (machine.agents.empty()) co_return;
  AgentNode* node = machine.agents.back().get();
  const std::string name = node->name();
  if (kindly) co_await node->leave();
  const auto found = std::ranges::find_if(machine.agents, [&](const auto& one) { return one.get() == node; });
  if (found == machine.agents.end()) co_return;  // it was killed meanwhile
  const std::unique_ptr<AgentNode> mine = std::move(*found);
  machine.agents.erase(found);
  tell({.kind = Event::Kind::kWent, .node = name});
  co_await mine->stop();
}

net::Task<void> World::move(Step step) {
  Tenant& tenant = tenants_.at(step.a);
  Machine& before = tenant.now();
  const Duration pause = step.lasts / 10;
  switch (step.bits) {
    case Step::kLeaves:
      co_await go(before, true);
      come(tenant);
      break;
    case Step::kKilled:
      co_await go(before, false);
      if (co_await fake_.loop.sleep(pause)) come(tenant);
      break;
    case Step::kLate: {
      isolate(before.ip, true, true);
      net::TaskGroup leaving(fake_.loop);
      leaving.spawn(go(before, true));
      if (co_await fake_.loop.sleep(pause)) come(tenant);
      (void)co_await fake_.loop.sleep(step.lasts);
      isolate(before.ip, true, false);
      co_await leaving.join();
      break;
    }
    default:
      come(tenant);
      (void)co_await fake_.loop.sleep(step.lasts);
      co_await go(before, step.bits == Step::kTwinLeaves);
      break;
  }
}

// The next to come gets the name.
net::Task<void> World::release(Step step) {
  releases_.at(step.a)->remove();
  (void)co_await fake_.loop.sleep(step.lasts);
  Tenant& tenant = tenants_.at(step.a);
  co_await go(tenant.now(), false);
  come(tenant);
}

// --- what befalls them

net::Task<void> World::befall(Step step) {
  switch (step.kind) {
    case Step::Kind::kMove: co_return co_await move(step);
    case Step::Kind::kRelease: co_return co_await release(step);
    case Step::Kind::kFlap: co_return co_await flap(tenants_.at(step.a).now(), step.lasts);
    case Step::Kind::kCutAgent:
      fake_.network.cut_between(tenants_.at(step.a).now().ip, edge(step.b).ip);
      co_return;
    case Step::Kind::kCutEdges: fake_.network.cut_between(edge(step.a).ip, edge(step.b).ip); co_return;
    default: break;
  }
  Machine& machine = step.kind == Step::Kind::kPartEdges ? edge(step.a) : tenants_.at(step.a).now();
  set_agent_fault(step, machine, true);
  (void)co_await fake_.loop.sleep(step.lasts);
  set_agent_fault(step, machine, false);
}

void World::set_agent_fault(const Step& step, Machine& machine, bool on) {
  if (step.kind != Step::Kind::kMuffle) return part(machine, edge(step.b), step, on);
  for (std::size_t i = 0; i < script_.edges; ++i) {
    obstruct(step.bits == 1 ? machine.ip : edge(i).ip, step.bits == 1 ? edge(i).ip : machine.ip, on);
  }
}

// Of edges, one way at least.
void World::part(Machine& one, Machine& other, const Step& step, bool on) {
  if (step.bits != 2) obstruct(one.ip, other.ip, on);
  const bool both = step.kind == Step::Kind::kPartAgent ? step.bits != 1 : step.bits == 0;
  if (both) obstruct(other.ip, one.ip, on);
}

net::Task<void> World::flap(Machine& machine, Duration lasts) {
  for (int i = 0; i < kFlaps; ++i) {
    isolate(machine.ip, true, true);
    auto slept = co_await fake_.loop.sleep(lasts / kFlaps / 2);
    isolate(machine.ip, true, false);
    if (slept) slept = co_await fake_.loop.sleep(lasts / kFlaps / 2);
    if (!slept) co_return;
  }
}

// Of those that tunnels concern.
void World::reached(const std::string& one, const std::string& other, int change) {
  if (tenants_.empty()) return;
  int& count = parted_[{std::min(one, other), std::max(one, other)}];
  count += change;
  if (count == (change > 0 ? 1 : 0)) {
    tell({.kind = count > 0 ? Event::Kind::kParted : Event::Kind::kJoined,
          .node = std::min(one, other),
          .key = std::max(one, other)});
  }
}

// --- who visits

// path: "/e1/17", of one visit.
void World::asked(const std::string& session, const std::string& host, const std::string& path) {
  const auto visit = visits_.find(path);
  WEIR_CHECK(visit != visits_.end());  // they are never forgotten: packets come late
  tell({.kind = Event::Kind::kReached,
        .node = session,
        .key = host.substr(0, host.find('.')),
        .text = visit->second.first,
        .since = visit->second.second});
}

// Somebody who asks an edge for what agents bring. Does not wait for one answer before the next.
net::Task<void> World::visit_tunnels(std::size_t at_edge) {
  Random random(script_.seed * 37 + at_edge);
  net::TaskGroup visits(fake_.loop);
  for (std::size_t i = 1;; ++i) {
    if (!co_await fake_.loop.sleep(std::chrono::milliseconds(100 + random.below(600)))) break;
    const Tenant& tenant = tenants_[random.below(tenants_.size())];
    visits.spawn(visit_tunnel(edge(at_edge), tenant.service(), i));
  }
  co_await visits.stop();
}

net::Task<void> World::visit_tunnel(Machine& at, std::string service, std::size_t number) {
  const std::string path = fmt::format("/{}/{}", at.name, number);
  const Duration since = fake_.loop.now() - began_;
  const std::string host = service + ".weir.localhost";
  visits_[path] = {at.name, since};
  const auto reply = co_await request(
      *visitors_->env, *net::Address::parse_ip(at.ip, kHttpPort),
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", path, host), kVisitorPatience);
  if (reply && reply->status == 200) {
    ++outcome_.served;
    ++outcome_.tunnelled;
    asked(reply->text.substr(reply->text.find("\r\n\r\n") + 4), host, path);
  } else if (!at.down && (reply || reply.error().code != Code::kCancelled)) {
    tell({.kind = Event::Kind::kMissed,
          .node = at.name,
          .key = service,
          .text = reply ? fmt::format("{}", reply->status) : std::string(reply.error().text),
          .since = since});
  }
}

}  // namespace weir::sim
