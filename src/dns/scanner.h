// The words of a master file (RFC 1035 section 5.1): parentheses, quotes, escapes, comments, and what single
// words mean. Words are views into the text, which outlives them; nothing is unescaped before it is asked
// for. On any core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dns/bytes.h"

namespace weir::dns {

using Octets = std::vector<std::uint8_t>;

inline constexpr std::size_t kStringBytesMax = 255;  // of one character string
// Of one entry: 65,535 octets in hex digits, each a word of its own, and what stands before them
inline constexpr std::size_t kWordsMax = 2 * 65535 + 8;

enum class Quotes : std::uint8_t {
  kNone,
  kAround,  // they are not part of the text
  kWithin,  // key="value": they are
};

struct Word {
  std::string_view text;  // escapes as they are written
  std::uint32_t line = 1;
  Quotes quotes = Quotes::kNone;

  bool is(std::string_view plain) const { return quotes == Quotes::kNone && text == plain; }
};

// What is left of an entry.
class Words {
 public:
  explicit Words(std::span<const Word> words) : words_(words) {}

  bool empty() const { return at_ == words_.size(); }
  const Word& front() const { return words_[at_]; }  // not when empty
  void drop() { ++at_; }
  Result<Word> take();
  Result<std::string_view> plain();  // the next one, not in quotes
  // The line of the word taken last, or of the first one.
  std::uint32_t line() const;

 private:
  std::span<const Word> words_;
  std::size_t at_ = 0;
};

// Entries one after the other: a line with words, or several within parentheses.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // False: the text has no more of them. After a refusal, line() is where it happened, and the scanner is
  // done.
  Result<bool> next();
  std::span<const Word> words() const { return words_; }  // until the next entry
  bool begins_blank() const { return begins_blank_; }     // the owner is that of the entry before
  std::uint32_t line() const { return line_; }

 private:
  Result<void> scan_plain();
  Result<void> scan_quoted();
  Result<void> skip_to_quote();
  Result<void> skip_escape();
  Result<void> add(std::string_view text, Quotes quotes);
  void skip_comment();

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  bool begins_blank_ = false;
  std::vector<Word> words_;  // its memory serves all entries
};

// \032 and \; become octets, which are appended. Quotes are refused.
Result<void> append_unescaped(std::string_view text, Octets& octets);
// In quotes, so that it is one word that means these octets.
void append_quoted(std::string& text, Bytes octets);

Result<std::uint32_t> read_number(std::string_view text, std::uint32_t max);
Result<std::uint32_t> read_seconds(std::string_view text);  // 5400, 90m, 1h30m
Result<void> append_ipv4(std::string_view text, Octets& octets);
Result<void> append_ipv6(std::string_view text, Octets& octets);
void write_ipv4(std::string& text, Bytes four);
void write_ipv6(std::string& text, Bytes sixteen);

inline void append_u16(Octets& octets, std::uint16_t value) {
  octets.push_back(static_cast<std::uint8_t>(value >> 8U));
  octets.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace weir::dns
