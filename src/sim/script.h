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
    // --- of tunnels; `a` is an agent
    kMove,       // it goes and another session of its origin comes, in one of kMoves: `bits`
    kPartAgent,  // it and edge `b` don't reach each other; `bits` 1: it doesn't reach the edge, 2: nor that
                 // it
    kMuffle,     // it hears nobody; `bits` 1: nobody hears it
    kFlap,       // it is cut off and back, several times
    kCutAgent,   // its connections to edge `b` are reset
    kPartEdges,  // edges `a` and `b` don't reach each other; `bits` 1: `a` doesn't reach `b`
    kCutEdges,   // the connections between them are reset
    kRelease,    // the service that it brings is deleted, with its load balancer, and it comes anew
  };
  // How a session goes: it leaves and the next one comes; it is killed; its machine is cut off, so that its
  // goodbye comes after the next one; two are there for a while, and the older leaves, or is killed.
  enum Move : std::uint8_t { kLeaves, kKilled, kLate, kTwinLeaves, kTwinKilled };
  static constexpr std::uint64_t kMoves = 5;

  Kind kind = Kind::kWrite;
  std::size_t a = 0;
  std::size_t b = 0;
  std::uint32_t bits = 0;
  Duration lasts{};  // of a fault
  Duration pause{};  // until the next step
};

// An origin with an agent beside it, behind NAT: service "t1" of the account "u1", and which instance it is.
struct AgentPlan {
  std::size_t service = 0;
  std::size_t account = 0;
  std::size_t instance = 0;
};
inline constexpr std::size_t kAccounts = 2;

struct Script {
  std::uint64_t seed = 0;
  std::size_t controllers = 1;
  std::size_t edges = 1;
  std::size_t origins = 2;
  std::size_t balancers = 1;
  std::vector<AgentPlan> agents;  // none: there are no tunnels
  std::vector<Step> steps;
};

// Machines are numbered: controllers, then edges.
inline constexpr std::size_t kRegions = 2;
bool is_fault(Step::Kind kind);
std::string text_of(const Step& step, const Script& script);

// Of the seeds, one in so many has tunnels: it takes longer.
inline constexpr std::uint64_t kTunnelsOneIn = 4;
Script make_script(std::uint64_t seed);

}  // namespace weir::sim
