#include "record/json.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>

namespace weir::record {
namespace {

constexpr bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

bool is_continuation(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U;
}

// The bytes of the well-formed sequence that the text begins with (Unicode 15, table 3-7); 0: none, or a
// control character of U+0080 to U+009F.
std::size_t sequence_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0xc2 || first > 0xf4 || !is_continuation(text, 1)) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  if (first < 0xe0) return first == 0xc2 && second < 0xa0 ? 0 : 2;
  if (!is_continuation(text, 2)) return 0;
  if (first < 0xf0) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  if (!is_continuation(text, 3)) return 0;
  const bool overlong = first == 0xf0 && second < 0x90;
  const bool beyond = first == 0xf4 && second > 0x8f;
  return overlong || beyond ? 0 : 4;
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x80) {
    out += "\\ufffd";
    return;
  }
  out += "\\u00";
  out += kDigits[byte >> 4U];
  out += kDigits[byte & 15U];
}

}  // namespace

bool is_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const char c = bytes[0];
    const bool plain = (c >= ' ' && c <= '~') || c == '\t' || c == '\n' || c == '\r';
    const std::size_t size = plain ? 1 : sequence_bytes(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

void Json::begin(char bracket) {
  separate();
  out_ += bracket;
  more_ = false;
}

void Json::end(char bracket) {
  out_ += bracket;
  more_ = true;
}

Json& Json::key(std::string_view name) {
  separate();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  more_ = false;
  return *this;
}

void Json::text(std::string_view value) {
  separate();
  out_ += '"';
  while (!value.empty()) {
    std::size_t plain = 0;
    while (plain < value.size() && is_plain(value[plain])) ++plain;
    out_.append(value.substr(0, plain));
    value.remove_prefix(plain);
    if (value.empty()) break;
    if (const std::size_t bytes = sequence_bytes(value); bytes > 0) {
      out_.append(value.substr(0, bytes));
      value.remove_prefix(bytes);
    } else {
      append_escaped(out_, value[0]);
      value.remove_prefix(1);
    }
  }
  out_ += '"';
}

void Json::number(std::uint64_t value) {
  separate();
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out_.append(digits.data(), end);
}

void Json::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
}

void Json::null() {
  separate();
  out_ += "null";
}

void Json::milliseconds(Duration duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  const auto micros = static_cast<std::uint64_t>(whole > 0 ? whole : 0);
  number(micros / 1000);
  const std::uint64_t rest = micros % 1000;
  out_ += '.';
  out_ += static_cast<char>('0' + rest / 100);
  out_ += static_cast<char>('0' + rest / 10 % 10);
  out_ += static_cast<char>('0' + rest % 10);
}

}  // namespace weir::record
