// Bytes of a channel, from a controller or from a machine: what is taken for a message stays within the
// limits, and written again it is the same.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/check.h"
#include "channel/messages.h"

namespace {

using namespace weir::channel;

void judge_open(std::string_view bytes) {
  const auto open = parse_channel_open(bytes);
  if (!open) return;
  WEIR_CHECK(!open->instance.empty());
  if (const auto* exec = std::get_if<ExecWanted>(&open->what); exec != nullptr) {
    WEIR_CHECK(check_command(exec->command).empty());
    WEIR_CHECK(exec->size.rows <= kTerminalSizeMax && exec->size.columns <= kTerminalSizeMax);
  } else if (const auto* logs = std::get_if<LogsWanted>(&open->what); logs != nullptr) {
    WEIR_CHECK(logs->tail.value_or(0) <= kTailMax);
  } else {
    WEIR_CHECK(!std::get<RequestsWanted>(open->what).service.empty());
  }
  const auto again = parse_channel_open(serialize(*open));
  WEIR_CHECK(again.has_value() && *again == *open);
}

void judge_from_machine(std::string_view bytes) {
  const auto said = parse_from_machine(bytes);
  if (!said) return;
  if (const auto* lines = std::get_if<ChannelLines>(&*said); lines != nullptr) {
    WEIR_CHECK(lines->size() <= kLinesMax);
    for (const ChannelLine& line : *lines) WEIR_CHECK(line.text.size() <= kLineBytesMax);
  } else if (const auto* output = std::get_if<ChannelOutput>(&*said); output != nullptr) {
    WEIR_CHECK(output->bytes.size() <= kChannelBytesMax);
  } else if (const auto* requests = std::get_if<ChannelRequests>(&*said); requests != nullptr) {
    WEIR_CHECK(requests->requests.size() <= kRequestsMax);
  }
  const auto again = parse_from_machine(serialize(*said));
  WEIR_CHECK(again.has_value() && *again == *said);
}

void judge_to_machine(std::string_view bytes) {
  const auto said = parse_to_machine(bytes);
  if (!said) return;
  if (const auto* input = std::get_if<ChannelInput>(&*said); input != nullptr) {
    WEIR_CHECK(input->bytes.size() <= kChannelBytesMax);
  }
  const auto again = parse_to_machine(serialize(*said));
  WEIR_CHECK(again.has_value() && *again == *said);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  judge_open(bytes);
  judge_from_machine(bytes);
  judge_to_machine(bytes);
  return 0;
}
