// Json: writes JSON (RFC 8259) onto the end of a text, in one pass and without a tree: for the access log, of
// which there is a line per request, and for what the edge tells about itself. It writes; it never reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace weir::record {

class Json {
 public:
  // Begins a value at the end of `out`, whatever stands before it.
  explicit Json(std::string& out) : out_(out) {}

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  // name: static, and needs no escaping.
  Json& key(std::string_view name);

  // Any bytes: what is not UTF-8 becomes U+FFFD, control characters are escaped, so that a value can neither
  // end its line nor steer a terminal.
  void text(std::string_view value);
  void number(std::uint64_t value);
  void boolean(bool value);
  void null();
  // Milliseconds with three digits behind the point.
  void milliseconds(Duration duration);

 private:
  void begin(char bracket);
  void end(char bracket);
  void separate() {
    if (more_) out_ += ',';
    more_ = true;
  }

  std::string& out_;
  bool more_ = false;  // something stands before, on the same level
};

// Whether it is UTF-8 without control characters but tabs and ends of lines: for people to read.
bool is_text(std::string_view bytes);

}  // namespace weir::record
