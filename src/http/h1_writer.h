// HeadWriter: the head of an HTTP/1.1 message, into bytes of the caller. A local of whoever sends; no
// allocation, no I/O. It never checks what it is given: names and values come from the parser or are weir's
// own.
//   HeadWriter writer(room);
//   writer.status_line(200);
//   writer.field(Known::kContentLength, body.size());
//   Result<std::size_t> bytes = writer.finish();
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "http/fields.h"
#include "http/message.h"

namespace weir::http {

class HeadWriter {
 public:
  explicit HeadWriter(std::span<std::byte> room)
      : begin_(reinterpret_cast<char*>(room.data())), next_(begin_), end_(begin_ + room.size()) {}

  // Always HTTP/1.1: a proxy sends its own version (RFC 9110 section 2.5). The second form takes a reason of
  // the caller's; it may be empty.
  void status_line(int status) { status_line(status, reason_of(status)); }
  void status_line(int status, std::string_view reason);
  // Origin-form or "*", whatever form was received: path, and "?query" when query.data() is not null.
  void request_line(std::string_view method, std::string_view path, std::string_view query = {});
  void field(std::string_view name, std::string_view value);
  void field(Known known, std::string_view value) { field(name_of(known), value); }
  void field(Known known, std::uint64_t value);
  void fields(const Fields& fields);
  // For a value made of pieces: begin_field, any number of append, end_field.
  void begin_field(std::string_view name);
  void append(std::string_view text);
  void append(std::uint64_t number);
  void end_field();
  // Complete lines, written before by a HeadWriter or by hand.
  void raw(std::string_view lines) { append(lines); }

  // The blank line. Bytes written in all; kHeadTooLarge when the room was too small (then what is in it is of
  // no use), whichever call ran out.
  Result<std::size_t> finish();

 private:
  // A place for that many bytes, or null and the writer is full from then on.
  char* take(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - next_) < bytes) [[unlikely]] {
      full_ = true;
      end_ = next_;
      return nullptr;
    }
    char* place = next_;
    next_ += bytes;
    return place;
  }

  char* begin_;
  char* next_;
  char* end_;
  bool full_ = false;
};

inline constexpr std::size_t kDecimalBytesMax = 20;
// Writes the digits, no sign, no zero byte; how many. The place has kDecimalBytesMax bytes.
std::size_t write_decimal(std::uint64_t number, char* place);

}  // namespace weir::http
