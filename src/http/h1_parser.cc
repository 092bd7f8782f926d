#include "http/h1_parser.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/limits.h"
#include "base/text.h"
#include "http/h1_scan.h"

namespace weir::http {
namespace {

// The longest registered method has 17 bytes.
constexpr std::size_t kMethodBytesMax = 32;
// The largest length taken: every counter behind the parser is a signed 64-bit number or a file offset.
constexpr std::uint64_t kContentLengthMax = std::uint64_t{1} << 62U;

enum class Step : std::uint8_t { kDone, kMore, kBad };

bool is_blank(char c) { return c == ' ' || c == '\t'; }
std::string_view text(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

// Reads forward from the beginning. Each member reads one element: kDone leaves at() behind it, kMore means
// that the bytes ended within it, kBad that error() says why.
class Reader {
 public:
  Reader(std::string_view bytes, Side side)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()), side_(side) {}

  Step empty_line();
  Step request_line(RequestHead& head);
  Step status_line(ResponseHead& head);
  Step fields(Fields& out);

  // Fields that came more than once, as bits_of.
  std::uint64_t repeated() const { return repeated_; }
  // The answer for a section that ended with this step.
  Result<std::size_t> result(Step step, std::size_t bytes_max) const;

 private:
  Step bad(Code code, const char* why) {
    error_ = {code, side_, Retry::kNever, 0, why};
    return Step::kBad;
  }
  Step malformed(const char* why) { return bad(Code::kMalformed, why); }

  Step method(RequestHead& head);
  Step target(RequestHead& head);
  Step other_form(RequestHead& head, const char* question);
  Step version(std::uint8_t& minor);
  Step line_end();
  Step bad_name(const char* line, const char* stop);

  const char* begin_;
  const char* at_;
  const char* end_;
  std::uint64_t repeated_ = 0;
  Side side_;
  Error error_;
};

Result<std::size_t> Reader::result(Step step, std::size_t bytes_max) const {
  if (step == Step::kBad) return fail(error_);
  const auto bytes = static_cast<std::size_t>((step == Step::kDone ? at_ : end_) - begin_);
  // An unfinished section of exactly the limit can only end beyond it.
  if (bytes > bytes_max || (step == Step::kMore && bytes == bytes_max)) {
    return fail(Code::kHeadTooLarge, "head larger than the limit", side_);
  }
  return step == Step::kDone ? bytes : 0;
}

Step Reader::empty_line() {
  if (at_ == end_) return Step::kMore;
  return *at_ == '\r' ? line_end() : Step::kDone;
}

Step Reader::line_end() {
  if (at_ == end_) return Step::kMore;
  if (*at_ != '\r') return malformed("line does not end with CRLF");
  if (end_ - at_ < 2) return Step::kMore;
  if (at_[1] != '\n') return malformed("CR without LF");
  at_ += 2;
  return Step::kDone;
}

Step Reader::method(RequestHead& head) {
  const char* start = at_;
  if (end_ - at_ >= 4 && std::memcmp(at_, "GET ", 4) == 0) {
    head.method = Method::kGet;
    head.method_text = text(start, start + 3);
    at_ += 4;
    return Step::kDone;
  }
  while (at_ != end_ && is_token_byte(*at_)) ++at_;
  head.method_text = text(start, at_);
  if (head.method_text.size() > kMethodBytesMax) return bad(Code::kNotImplemented, "method is too long");
  if (at_ == end_) return Step::kMore;
  if (*at_ != ' ' || at_ == start) return malformed("method is not a token followed by a space");
  ++at_;
  head.method = Method::kOther;
  for (unsigned i = 0; i < static_cast<unsigned>(Method::kOther); ++i) {
    if (name_of(static_cast<Method>(i)) == head.method_text) head.method = static_cast<Method>(i);
  }
  // Authority-form comes with it, and nothing here opens a tunnel on a client's word.
  if (head.method == Method::kConnect) return bad(Code::kNotImplemented, "CONNECT is not served");
  return Step::kDone;
}

Step Reader::target(RequestHead& head) {
  const char* start = at_;
  const char* question = nullptr;
  for (const char* block = start;; block += 64) {
    if (block - start > static_cast<std::ptrdiff_t>(limits::kTargetBytesMax)) {
      return bad(Code::kTargetTooLong, "target longer than the limit");
    }
    if (block >= end_) return Step::kMore;
    const LineMasks masks = scan_line(begin_, block, end_);
    const int stop = std::countr_zero(masks.stop);  // 64 when there is none
    if (const int first = std::countr_zero(masks.question); question == nullptr && first < stop) {
      question = block + first;
    }
    at_ = block + stop;
    if (stop < 64) break;
  }
  if (at_ - start > static_cast<std::ptrdiff_t>(limits::kTargetBytesMax)) {
    return bad(Code::kTargetTooLong, "target longer than the limit");
  }
  if (at_ == end_) return Step::kMore;
  if (*at_ == '\r' && at_ != start)
    return bad(Code::kBadVersion, "request line without a version (HTTP/0.9)");
  if (*at_ != ' ') return malformed("byte that cannot be in a target");
  if (at_ == start) return malformed("no target");
  head.target = text(start, at_);
  ++at_;
  if (*start != '/') [[unlikely]]
    return other_form(head, question);
  const char* stop = at_ - 1;
  head.scheme = {};
  head.authority = {};
  head.path = text(start, question == nullptr ? stop : question);
  head.query = question == nullptr ? std::string_view() : text(question + 1, stop);
  return Step::kDone;
}

Step Reader::other_form(RequestHead& head, const char* question) {
  head.scheme = {};
  head.authority = {};
  if (head.target == "*") {
    if (head.method != Method::kOptions) return malformed("asterisk-form is for OPTIONS only");
    head.path = head.target;
    head.query = {};
    return Step::kDone;
  }
  const std::size_t separator = head.target.find("://");
  if (separator == std::string_view::npos) return malformed("target is neither a path nor a URI");
  head.scheme = head.target.substr(0, separator);
  if (!equal_ignoring_case(head.scheme, "http") && !equal_ignoring_case(head.scheme, "https")) {
    return malformed("scheme of the target is not http or https");
  }
  const std::string_view behind = head.target.substr(separator + 3);
  head.authority = behind.substr(0, behind.find_first_of("/?"));
  if (!is_valid_authority(head.authority)) return malformed("authority of the target is not valid");
  const std::string_view rest = behind.substr(head.authority.size());
  head.query = question == nullptr ? std::string_view() : text(question + 1, rest.data() + rest.size());
  head.path = question == nullptr ? rest : text(rest.data(), question);
  if (head.path.empty()) {  // RFC 9112 sections 3.2.1 and 3.2.4
    head.path = head.method == Method::kOptions && question == nullptr ? "*" : "/";
  }
  return Step::kDone;
}

Step Reader::version(std::uint8_t& minor) {
  constexpr std::string_view kUsual = "HTTP/1.1";
  const auto have = std::min(static_cast<std::size_t>(end_ - at_), kUsual.size());
  if (have == kUsual.size() && std::memcmp(at_, kUsual.data(), kUsual.size()) == 0) {
    minor = 1;
    at_ += kUsual.size();
    return Step::kDone;
  }
  for (std::size_t i = 0; i < have; ++i) {
    const bool is_number = i == 5 || i == 7;
    if (is_number ? at_[i] < '0' || at_[i] > '9' : at_[i] != kUsual[i]) return malformed("no HTTP version");
    if (i == 5 && at_[i] != '1') return bad(Code::kBadVersion, "major version is not 1");
  }
  if (have < kUsual.size()) return Step::kMore;
  minor = at_[7] == '0' ? 0 : 1;  // a higher minor version keeps to the rules of the major one
  at_ += kUsual.size();
  return Step::kDone;
}

Step Reader::request_line(RequestHead& head) {
  Step step = empty_line();
  if (step == Step::kDone) step = method(head);
  if (step == Step::kDone) step = target(head);
  if (step == Step::kDone) step = version(head.version_minor);
  return step == Step::kDone ? line_end() : step;
}

Step Reader::status_line(ResponseHead& head) {
  if (const Step step = version(head.version_minor); step != Step::kDone) return step;
  // " 200": a space and three digits
  int status = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    if (at_ == end_) return Step::kMore;
    if (i == 0 ? *at_ != ' ' : *at_ < '0' || *at_ > '9') return malformed("no status of three digits");
    if (i > 0) status = status * 10 + (*at_ - '0');
  }
  if (status < 100 || status > 599) return malformed("status is not within 100 and 599");
  head.status = status;
  head.reason = {};
  if (at_ == end_) return Step::kMore;
  if (*at_ == '\r') return line_end();  // without the space, which some origins leave out with the reason
  if (*at_ != ' ') return malformed("no space behind the status");
  const char* start = ++at_;
  for (const char* block = start;; block += 64) {
    if (block >= end_) return Step::kMore;
    const int stop = std::countr_zero(scan_fields(begin_, block, end_).control);
    at_ = block + stop;
    if (stop < 64) break;
  }
  head.reason = text(start, at_);
  return line_end();
}

Step Reader::bad_name(const char* line, const char* stop) {
  if (stop == line) return malformed(is_blank(*stop) ? "folded field line" : "field without a name");
  if (is_blank(*stop)) return malformed("white space in or behind a field name");
  if (*stop == '\r' || *stop == '\n') return malformed("field line without a colon");
  return malformed("byte that cannot be in a field name");
}

Step Reader::fields(Fields& out) {
  out.clear();
  const char* block = at_;  // what masks tells about
  if (block == end_) return Step::kMore;
  FieldMasks masks = scan_fields(begin_, block, end_);
  // The first byte from `from` on whose bit is set in a mask; end_ when there is none.
  const auto find = [&](const char* from, std::uint64_t FieldMasks::* which) {
    while (from - block >= 64 || (masks.*which >> (from - block)) == 0) {
      block += 64;
      if (block >= end_) {  // only when `from` is the end too: bits behind the end are set
        block -= 64;
        return end_;
      }
      masks = scan_fields(begin_, block, end_);
      if (from < block) from = block;
    }
    return from + std::countr_zero(masks.*which >> (from - block));
  };
  std::uint64_t present = 0;
  while (true) {
    const char* line = at_;
    if (line == end_) return Step::kMore;
    if (*line == '\r') return line_end();  // the blank line
    const char* colon = find(line, &FieldMasks::not_token);
    if (colon == end_) return Step::kMore;
    if (*colon != ':' || colon == line) return bad_name(line, colon);
    const char* value = colon + 1;
    while (value != end_ && is_blank(*value)) ++value;
    if (value == end_) return Step::kMore;
    const char* stop = find(value, &FieldMasks::control);
    if (stop == end_) return Step::kMore;
    if (*stop != '\r') return malformed(*stop == '\n' ? "LF without CR" : "control byte in a field value");
    at_ = stop;
    if (const Step step = line_end(); step != Step::kDone) return step;
    while (stop != value && is_blank(stop[-1])) --stop;
    const std::string_view name = text(line, colon);
    const Known known = known_field(name);
    repeated_ |= present & bits_of({known});
    present |= bits_of({known});
    if (!out.add(known, name, text(value, stop)))
      return bad(Code::kHeadTooLarge, "more fields than the limit");
  }
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
    std::string_view option;
    for (ListReader list(field.value); list.next(option);) {
      if (++options > kConnectionOptionsMax) {
        return fail(Code::kHeadTooLarge, "more connection options than the limit", side);
      }
      if (equal_ignoring_case(option, "close")) transfer.close = true;
      if (equal_ignoring_case(option, "keep-alive")) transfer.keep_alive = true;
      if (equal_ignoring_case(option, "upgrade")) transfer.upgrade = fields.has(Known::kUpgrade);
    }
  }
  return {};
}

Result<Transfer> read_transfer(const Fields& fields, std::uint64_t repeated, int version_minor, Side side) {
  Transfer transfer;
  if (!fields.has_any(kTransferBits)) return transfer;
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
    if (auto read = read_transfer_encoding(encoding->value, side); !read) return fail(read.error());
    transfer.chunked = true;
  }
  if (fields.has(Known::kConnection)) {
    if (auto read = read_connection(fields, side, transfer); !read) return fail(read.error());
  }
  return transfer;
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
  const auto transfer = read_transfer(head.fields, repeated, head.version_minor, Side::kDownstream);
  if (!transfer) return fail(transfer.error());
  head.framing = transfer->chunked      ? Framing::kChunked
                 : transfer->has_length ? Framing::kLength
                                        : Framing::kNone;
  head.content_length = transfer->length;
  head.keep_alive = !transfer->close && (head.version_minor > 0 || transfer->keep_alive);
  head.upgrade = transfer->upgrade;
  return settle_expect(head);
}

Result<void> settle(ResponseHead& head, Method request, std::uint64_t repeated) {
  const auto transfer = read_transfer(head.fields, repeated, head.version_minor, Side::kUpstream);
  if (!transfer) return fail(transfer.error());
  head.content_length = transfer->length;
  head.keep_alive = !transfer->close && (head.version_minor > 0 || transfer->keep_alive);
  if (head.status < 200 || head.status == 204) {
    if (transfer->chunked) return fail(Code::kMalformed, "Transfer-Encoding in 1xx or 204", Side::kUpstream);
    head.framing = Framing::kNone;
    head.content_length = 0;
    if (transfer->length > 0) head.keep_alive = false;  // it may send what it announced
    head.fields.remove(Known::kContentLength);
  } else if (request == Method::kHead || head.status == 304) {
    head.framing = Framing::kNone;
  } else if (transfer->chunked) {
    head.framing = Framing::kChunked;
  } else if (transfer->has_length) {
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
  if (seen == 0 || bytes.size() >= limits::kHeadBytesMax) return false;
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
  if (still_unfinished(bytes, seen)) return 0;
  Reader reader(bytes, Side::kDownstream);
  Step step = reader.request_line(out);
  if (step == Step::kDone) step = reader.fields(out.fields);
  const auto result = reader.result(step, limits::kHeadBytesMax);
  if (step != Step::kDone || !result) return result;
  if (auto settled = settle(out, reader.repeated()); !settled) return fail(settled.error());
  return result;
}

Result<std::size_t> parse_response_head(std::string_view bytes, Method request, ResponseHead& out,
                                        std::size_t seen) {
  if (still_unfinished(bytes, seen)) return 0;
  Reader reader(bytes, Side::kUpstream);
  Step step = reader.status_line(out);
  if (step == Step::kDone) step = reader.fields(out.fields);
  const auto result = reader.result(step, limits::kHeadBytesMax);
  if (step != Step::kDone || !result) return result;
  if (auto settled = settle(out, request, reader.repeated()); !settled) return fail(settled.error());
  return result;
}

Result<std::size_t> parse_field_section(std::string_view bytes, std::size_t bytes_max, Side side,
                                        Fields& out) {
  Reader reader(bytes, side);
  return reader.result(reader.fields(out), bytes_max);
}

}  // namespace weir::http
