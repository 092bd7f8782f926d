// Whatever comes by podman's socket: logs are told alike however their bytes come in pieces and never longer
// than they came; answers are read or refused, and a refusal becomes a sentence that is bounded.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "podman/log_frames.h"
#include "podman/values.h"

namespace {

using weir::podman::LogStream;

std::string told_in_pieces(std::string_view bytes, std::size_t piece) {
  weir::podman::LogFrames frames;
  std::string told;
  const auto tell = [&told](LogStream stream, std::string_view text) {
    WEIR_CHECK(!text.empty());
    for (const char c : text) told += {stream == LogStream::kOut ? '1' : '2', c};
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (!frames.take(bytes.substr(0, piece), tell)) return told + "malformed";
  }
  return told + (frames.complete() ? "" : "cut");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = told_in_pieces(bytes, bytes.size() + 1);
  WEIR_CHECK(whole == told_in_pieces(bytes, 1));
  WEIR_CHECK(whole == told_in_pieces(bytes, 7));
  WEIR_CHECK(whole.size() <= 2 * size + 9);
  if (const auto containers = weir::podman::read_containers(bytes)) {
    for (const auto& one : *containers) WEIR_CHECK(!one.id.empty() && !one.name.empty());
  }
  (void)weir::podman::read_inspected(bytes);
  (void)weir::podman::read_usage(bytes);
  (void)weir::podman::read_volumes(bytes);
  (void)weir::podman::read_names(bytes);
  (void)weir::podman::read_networks(bytes);
  (void)weir::podman::read_images(bytes);
  (void)weir::podman::read_exec(bytes);
  (void)weir::podman::read_pull_error(bytes);
  const auto refused = weir::podman::read_refusal(bytes);
  const std::string sentence = weir::podman::sentence_of(refused, "image", "command");
  WEIR_CHECK(!sentence.empty() && sentence.size() < 500);
  return 0;
}
