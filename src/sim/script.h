// Script: what happens in a world, made from its seed and nothing else: how large it is, and steps with time
// between them. Plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace weir::sim {

struct Step {
  enum class Kind : std::uint8_t {
    kWrite,       // load balancer `a` with its service of endpoints `bits`, for region `b` or all
    kDelete,      // both
    kDrain,       // takes an endpoint out of the service of `a`
    kSick,        // origin `a`
    kWell,        // origin `a`
    kPart,        // machines `a` and `b` don't reach each other
    kDeafen,      // machine `a` hears nobody: it is slow, or its reader is
    kCut,         // the connections between machines `a` and `b` are reset
    kRestart,     // machine `a`
    kForget,      // edge `a`, with an empty disk
    kMute,        // notifications of controller `a` are lost
    kAway,        // controller `a` does not reach the database
    kLoseAnswer,  // controller `a` does not hear of its commits
  };
  Kind kind = Kind::kWrite;
  std::size_t a = 0;
  std::size_t b = 0;
  std::uint32_t bits = 0;
  Duration lasts{};  // of a fault
  Duration pause{};  // until the next step
};

struct Script {
  std::uint64_t seed = 0;
  std::size_t controllers = 1;
  std::size_t edges = 1;
  std::size_t origins = 2;
  std::size_t balancers = 1;
  std::vector<Step> steps;
};

// Machines are numbered: controllers, then edges.
inline constexpr std::size_t kRegions = 2;
bool is_fault(Step::Kind kind);
std::string text_of(const Step& step, const Script& script);

Script make_script(std::uint64_t seed);

}  // namespace weir::sim
