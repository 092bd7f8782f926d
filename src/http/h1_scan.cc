#include "http/h1_scan.h"

#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weir::http {
namespace {

constexpr std::uint64_t bits_from(std::ptrdiff_t bit) { return bit >= 64 ? 0 : ~std::uint64_t{0} << bit; }

LineMasks line_portable(const char* /*begin*/, const char* at, const char* end) {
  LineMasks masks{bits_from(end - at), 0};
  for (std::size_t i = 0; i < 64 && at + i < end; ++i) {
    const auto c = static_cast<unsigned char>(at[i]);
    masks.stop |= std::uint64_t{(kByteClasses[c] & kStopsTarget) != 0} << i;
    masks.question |= std::uint64_t{c == '?'} << i;
  }
  return masks;
}

FieldMasks fields_portable(const char* /*begin*/, const char* at, const char* end) {
  FieldMasks masks{bits_from(end - at), bits_from(end - at)};
  for (std::size_t i = 0; i < 64 && at + i < end; ++i) {
    const std::uint8_t classes = kByteClasses[static_cast<unsigned char>(at[i])];
    masks.not_token |= std::uint64_t{(classes & kNotToken) != 0} << i;
    masks.control |= std::uint64_t{(classes & kControl) != 0} << i;
  }
  return masks;
}

#if defined(__x86_64__)

constexpr std::ptrdiff_t kHalf = 32;

// Two halves of 32 bytes that cover a block without leaving the buffer. They overlap, or start in front of
// the block, when fewer than 64 bytes are left: masks are shifted, so nothing is copied into a padded buffer.
struct Halves {
  const char* low;
  const char* high;
  unsigned high_shift;   // of the masks of the high half
  unsigned drop;         // bits of both together that are in front of the block
  std::uint64_t beyond;  // bits behind the end

  // end - begin >= kHalf
  Halves(const char* begin, const char* at, const char* end) {
    if (end - at >= 64) {
      low = at;
      high = at + kHalf;
      high_shift = kHalf;
      drop = 0;
      beyond = 0;
      return;
    }
    low = end - begin >= 64 ? end - 64 : begin;
    high = end - kHalf;
    high_shift = static_cast<unsigned>(high - low);
    drop = static_cast<unsigned>(at - low);
    beyond = bits_from(end - at);
  }
  std::uint64_t join(std::uint64_t low_mask, std::uint64_t high_mask) const {
    return (low_mask | high_mask << high_shift) >> drop;
  }
};

// SSE2 is part of x86-64. A half is two vectors.

std::uint32_t half_mask(__m128i first, __m128i second) {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(first)) |
         static_cast<std::uint32_t>(_mm_movemask_epi8(second)) << 16U;
}
__m128i load_16(const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
__m128i equals(__m128i bytes, char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); }
__m128i within(__m128i bytes, char low, char high) {
  const __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(low));
  return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(static_cast<char>(high - low))), above);
}
__m128i any_of(__m128i first) { return first; }
template <class... More>
__m128i any_of(__m128i first, More... more) {
  return _mm_or_si128(first, any_of(more...));
}
// A byte from 0x80 is negative, so it is not visible.
__m128i not_visible(__m128i bytes) {
  return _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x21)), equals(bytes, 0x7f));
}
__m128i stops(__m128i bytes) { return any_of(not_visible(bytes), equals(bytes, '#')); }
__m128i not_token(__m128i bytes) {
  return any_of(not_visible(bytes), equals(bytes, '"'), within(bytes, '(', ')'), equals(bytes, ','),
                equals(bytes, '/'), within(bytes, ':', '@'), within(bytes, '[', ']'), equals(bytes, '{'),
                equals(bytes, '}'));
}
__m128i control(__m128i bytes) {
  return any_of(_mm_andnot_si128(equals(bytes, '\t'), within(bytes, 0, 0x1f)), equals(bytes, 0x7f));
}

LineMasks line_sse2(const char* begin, const char* at, const char* end) {
  if (end - begin < kHalf) return line_portable(begin, at, end);
  const Halves halves(begin, at, end);
  const __m128i a = load_16(halves.low);
  const __m128i b = load_16(halves.low + 16);
  const __m128i c = load_16(halves.high);
  const __m128i d = load_16(halves.high + 16);
  return {halves.join(half_mask(stops(a), stops(b)), half_mask(stops(c), stops(d))) | halves.beyond,
          halves.join(half_mask(equals(a, '?'), equals(b, '?')), half_mask(equals(c, '?'), equals(d, '?')))};
}

FieldMasks fields_sse2(const char* begin, const char* at, const char* end) {
  if (end - begin < kHalf) return fields_portable(begin, at, end);
  const Halves halves(begin, at, end);
  const __m128i a = load_16(halves.low);
  const __m128i b = load_16(halves.low + 16);
  const __m128i c = load_16(halves.high);
  const __m128i d = load_16(halves.high + 16);
  return {halves.join(half_mask(not_token(a), not_token(b)), half_mask(not_token(c), not_token(d))) |
              halves.beyond,
          halves.join(half_mask(control(a), control(b)), half_mask(control(c), control(d))) | halves.beyond};
}

// AVX2: a half is one vector, and a token byte is told by two table look-ups, one by each half of the byte.

#define WEIR_AVX2 [[gnu::target("avx2")]]

// Bit r of entry l: the byte (r << 4 | l) is a token byte. A byte from 0x80 selects 0 in the shuffle.
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

WEIR_AVX2 inline __m256i load_32(const char* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}
WEIR_AVX2 inline __m256i table(const std::array<std::uint8_t, 16>& bytes) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data())));
}
WEIR_AVX2 inline std::uint32_t mask_of(__m256i bytes) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes));
}
WEIR_AVX2 inline __m256i equals(__m256i bytes, char c) {
  return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c));
}
WEIR_AVX2 inline std::uint32_t stops(__m256i bytes) {
  const __m256i visible = _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(0x20));
  const __m256i not_in = _mm256_or_si256(equals(bytes, 0x7f), equals(bytes, '#'));
  return ~mask_of(_mm256_andnot_si256(not_in, visible));
}
WEIR_AVX2 inline std::uint32_t not_token(__m256i bytes) {
  const __m256i rows = _mm256_shuffle_epi8(table(kTokenRows), bytes);
  const __m256i row = _mm256_shuffle_epi8(
      table(kRowBits), _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f)));
  return mask_of(_mm256_cmpeq_epi8(_mm256_and_si256(rows, row), _mm256_setzero_si256()));
}
WEIR_AVX2 inline std::uint32_t control(__m256i bytes) {
  const __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
  return mask_of(_mm256_or_si256(_mm256_andnot_si256(equals(bytes, '\t'), low), equals(bytes, 0x7f)));
}

WEIR_AVX2 LineMasks line_avx2(const char* begin, const char* at, const char* end) {
  if (end - begin < kHalf) return line_portable(begin, at, end);
  const Halves halves(begin, at, end);
  const __m256i low = load_32(halves.low);
  const __m256i high = load_32(halves.high);
  return {halves.join(stops(low), stops(high)) | halves.beyond,
          halves.join(mask_of(equals(low, '?')), mask_of(equals(high, '?')))};
}

WEIR_AVX2 FieldMasks fields_avx2(const char* begin, const char* at, const char* end) {
  if (end - begin < kHalf) return fields_portable(begin, at, end);
  const Halves halves(begin, at, end);
  const __m256i low = load_32(halves.low);
  const __m256i high = load_32(halves.high);
  return {halves.join(not_token(low), not_token(high)) | halves.beyond,
          halves.join(control(low), control(high)) | halves.beyond};
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
