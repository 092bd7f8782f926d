#include "http/h1_scan.h"

#include <array>

#include "http/h1_bytes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weir::http {
namespace {

// Plain C++: for other processors, and for what is shorter than a vector.
LineMasks line_portable(const char* /*begin*/, const char* at, const char* end) {
  LineMasks masks{end - at >= kLineBlock ? 0 : ~std::uint32_t{0} << (end - at), 0};
  for (std::ptrdiff_t i = 0; i < kLineBlock && at + i < end; ++i) {
    masks.stop |= std::uint32_t{is_a(kStopsTarget, at[i])} << i;
    masks.question |= std::uint32_t{at[i] == '?'} << i;
  }
  return masks;
}

FieldMasks fields_portable(const char* /*begin*/, const char* at, const char* end) {
  const std::uint64_t beyond = end - at >= kFieldBlock ? 0 : ~std::uint64_t{0} << (end - at);
  FieldMasks masks{beyond, beyond};
  for (std::ptrdiff_t i = 0; i < kFieldBlock && at + i < end; ++i) {
    masks.not_token |= std::uint64_t{is_a(kNotToken, at[i])} << i;
    masks.control |= std::uint64_t{is_a(kControl, at[i])} << i;
  }
  return masks;
}

#if defined(__x86_64__)

// Vector: a type that has 32 bytes, and the masks that it gives. These become part of a function that may use
// its instructions.
template <class Vector>
[[gnu::always_inline]] inline LineMasks line_by(const char* begin, const char* at, const char* end) {
  if (end - at >= kLineBlock) [[likely]] {
    const Vector bytes(at);
    return {bytes.stops(), bytes.questions()};
  }
  if (end - begin < kLineBlock) return line_portable(begin, at, end);
  const Vector bytes(end - kLineBlock);
  const auto drop = static_cast<unsigned>(kLineBlock - (end - at));
  return {bytes.stops() >> drop | ~(~std::uint32_t{0} >> drop), bytes.questions() >> drop};
}

constexpr std::uint64_t join(std::uint64_t low, std::uint64_t high, unsigned shift) {
  return low | high << shift;
}

template <class Vector>
[[gnu::always_inline]] inline FieldMasks fields_by(const char* begin, const char* at, const char* end) {
  const bool full = end - at >= kFieldBlock;
  if (!full && end - begin < 32) return fields_portable(begin, at, end);
  const auto left = static_cast<unsigned>(full ? kFieldBlock : end - at);
  const std::uint64_t beyond = full ? 0 : ~std::uint64_t{0} << left;
  const Vector high(at + left - 32);
  if (left <= 32) {
    const unsigned drop = 32 - left;
    return {high.not_token() >> drop | beyond, high.control() >> drop | beyond};
  }
  const Vector low(at);
  return {join(low.not_token(), high.not_token(), left - 32) | beyond,
          join(low.control(), high.control(), left - 32) | beyond};
}

// SSE2 is part of x86-64.
struct Sse2 {
  explicit Sse2(const char* at) : low_(load(at)), high_(load(at + 16)) {}

  std::uint32_t stops() const { return mask(stop(low_), stop(high_)); }
  std::uint32_t questions() const { return mask(equals(low_, '?'), equals(high_, '?')); }
  std::uint32_t not_token() const { return mask(outside_token(low_), outside_token(high_)); }
  std::uint32_t control() const { return mask(controls(low_), controls(high_)); }

 private:
  static __m128i load(const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
  static std::uint32_t mask(__m128i low, __m128i high) {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(low)) |
           static_cast<std::uint32_t>(_mm_movemask_epi8(high)) << 16U;
  }
  static __m128i equals(__m128i bytes, char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); }
  static __m128i within(__m128i bytes, char first, char last) {
    const __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(static_cast<char>(last - first))), above);
  }
  static __m128i any_of(__m128i one) { return one; }
  template <class... More>
  static __m128i any_of(__m128i one, More... more) {
    return _mm_or_si128(one, any_of(more...));
  }
  // A byte from 0x80 is negative, so it is not visible.
  static __m128i invisible(__m128i bytes) {
    return any_of(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x21)), equals(bytes, 0x7f));
  }
  static __m128i stop(__m128i bytes) { return any_of(invisible(bytes), equals(bytes, '#')); }
  static __m128i outside_token(__m128i bytes) {
    return any_of(invisible(bytes), equals(bytes, '"'), within(bytes, '(', ')'), equals(bytes, ','),
                  equals(bytes, '/'), within(bytes, ':', '@'), within(bytes, '[', ']'), equals(bytes, '{'),
                  equals(bytes, '}'));
  }
  static __m128i controls(__m128i bytes) {
    return any_of(_mm_andnot_si128(equals(bytes, '\t'), within(bytes, 0, 0x1f)), equals(bytes, 0x7f));
  }

  __m128i low_;
  __m128i high_;
};

#define WEIR_AVX2 gnu::target("avx2")

// A token byte is told by two table look-ups, one by each half of it: bit r of entry l says that the byte
// (r << 4 | l) is one. A byte from 0x80 selects 0 in the first.
constexpr std::array<std::uint8_t, 16> kTokenRows = [] {
  std::array<std::uint8_t, 16> rows{};
  for (unsigned c = 0; c < 128; ++c) {
    if (is_token_byte(static_cast<char>(c))) {
      rows[c & 15U] = static_cast<std::uint8_t>(rows[c & 15U] | 1U << (c >> 4U));
    }
  }
  return rows;
}();
constexpr std::array<std::uint8_t, 16> kRowBits = {1, 2, 4, 8, 16, 32, 64, 128};

struct Avx2 {
  [[WEIR_AVX2]] explicit Avx2(const char* at)
      : bytes_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))) {}

  [[WEIR_AVX2]] std::uint32_t stops() const {
    const __m256i visible = _mm256_cmpgt_epi8(bytes_, _mm256_set1_epi8(0x20));
    return ~mask(_mm256_andnot_si256(_mm256_or_si256(equals(0x7f), equals('#')), visible));
  }
  [[WEIR_AVX2]] std::uint32_t questions() const { return mask(equals('?')); }
  [[WEIR_AVX2]] std::uint32_t not_token() const {
    const __m256i half = _mm256_and_si256(_mm256_srli_epi16(bytes_, 4), _mm256_set1_epi8(0x0f));
    const __m256i rows = _mm256_shuffle_epi8(table(kTokenRows), bytes_);
    const __m256i row = _mm256_shuffle_epi8(table(kRowBits), half);
    return mask(_mm256_cmpeq_epi8(_mm256_and_si256(rows, row), _mm256_setzero_si256()));
  }
  [[WEIR_AVX2]] std::uint32_t control() const {
    const __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes_, _mm256_set1_epi8(0x1f)), bytes_);
    return mask(_mm256_or_si256(_mm256_andnot_si256(equals('\t'), low), equals(0x7f)));
  }

 private:
  [[WEIR_AVX2]] __m256i equals(char c) const { return _mm256_cmpeq_epi8(bytes_, _mm256_set1_epi8(c)); }
  [[WEIR_AVX2]] static std::uint32_t mask(__m256i bytes) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes));
  }
  [[WEIR_AVX2]] static __m256i table(const std::array<std::uint8_t, 16>& bytes) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data())));
  }

  __m256i bytes_;
};

LineMasks line_sse2(const char* begin, const char* at, const char* end) {
  return line_by<Sse2>(begin, at, end);
}
FieldMasks fields_sse2(const char* begin, const char* at, const char* end) {
  return fields_by<Sse2>(begin, at, end);
}
[[WEIR_AVX2]] LineMasks line_avx2(const char* begin, const char* at, const char* end) {
  return line_by<Avx2>(begin, at, end);
}
[[WEIR_AVX2]] FieldMasks fields_avx2(const char* begin, const char* at, const char* end) {
  return fields_by<Avx2>(begin, at, end);
}

#undef WEIR_AVX2

constexpr ScanWay kSse2 = {"sse2", line_sse2, fields_sse2};
constexpr ScanWay kAvx2 = {"avx2", line_avx2, fields_avx2};

#endif  // __x86_64__

constexpr ScanWay kPortable = {"portable", line_portable, fields_portable};

}  // namespace

#if defined(__x86_64__)

LineMasks scan_line(const char* begin, const char* at, const char* end) {
  return __builtin_cpu_supports("avx2") ? line_avx2(begin, at, end) : line_sse2(begin, at, end);
}
FieldMasks scan_fields(const char* begin, const char* at, const char* end) {
  return __builtin_cpu_supports("avx2") ? fields_avx2(begin, at, end) : fields_sse2(begin, at, end);
}
const ScanWay* scan_way(std::size_t index) {
  if (index == 0) return &kPortable;
  if (index == 1) return &kSse2;
  return __builtin_cpu_supports("avx2") ? &kAvx2 : nullptr;
}

#else

LineMasks scan_line(const char* begin, const char* at, const char* end) {
  return line_portable(begin, at, end);
}
FieldMasks scan_fields(const char* begin, const char* at, const char* end) {
  return fields_portable(begin, at, end);
}
const ScanWay* scan_way(std::size_t index) { return index == 0 ? &kPortable : nullptr; }

#endif

}  // namespace weir::http
