// Hashes for placing requests and hosts: hash_bytes() is XXH64 (Yann Collet's xxHash, 64 bits, BSD-licensed
// algorithm; the values are those of every other implementation), mix() the finalizer of splitmix64
// (Stafford's variant 13), a bijection in which every input bit reaches every output bit. Neither withstands
// somebody who chooses keys so that they collide: that costs an even spread, never more than one host's worth
// of load when load is bounded. The same on every machine, so that all edges place a key alike.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::lb {

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed = 0);

constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

}  // namespace weir::lb
