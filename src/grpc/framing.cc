#include "grpc/framing.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace weir::grpc {

void append_message(std::string& content, std::string_view message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  const std::array<char, kPrefixBytes> prefix = {0, static_cast<char>(size >> 24U),
                                                 static_cast<char>(size >> 16U),
                                                 static_cast<char>(size >> 8U), static_cast<char>(size)};
  content.append(prefix.data(), prefix.size()).append(message);
}

std::optional<std::string> MessageReader::take(std::string_view& piece) {
  if (failure_) return std::nullopt;
  if (prefix_bytes_ < kPrefixBytes) {
    const std::size_t fitting = std::min(kPrefixBytes - prefix_bytes_, piece.size());
    std::copy_n(piece.data(), fitting, prefix_.data() + prefix_bytes_);
    prefix_bytes_ += fitting;
    piece.remove_prefix(fitting);
    if (prefix_bytes_ < kPrefixBytes || !read_prefix()) return std::nullopt;
  }
  const std::size_t fitting = std::min(left_, piece.size());
  // What is complete in one piece takes no more memory than its size.
  if (fitting == left_) message_.reserve(message_.size() + fitting);
  message_.append(piece.substr(0, fitting));
  piece.remove_prefix(fitting);
  left_ -= fitting;
  if (left_ > 0) return std::nullopt;
  prefix_bytes_ = 0;
  return std::exchange(message_, {});
}

bool MessageReader::read_prefix() {
  std::uint32_t size = 0;
  for (std::size_t i = 1; i < kPrefixBytes; ++i) size = size << 8U | static_cast<unsigned char>(prefix_[i]);
  if (prefix_[0] == 1) {
    failure_ = {StatusCode::kUnimplemented, "compressed messages are not taken here"};
  } else if (prefix_[0] != 0) {
    failure_ = {StatusCode::kInternal, "what came is no message of gRPC"};
  } else if (size > message_bytes_max_) {
    failure_ = {StatusCode::kResourceExhausted, "a message of " + std::to_string(size) + " bytes; at most " +
                                                    std::to_string(message_bytes_max_) + " are taken"};
  }
  left_ = size;
  return !failure_;
}

}  // namespace weir::grpc
