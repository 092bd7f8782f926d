#include "podman/log_frames.h"

#include <algorithm>

namespace weir::podman {
namespace {

constexpr std::size_t kHeadBytes = 8;
// Trouble of podman's own, amid what a container writes to an exec session.
constexpr char kPodmansOwn = 3;

}  // namespace

Result<void> LogFrames::take(std::string_view bytes, const Tell& tell) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::string_view piece = bytes.substr(0, left_);
      left_ -= piece.size();
      tell(stream_, piece);
      bytes.remove_prefix(piece.size());
      continue;
    }
    const std::size_t lacking = std::min(kHeadBytes - head_.size(), bytes.size());
    head_ += bytes.substr(0, lacking);
    bytes.remove_prefix(lacking);
    if (head_.size() < kHeadBytes) break;
    const bool known = head_[0] >= 0 && head_[0] <= kPodmansOwn;
    if (!known || head_[1] != 0 || head_[2] != 0 || head_[3] != 0) {
      return fail(Code::kMalformed, "this is no log of a container", Side::kUpstream);
    }
    stream_ = head_[0] == static_cast<char>(LogStream::kOut) ? LogStream::kOut : LogStream::kErr;
    std::size_t length = 0;
    for (std::size_t i = 4; i < kHeadBytes; ++i) {
      length = length << 8U | static_cast<unsigned char>(head_[i]);
    }
    if (length > kFrameBytesMax) {
      return fail(Code::kMalformed, "a line of a log is too long", Side::kUpstream);
    }
    left_ = length;
    head_.clear();
  }
  return {};
}

}  // namespace weir::podman
