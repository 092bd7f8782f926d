// sim: worlds from seeds, until one breaks. `sim SEED` replays one, `sim scale` measures a large one; see
// ./dev sim.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "sim/scale.h"
#include "sim/world.h"
#include "testing/manual_time.h"

namespace weir::sim {
namespace {

constexpr std::uint64_t kSeeds = 2000;
constexpr std::size_t kLinesShown = 40;

struct Arguments {
  std::optional<std::uint64_t> seed;  // none: many
  std::uint64_t seeds = kSeeds;
  std::uint64_t first = 1;
  bool trace = false;
  bool scale = false;
  ScaleSize size;
};

std::optional<Arguments> read(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view value = values[i];
    const auto number = [&](std::string_view flag) {
      return value.starts_with(flag) ? parse_decimal(value.substr(flag.size())) : std::nullopt;
    };
    if (value == "--trace") {
      arguments.trace = true;
    } else if (value == "scale") {
      arguments.scale = true;
    } else if (const auto controllers = number("--controllers=")) {
      arguments.size.controllers = *controllers;
    } else if (const auto part = number("--part=")) {
      arguments.size.edges /= *part;
      arguments.size.balancers /= *part;
      arguments.size.tunnels /= *part;
    } else if (const auto seeds = number("--seeds=")) {
      arguments.seeds = *seeds;
    } else if (const auto first = number("--first=")) {
      arguments.first = *first;
    } else if (const auto seed = number("")) {
      arguments.seed = seed;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

void show(std::uint64_t seed, const Outcome& outcome, bool all) {
  const std::size_t from = all || outcome.lines.size() < kLinesShown ? 0 : outcome.lines.size() - kLinesShown;
  for (std::size_t i = from; i < outcome.lines.size(); ++i) fmt::print("{}\n", outcome.lines[i]);
  if (all && !outcome.log.empty()) fmt::print("what the machines wrote:\n{}", outcome.log);
  const double seconds = std::chrono::duration<double>(outcome.lasted).count();
  if (outcome.broken.empty()) {
    fmt::print(
        "seed {}: all held for {:.0f} s: {} writes acknowledged, {} revisions applied, {} requests served; "
        "digest {:016x}\n",
        seed, seconds, outcome.acknowledged, outcome.applied, outcome.served, outcome.digest);
  } else {
    fmt::print("seed {} breaks {} after {:.3f} s: {}\nagain: ./dev sim {} --trace; digest {:016x}\n", seed,
               outcome.broken, seconds, outcome.sentence, seed, outcome.digest);
  }
}

// What this process has of the machine's memory, in bytes.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

int measure(const ScaleSize& size, const std::shared_ptr<const tls::Authority>& authority) {
  const auto seconds = [](Duration duration) { return std::chrono::duration<double>(duration).count(); };
  const auto mebibytes = [](double bytes) { return bytes / (1 << 20U); };
  fmt::print(
      "{} controllers, {} edges in {} groups ({} with a data plane), {} load balancers, {} endpoints, "
      "{} tunnels\n{:36} {:>11} {:>9} {:>9} {:>6} {:>10} {:>9}\n",
      size.controllers, size.edges, size.groups, size.whole_edges, size.balancers,
      size.balancers * size.endpoints, size.tunnels, "", "processor s", "heap MiB", "all MiB", "edges",
      "resources", "MiB");
  const bool done = Scale(size, authority, [&](const ScaleStep& step) {
                      fmt::print("{:36} {:>11.4f} {:>9.2f} {:>9.0f} {:>6} {:>10} {:>9.3f}\n", step.what,
                                 seconds(step.processor), mebibytes(static_cast<double>(step.heap_bytes)),
                                 mebibytes(resident_bytes()), step.edges, step.resources,
                                 mebibytes(static_cast<double>(step.bytes)));
                      std::fflush(stdout);
                    }).run();
  if (!done) fmt::print("not all edges came to have what they are to have\n");
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(const Arguments& arguments) {
  const auto authority = std::make_shared<const tls::Authority>(
      *tls::Authority::load(*tls::Authority::create("weir", testing::ManualClock::kWallStart)));
  if (arguments.scale) return measure(arguments.size, authority);
  if (arguments.seed) {
    const Outcome outcome = World(make_script(*arguments.seed), authority).run();
    show(*arguments.seed, outcome, arguments.trace);
    return outcome.broken.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  constexpr std::uint64_t kProgress = 100;
  Outcome total;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = arguments.first + i;
    const Outcome outcome = World(make_script(seed), authority).run();
    if (!outcome.broken.empty()) {
      show(seed, outcome, false);
      return EXIT_FAILURE;
    }
    total.lasted += outcome.lasted;
    total.acknowledged += outcome.acknowledged;
    total.applied += outcome.applied;
    total.served += outcome.served;
    if ((i + 1) % kProgress == 0) fmt::print(stderr, "sim: {} of {} seeds\n", i + 1, arguments.seeds);
  }
  fmt::print(
      "{} seeds held: {:.1f} h of their time, {} writes acknowledged, {} revisions applied by edges, {} "
      "requests served\n",
      arguments.seeds, std::chrono::duration<double, std::ratio<3600>>(total.lasted).count(),
      total.acknowledged, total.applied, total.served);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace weir::sim

int main(int count, char** values) {
  const auto arguments = weir::sim::read(count, values);
  if (arguments) return weir::sim::run(*arguments);
  fmt::print(stderr,
             "usage: ./dev sim [SEED] [--trace] [--seeds=N] [--first=SEED]\n"
             "       ./dev sim scale [--controllers=N] [--part=N]\n");
  return 2;
}
