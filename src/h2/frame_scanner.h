// FrameScanner: finds the heads of frames in what is received (RFC 9113 section 4.1), ahead of nghttp2, which
// tells neither of every frame nor of all that the floods of section 10.5 are made of. Pure. A member of a
// server connection; begins behind the client's preface.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "net/buffer.h"

namespace weir::h2 {

// Why a stream or a connection ends (RFC 9113 section 7).
enum class ErrorCode : std::uint32_t {
  kNoError = 0x0,
  kProtocolError = 0x1,
  kInternalError = 0x2,
  kFlowControlError = 0x3,
  kSettingsTimeout = 0x4,
  kStreamClosed = 0x5,
  kFrameSizeError = 0x6,
  kRefusedStream = 0x7,
  kCancel = 0x8,
  kCompressionError = 0x9,
  kConnectError = 0xa,
  kEnhanceYourCalm = 0xb,
  kInadequateSecurity = 0xc,
  kHttp11Required = 0xd,
};

enum class FrameType : std::uint8_t {
  kData = 0x0,
  kHeaders = 0x1,
  kPriority = 0x2,
  kRstStream = 0x3,
  kSettings = 0x4,
  kPushPromise = 0x5,
  kPing = 0x6,
  kGoaway = 0x7,
  kWindowUpdate = 0x8,
  kContinuation = 0x9,
};
inline constexpr std::uint8_t kFlagEndStream = 0x1;
inline constexpr std::uint8_t kFlagAck = 0x1;
inline constexpr std::uint8_t kFlagEndHeaders = 0x4;

struct FrameHead {
  std::uint32_t length = 0;
  FrameType type = FrameType::kData;
  std::uint8_t flags = 0;
  std::int32_t stream_id = 0;
  std::int32_t depends_on = 0;  // of PRIORITY
};

class FrameScanner {
 public:
  static constexpr std::size_t kHeadBytes = 9;

  struct Step {
    std::size_t bytes = 0;          // looked at
    std::optional<FrameHead> head;  // the last of these bytes completes it
  };
  // The next head, or all of the bytes without one.
  Step next(net::Slice bytes) {
    Step step;
    step.bytes = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size()));
    payload_left_ -= step.bytes;
    while (step.bytes < bytes.size()) {
      room_[have_++] = std::to_integer<std::uint8_t>(bytes[step.bytes++]);
      if (have_ < kHeadBytes || have_ < wanted()) continue;
      step.head = head();
      payload_left_ = step.head->length - (have_ - kHeadBytes);
      have_ = 0;
      break;
    }
    return step;
  }
  // The bytes so far end with a frame.
  bool at_boundary() const { return have_ == 0 && payload_left_ == 0; }

 private:
  static constexpr std::size_t kPriorityBytes = 5;
  static constexpr std::size_t kDependencyBytes = 4;

  std::uint32_t number(std::size_t at, std::size_t bytes) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8U | room_[at + i];
    return value;
  }
  bool is_priority() const {
    return room_[3] == static_cast<std::uint8_t>(FrameType::kPriority) && number(0, 3) == kPriorityBytes;
  }
  std::size_t wanted() const { return kHeadBytes + (is_priority() ? kDependencyBytes : 0); }
  FrameHead head() const {
    constexpr std::uint32_t kIdBits = 0x7fffffff;
    FrameHead head{.length = number(0, 3),
                   .type = static_cast<FrameType>(room_[3]),
                   .flags = room_[4],
                   .stream_id = static_cast<std::int32_t>(number(5, 4) & kIdBits)};
    if (is_priority()) head.depends_on = static_cast<std::int32_t>(number(kHeadBytes, 4) & kIdBits);
    return head;
  }

  std::array<std::uint8_t, kHeadBytes + kDependencyBytes> room_{};
  std::size_t have_ = 0;  // of a head
  std::uint64_t payload_left_ = 0;
};

}  // namespace weir::h2
