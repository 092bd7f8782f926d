#include "http/h1_parser.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/limits.h"
#include "base/text.h"
#include "http/h1_bytes.h"
#include "http/h1_scan.h"

namespace weir::http {
namespace {

// The longest registered method has 17 bytes.
constexpr std::size_t kMethodBytesMax = 32;
// The largest length taken: every counter behind the parser is a signed 64-bit number or a file offset.
constexpr std::uint64_t kContentLengthMax = std::uint64_t{1} << 62U;

enum class Step : std::uint8_t { kDone, kMore, kBad };

// Of reading one element. Fits two registers.
struct Outcome {
  const char* why = "";
  Code code{};
  Step step = Step::kDone;

  bool done() const { return step == Step::kDone; }
};
constexpr Outcome kDone;
constexpr Outcome kMore{"", {}, Step::kMore};
constexpr Outcome bad(Code code, const char* why) { return {why, code, Step::kBad}; }
constexpr Outcome malformed(const char* why) { return bad(Code::kMalformed, why); }

bool is_blank(char c) { return c == ' ' || c == '\t'; }
std::string_view text(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

// Mostly exactly one.
[[gnu::always_inline]] inline const char* skip_blanks(const char* at, const char* end) {
  if (end - at >= 2 && at[0] == ' ' && !is_blank(at[1])) [[likely]]
    return at + 1;
  while (at != end && is_blank(*at)) ++at;
  return at;
}

constexpr std::string_view kVersion = "HTTP/1.1";

// What is not kVersion: another one, the beginning of one, or none.
[[gnu::cold]] Outcome other_version(const char* at, const char* end, std::uint8_t& minor) {
  const auto have = std::min(static_cast<std::size_t>(end - at), kVersion.size());
  for (std::size_t i = 0; i < have; ++i) {
    const bool is_number = i == 5 || i == 7;
    if (is_number ? at[i] < '0' || at[i] > '9' : at[i] != kVersion[i]) return malformed("no HTTP version");
    if (i == 5 && at[i] != '1') return bad(Code::kBadVersion, "major version is not 1");
  }
  if (have < kVersion.size()) return kMore;
  minor = at[7] == '0' ? 0 : 1;  // a higher minor version keeps to the rules of the major one
  return kDone;
}

Outcome other_method(const char*& at, const char* end, RequestHead& head) {
  const char* start = at;
  while (at != end && is_token_byte(*at)) ++at;
  head.method_text = text(start, at);
  if (head.method_text.size() > kMethodBytesMax) return bad(Code::kNotImplemented, "method is too long");
  if (at == end) return kMore;
  if (*at != ' ' || at == start) return malformed("method is not a token followed by a space");
  ++at;
  head.method = Method::kOther;
  for (unsigned i = 0; i < static_cast<unsigned>(Method::kOther); ++i) {
    if (name_of(static_cast<Method>(i)) == head.method_text) head.method = static_cast<Method>(i);
  }
  // Authority-form comes with it, and nothing here opens a tunnel on a client's word.
  if (head.method == Method::kConnect) return bad(Code::kNotImplemented, "CONNECT is not served");
  return kDone;
}

// A target that is not in origin-form; head.path has all of it up to the '?', if there is one.
[[gnu::cold]] Outcome other_form(RequestHead& head) {
  if (head.target == "*") {
    return head.method == Method::kOptions ? kDone : malformed("asterisk-form is for OPTIONS only");
  }
  const std::string_view before_query = head.path;
  const std::size_t separator = before_query.find("://");
  if (separator == std::string_view::npos) return malformed("target is neither a path nor a URI");
  head.scheme = before_query.substr(0, separator);
  if (!equal_ignoring_case(head.scheme, "http") && !equal_ignoring_case(head.scheme, "https")) {
    return malformed("scheme of the target is not http or https");
  }
  const std::string_view behind = before_query.substr(separator + 3);
  head.authority = behind.substr(0, behind.find('/'));
  if (!is_valid_authority(head.authority)) return malformed("authority of the target is not valid");
  head.path = behind.substr(head.authority.size());
  if (head.path.empty()) {  // RFC 9112 sections 3.2.1 and 3.2.4
    head.path = head.method == Method::kOptions && head.query.data() == nullptr ? "*" : "/";
  }
  return kDone;
}

// Why a target cannot end at that byte, of a target that began at `start`.
[[gnu::cold]] Outcome bad_target(const char* start, const char* stop) {
  if (*stop == '\r' && stop != start)
    return bad(Code::kBadVersion, "request line without a version (HTTP/0.9)");
  return malformed(*stop == ' ' ? "no target" : "byte that cannot be in a target");
}

[[gnu::cold]] Outcome bad_name(const char* line, const char* stop) {
  if (stop == line) return malformed(is_blank(*stop) ? "folded field line" : "field without a name");
  if (is_blank(*stop)) return malformed("white space in or behind a field name");
  if (*stop == '\r' || *stop == '\n') return malformed("field line without a colon");
  return malformed("byte that cannot be in a field name");
}

#define WEIR_HOT [[gnu::always_inline]]

// Reads forward from the beginning. Each member reads one element: when it is done, the next one follows. All
// of it becomes part of one function, so that its state is in registers.
class Reader {
 public:
  WEIR_HOT explicit Reader(std::string_view bytes)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  WEIR_HOT Outcome request_line(RequestHead& head);
  WEIR_HOT Outcome status_line(ResponseHead& head);
  WEIR_HOT Outcome fields(Fields& out);

  // Fields that came more than once, as bits_of.
  WEIR_HOT std::uint64_t repeated() const { return repeated_; }
  // The answer for a section that ended so.
  WEIR_HOT Result<std::size_t> result(const Outcome& outcome, std::size_t bytes_max, Side side) const;

 private:
  WEIR_HOT Outcome target(RequestHead& head);
  WEIR_HOT Outcome version(std::uint8_t& minor);
  WEIR_HOT Outcome line_end();

  const char* begin_;
  const char* at_;
  const char* end_;
  std::uint64_t repeated_ = 0;
};

inline Result<std::size_t> Reader::result(const Outcome& outcome, std::size_t bytes_max, Side side) const {
  if (outcome.step == Step::kBad) return fail(outcome.code, outcome.why, side);
  const auto bytes = static_cast<std::size_t>((outcome.done() ? at_ : end_) - begin_);
  // An unfinished section of exactly the limit can only end beyond it.
  if (bytes + (outcome.done() ? 0 : 1) > bytes_max) {
    return fail(Code::kHeadTooLarge, "head larger than the limit", side);
  }
  return outcome.done() ? bytes : 0;
}

inline Outcome Reader::line_end() {
  if (end_ - at_ >= 2 && at_[0] == '\r' && at_[1] == '\n') [[likely]] {
    at_ += 2;
    return kDone;
  }
  if (at_ == end_) return kMore;
  if (*at_ != '\r') return malformed("line does not end with CRLF");
  return end_ - at_ < 2 ? kMore : malformed("CR without LF");
}

inline Outcome Reader::target(RequestHead& head) {
  const char* start = at_;
  const char* question = nullptr;
  while (true) {
    if (at_ == end_) return kMore;
    const LineMasks masks = scan_line(begin_, at_, end_);
    const int stop = std::countr_zero(masks.stop);  // the block's size when there is none
    const int first_question = std::countr_zero(masks.question);
    if (first_question < stop && question == nullptr) question = at_ + first_question;
    at_ += stop;
    if (at_ - start > static_cast<std::ptrdiff_t>(limits::kTargetBytesMax)) {
      return bad(Code::kTargetTooLong, "target longer than the limit");
    }
    if (stop < kLineBlock) break;
  }
  if (at_ == end_) return kMore;
  const char* stop = at_;
  if (*stop != ' ' || stop == start) [[unlikely]]
    return bad_target(start, stop);
  ++at_;
  head.target = text(start, stop);
  head.scheme = {};
  head.authority = {};
  head.path = text(start, question == nullptr ? stop : question);
  head.query = question == nullptr ? std::string_view() : text(question + 1, stop);
  return *start == '/' ? kDone : other_form(head);
}

inline Outcome Reader::version(std::uint8_t& minor) {
  minor = 1;
  if (end_ - at_ < static_cast<std::ptrdiff_t>(kVersion.size()) ||
      std::memcmp(at_, kVersion.data(), kVersion.size()) != 0) [[unlikely]] {
    if (const Outcome other = other_version(at_, end_, minor); !other.done()) return other;
  }
  at_ += kVersion.size();
  return kDone;
}

inline Outcome Reader::request_line(RequestHead& head) {
  if (at_ != end_ && *at_ == '\r') {  // an empty line in front
    if (const Outcome empty = line_end(); !empty.done()) return empty;
  }
  if (end_ - at_ >= 4 && std::memcmp(at_, "GET ", 4) == 0) {
    head.method = Method::kGet;
    head.method_text = text(at_, at_ + 3);
    at_ += 4;
  } else {
    const char* at = at_;
    if (const Outcome other = other_method(at, end_, head); !other.done()) return other;
    at_ = at;
  }
  if (const Outcome outcome = target(head); !outcome.done()) return outcome;
  if (const Outcome outcome = version(head.version_minor); !outcome.done()) return outcome;
  return line_end();
}

inline Outcome Reader::status_line(ResponseHead& head) {
  if (const Outcome outcome = version(head.version_minor); !outcome.done()) return outcome;
  // " 200": a space and three digits
  int status = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    if (at_ == end_) return kMore;
    if (i == 0 ? *at_ != ' ' : *at_ < '0' || *at_ > '9') return malformed("no status of three digits");
    if (i > 0) status = status * 10 + (*at_ - '0');
  }
  if (status < 100 || status > 599) return malformed("status is not within 100 and 599");
  head.status = status;
  head.reason = {};
  if (at_ == end_) return kMore;
  if (*at_ == '\r') return line_end();  // without the space, which some origins leave out with the reason
  if (*at_ != ' ') return malformed("no space behind the status");
  const char* start = ++at_;
  while (at_ != end_ && !is_control_byte(*at_)) ++at_;  // a few letters
  head.reason = text(start, at_);
  return line_end();
}

inline Outcome Reader::fields(Fields& out) {
  out.clear();
  if (at_ == end_) return kMore;
  const char* block = at_;  // what masks tells about
  FieldMasks masks = scan_fields(begin_, block, end_);
  std::uint64_t present = 0;
  // The first byte from `from` on whose bit is set in a mask, or the end; from < end_.
  const auto search = [&] [[gnu::always_inline]] (const char* from, std::uint64_t FieldMasks::* which) {
    std::ptrdiff_t offset = from - block;
    while (offset >= kFieldBlock || masks.*which >> offset == 0) [[unlikely]] {
      block = offset >= kFieldBlock ? from : block + kFieldBlock;
      if (block >= end_) return end_;  // bits behind the end are set, so the block before was full
      masks = scan_fields(begin_, block, end_);
      offset = 0;
    }
    return block + offset + std::countr_zero(masks.*which >> offset);
  };
  while (at_ != end_) {
    const char* line = at_;
    const char* colon = search(line, &FieldMasks::not_token);
    if (colon == end_) break;
    if (*colon != ':' || colon == line) [[unlikely]] {
      return *line == '\r' ? line_end() : bad_name(line, colon);  // the blank line
    }
    const char* value = skip_blanks(colon + 1, end_);
    if (value == end_) break;
    const char* stop = search(value, &FieldMasks::control);
    at_ = stop;
    if (const Outcome end = line_end(); !end.done()) [[unlikely]]
      return end;
    while (stop != value && is_blank(stop[-1])) [[unlikely]]
      --stop;
    const std::string_view name = text(line, colon);
    const Known known = known_field(name);
    repeated_ |= present & bits_of({known});
    present |= bits_of({known});
    if (!out.add(known, name, text(value, stop)))
      return bad(Code::kHeadTooLarge, "more fields than the limit");
  }
  return kMore;
}

// What the fields say about the message as a whole.
struct Transfer {
  bool chunked = false;
  bool has_length = false;
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  std::uint64_t length = 0;
};

constexpr std::uint64_t kTransferBits =
    bits_of({Known::kContentLength, Known::kTransferEncoding, Known::kConnection});

// RFC 9112 section 6.1. Only "chunked", once, is taken: any coding in front of it would reach the origin with
// a framing that the next hop need not see the same way.
Result<void> read_transfer_encoding(std::string_view value, Side side) {
  if (equal_ignoring_case(value, "chunked")) return {};
  int chunked = 0;
  std::string_view coding;
  for (ListReader list(value); list.next(coding);) {
    chunked += equal_ignoring_case(coding, "chunked") ? 1 : 0;
    if (!std::ranges::all_of(coding, is_token_byte)) chunked = 2;
  }
  const bool known_but_wrong = value.empty() || chunked > 1 || value.front() == ',' || value.back() == ',' ||
                               (chunked == 1 && !equal_ignoring_case(coding, "chunked"));
  if (known_but_wrong || side == Side::kUpstream) {
    return fail(Code::kMalformed, "Transfer-Encoding is not exactly chunked", side);
  }
  return fail(Code::kNotImplemented, "transfer coding other than chunked", side);
}

Result<void> read_connection(const Fields& fields, Side side, Transfer& transfer) {
  std::size_t options = 0;
  for (const Field& field : fields) {
    if (field.known != Known::kConnection) continue;
    if (field.value == "keep-alive") {  // nearly always
      transfer.keep_alive = true;
      continue;
    }
    std::string_view option;
    for (ListReader list(field.value); list.next(option);) {
      if (++options > kConnectionOptionsMax) {
        return fail(Code::kHeadTooLarge, "more connection options than the limit", side);
      }
      transfer.close |= equal_ignoring_case(option, "close");
      transfer.keep_alive |= equal_ignoring_case(option, "keep-alive");
      transfer.upgrade |= equal_ignoring_case(option, "upgrade") && fields.has(Known::kUpgrade);
    }
  }
  return {};
}

Result<void> read_transfer(const Fields& fields, std::uint64_t repeated, int version_minor, Side side,
                           Transfer& transfer) {
  if ((repeated & bits_of({Known::kContentLength, Known::kTransferEncoding})) != 0) {
    return fail(Code::kMalformed, "Content-Length or Transfer-Encoding more than once", side);
  }
  if (const Field* length = fields.find(Known::kContentLength)) {
    const auto number = parse_decimal(length->value);
    if (!number || *number > kContentLengthMax) {
      return fail(Code::kMalformed, "Content-Length is not a number", side);
    }
    transfer.has_length = true;
    transfer.length = *number;
  }
  if (const Field* encoding = fields.find(Known::kTransferEncoding)) {
    if (transfer.has_length) {
      return fail(Code::kMalformed, "both Content-Length and Transfer-Encoding", side);
    }
    if (version_minor == 0) return fail(Code::kMalformed, "Transfer-Encoding in HTTP/1.0", side);
    if (auto read = read_transfer_encoding(encoding->value, side); !read) return read;
    transfer.chunked = true;
  }
  if (fields.has(Known::kConnection)) {
    if (auto read = read_connection(fields, side, transfer); !read) return read;
  }
  return {};
}

// RFC 9112 section 3.2.
Result<void> settle_host(RequestHead& head, std::uint64_t repeated) {
  constexpr Side kSide = Side::kDownstream;
  if ((repeated & bits_of({Known::kHost})) != 0) return fail(Code::kMalformed, "Host more than once", kSide);
  const Field* host = head.fields.find(Known::kHost);
  if (host == nullptr && head.version_minor > 0) return fail(Code::kMalformed, "no Host", kSide);
  if (host != nullptr && !is_valid_authority(host->value)) {
    return fail(Code::kMalformed, "Host is not valid", kSide);
  }
  if (head.scheme.empty()) {
    if (host != nullptr) head.authority = host->value;
  } else if (!head.fields.set(Known::kHost, head.authority)) {
    return fail(Code::kHeadTooLarge, "more fields than the limit", kSide);
  }
  return {};
}

// RFC 9110 section 10.1.1.
Result<void> settle_expect(RequestHead& head) {
  head.expect_continue = false;
  if (!head.fields.has(Known::kExpect) || head.version_minor == 0) return {};
  for (const Field& field : head.fields) {
    if (field.known != Known::kExpect) continue;
    if (!equal_ignoring_case(field.value, "100-continue")) {
      return fail(Code::kExpectationFailed, "expectation other than 100-continue", Side::kDownstream);
    }
  }
  head.expect_continue =
      head.framing == Framing::kChunked || (head.framing == Framing::kLength && head.content_length > 0);
  return {};
}

Result<void> settle(RequestHead& head, std::uint64_t repeated) {
  if (auto host = settle_host(head, repeated); !host) return host;
  Transfer transfer;
  if (head.fields.has_any(kTransferBits)) {
    auto read = read_transfer(head.fields, repeated, head.version_minor, Side::kDownstream, transfer);
    if (!read) return read;
  }
  head.framing = transfer.chunked      ? Framing::kChunked
                 : transfer.has_length ? Framing::kLength
                                       : Framing::kNone;
  head.content_length = transfer.length;
  head.keep_alive = !transfer.close && (head.version_minor > 0 || transfer.keep_alive);
  head.upgrade = transfer.upgrade;
  return settle_expect(head);
}

Result<void> settle(ResponseHead& head, Method request, std::uint64_t repeated) {
  Transfer transfer;
  if (head.fields.has_any(kTransferBits)) {
    auto read = read_transfer(head.fields, repeated, head.version_minor, Side::kUpstream, transfer);
    if (!read) return read;
  }
  head.content_length = transfer.length;
  head.keep_alive = !transfer.close && (head.version_minor > 0 || transfer.keep_alive);
  if (head.status < 200 || head.status == 204) {
    if (transfer.chunked) return fail(Code::kMalformed, "Transfer-Encoding in 1xx or 204", Side::kUpstream);
    head.framing = Framing::kNone;
    head.content_length = 0;
    if (transfer.length > 0) head.keep_alive = false;  // it may send what it announced
    head.fields.remove(Known::kContentLength);
  } else if (request == Method::kHead || head.status == 304) {
    head.framing = Framing::kNone;
  } else if (transfer.chunked) {
    head.framing = Framing::kChunked;
  } else if (transfer.has_length) {
    head.framing = Framing::kLength;
  } else {
    head.framing = Framing::kUntilClose;
    head.keep_alive = false;
  }
  return {};
}

// Whether to wait: bytes of an unfinished head came in addition to `seen`, and no line end is followed by
// another in them. (A line that ends with LF alone counts: the reader says why it is wrong.)
bool still_unfinished(std::string_view bytes, std::size_t seen) {
  if (bytes.size() >= limits::kHeadBytesMax) return false;
  std::size_t at = std::min(seen, bytes.size());
  at -= std::min<std::size_t>(at, 3);
  while ((at = bytes.find('\n', at)) != std::string_view::npos) {
    ++at;
    const std::string_view behind = bytes.substr(at, 2);
    if (behind.starts_with('\n') || behind == "\r\n") return false;
  }
  return true;
}

}  // namespace

Result<std::size_t> parse_request_head(std::string_view bytes, RequestHead& out, std::size_t seen) {
  if (seen > 0 && still_unfinished(bytes, seen)) return 0;
  Reader reader(bytes);
  Outcome outcome = reader.request_line(out);
  if (outcome.done()) outcome = reader.fields(out.fields);
  const auto result = reader.result(outcome, limits::kHeadBytesMax, Side::kDownstream);
  if (!outcome.done() || !result) return result;
  if (auto settled = settle(out, reader.repeated()); !settled) return fail(settled.error());
  return result;
}

Result<std::size_t> parse_response_head(std::string_view bytes, Method request, ResponseHead& out,
                                        std::size_t seen) {
  if (seen > 0 && still_unfinished(bytes, seen)) return 0;
  Reader reader(bytes);
  Outcome outcome = reader.status_line(out);
  if (outcome.done()) outcome = reader.fields(out.fields);
  const auto result = reader.result(outcome, limits::kHeadBytesMax, Side::kUpstream);
  if (!outcome.done() || !result) return result;
  if (auto settled = settle(out, request, reader.repeated()); !settled) return fail(settled.error());
  return result;
}

Result<std::size_t> parse_field_section(std::string_view bytes, std::size_t bytes_max, Side side,
                                        Fields& out) {
  Reader reader(bytes);
  const Outcome outcome = reader.fields(out);
  return reader.result(outcome, bytes_max, side);
}

}  // namespace weir::http
