#include "anycast/bird_reply.h"

#include <algorithm>

#include "base/text.h"

namespace weir::anycast {
namespace {

constexpr std::size_t kCodeBytes = 4;

std::string printable(std::string_view text) {
  std::string safe(text.substr(0, kBirdTextBytesMax));
  std::ranges::replace_if(safe, [](char c) { return c < ' ' || c > '~'; }, '?');
  return safe;
}

std::unexpected<Error> malformed() {
  return fail(Code::kMalformed, "what answers on the control socket does not speak like BIRD");
}

}  // namespace

Result<std::optional<BirdReply>> BirdReader::take(std::string_view bytes) {
  rest_.append(bytes);
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = rest_.find('\n', begin);
    if (end == std::string::npos) break;
    auto reply = take_line(std::string_view(rest_).substr(begin, end - begin));
    begin = end + 1;
    if (reply && !*reply) continue;
    rest_.erase(0, begin);
    return reply;
  }
  rest_.erase(0, begin);
  if (rest_.size() > kBirdLineBytesMax) return malformed();
  return std::nullopt;
}

Result<std::optional<BirdReply>> BirdReader::take_line(std::string_view line) {
  reply_bytes_ += line.size();
  if (line.size() > kBirdLineBytesMax || reply_bytes_ > kBirdReplyBytesMax) return malformed();
  if (line.starts_with('+')) return std::nullopt;            // a log line, which nobody has asked for
  if (line.starts_with(' ') && begun_) return std::nullopt;  // more of the line before
  const auto code = line.size() > kCodeBytes ? parse_decimal(line.substr(0, kCodeBytes)) : std::nullopt;
  if (!code) return malformed();
  begun_ = true;
  if (line[kCodeBytes] == '-') return std::nullopt;
  if (line[kCodeBytes] != ' ') return malformed();
  begun_ = false;
  reply_bytes_ = 0;
  return BirdReply{.code = static_cast<unsigned>(*code), .text = printable(line.substr(kCodeBytes + 1))};
}

}  // namespace weir::anycast
