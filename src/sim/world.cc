#include "sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "config/kinds.h"
#include "mirror/records.h"

namespace weir::sim {
namespace {

using namespace std::chrono_literals;

// Longer than any fault and whatever a client waits for.
constexpr Duration kSettleBound = std::chrono::minutes(5);
constexpr Duration kEndBound = std::chrono::minutes(2);  // for all tasks to end

// As the history writes it.
std::string text_of(const config::Object& object) {
  std::string text;
  if (const auto* service = std::get_if<config::ServiceSpec>(&object.spec)) {
    for (const auto& endpoint : service->endpoints) text += (text.empty() ? "" : " ") + endpoint.address;
    const std::string_view owner = config::owner_of(object);
    if (!owner.empty()) text.append(text.empty() ? "of " : " of ").append(owner);
  }
  if (const auto* tunnel = std::get_if<config::TunnelSpec>(&object.spec)) {
    text = fmt::format("{} {}@{} {}", tunnel->service, tunnel->instance, tunnel->edge, tunnel->user);
  }
  if (const auto* balancer = std::get_if<config::LoadBalancerSpec>(&object.spec)) {
    text = balancer->routes.at(0).backends.at(0).service;
    for (const auto& [label, value] : balancer->edges.match) text += " @" + value;
  }
  if (text.empty()) text = "there";
  return text;
}

}  // namespace

// --- its making and its end

World::World(const Script& script, std::shared_ptr<const tls::Authority> authority)
    : script_(script),
      authority_(std::move(authority)),
      fake_(script.seed),
      engine_(*store::Engine::open({.directory = {}, .threaded = false})),
      store_(*engine_, fake_.loop),
      began_(fake_.loop.now()),
      history_([this](const Event& event) { judge(event); }),
      tasks_(fake_.loop) {
  invariants::Edges edges;
  for (std::size_t i = 0; i < script_.controllers; ++i) {
    add_machine(fmt::format("c{}", i + 1), fmt::format("10.0.1.{}", i + 1));
  }
  for (std::size_t i = 0; i < script_.edges; ++i) {
    Machine& machine = add_machine(fmt::format("e{}", i + 1), fmt::format("10.0.2.{}", i + 1));
    machine.directory = disk_.file(machine.name);
    std::filesystem::create_directory(machine.directory);
    edges.push_back({machine.name, fmt::format("r{}", 1 + i % kRegions)});
  }
  for (const auto& info : invariants::kInvariants) invariants_.emplace_back(info.name, info.make(edges));
  add_origins();
  visitors_ = &add_machine("visitors", "10.0.4.1");
  add_writers();
  add_agents();
  found();
}

void World::add_origins() {
  for (std::size_t i = 0; i < script_.origins; ++i) {
    Machine& machine = add_machine(fmt::format("o{}", i + 1), fmt::format("10.0.3.{}", i + 1));
    const std::string address = machine.ip + ":80";
    origins_.push_back(std::make_unique<Origin>(
        *machine.env, Origin::Options{.at = *net::Address::parse(address)},
        [this, address](const std::string& from, const std::string& host, const std::string& /*path*/) {
          const Machine* edge = machine_at(from);
          if (edge != nullptr)
            tell({.kind = Event::Kind::kServed, .node = edge->name, .key = host, .text = address});
        }));
  }
}

void World::add_writers() {
  std::vector<std::string> addresses;
  for (std::size_t i = 0; i < script_.origins; ++i) addresses.push_back(fmt::format("10.0.3.{}:80", i + 1));
  for (std::size_t i = 0; i < script_.balancers; ++i) {
    writers_.push_back(std::make_unique<Writer>(*visitors_->env,
                                                Writer::Options{.name = fmt::format("l{}", i + 1),
                                                                .controllers = controllers(),
                                                                .origins = addresses,
                                                                .seed = script_.seed + i},
                                                [this](Event event) {
                                                  ++outcome_.acknowledged;
                                                  tell(std::move(event));
                                                }));
  }
}

std::vector<std::string> World::controllers() const {
  std::vector<std::string> ips;
  for (std::size_t i = 0; i < script_.controllers; ++i) ips.push_back(machines_[i]->ip);
  return ips;
}

World::Machine* World::machine_at(const std::string& ip) {
  const auto found = std::ranges::find_if(machines_, [&](const auto& one) { return one->ip == ip; });
  return found == machines_.end() ? nullptr : found->get();
}

World::Machine& World::add_machine(std::string name, std::string ip) {
  auto machine = std::make_unique<Machine>();
  machine->name = std::move(name);
  machine->network = fake_.network.machine(*net::Address::parse_ip(ip, 0));
  machine->ip = std::move(ip);
  machine->env = std::make_unique<net::Env>(net::Env{fake_.loop, *machine->network, fake_.random, fake_.log});
  machines_.push_back(std::move(machine));
  return *machines_.back();
}

// What is there before anything happens: who may write, and who the edges are.
void World::found() {
  store::Transaction transaction;
  config::Object token;
  token.metadata.name = "admin";
  token.spec = config::TokenSpec{.role = config::Role::kAdmin, .hash = admin_token().hash.to_text()};
  transaction.put("tokens/admin", config::to_json(token, config::Secrets::kKeep));
  for (std::size_t i = 0; i < script_.edges; ++i) {
    config::Object edge;
    edge.metadata.name = machines_[script_.controllers + i]->name;
    edge.spec = config::EdgeSpec{.region = fmt::format("r{}", 1 + i % kRegions)};
    transaction.put("edges/" + edge.metadata.name, config::to_json(edge, config::Secrets::kKeep));
  }
  if (!tenants_.empty()) put_accounts(transaction);
  const auto done = fake_.run(store_.commit(std::move(transaction)));
  WEIR_CHECK(done && *done);
  tasks_.spawn(watch_store());
  for (const auto& machine : machines_) start(*machine);
  for (std::size_t i = 0; i < script_.edges; ++i) tasks_.spawn(visit(i));
  for (Tenant& tenant : tenants_) come(tenant);
  for (std::size_t i = 0; i < script_.edges && !tenants_.empty(); ++i) tasks_.spawn(visit_tunnels(i));
}

World::~World() { WEIR_CHECK(fake_.run(stop_all(), kEndBound)); }

net::Task<void> World::stop_all() {
  for (const auto& writer : writers_) co_await writer->stop();
  for (const auto& writer : releases_) co_await writer->stop();
  co_await tasks_.stop();
  for (const auto& machine : machines_) co_await stop(*machine);
  for (const auto& origin : origins_) co_await origin->stop();
}

void World::start(Machine& machine) {
  if (machine.name.starts_with('c')) {
    machine.controller = std::make_unique<ControllerNode>(
        *machine.env, ControllerNode::Options{.ip = machine.ip,
                                              .engine = *engine_,
                                              .faults = machine.faults,
                                              .leads = [this, &machine] { return leads(machine); },
                                              .authority = authority_});
  }
  if (machine.name.starts_with('e')) {
    machine.edge =
        std::make_unique<EdgeNode>(*machine.env,
                                   EdgeNode::Options{.name = machine.name,
                                                     .ip = machine.ip,
                                                     .region = {},
                                                     .controllers = controllers(),
                                                     .directory = machine.directory,
                                                     .authority = tenants_.empty() ? nullptr : authority_},
                                   [this, &machine](std::uint64_t revision, Event::Held held) {
                                     ++outcome_.applied;
                                     tell({.kind = Event::Kind::kApplied,
                                           .node = machine.name,
                                           .revision = revision,
                                           .held = std::move(held)});
                                   });
    machine.edge->start();
  }
  machine.down = false;
}

net::Task<void> World::stop(Machine& machine) {
  machine.down = true;
  if (machine.controller) co_await machine.controller->stop();
  machine.controller.reset();
  if (machine.edge) co_await machine.edge->stop();
  machine.edge.reset();
  while (!machine.agents.empty()) {
    const std::unique_ptr<AgentNode> last = std::move(machine.agents.back());
    machine.agents.pop_back();
    co_await last->stop();
  }
}

// The first that is there.
bool World::leads(const Machine& asking) const {
  for (std::size_t i = 0; i < script_.controllers; ++i) {
    if (!machines_[i]->down && !machines_[i]->faults.unreachable) return machines_[i].get() == &asking;
  }
  return false;
}

// --- what is seen of it

void World::tell(Event event) {
  event.at = fake_.loop.now() - began_;
  history_.add(std::move(event));
}

void World::judge(const Event& event) {
  for (const auto& [name, invariant] : invariants_) {
    auto sentence = invariant->see(event);
    if (!sentence || !outcome_.broken.empty()) continue;
    outcome_.broken = name;
    outcome_.sentence = std::move(*sentence);
  }
}

net::Task<void> World::watch_store() {
  store::Revision seen = 0;
  for (;;) {
    const auto changes = co_await store_.changes(seen, store::kPageEntriesMax);
    if (!changes) co_return;
    for (const store::Change& change : changes->changes) committed(change);
    seen = changes->revision;
    if (const auto past = co_await store_.wait_past(seen, 24h); !past) co_return;
  }
}

void World::committed(const store::Change& change) {
  if (change.key.starts_with("events/")) return;
  Event event{.kind = Event::Kind::kCommitted, .key = change.key, .revision = change.revision};
  if (change.value) {
    const auto object = mirror::decode(*change.value, change.revision);
    WEIR_CHECK(object.has_value());
    event.text = text_of(*object);
    const auto mark = object->metadata.annotations.find("mark");
    if (mark != object->metadata.annotations.end()) event.mark = mark->second;
  }
  tell(std::move(event));
}

// Somebody who asks an edge for one thing after the other.
net::Task<void> World::visit(std::size_t edge) {
  Random random(script_.seed * 31 + edge);
  const net::Env& own = *visitors_->env;
  net::Env env = own;
  const net::Address at = *net::Address::parse_ip(machines_[script_.controllers + edge]->ip, kHttpPort);
  for (;;) {
    if (!co_await env.loop.sleep(std::chrono::milliseconds(100 + random.below(400)))) co_return;
    const std::string host = fmt::format("l{}", 1 + random.below(script_.balancers));
    const auto reply = co_await request(
        env, at, fmt::format("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host), 2s);
    if (reply && reply->status == 200) {
      ++outcome_.served;
    } else if (!machines_[script_.controllers + edge]->down) {
      tell({.kind = Event::Kind::kFailed,
            .node = machines_[script_.controllers + edge]->name,
            .key = host,
            .text = reply ? fmt::format("{}", reply->status) : std::string(reply.error().text)});
    }
  }
}

// --- what befalls it

void World::take(const Step& step) {
  if (is_fault(step.kind)) {
    tasks_.spawn(fault(step));
    return;
  }
  switch (step.kind) {
    case Step::Kind::kWrite:
      writers_.at(step.a)->write(step.bits,
                                 step.b < kRegions ? fmt::format("r{}", 1 + step.b) : std::string());
      break;
    case Step::Kind::kDelete: writers_.at(step.a)->remove(); break;
    case Step::Kind::kDrain: writers_.at(step.a)->drain(); break;
    case Step::Kind::kSick:
    case Step::Kind::kWell: {
      const bool sick = step.kind == Step::Kind::kSick;
      if (origins_.at(step.a)->sick() == sick) break;
      origins_[step.a]->set_sick(sick);
      tell({.kind = sick ? Event::Kind::kSick : Event::Kind::kWell,
            .node = fmt::format("10.0.3.{}:80", step.a + 1)});
      break;
    }
    default: break;
  }
}

net::Task<void> World::fault(Step step) {
  ++faults_;
  if (step.kind >= Step::Kind::kMove) {
    co_await befall(step);
    --faults_;
    co_return;
  }
  Machine& machine = *machines_.at(step.a);
  if (step.kind == Step::Kind::kRestart || step.kind == Step::Kind::kForget) {
    co_await restart(machine, step);
  } else if (step.kind == Step::Kind::kCut) {
    const Machine& other = *machines_.at(step.b);
    fake_.network.cut_between(machine.ip, other.ip);
    reached(machine.name, other.name, 1);
    reached(machine.name, other.name, -1);
  } else {
    set_fault(step, true);
    const auto slept = co_await fake_.loop.sleep(step.lasts);
    set_fault(step, false);
    if (!slept) co_return;
  }
  --faults_;
}

void World::set_fault(const Step& step, bool on) {
  Machine& machine = *machines_.at(step.a);
  switch (step.kind) {
    case Step::Kind::kPart: {
      Machine& other = *machines_.at(step.b);
      obstruct(machine.ip, other.ip, on);
      obstruct(other.ip, machine.ip, on);
      trouble(other, on);
      break;
    }
    case Step::Kind::kDeafen:
      isolate(machine.ip, false, on);
      trouble(machine, on);
      break;
    case Step::Kind::kMute: machine.faults.deaf = on; break;
    case Step::Kind::kAway:
      machine.faults.unreachable = on;
      trouble(machine, on);
      break;
    case Step::Kind::kLoseAnswer: machine.faults.loses_answers = on; break;
    default: break;
  }
}

net::Task<void> World::restart(Machine& machine, Step step) {
  if (machine.down) co_return;
  machine.down = true;
  const bool silent = step.bits == 1;
  trouble(machine, true);
  if (silent) isolate(machine.ip, true, true);
  co_await stop(machine);
  const auto slept = co_await fake_.loop.sleep(step.lasts);
  if (slept) {
    if (step.kind == Step::Kind::kForget) {
      std::filesystem::remove_all(machine.directory);
      std::filesystem::create_directory(machine.directory);
      tell({.kind = Event::Kind::kForgot, .node = machine.name});
    }
    start(machine);
    if (machine.edge) tell({.kind = Event::Kind::kStarted, .node = machine.name});
  }
  if (silent) isolate(machine.ip, true, false);
  trouble(machine, false);
}

// Counted: several faults may stand in one way.
void World::obstruct(const std::string& from, const std::string& to, bool on) {
  int& count = obstructions_[{from, to}];
  count += on ? 1 : -1;
  if (count != (on ? 1 : 0)) return;
  fake_.network.obstruct(from, to, on);
  const auto ours = [](const Machine& machine) { return !machine.name.starts_with('o'); };
  const Machine& one = *machine_at(from);
  const Machine& other = *machine_at(to);
  if (ours(one) && ours(other)) reached(one.name, other.name, on ? 1 : -1);
}

void World::isolate(const std::string& ip, bool both_ways, bool on) {
  for (const auto& other : machines_) {
    if (other->ip == ip) continue;
    obstruct(other->ip, ip, on);
    if (both_ways) obstruct(ip, other->ip, on);
  }
}

// What touches a controller may touch every edge.
void World::trouble(Machine& machine, bool on) {
  if (machine.name.starts_with('c')) reached(machine.name, "store", on ? 1 : -1);
  for (std::size_t i = 0; i < script_.edges; ++i) {
    Machine& edge = *machines_[script_.controllers + i];
    if (machine.name.starts_with('e') && &machine != &edge) continue;
    edge.troubles += on ? 1 : -1;
    if (edge.troubles == (on ? 1 : 0)) {
      tell({.kind = on ? Event::Kind::kTroubled : Event::Kind::kCalm, .node = edge.name});
    }
  }
}

bool World::settled() const {
  for (const auto* writers : {&writers_, &releases_}) {
    if (!std::ranges::all_of(*writers, [](const auto& writer) { return writer->idle(); })) return false;
  }
  return faults_ == 0;
}

// In pieces, so that what is broken ends it soon.
void World::pass(Duration time) {
  constexpr Duration kPiece = std::chrono::milliseconds(250);
  for (; time > Duration::zero() && outcome_.broken.empty(); time -= kPiece) {
    fake_.advance(std::min(time, kPiece));
  }
}

Outcome World::run() {
  pass(2s);
  for (const Step& step : script_.steps) {
    if (!outcome_.broken.empty()) break;
    tell({.kind = Event::Kind::kStep, .text = sim::text_of(step, script_)});
    take(step);
    pass(step.pause);
  }
  for (Duration waited{}; !settled() && outcome_.broken.empty(); waited += 1s) {
    WEIR_CHECK(waited < kSettleBound);
    pass(1s);
  }
  if (outcome_.broken.empty()) tell({.kind = Event::Kind::kQuiet});
  pass(tenants_.empty() ? invariants::kFollowBound
                        : std::max(invariants::kFollowBound, invariants::kTunnelsBound));
  if (outcome_.broken.empty()) tell({.kind = Event::Kind::kEnd});
  outcome_.digest = history_.digest();
  outcome_.lines = history_.lines();
  if (!outcome_.broken.empty()) {
    outcome_.log = fake_.log.text();
    for (const auto& machine : machines_) {
      if (machine->edge) outcome_.log += machine->name + ": " + machine->edge->trouble() + "\n";
    }
  }
  outcome_.lasted = fake_.loop.now() - began_;
  return outcome_;
}

}  // namespace weir::sim
