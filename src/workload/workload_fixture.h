// A world of nodes that are only said to be there, and the scheduler that gives them instances. For tests.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/object.h"
#include "mirror/mirror.h"
#include "mirror/records.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"
#include "testing/store_around.h"
#include "workload/roster.h"
#include "workload/scheduler.h"

namespace weir::workload {

class TestStore final : public testing::StoreAround {
 public:
  using StoreAround::StoreAround;
  net::Task<store::Committed> commit(store::Transaction transaction) override {
    ++commits;
    for (const store::Step& step : transaction.steps) {
      if (step.key != refused_key) continue;
      co_return std::unexpected(store::Refused{fail(Code::kConflict, "it is another by now").error(), 0});
    }
    if (is_reached) co_return co_await store_.commit(std::move(transaction));
    co_return std::unexpected(store::Refused{fail(Code::kConnectFailed, "out of reach").error(), 0});
  }
  int commits = 0;
  bool is_reached = true;
  std::string refused_key;  // whoever writes it is too late
};

inline config::Object parsed(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
  return *object;
}

struct World {
  using State = nodelink::State;

  World() {
    roster.start();
    scheduler->start();
  }
  ~World() {
    stop();
    CHECK(fake.run(roster.stop()));
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void stop() {
    if (!scheduler) return;
    CHECK(fake.run(scheduler->stop()));
    scheduler.reset();
  }

  void write(const std::string& json) { write(parsed(json)); }
  void write(config::Object object) {
    const auto stored = find(object.kind(), object.metadata.name);
    if (stored) config::carry_server_fields(*stored, object);
    store::Transaction transaction;
    transaction.put(mirror::key_of(object.kind(), object.metadata.name), mirror::encode(object));
    const auto done = fake.run(store.commit(std::move(transaction)));
    REQUIRE((done && *done));
  }
  void remove(config::Kind kind, const std::string& name) {
    store::Transaction transaction;
    transaction.remove(mirror::key_of(kind, name));
    CHECK(fake.run(store.commit(std::move(transaction))));
  }
  config::ObjectPointer find(config::Kind kind, const std::string& name) {
    CHECK(fake.run(mirror.catch_up()));
    return mirror.objects().find(kind, name);
  }

  // A node with its object, which reports from now on until it is silent.
  void add_node(const std::string& name, const std::string& city, nodelink::Capacity capacity,
                const std::string& flags = {}) {
    write_node(name, city, flags);
    nodelink::Hello hello{.node = name, .city = city, .capacity = capacity};
    roster.attach(hello);
    roster.report(name, {.complete = true});
    reporting[name] = true;
  }
  void add_node(const std::string& name, const std::string& city) { add_node(name, city, kRoomy); }
  void write_node(const std::string& name, const std::string& city, const std::string& flags = {}) {
    write(R"({"kind":"Node","metadata":{"name":")" + name + R"("},"spec":{"provider":"p","region":"r-)" +
          city + R"(","city":")" + city + R"(","address":"10.0.0.1")" + flags + "}}");
  }
  void silence(const std::string& name) { reporting[name] = false; }

  // What a node says of an instance, of the version that it has in the store.
  void say(const std::string& instance, State state, std::uint64_t restarts = 0,
           const std::string& reason = {}) {
    const config::InstanceSpec spec = instance_spec(instance);
    nodelink::NodeReport report;
    report.instances.push_back({.name = instance,
                                .version = spec.version,
                                .state = state,
                                .reason = reason,
                                .address = "10.88.0.2",
                                .restarts = restarts});
    roster.report(spec.node, report);
  }
  // Nodes that report make ready what they are to run; but instances of these versions never are.
  void obey() {
    for (const auto& one : instances()) {
      const auto& spec = std::get<config::InstanceSpec>(one->spec);
      if (!reporting[spec.node]) continue;
      const auto* said = roster.said(spec.node, one->metadata.name);
      const bool is_broken = broken.contains(spec.version);
      const bool has_said = said != nullptr && said->seen.version == spec.version;
      if (has_said && (is_broken || said->seen.state == State::kReady)) continue;
      say(one->metadata.name, is_broken ? broken_as : State::kReady, is_broken ? broken[spec.version] : 0,
          is_broken ? "the container app ended with exit code 1" : "");
    }
  }
  // Time passes, in which nodes report and obey.
  void pass(Duration time) {
    for (Duration done{}; done < time; done += std::chrono::milliseconds(500)) {
      for (const auto& [name, reports] : reporting) {
        if (reports) roster.heard(name);
      }
      if (obeys) obey();
      fake.advance(std::chrono::milliseconds(500));
    }
  }

  std::vector<config::ObjectPointer> instances() {
    CHECK(fake.run(mirror.catch_up()));
    const auto& all = mirror.objects().of(config::Kind::kInstance);
    return {all.begin(), all.end()};
  }
  config::InstanceSpec instance_spec(const std::string& name) {
    const auto object = find(config::Kind::kInstance, name);
    REQUIRE_MESSAGE(object, name);
    return std::get<config::InstanceSpec>(object->spec);
  }
  // "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-b"
  std::string where() {
    std::string text;
    for (const auto& one : instances()) {
      text += (text.empty() ? "" : " ") + one->metadata.name + '@' +
              std::get<config::InstanceSpec>(one->spec).node;
    }
    return text;
  }
  // "web-all-dfw-1=10.0.0.1:30000"
  std::string endpoints() {
    CHECK(fake.run(mirror.catch_up()));
    std::string text;
    for (const auto& one : mirror.objects().of(config::Kind::kEndpoint)) {
      text += (text.empty() ? "" : " ") + one->metadata.name + '=' +
              std::get<config::EndpointSpec>(one->spec).address;
    }
    return text;
  }
  config::WorkloadProgress progress(const std::string& name = "web") {
    const auto object = find(config::Kind::kWorkload, name);
    return std::get<config::WorkloadSpec>(object->spec).progress.value_or(config::WorkloadProgress{});
  }
  std::string status(config::Kind kind, const std::string& name) {
    const auto object = find(kind, name);
    REQUIRE_MESSAGE(object, name);
    return scheduler->status_of(*object);
  }
  std::vector<config::EventSpec> events() {
    std::vector<config::EventSpec> all;
    const auto page = fake.run(store.list(mirror::prefix_of(config::Kind::kEvent), "", 10'000));
    REQUIRE((page && *page));
    for (const auto& entry : (*page)->entries) {
      const auto object = mirror::decode(entry.value, entry.revision);
      REQUIRE(object);
      all.push_back(std::get<config::EventSpec>(object->spec));
    }
    return all;
  }
  // Of all events about that, those that have the text in their reasons.
  std::size_t count_events(const std::string& text) {
    std::size_t count = 0;
    for (const auto& event : events()) count += event.reason.contains(text) ? 1 : 0;
    return count;
  }

  static constexpr nodelink::Capacity kRoomy{.cpu_milli = 8000,
                                             .memory_bytes = std::uint64_t{8} << 30U,
                                             .instances_max = 200,
                                             .port_first = 30'000,
                                             .port_last = 30'999};
  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  store::EngineStore engine_store{*engine, fake.loop};
  TestStore store{engine_store};
  mirror::Mirror mirror{store, fake.log};
  Roster roster{fake.env};
  std::unique_ptr<Scheduler> scheduler = std::make_unique<Scheduler>(fake.env, store, mirror, roster);
  std::map<std::string, bool> reporting;
  std::map<std::string, std::uint64_t> broken;  // versions, and how often each was started anew
  State broken_as = State::kBackingOff;
  bool obeys = true;
};

// A Workload "web" of one container with a port of the service "web".
inline std::string workload(const std::string& targets, const std::string& more = {},
                            const std::string& image = "registry.example/web:1",
                            const std::string& name = "web",
                            const std::string& resources = R"({"cpu":"500m","memory":"64Mi"})") {
  return R"({"kind":"Workload","metadata":{"name":")" + name +
         R"("},"spec":{"containers":[{"name":"app","image":")" + image + R"(","resources":)" + resources +
         R"(,"ports":[{"port":8080,"service":"web"}]}],"targets":[)" + targets + "]" + more + "}}";
}
inline const std::string kService = R"({"kind":"Service","metadata":{"name":"web"},"spec":{}})";
inline const std::string kTwoCities = R"({"name":"all","cities":["dfw","sea"],"min_replicas":2})";
inline const std::string kDallas = R"({"name":"all","cities":["dfw"],"min_replicas":2})";

struct TwoCities : World {
  TwoCities() {
    write(kService);
    for (const char* name : {"dfw-a", "dfw-b"}) add_node(name, "dfw");
    for (const char* name : {"sea-a", "sea-b"}) add_node(name, "sea");
  }
};

}  // namespace weir::workload
