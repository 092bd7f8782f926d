#include "http/h1_chunked.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"
#include "http/h1_bytes.h"
#include "http/h1_parser.h"

namespace weir::http {
namespace {

// Sizes stay below 2^62, so that no sum of two overflows.
constexpr std::uint64_t kSizeBeforeDigitMax = (std::uint64_t{1} << 58U) - 1;

// What a hex digit counts; 16 for any other byte.
constexpr unsigned hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a') + 10 : 16;
}

}  // namespace

bool ChunkedDecoder::size_byte(char byte) {
  const unsigned digit = hex_value(byte);
  if (digit < 16) {
    if (left_ > kSizeBeforeDigitMax) return false;
    left_ = left_ << 4U | digit;
    state_ = State::kSize;
    return true;
  }
  return state_ == State::kSize && ext_end(byte);
}

// What may follow a size, or an extension that is complete.
bool ChunkedDecoder::ext_end(char byte) {
  state_ = byte == ';' ? State::kExtName : State::kLineLf;
  return byte == ';' || byte == '\r';
}

bool ChunkedDecoder::line_byte(char byte) {
  if (++line_bytes_ > limits::kChunkLineBytesMax) return false;
  switch (state_) {
    case State::kSizeStart:
    case State::kSize: return size_byte(byte);
    case State::kExtName: state_ = State::kExtNameMore; return is_token_byte(byte);
    case State::kExtNameMore:
      if (is_token_byte(byte)) return true;
      if (byte != '=') return ext_end(byte);
      state_ = State::kExtValue;
      return true;
    case State::kExtValue:
      state_ = byte == '"' ? State::kExtQuoted : State::kExtToken;
      return byte == '"' || is_token_byte(byte);
    case State::kExtToken: return is_token_byte(byte) || ext_end(byte);
    case State::kExtQuoted:
      if (byte == '"') state_ = State::kExtEnd;
      if (byte == '\\') state_ = State::kExtQuotedPair;
      return !is_control_byte(byte);
    case State::kExtQuotedPair: state_ = State::kExtQuoted; return !is_control_byte(byte);
    case State::kExtEnd: return ext_end(byte);
    case State::kLineLf:
      state_ = left_ > 0 ? State::kData : State::kTrailer;
      line_bytes_ = 0;
      return byte == '\n';
    case State::kDataCr: state_ = State::kDataLf; return byte == '\r';
    case State::kDataLf:
      state_ = State::kSizeStart;
      line_bytes_ = 0;
      return byte == '\n';
    case State::kData:
    case State::kTrailer:
    case State::kEndLf:
    case State::kFailed:
    case State::kDone: break;  // decode() takes these itself
  }
  return false;
}

// For good: behind a byte that was refused, no byte can be told to be content or the next message.
std::unexpected<Error> ChunkedDecoder::refuse(const char* text) {
  state_ = State::kFailed;
  return fail(Code::kMalformed, text, side_);
}

Result<ChunkedDecoder::Step> ChunkedDecoder::decode(std::span<const std::byte> in) {
  WEIR_CHECK(state_ != State::kDone);
  if (state_ == State::kFailed) return fail(Code::kMalformed, "the chunks before this were refused", side_);
  for (std::size_t at = 0; at < in.size(); ++at) {
    if (state_ == State::kData) {
      const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size() - at));
      left_ -= bytes;
      if (left_ == 0) state_ = State::kDataCr;
      return Step{at + bytes, in.subspan(at, bytes), false, {}};
    }
    const char byte = static_cast<char>(in[at]);
    if (state_ == State::kTrailer) {
      if (byte != '\r') return trailer(in, at);
      state_ = State::kEndLf;
    } else if (state_ == State::kEndLf) {
      if (byte != '\n') return refuse("CR without LF behind the last chunk");
      state_ = State::kDone;
      return Step{at + 1, {}, true, {}};
    } else if (!line_byte(byte)) {
      return refuse("chunk line is not valid");
    }
  }
  return Step{in.size(), {}, false, {}};
}

Result<ChunkedDecoder::Step> ChunkedDecoder::trailer(std::span<const std::byte> in, std::size_t at) {
  const std::string_view rest(reinterpret_cast<const char*>(in.data()) + at, in.size() - at);
  Fields fields;
  const auto bytes = parse_field_section(rest, limits::kTrailerBytesMax, side_, fields);
  if (!bytes) {
    state_ = State::kFailed;
    return fail(bytes.error());
  }
  if (*bytes == 0) return Step{at, {}, false, {}};
  state_ = State::kDone;
  return Step{at + *bytes, {}, true, rest.substr(0, *bytes)};
}

void ChunkedDecoder::skip(std::uint64_t bytes) {
  WEIR_CHECK(bytes <= chunk_bytes_left());
  left_ -= bytes;
  if (state_ == State::kData && left_ == 0) state_ = State::kDataCr;
}

bool read_trailers(std::string_view section, Fields& out) {
  out.clear();
  if (section.empty()) return true;
  if (!parse_field_section(section, section.size(), Side::kInternal, out)) return false;
  remove_forbidden_trailers(out);
  return true;
}

ChunkHead::ChunkHead(std::uint64_t bytes) : begin_(kChunkHeadBytesMax) {
  text_[--begin_] = '\n';
  text_[--begin_] = '\r';
  do {
    text_[--begin_] = "0123456789abcdef"[bytes & 15U];
    bytes >>= 4U;
  } while (bytes != 0);
}

}  // namespace weir::http
