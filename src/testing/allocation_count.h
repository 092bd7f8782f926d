// Counts calls of the global operator new, for the tests that hold the hot path to none. A program that calls
// allocations() has this room's operator new, which is malloc and a counter.
#pragma once

#include <cstdint>
#include <optional>

namespace weir::testing {

// Allocations made by this thread since it began. Empty under the sanitizers: they bring an operator new of
// their own, and the pools are off so that they see every use after free. Then there is nothing to compare:
//   const auto before = testing::allocations();
//   ... the steady state ...
//   if (before) CHECK(*testing::allocations() - *before == 0);
std::optional<std::uint64_t> allocations();

}  // namespace weir::testing
