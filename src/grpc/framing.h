// Messages of gRPC in the content of a stream: a byte that says whether it is compressed, four of length, the
// bytes (PROTOCOL-HTTP2.md, Length-Prefixed-Message). Nothing is compressed here. Pure; holds memory only
// while a message is incomplete.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "grpc/status.h"

namespace weir::grpc {

inline constexpr std::size_t kPrefixBytes = 5;

// Behind what is there already. The message has fewer than 2^32 bytes.
void append_message(std::string& content, std::string_view message);

// Takes content piece by piece, and gives messages.
class MessageReader {
 public:
  // Of one message that is received.
  explicit MessageReader(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  // Takes from the front of the piece what belongs to the next message, at most to its end. The message, when
  // that is reached; else the piece is used up, or failure() says why nothing more will come.
  std::optional<std::string> take(std::string_view& piece);
  // kResourceExhausted: larger than allowed; kUnimplemented: compressed; kInternal: neither 0 nor 1 says so.
  const std::optional<Status>& failure() const { return failure_; }
  // Between two messages: content may end here.
  bool at_boundary() const { return prefix_bytes_ == 0; }

 private:
  bool read_prefix();

  std::size_t message_bytes_max_;
  std::array<char, kPrefixBytes> prefix_{};
  std::size_t prefix_bytes_ = 0;  // of it, received
  std::size_t left_ = 0;          // of the message, once the prefix is there
  std::string message_;
  std::optional<Status> failure_;
};

}  // namespace weir::grpc
