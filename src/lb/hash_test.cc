#include "lb/hash.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace weir::lb {
namespace {

struct Case {
  std::string_view bytes;
  std::uint64_t want;
};

// As printed by xxhsum -H64: every length of tail, with and without the 32-byte lanes.
constexpr Case kCases[] = {
    {"", 0xef46db3751d8e999U},
    {"a", 0xd24ec4f1a98c6e5bU},
    {"abc", 0x44bc2cf5ad770999U},
    {"0123456789012345678901234567890", 0x8b80da128591b789U},   // 31
    {"01234567890123456789012345678901", 0xe5cc9f411ea110baU},  // 32
    {"0123456789012345678901234567890123456789012345678901234567890123456789", 0x4916a0f3f0e1c781U},
};

TEST_CASE("hash_bytes is XXH64") {
  for (const Case& one : kCases) {
    CAPTURE(one.bytes);
    CHECK(hash_bytes(one.bytes) == one.want);
  }
}

TEST_CASE("a seed makes another hash; neither depends on what stands around the bytes") {
  CHECK(hash_bytes("abc", 1) != hash_bytes("abc"));
  const std::string text = "xabcx";
  CHECK(hash_bytes(std::string_view(text).substr(1, 3)) == hash_bytes("abc"));
}

TEST_CASE("mix is a bijection") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 10'000; ++i) seen.insert(mix(i));
  CHECK(seen.size() == 10'000);
}

}  // namespace
}  // namespace weir::lb
