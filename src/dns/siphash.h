// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash that cannot be foreseen without the key. Pure; on
// any core.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dns/bytes.h"

namespace weir::dns {

using SipKey = std::array<std::uint8_t, 16>;

namespace siphash_detail {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v2 += v3;
      v1 = std::rotl(v1, 13) ^ v0;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 = std::rotl(v0, 32);
      v2 += v1;
      v0 += v3;
      v1 = std::rotl(v1, 17) ^ v2;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 = std::rotl(v2, 32);
    }
  }
  void word(std::uint64_t value) {
    v3 ^= value;
    rounds(2);
    v0 ^= value;
  }
};

inline std::uint64_t load_little(const std::uint8_t* at, std::size_t count = 8) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t value = 0;
  std::memcpy(&value, at, count);
  return value;
}

}  // namespace siphash_detail

// Its octets in the order of the paper are those of the number in little-endian order.
inline std::uint64_t siphash_2_4(const SipKey& key, Bytes message) {
  using siphash_detail::load_little;
  const std::uint64_t low = load_little(key.data());
  const std::uint64_t high = load_little(key.data() + 8);
  siphash_detail::State state{low ^ 0x736f6d6570736575U, high ^ 0x646f72616e646f6dU,
                              low ^ 0x6c7967656e657261U, high ^ 0x7465646279746573U};
  std::uint64_t last = std::uint64_t{message.size()} << 56U;
  for (; message.size() >= 8; message = message.subspan(8)) state.word(load_little(message.data()));
  if (!message.empty()) last |= load_little(message.data(), message.size());
  state.word(last);
  state.v2 ^= 0xff;
  state.rounds(4);
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace weir::dns
