// workload_bench: what placing costs. A hundred nodes that only report, a thousand instances, the scheduler
// as it is and SQLite on disk, in real time and without a network. One JSON object a line for each step; see
// docs/workloads.md.
//
//   workload_bench [NODES [INSTANCES]]   of ten cities
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "config/kinds.h"
#include "config/object.h"
#include "mirror/mirror.h"
#include "mirror/records.h"
#include "net/task_group.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "store/temporary_directory.h"
#include "testing/real_env.h"
#include "workload/roster.h"
#include "workload/scheduler.h"

namespace {

using namespace weir;
using namespace std::chrono_literals;
using config::Kind;

constexpr int kCities = 10;
constexpr int kLost = 10;  // nodes
constexpr Duration kReportEvery = 2s;
constexpr Duration kSteady = 20s;
constexpr Duration kPatience = 120s;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Of all threads of the process.
double processor_seconds() {
  rusage used{};
  WEIR_CHECK(::getrusage(RUSAGE_SELF, &used) == 0);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

config::Object parsed(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  if (!object) std::fprintf(stderr, "%s\n", config::to_text(object.error()).c_str());
  WEIR_CHECK(object.has_value());
  return *object;
}

class Fleet {
 public:
  Fleet(int nodes, int instances) : nodes_(nodes), instances_(instances), tasks_(real_.loop) {
    roster_.start();
    scheduler_.start();
  }

  bool run() {
    write(parsed(R"({"kind":"Service","metadata":{"name":"web"},"spec":{}})"));
    for (int i = 0; i < nodes_; ++i) add_node(i);
    tasks_.spawn(report());
    const bool held = place() && make_ready() && rest() && lose();
    WEIR_CHECK(real_.run(end()));
    return held;
  }

 private:
  struct Step {
    double processor = processor_seconds();
    Instant began;
  };
  Step begin() { return {processor_seconds(), real_.clock.now()}; }
  void tell(const char* what, const Step& step, std::size_t count) {
    const double took = seconds(real_.clock.now() - step.began);
    const double used = processor_seconds() - step.processor;
    std::printf("{\"step\": \"%s\", \"count\": %zu, \"seconds\": %.3f, \"cpu_seconds\": %.3f}\n", what, count,
                took, used);
    std::fflush(stdout);
  }

  void write(config::Object object) {
    object.metadata.uid = mirror::new_metadata("x", real_.env).uid;
    store::Transaction transaction;
    transaction.put(mirror::key_of(object.kind(), object.metadata.name), mirror::encode(object));
    const auto done = real_.run(store_.commit(std::move(transaction)));
    WEIR_CHECK(done && *done);
  }
  static std::string name_of(int node) { return "node-" + std::to_string(node); }
  void add_node(int node) {
    const std::string city = "city-" + std::to_string(node % kCities);
    write(parsed(R"({"kind":"Node","metadata":{"name":")" + name_of(node) + R"("},"spec":{"region":")" +
                 city + R"(","city":")" + city + R"(","address":"10.0.0.)" + std::to_string(node + 1) +
                 R"("}})"));
    roster_.attach({.node = name_of(node),
                    .city = city,
                    .capacity = {.cpu_milli = 64'000,
                                 .memory_bytes = std::uint64_t{64} << 30U,
                                 .instances_max = 200,
                                 .port_first = 30'000,
                                 .port_last = 31'999}});
    roster_.report(name_of(node), {.complete = true});
  }

  // Every node says what its instances use, once in a while, and not all of them at the same time.
  net::Task<void> report() {
    for (int node = 0;; node = (node + 1) % nodes_) {
      if (!co_await real_.loop.sleep(kReportEvery / nodes_)) co_return;
      if (node < silent_) continue;
      nodelink::NodeReport report;
      for (const auto& [name, said] : roster_.find(name_of(node))->instances) {
        report.instances.push_back(said.seen);
        report.instances.back().cpu_milli += 1;
      }
      roster_.report(name_of(node), report);
    }
  }
  // All that is assigned to nodes that report is ready.
  void obey() {
    for (const config::ObjectPointer& one : mirror_.objects().of(Kind::kInstance)) {
      const auto& spec = std::get<config::InstanceSpec>(one->spec);
      const auto* said = roster_.said(spec.node, one->metadata.name);
      if (said != nullptr && said->seen.version == spec.version) continue;
      nodelink::NodeReport report;
      report.instances.push_back(
          {.name = one->metadata.name, .version = spec.version, .state = nodelink::State::kReady});
      roster_.report(spec.node, report);
    }
  }
  std::size_t count(Kind kind) const { return mirror_.objects().of(kind).size(); }
  bool wait(const auto& done) {
    return real_.run_until(
        [&] {
          if (mirror_.revision() < engine_->revision()) (void)real_.run(mirror_.catch_up());
          return done();
        },
        kPatience);
  }

  bool place() {
    const auto all = static_cast<std::size_t>(instances_);
    const Step step = begin();
    write(parsed(R"({"kind":"Workload","metadata":{"name":"web"},"spec":{"containers":[{"name":"app","image":
        "registry.example/team/web:1","env":[{"name":"GREETING","value":"hello"}],"resources":{"cpu":"100m",
        "memory":"64Mi"},"ports":[{"port":8080,"service":"web"}],"readiness_probe":{"http":{"port":8080,
        "path":"/ready"}}}],"targets":[{"name":"all","min_replicas":)" +
                 std::to_string(instances_ / kCities) + R"(}],"update":{"min_healthy_time":"1s"}}})"));
    if (!wait([&] { return count(Kind::kInstance) == all; })) return false;
    tell("place", step, all);
    return true;
  }
  bool make_ready() {
    const Step step = begin();
    obey();
    const auto all = static_cast<std::size_t>(instances_);
    if (!wait([&] { return count(Kind::kEndpoint) == all; })) return false;
    tell("make endpoints", step, all);
    return wait([&] {
      const auto object = mirror_.objects().find(Kind::kWorkload, "web");
      const auto& progress = std::get<config::WorkloadSpec>(object->spec).progress;
      return progress && progress->phase == config::UpdatePhase::kDone;
    });
  }
  bool rest() {
    (void)real_.run_until([] { return false; }, 2s);
    const std::uint64_t revision = mirror_.revision();
    const Step step = begin();
    (void)real_.run_until([] { return false; }, kSteady);
    tell("steady", step, mirror_.revision() - revision);
    return mirror_.revision() == revision;
  }
  bool lose() {
    const Step step = begin();
    silent_ = kLost;
    std::size_t lost = 0;
    const auto on_lost = [](const config::ObjectPointer& one) {
      const std::string& node = std::get<config::InstanceSpec>(one->spec).node;
      for (int i = 0; i < kLost; ++i) {
        if (node == name_of(i)) return true;
      }
      return false;
    };
    for (const auto& one : mirror_.objects().of(Kind::kInstance)) lost += on_lost(one) ? 1 : 0;
    const auto is_moved = [&] {
      for (const auto& one : mirror_.objects().of(Kind::kInstance)) {
        if (on_lost(one)) return false;
      }
      return true;
    };
    // They are looked for when something was written: counting is not what is to be measured.
    std::uint64_t looked_at = 0;
    bool all_moved = false;
    const auto look = [&] {
      if (std::exchange(looked_at, mirror_.revision()) != mirror_.revision()) all_moved = is_moved();
      return all_moved;
    };
    if (!wait(look)) return false;
    tell("replace those of ten lost nodes", step, lost);
    obey();
    const auto all = static_cast<std::size_t>(instances_);
    if (!wait([&] { return count(Kind::kEndpoint) == all; })) return false;
    tell("until they serve, when they start at once", step, lost);
    return true;
  }
  net::Task<void> end() {
    co_await tasks_.stop();
    co_await scheduler_.stop();
    co_await roster_.stop();
  }

  int nodes_;
  int instances_;
  int silent_ = 0;  // nodes, from the first on
  testing::RealEnv real_;
  store::TemporaryDirectory directory_;
  std::unique_ptr<store::Engine> engine_ = *store::Engine::open({.directory = directory_.path()});
  store::EngineStore store_{*engine_, real_.loop};
  mirror::Mirror mirror_{store_, real_.log};
  workload::Roster roster_{real_.env};
  workload::Scheduler scheduler_{real_.env, store_, mirror_, roster_};
  net::TaskGroup tasks_;
};

}  // namespace

int main(int argc, char** argv) {
  const int nodes = argc > 1 ? std::atoi(argv[1]) : 100;
  const int instances = argc > 2 ? std::atoi(argv[2]) : 1000;
  if (nodes < 2 * kLost || nodes > 250 || instances < kCities || instances > 100 * nodes) {
    std::fprintf(stderr, "usage: workload_bench [NODES [INSTANCES]]\n");
    return 2;
  }
  return Fleet(nodes, instances).run() ? 0 : 1;
}
