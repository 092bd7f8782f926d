#include "http/response_writer.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstring>

namespace weir::http {
namespace {

// A content up to this size is copied behind the head: one slice costs the kernel less than two.
constexpr std::size_t kCopiedBytesMax = 4096;
// Behind the head and before the end of the room: chunk head, copied content, chunk end, last chunk.
constexpr std::size_t kTailBytes = kCopiedBytesMax + kChunkHeadBytesMax + 16;

}  // namespace

std::string_view DateText::now() {
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto second = std::chrono::floor<std::chrono::seconds>(clock_.wall_now());
  if (second.time_since_epoch().count() != second_) {
    second_ = second.time_since_epoch().count();
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{second - day};
    const auto made =
        fmt::format_to_n(text_.data(), text_.size(), "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                         kDays[std::chrono::weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
                         kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                         clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    bytes_ = made.size;
  }
  return {text_.data(), bytes_};
}

Result<ResponseWriter::First> ResponseWriter::begin(Response& response, bool keep_alive) {
  const ResponseHead& head = response.head;
  First first;
  first.keep_alive = keep_alive;
  const bool no_content = request_.method == Method::kHead || head.framing == Framing::kNone ||
                          head.status == 204 || head.status == 304;
  const bool switched = head.status == 101;
  if (switched) first.keep_alive = false;
  if (!no_content && !switched &&
      (head.framing == Framing::kChunked || head.framing == Framing::kUntilClose)) {
    first.chunked = request_.version_minor >= 1;
    if (!first.chunked)
      first.keep_alive = false;  // for an HTTP/1.0 client the end of the connection is the end
  }

  HeadWriter writer(room_.first(room_.size() - kTailBytes));
  writer.status_line(head.status, head.reason);
  writer.fields(head.fields);
  if (first.chunked) writer.field(Known::kTransferEncoding, "chunked");
  if (switched) {
    writer.field(Known::kConnection, "Upgrade");
    writer.field(Known::kUpgrade, "websocket");
  } else if (!first.keep_alive) {
    writer.field(Known::kConnection, "close");
  } else if (request_.version_minor == 0) {
    writer.field(Known::kConnection, "keep-alive");
  }
  if (!head.fields.has(Known::kDate)) writer.field(Known::kDate, date_.now());
  const auto head_bytes = writer.finish();
  if (!head_bytes) return fail(head_bytes.error());

  std::byte* const begin = room_.data();
  std::byte* next = begin + *head_bytes;
  const auto append = [&next](std::string_view text) {
    std::memcpy(next, text.data(), text.size());
    next += text.size();
  };
  const net::Slice content = no_content ? net::Slice{} : response.take_buffered();
  first.content_bytes = content.size();
  first.complete = no_content || response.at_end();
  if (!content.empty()) {
    if (first.chunked) append(ChunkHead(content.size()).text());
    if (content.size() <= kCopiedBytesMax) {
      append(net::as_text(content));
    } else {
      first.slices[1] = content;
    }
  }
  std::byte* const tail = next;
  if (first.chunked) {
    if (!content.empty()) append(kChunkEnd);
    // With trailers, the end is left to who sends the rest.
    if (first.complete && response.trailers() != nullptr) first.complete = false;
    if (first.complete) append(kLastChunk);
  }
  const bool apart = !first.slices[1].empty();
  first.slices[0] = {begin, apart ? tail : next};
  if (apart) first.slices[2] = {tail, next};
  return first;
}

}  // namespace weir::http
