#include "sim/script.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <span>
#include <string_view>
#include <utility>

#include "base/random.h"

namespace weir::sim {
namespace {

using Kind = Step::Kind;

struct Chance {
  Kind kind;
  std::string_view word;
  std::uint64_t weight;  // of all that can come next
};
constexpr std::array<Chance, 21> kChances{{{Kind::kWrite, "write", 30},
                                           {Kind::kDelete, "delete", 8},
                                           {Kind::kDrain, "drain", 10},
                                           {Kind::kSick, "sick", 8},
                                           {Kind::kWell, "well", 8},
                                           {Kind::kPart, "part", 6},
                                           {Kind::kDeafen, "deafen", 5},
                                           {Kind::kCut, "cut", 6},
                                           {Kind::kRestart, "restart", 6},
                                           {Kind::kForget, "forget", 2},
                                           {Kind::kMute, "mute", 5},
                                           {Kind::kAway, "away", 4},
                                           {Kind::kLoseAnswer, "lose answers of", 3},
                                           // only where there are tunnels; see any_tunnel_kind()
                                           {Kind::kMove, "move", 0},
                                           {Kind::kPartAgent, "part agent", 0},
                                           {Kind::kMuffle, "muffle", 0},
                                           {Kind::kFlap, "flap", 0},
                                           {Kind::kCutAgent, "cut agent", 0},
                                           {Kind::kPartEdges, "part edges", 0},
                                           {Kind::kCutEdges, "cut edges", 0},
                                           {Kind::kRelease, "release", 0}}};
constexpr std::array<Chance, 8> kTunnelChances{{{Kind::kMove, {}, 10},
                                                {Kind::kPartAgent, {}, 5},
                                                {Kind::kMuffle, {}, 4},
                                                {Kind::kFlap, {}, 3},
                                                {Kind::kCutAgent, {}, 4},
                                                {Kind::kPartEdges, {}, 4},
                                                {Kind::kCutEdges, {}, 2},
                                                {Kind::kRelease, {}, 2}}};

Kind one_of(std::span<const Chance> chances, Random& random) {
  std::uint64_t total = 0;
  for (const Chance& chance : chances) total += chance.weight;
  std::uint64_t at = random.below(total);
  for (const Chance& chance : chances) {
    if (at < chance.weight) return chance.kind;
    at -= chance.weight;
  }
  return chances.back().kind;
}

Kind any_kind(Random& random, bool calm) {
  for (;;) {
    const Kind kind = one_of(kChances, random);
    if (!calm || !is_fault(kind)) return kind;
  }
}

// Short enough to be over before anybody notices, or long enough that everybody does.
Duration any_fault_time(Random& random) {
  return std::chrono::milliseconds(random.below(2) == 0 ? 1 + random.below(500) : 1000 + random.below(9000));
}

// Bursts and rests.
Duration any_pause(Random& random) {
  return std::chrono::milliseconds(random.below(3) == 0 ? random.below(50) : random.below(3000));
}

Step any_step(Random& random, const Script& script, bool calm) {
  Step step{.kind = any_kind(random, calm)};
  const std::size_t machines = script.controllers + script.edges;
  switch (step.kind) {
    case Kind::kWrite:
      step.a = random.below(script.balancers);
      step.b = random.below(kRegions + 2);  // beyond the regions: all
      step.bits = 1 + static_cast<std::uint32_t>(random.below((1U << script.origins) - 1));
      break;
    case Kind::kDelete:
    case Kind::kDrain: step.a = random.below(script.balancers); break;
    case Kind::kSick:
    case Kind::kWell: step.a = random.below(script.origins); break;
    case Kind::kPart:
    case Kind::kCut:
      step.a = random.below(script.controllers);
      step.b = script.controllers + random.below(script.edges);
      break;
    case Kind::kDeafen:
    case Kind::kRestart:
      step.a = random.below(machines);
      step.bits = static_cast<std::uint32_t>(random.below(2));  // 1: its peers are not told that it is gone
      break;
    case Kind::kForget: step.a = script.controllers + random.below(script.edges); break;
    case Kind::kMute:
    case Kind::kAway:
    case Kind::kLoseAnswer: step.a = random.below(script.controllers); break;
    default: break;
  }
  step.lasts = any_fault_time(random);
  step.pause = any_pause(random);
  return step;
}

Step any_tunnel_step(Random& random, const Script& script) {
  Step step{.kind = one_of(kTunnelChances, random)};
  step.a = random.below(script.agents.size());
  switch (step.kind) {
    case Kind::kMove: step.bits = static_cast<std::uint32_t>(random.below(Step::kMoves)); break;
    case Kind::kPartAgent:
    case Kind::kCutAgent:
      step.b = random.below(script.edges);
      step.bits = static_cast<std::uint32_t>(random.below(3));
      break;
    case Kind::kPartEdges:
    case Kind::kCutEdges:
      step.a = random.below(script.edges);
      step.b = (step.a + 1 + random.below(script.edges - 1)) % script.edges;
      step.bits = static_cast<std::uint32_t>(random.below(2));
      break;
    default: step.bits = static_cast<std::uint32_t>(random.below(2)); break;
  }
  step.lasts = any_fault_time(random);
  step.pause = any_pause(random);
  return step;
}

// An origin; mostly another one of its service; perhaps one of another account that wants the same name, by
// the same name of its own; perhaps one beside all that. Whoever comes first gets the name.
void add_tunnels(Script& script) {
  Random random(script.seed + 1);
  script.agents.push_back({.service = 0, .account = 0, .instance = 0});
  if (random.below(3) > 0) script.agents.push_back({.service = 0, .account = 0, .instance = 1});
  if (random.below(2) > 0) script.agents.push_back({.service = 0, .account = 1, .instance = 0});
  if (random.below(3) == 0) script.agents.push_back({.service = 1, .account = 1, .instance = 0});
  std::swap(script.agents.front(), script.agents[random.below(script.agents.size())]);
  std::vector<Step> steps;
  for (const Step& step : script.steps) {
    steps.push_back(step);
    if (random.below(2) == 0) steps.push_back(any_tunnel_step(random, script));
  }
  script.steps = std::move(steps);
}

}  // namespace

bool is_fault(Kind kind) { return kind >= Kind::kPart; }

std::string text_of(const Step& step, const Script& script) {
  const auto machine = [&](std::size_t at) {
    return at < script.controllers ? fmt::format("c{}", at + 1)
                                   : fmt::format("e{}", at - script.controllers + 1);
  };
  std::string text(kChances.at(static_cast<std::size_t>(step.kind)).word);
  switch (step.kind) {
    case Kind::kWrite:
    case Kind::kDelete:
    case Kind::kDrain: return text + fmt::format(" l{}", step.a + 1);
    case Kind::kSick:
    case Kind::kWell: return text + fmt::format(" o{}", step.a + 1);
    case Kind::kPart:
    case Kind::kCut: text += " " + machine(step.a) + " " + machine(step.b); break;
    case Kind::kPartAgent:
    case Kind::kCutAgent: text += fmt::format(" a{} e{} {}", step.a + 1, step.b + 1, step.bits); break;
    case Kind::kPartEdges:
    case Kind::kCutEdges: text += fmt::format(" e{} e{} {}", step.a + 1, step.b + 1, step.bits); break;
    case Kind::kMove:
    case Kind::kMuffle:
    case Kind::kFlap:
    case Kind::kRelease: text += fmt::format(" a{} {}", step.a + 1, step.bits); break;
    default: text += " " + machine(step.a); break;
  }
  if (step.kind == Kind::kCut) return text;
  return text +
         fmt::format(" for {} ms", std::chrono::duration_cast<std::chrono::milliseconds>(step.lasts).count());
}

Script make_script(std::uint64_t seed) {
  Random random(seed);
  Script script{.seed = seed};
  script.controllers = 1 + random.below(3);
  script.edges = 2 + random.below(3);
  script.origins = 2 + random.below(3);
  script.balancers = 1 + random.below(4);
  // Turmoil, then calm with changes, twice: the bounds of traffic are held against calm edges.
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t i = 8 + random.below(12); i > 0; --i) {
      script.steps.push_back(any_step(random, script, false));
    }
    script.steps.back().pause += std::chrono::seconds(random.below(25));
    for (std::uint64_t i = 4 + random.below(6); i > 0; --i)
      script.steps.push_back(any_step(random, script, true));
  }
  if (seed % kTunnelsOneIn == 0) add_tunnels(script);
  return script;
}

}  // namespace weir::sim
