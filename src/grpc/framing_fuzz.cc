// The first byte: how the rest is cut. Whatever comes, in one piece and in many, gives the same messages and
// the same end; and what was read, written again, is what came.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "grpc/framing.h"

namespace {

using weir::grpc::MessageReader;

constexpr std::size_t kMessageBytesMax = 1000;

std::vector<std::string> read(MessageReader& reader, std::string_view content, std::size_t piece_bytes) {
  std::vector<std::string> messages;
  while (!content.empty() && !reader.failure()) {
    std::string_view piece = content.substr(0, piece_bytes);
    content.remove_prefix(piece.size());
    while (auto message = reader.take(piece)) messages.push_back(std::move(*message));
    WEIR_CHECK(piece.empty() || reader.failure());
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  MessageReader whole(kMessageBytesMax);
  MessageReader cut(kMessageBytesMax);
  const auto messages = read(whole, content, content.size());
  WEIR_CHECK(messages == read(cut, content, data[0] + 1U));
  WEIR_CHECK(whole.failure() == cut.failure());
  WEIR_CHECK(whole.at_boundary() == cut.at_boundary());
  std::string written;
  for (const std::string& message : messages) {
    WEIR_CHECK(message.size() <= kMessageBytesMax);
    weir::grpc::append_message(written, message);
  }
  WEIR_CHECK(content.starts_with(written));
  WEIR_CHECK(whole.failure() || !whole.at_boundary() || written == content);
  return 0;
}
