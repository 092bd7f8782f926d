#include "sim/scale.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>

#include <filesystem>
#include <utility>

#include "base/check.h"
#include "mirror/records.h"
#include "sim/client.h"

namespace weir::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kObjectsPerCommit = 500;
constexpr Duration kComeBound = 2min;  // for all edges to have all, of the world's time
constexpr Duration kPatience = 60s;    // for an answer
constexpr Duration kEndBound = 2min;
constexpr int kFlips = 20;

Duration processor_time() {
  rusage used{};
  WEIR_CHECK(getrusage(RUSAGE_SELF, &used) == 0);
  return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

std::int64_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

// Of a load balancer and its service, the number of which is `at`.
std::string service_text(std::size_t at, std::size_t endpoints, std::string_view port) {
  std::string list;
  for (std::size_t i = 0; i < endpoints; ++i) {
    const std::size_t number = at * endpoints + i;
    list += fmt::format(R"({}{{"address":"11.{}.{}.{}:{}"}})", i == 0 ? "" : ",", number >> 16U & 255U,
                        number >> 8U & 255U, number & 255U, i == 0 ? port : "80");
  }
  return fmt::format(R"({{"kind":"Service","metadata":{{"name":"s{}"}},"spec":{{"endpoints":[{}]}}}})", at,
                     list);
}

std::string balancer_text(std::size_t at, const std::string& match) {
  return fmt::format(
      R"({{"kind":"LoadBalancer","metadata":{{"name":"l{0}"}},"spec":{{"listeners":[{{"protocol":"HTTP",)"
      R"("hostnames":["l{0}.example"]}}],"routes":[{{"backends":[{{"service":"s{0}"}}]}}],)"
      R"("edges":{{"match":{{{1}}}}}}}}})",
      at, match);
}

std::string group_label(std::size_t group) { return fmt::format(R"("group":"g{}")", group); }

std::string name_of_edge(std::size_t at) { return fmt::format("e{}", at); }

}  // namespace

Scale::Scale(const ScaleSize& size, std::shared_ptr<const tls::Authority> authority, Told told)
    : size_(size),
      authority_(std::move(authority)),
      told_(std::move(told)),
      engine_(*store::Engine::open({.directory = {}, .threaded = false})),
      store_(*engine_, fake_.loop) {
  for (std::size_t i = 0; i < size_.controllers; ++i) {
    controller_ips_.push_back(add_machine(fmt::format("10.0.1.{}", i + 1)).ip);
  }
  for (std::size_t i = 0; i < size_.edges; ++i) add_machine(fmt::format("10.1.{}.{}", i / 250, 1 + i % 250));
  add_machine("10.0.4.1");
}

Scale::~Scale() { WEIR_CHECK(fake_.run(stop_all(), kEndBound)); }

Scale::Machine& Scale::add_machine(std::string ip) {
  auto machine = std::make_unique<Machine>();
  machine->network = fake_.network.machine(*net::Address::parse_ip(ip, 0));
  machine->ip = std::move(ip);
  machine->env = std::make_unique<net::Env>(net::Env{fake_.loop, *machine->network, fake_.random, fake_.log});
  machines_.push_back(std::move(machine));
  return *machines_.back();
}

net::Task<void> Scale::stop_controllers() {
  for (const auto& controller : controllers_) co_await controller->stop();
  controllers_.clear();
}

net::Task<void> Scale::stop_all() {
  for (const auto& edge : edges_) co_await edge->stop();
  for (const auto& edge : whole_edges_) co_await edge->stop();
  co_await stop_controllers();
}

// --- what is there

void Scale::commit(std::vector<std::pair<std::string, std::string>> objects) {
  store::Transaction transaction;
  for (auto& [key, text] : objects) transaction.put(std::move(key), std::move(text));
  const auto done = fake_.run(store_.commit(std::move(transaction)));
  WEIR_CHECK(done && *done);
}

void Scale::fill() {
  std::vector<std::pair<std::string, std::string>> objects;
  const auto put = [&](config::Kind kind, const std::string& name, std::string text) {
    objects.emplace_back(mirror::key_of(kind, name), std::move(text));
    if (objects.size() >= kObjectsPerCommit) commit(std::exchange(objects, {}));
  };
  put(config::Kind::kToken, "admin",
      fmt::format(R"({{"kind":"Token","metadata":{{"name":"admin"}},"spec":{{"role":"admin","hash":"{}"}}}})",
                  admin_token().hash.to_text()));
  for (std::size_t i = 0; i < size_.edges; ++i) {
    put(config::Kind::kEdge, name_of_edge(i),
        fmt::format(R"({{"kind":"Edge","metadata":{{"name":"{}","labels":{{{}}}}},"spec":{{}}}})",
                    name_of_edge(i), group_label(i % size_.groups)));
  }
  for (std::size_t i = 0; i < size_.balancers; ++i) {
    put(config::Kind::kService, fmt::format("s{}", i), service_text(i, size_.endpoints, "80"));
    put(config::Kind::kLoadBalancer, fmt::format("l{}", i), balancer_text(i, group_label(i % size_.groups)));
  }
  for (std::size_t i = 0; i < size_.tunnels; ++i) {
    put(config::Kind::kTunnel, fmt::format("t{}", i),
        fmt::format(
            R"({{"kind":"Tunnel","metadata":{{"name":"t{0}"}},"spec":{{"service":"s{1}","instance":"i{0}",)"
            R"("edge":"{2}","relay":"{2}.example:8444","session":"x{0}",)"
            R"("client":"192.0.2.7:5000"}}}})",
            i, i % size_.balancers, name_of_edge(i % size_.edges)));
  }
  if (!objects.empty()) commit(std::move(objects));
}

void Scale::start_controllers() {
  for (std::size_t i = 0; i < size_.controllers; ++i) {
    controllers_.push_back(std::make_unique<ControllerNode>(
        *machines_[i]->env, ControllerNode::Options{.ip = machines_[i]->ip,
                                                    .engine = *engine_,
                                                    .faults = faults_,
                                                    .leads = [i] { return i == 0; },
                                                    .authority = authority_}));
  }
  fake_.run_until_idle();
}

void Scale::start_edges(std::size_t from, std::size_t count) {
  for (std::size_t i = from; i < from + count; ++i) {
    edges_.push_back(std::make_unique<LightEdge>(*machines_[size_.controllers + i]->env, name_of_edge(i),
                                                 controller_ips_));
    times_.push_back(0);
  }
}

void Scale::start_whole_edges() {
  for (std::size_t i = size_.edges - size_.whole_edges; i < size_.edges; ++i) {
    const std::string directory = disk_.file(name_of_edge(i));
    std::filesystem::create_directory(directory);
    Machine& machine = *machines_[size_.controllers + i];
    whole_edges_.push_back(
        std::make_unique<EdgeNode>(*machine.env,
                                   EdgeNode::Options{.name = name_of_edge(i),
                                                     .ip = machine.ip,
                                                     .region = {},
                                                     .controllers = controller_ips_,
                                                     .directory = directory},
                                   [this](std::uint64_t, const Event::Held&) { ++whole_told_; }));
    whole_edges_.back()->start();
  }
}

// --- what happens, and what it takes

LightEdge::Told Scale::told(std::uint64_t& edges) {
  LightEdge::Told sum;
  edges = 0;
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    const LightEdge::Told& told = edges_[i]->told();
    if (std::exchange(times_[i], told.times) != told.times) ++edges;
    sum.resources += told.resources;
    sum.bytes += told.bytes;
  }
  return sum;
}

template <class Do>
auto Scale::step(std::string what, Do act) {
  ScaleStep step{.what = std::move(what)};
  const LightEdge::Told before = told(step.edges);
  const Duration began = processor_time();
  const std::int64_t heap = heap_bytes();
  const bool done = act();
  step.heap_bytes = heap_bytes() - heap;
  step.processor = processor_time() - began;
  const LightEdge::Told after = told(step.edges);
  step.resources = after.resources - before.resources;
  step.bytes = after.bytes - before.bytes;
  told_(step);
  return done;
}

bool Scale::wait_for_edges(std::size_t count) {
  for (Duration waited{}; waited < kComeBound; waited += 1s) {
    fake_.advance(1s);
    std::size_t attached = 0;
    for (const auto& edge : edges_) attached += edge->attached() && edge->told().times > 0 ? 1 : 0;
    if (attached == count) return true;
  }
  return false;
}

bool Scale::apply(const std::string& objects) {
  const auto reply =
      fake_.run(request(*machines_.back()->env, *net::Address::parse_ip(controller_ips_[0], kApiPort),
                        api_request("POST", "/v1/apply", controller_ips_[0], objects), kPatience),
                kPatience);
  fake_.run_until_idle();
  return reply && *reply && (*reply)->status == 200;
}

bool Scale::run() {
  const std::size_t light = size_.edges - size_.whole_edges;
  const std::size_t first = std::min(size_.groups, light);
  const auto restart = [&] {
    if (!fake_.run(stop_controllers(), kEndBound)) return false;
    start_controllers();
    return wait_for_edges(light);
  };
  const auto start = [&](std::size_t from, std::size_t count) {
    start_edges(from, count);
    return wait_for_edges(from + count);
  };
  bool all = step("the database is filled", [&] { return fill(), true; });
  all = all && step("controllers start", [&] { return start_controllers(), true; });
  all = all && step("an edge of each group comes", [&] { return start(0, first); });
  all = all && step("all other edges come", [&] { return start(first, light - first); });
  all = all && step("edges with a data plane come", [&] {
          start_whole_edges();
          fake_.advance(10s);
          return whole_told_ >= size_.whole_edges;
        });
  all = all && step("ten seconds pass", [&] { return fake_.advance(10s), true; });
  for (int i = 0; all && i < kFlips; ++i) {
    const std::size_t at = static_cast<std::size_t>(i) % size_.balancers;
    all = step("an endpoint becomes another",
               [&] { return apply("[" + service_text(at, size_.endpoints, "81") + "]"); });
  }
  const auto add = [&](std::size_t at, const std::string& match) {
    return apply("[" + service_text(at, size_.endpoints, "80") + "," + balancer_text(at, match) + "]");
  };
  all =
      all && step("a load balancer more, of one group", [&] { return add(size_.balancers, group_label(0)); });
  all = all && step("a load balancer more, of every edge", [&] { return add(size_.balancers + 1, ""); });
  all = all && step("controllers start again", restart);
  return all;
}

}  // namespace weir::sim
