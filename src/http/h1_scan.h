// Where the delimiters of an HTTP/1 head are, many bytes at a time. Internal to the parser. Pure; every core.
// AVX2 where the processor has it, SSE2 on every other x86-64, plain C++ elsewhere; all give the same masks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::http {

// Bit i tells about the byte at + i (see h1_bytes.h). In all but `question`, bits for bytes behind the end
// are set, so that a search always stops.
struct LineMasks {  // of 32 bytes
  std::uint32_t stop;
  std::uint32_t question;  // '?'
};
struct FieldMasks {  // of 64 bytes
  std::uint64_t not_token;
  std::uint64_t control;
};
inline constexpr std::ptrdiff_t kLineBlock = 32;
inline constexpr std::ptrdiff_t kFieldBlock = 64;

// The block at `at`; begin <= at < end. No byte outside of [begin, end) is read: a block that is not full is
// read so that it ends with the buffer, and its masks are shifted.
LineMasks scan_line(const char* begin, const char* at, const char* end);
FieldMasks scan_fields(const char* begin, const char* at, const char* end);

// The ways that there are, for the test that compares them. Null where the processor has not got it.
struct ScanWay {
  const char* name;
  LineMasks (*line)(const char* begin, const char* at, const char* end);
  FieldMasks (*fields)(const char* begin, const char* at, const char* end);
};
inline constexpr std::size_t kScanWays = 3;
const ScanWay* scan_way(std::size_t index);

}  // namespace weir::http
