// The chunked transfer coding (RFC 9112 section 7.1). The decoder belongs to one message, on the core of its
// connection; 32 bytes, no allocation. It never copies content: it tells where in the input it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "http/fields.h"

namespace weir::http {

class ChunkedDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;         // bytes of the input that are finished with, `data` included
    std::span<const std::byte> data;  // content, a view into the input; can be empty
    bool done = false;          // the message ended with the consumed bytes; what follows is the next one
    std::string_view trailers;  // with done: the trailer section, a view into the input; mostly empty.
                                // Its syntax has been checked; give it to read_trailers
  };

  // side: whose bytes these are, for the errors.
  explicit ChunkedDecoder(Side side) : side_(side) {}

  // One step: framing up to and including the next run of content. To be called until the input is used up or
  // done; then not any more. With neither data nor done, the input is used up but for one case: an unfinished
  // trailer section is not consumed, and is to be offered again from its start with more behind it (it is at
  // most limits::kTrailerBytesMax long, so it fits any I/O buffer). Takes any split of the stream.
  //
  // Strict: sizes are hex digits only; a line ends with CRLF; extensions are ";name", ";name=token" or
  // ";name=\"quoted\"" with no white space outside of quotes (the grammar's "bad whitespace" is refused:
  // nobody sends it, and implementations differ on it), and are dropped. A chunk line has at most
  // limits::kChunkLineBytesMax bytes.
  // Errors: kMalformed; kHeadTooLarge for trailers.
  Result<Step> decode(std::span<const std::byte> in);

  // Bytes of content still to come in the present chunk; lets a forwarder splice. 0 between chunks.
  std::uint64_t chunk_bytes_left() const { return state_ == State::kData ? left_ : 0; }
  // So many bytes of that content went past the decoder.
  void skip(std::uint64_t bytes);

 private:
  enum class State : std::uint8_t {
    kSizeStart,      // the first digit of a size
    kSize,           // further digits, or what ends them
    kExtName,        // first byte of a chunk-ext-name
    kExtNameMore,    // further bytes of it
    kExtValue,       // first byte of a chunk-ext-val
    kExtToken,       // further bytes of a token
    kExtQuoted,      // within quotes
    kExtQuotedPair,  // behind a backslash
    kExtEnd,         // behind the closing quote
    kLineLf,         // the LF of a chunk line
    kData,           // content
    kDataCr,         // the CR behind content
    kDataLf,         // the LF behind content
    kTrailer,        // the first byte behind the last chunk
    kEndLf,          // the LF of the blank line, when there are no trailers
    kDone,
    kFailed,  // what came was refused; nothing more is read from it
  };

  // Each takes one byte of a chunk line, or of the CRLF behind content; false when it cannot be there.
  bool line_byte(char byte);
  bool size_byte(char byte);
  bool ext_end(char byte);
  std::unexpected<Error> refuse(const char* text);
  Result<Step> trailer(std::span<const std::byte> in, std::size_t at);

  State state_ = State::kSizeStart;
  Side side_;
  std::uint16_t line_bytes_ = 0;
  std::uint64_t left_ = 0;
};

// The trailer section of a Step, as fields that may be forwarded; see remove_forbidden_trailers(). False when
// there are more than limits::kFieldsMax.
bool read_trailers(std::string_view section, Fields& out);

inline constexpr std::size_t kChunkHeadBytesMax = 18;  // 16 hex digits and CRLF
// "1a4\r\n"; goes in front of a chunk. 0 is for kLastChunk.
class ChunkHead {
 public:
  explicit ChunkHead(std::uint64_t bytes);
  std::string_view text() const { return {text_.data() + begin_, text_.size() - begin_}; }

 private:
  std::array<char, kChunkHeadBytesMax> text_;
  std::uint8_t begin_;
};
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";  // with no trailers
inline constexpr std::string_view kLastChunkHead = "0\r\n";  // trailers and a blank line follow (HeadWriter)

}  // namespace weir::http
