#include "dns/scanner.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace weir::dns {
namespace {

enum class Kind : std::uint8_t {
  kOrdinary,
  kBlank,
  kLine,
  kComment,
  kOpen,
  kClose,
  kQuote,
  kBackslash,
};

constexpr auto kKinds = [] {
  std::array<Kind, 256> kinds{};
  kinds[' '] = kinds['\t'] = kinds['\r'] = Kind::kBlank;
  kinds['\n'] = Kind::kLine;
  kinds[';'] = Kind::kComment;
  kinds['('] = Kind::kOpen;
  kinds[')'] = Kind::kClose;
  kinds['"'] = Kind::kQuote;
  kinds['\\'] = Kind::kBackslash;
  return kinds;
}();

Kind kind_of(char c) { return kKinds[static_cast<std::uint8_t>(c)]; }

std::optional<std::uint32_t> seconds_of(char unit) {
  switch (ascii_lower(unit)) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    case 'w': return 604800;
    default: return std::nullopt;
  }
}

}  // namespace

Result<Word> Words::take() {
  if (empty()) return fail(Code::kMalformed, "the record ends before its last field");
  return words_[at_++];
}

Result<std::string_view> Words::plain() {
  const auto word = take();
  if (!word) return fail(word.error());
  if (word->quotes != Quotes::kNone)
    return fail(Code::kMalformed, "quotes stand where a field is written without them");
  return word->text;
}

std::uint32_t Words::line() const { return words_.empty() ? 1 : words_[at_ == 0 ? 0 : at_ - 1].line; }

Result<bool> Scanner::next() {
  words_.clear();
  std::size_t depth = 0;
  begins_blank_ = at_ < text_.size() && kind_of(text_[at_]) == Kind::kBlank;
  while (at_ < text_.size()) {
    Result<void> done;
    switch (kind_of(text_[at_])) {
      case Kind::kBlank: ++at_; break;
      case Kind::kComment: skip_comment(); break;
      case Kind::kLine:
        ++at_;
        ++line_;
        if (depth > 0) break;
        if (!words_.empty()) return true;
        begins_blank_ = at_ < text_.size() && kind_of(text_[at_]) == Kind::kBlank;
        break;
      case Kind::kOpen:
        ++at_;
        ++depth;
        break;
      case Kind::kClose:
        ++at_;
        if (depth-- == 0) return fail(Code::kMalformed, "a closing parenthesis without an opening one");
        break;
      case Kind::kQuote: done = scan_quoted(); break;
      case Kind::kOrdinary:
      case Kind::kBackslash: done = scan_plain(); break;
    }
    if (!done) return fail(done.error());
  }
  if (depth > 0) return fail(Code::kMalformed, "the text ends within parentheses");
  return !words_.empty();
}

Result<void> Scanner::scan_plain() {
  const std::size_t start = at_;
  Quotes quotes = Quotes::kNone;
  while (at_ < text_.size()) {
    const Kind kind = kind_of(text_[at_]);
    if (kind == Kind::kOrdinary) {
      ++at_;
    } else if (kind == Kind::kBackslash) {
      if (auto done = skip_escape(); !done) return done;
    } else if (kind == Kind::kQuote) {
      if (text_[at_ - 1] != '=') return fail(Code::kMalformed, "a quote stands within a word");
      if (auto done = skip_to_quote(); !done) return done;
      quotes = Quotes::kWithin;
      break;
    } else {
      break;
    }
  }
  return add(text_.substr(start, at_ - start), quotes);
}

Result<void> Scanner::scan_quoted() {
  const std::size_t start = at_ + 1;
  if (auto done = skip_to_quote(); !done) return done;
  return add(text_.substr(start, at_ - 1 - start), Quotes::kAround);
}

// From a quote to after the one that closes it
Result<void> Scanner::skip_to_quote() {
  ++at_;
  while (at_ < text_.size() && text_[at_] != '\n') {
    const Kind kind = kind_of(text_[at_]);
    if (kind == Kind::kBackslash) {
      if (auto done = skip_escape(); !done) return done;
      continue;
    }
    ++at_;
    if (kind != Kind::kQuote) continue;
    if (at_ < text_.size() && (kind_of(text_[at_]) == Kind::kOrdinary || text_[at_] == '\\'))
      return fail(Code::kMalformed, "a blank is missing after a closing quote");
    return {};
  }
  return fail(Code::kMalformed, "a quoted string is closed on the line where it begins");
}

Result<void> Scanner::skip_escape() {
  if (at_ + 1 >= text_.size() || text_[at_ + 1] == '\n' || text_[at_ + 1] == '\r')
    return fail(Code::kMalformed, "a backslash at the end of a line escapes nothing");
  at_ += 2;
  return {};
}

Result<void> Scanner::add(std::string_view text, Quotes quotes) {
  if (words_.size() == kWordsMax) return fail(Code::kMalformed, "an entry has at most 131,078 words");
  words_.push_back({text, line_, quotes});
  return {};
}

void Scanner::skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }

Result<void> append_unescaped(std::string_view text, Octets& octets) {
  for (;;) {
    const std::size_t special = text.find_first_of("\\\"");
    const std::string_view before = text.substr(0, special);
    octets.insert(octets.end(), before.begin(), before.end());
    if (special == std::string_view::npos) return {};
    if (text[special] == '"') return fail(Code::kMalformed, "a quote stands within a word");
    text.remove_prefix(special + 1);
    if (text.empty()) return fail(Code::kMalformed, "a backslash at the end escapes nothing");
    std::size_t used = 1;
    auto octet = static_cast<std::uint8_t>(text[0]);
    if (text[0] >= '0' && text[0] <= '9') {
      const auto number = text.size() < 3 ? std::nullopt : parse_decimal(text.substr(0, 3));
      if (!number || *number > 255)
        return fail(Code::kMalformed, "an escaped octet is a backslash and three digits, 000 to 255");
      used = 3;
      octet = static_cast<std::uint8_t>(*number);
    }
    octets.push_back(octet);
    text.remove_prefix(used);
  }
}

void append_quoted(std::string& text, Bytes octets) {
  text += '"';
  for (const std::uint8_t octet : octets) {
    const char c = static_cast<char>(octet);
    if (octet >= 32 && octet < 127) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
      continue;
    }
    text += '\\';
    text += static_cast<char>('0' + octet / 100);
    text += static_cast<char>('0' + octet / 10 % 10);
    text += static_cast<char>('0' + octet % 10);
  }
  text += '"';
}

Result<std::uint32_t> read_number(std::string_view text, std::uint32_t max) {
  const auto number = parse_decimal(text);
  if (number && *number <= max) return static_cast<std::uint32_t>(*number);
  return fail(Code::kMalformed, max == 255     ? "a number from 0 to 255 stands here"
                                : max == 65535 ? "a number from 0 to 65535 stands here"
                                               : "a number from 0 to 4294967295 stands here");
}

Result<std::uint32_t> read_seconds(std::string_view text) {
  constexpr std::uint64_t kMax = UINT32_MAX;
  const auto refused =
      fail(Code::kMalformed, "a time is a number of seconds, or like 1h30m, below 2^32 seconds");
  std::uint64_t total = 0;
  std::uint64_t number = 0;
  bool has_digits = false;
  bool has_units = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      number = number * 10 + static_cast<std::uint64_t>(c - '0');
      has_digits = true;
      if (number > kMax) return refused;
      continue;
    }
    const auto unit = seconds_of(c);
    if (!unit || !has_digits) return refused;
    total += number * *unit;
    if (total > kMax) return refused;
    number = 0;
    has_digits = false;
    has_units = true;
  }
  if (has_digits == has_units) return refused;  // "1h30" lacks a unit, "" all
  return static_cast<std::uint32_t>(total + number);
}

Result<void> append_ipv4(std::string_view text, Octets& octets) {
  const auto refused = fail(Code::kMalformed, "an IPv4 address has four numbers from 0 to 255");
  std::array<std::uint8_t, 4> four{};
  std::size_t part = 0;
  std::size_t digits = 0;
  unsigned number = 0;
  for (const char c : text) {
    if (c == '.') {
      if (digits == 0 || part == 3) return refused;
      four[part++] = static_cast<std::uint8_t>(number);
      digits = number = 0;
      continue;
    }
    if (c < '0' || c > '9' || (digits > 0 && number == 0)) return refused;  // 010 is 8 for some
    number = number * 10 + static_cast<unsigned>(c - '0');
    ++digits;
    if (number > 255) return refused;
  }
  if (part != 3 || digits == 0) return refused;
  four[3] = static_cast<std::uint8_t>(number);
  octets.insert(octets.end(), four.begin(), four.end());
  return {};
}

Result<void> append_ipv6(std::string_view text, Octets& octets) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  std::array<std::uint8_t, 16> sixteen{};
  if (text.size() >= terminated.size() || text.contains('\0') ||
      (std::ranges::copy(text, terminated.begin()),
       ::inet_pton(AF_INET6, terminated.data(), sixteen.data()) != 1))
    return fail(Code::kMalformed, "an IPv6 address is written like 2001:db8::1");
  octets.insert(octets.end(), sixteen.begin(), sixteen.end());
  return {};
}

void write_ipv4(std::string& text, Bytes four) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) text += '.';
    text += std::to_string(four[i]);
  }
}

void write_ipv6(std::string& text, Bytes sixteen) {
  std::array<char, INET6_ADDRSTRLEN> written{};
  ::inet_ntop(AF_INET6, sixteen.data(), written.data(), written.size());
  text += written.data();
}

}  // namespace weir::dns
