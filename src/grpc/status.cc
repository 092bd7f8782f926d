#include "grpc/status.h"

#include <array>
#include <charconv>
#include <optional>

namespace weir::grpc {
namespace {

struct Row {
  std::string_view name;
  std::string_view number;
};
// By StatusCode.
constexpr std::array<Row, kStatusCodeMax + 1> kRows = {{{"OK", "0"},
                                                        {"CANCELLED", "1"},
                                                        {"UNKNOWN", "2"},
                                                        {"INVALID_ARGUMENT", "3"},
                                                        {"DEADLINE_EXCEEDED", "4"},
                                                        {"NOT_FOUND", "5"},
                                                        {"ALREADY_EXISTS", "6"},
                                                        {"PERMISSION_DENIED", "7"},
                                                        {"RESOURCE_EXHAUSTED", "8"},
                                                        {"FAILED_PRECONDITION", "9"},
                                                        {"ABORTED", "10"},
                                                        {"OUT_OF_RANGE", "11"},
                                                        {"UNIMPLEMENTED", "12"},
                                                        {"INTERNAL", "13"},
                                                        {"UNAVAILABLE", "14"},
                                                        {"DATA_LOSS", "15"},
                                                        {"UNAUTHENTICATED", "16"}}};

const Row& row_of(StatusCode code) { return kRows[static_cast<std::size_t>(code)]; }

StatusCode code_for(Code code) {
  switch (code) {
    case Code::kCancelled: return StatusCode::kCancelled;
    case Code::kTimedOut:
    case Code::kTooSlow: return StatusCode::kDeadlineExceeded;
    case Code::kMalformed:
    case Code::kInvalid: return StatusCode::kInvalidArgument;
    case Code::kNotFound: return StatusCode::kNotFound;
    case Code::kExists: return StatusCode::kAlreadyExists;
    case Code::kConflict: return StatusCode::kAborted;
    case Code::kGone: return StatusCode::kOutOfRange;
    case Code::kBodyTooLarge:
    case Code::kOverloaded: return StatusCode::kResourceExhausted;
    case Code::kNotImplemented: return StatusCode::kUnimplemented;
    case Code::kUnauthenticated: return StatusCode::kUnauthenticated;
    case Code::kForbidden: return StatusCode::kPermissionDenied;
    case Code::kClosed:
    case Code::kReset:
    case Code::kConnectFailed:
    case Code::kNoLocalPort:
    case Code::kNotResolved: return StatusCode::kUnavailable;
    default: return StatusCode::kInternal;
  }
}

std::optional<int> digit_of(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  return std::nullopt;
}

}  // namespace

std::string_view name_of(StatusCode code) { return row_of(code).name; }
std::string_view number_of(StatusCode code) { return row_of(code).number; }

StatusCode parse_status_code(std::string_view number) {
  unsigned value = 0;
  const char* end = number.data() + number.size();
  const auto [stopped, error] = std::from_chars(number.data(), end, value);
  if (error != std::errc() || stopped != end || value > kStatusCodeMax) return StatusCode::kUnknown;
  return static_cast<StatusCode>(value);
}

Status status_of(const Error& error) { return {code_for(error.code), error.text}; }

StatusCode status_for_http(int status) {
  switch (status) {
    case 400: return StatusCode::kInternal;
    case 401: return StatusCode::kUnauthenticated;
    case 403: return StatusCode::kPermissionDenied;
    case 404: return StatusCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return StatusCode::kUnavailable;
    default: return StatusCode::kUnknown;
  }
}

StatusCode status_for_reset(h2::ErrorCode code) {
  switch (code) {
    case h2::ErrorCode::kRefusedStream: return StatusCode::kUnavailable;
    case h2::ErrorCode::kCancel: return StatusCode::kCancelled;
    case h2::ErrorCode::kEnhanceYourCalm: return StatusCode::kResourceExhausted;
    case h2::ErrorCode::kInadequateSecurity: return StatusCode::kPermissionDenied;
    default: return StatusCode::kInternal;
  }
}

Status status_in(const http::Fields& fields) {
  const http::Field* status = fields.find("grpc-status");
  if (status == nullptr) return {StatusCode::kUnknown, "the answer has no grpc-status"};
  const http::Field* message = fields.find("grpc-message");
  return {parse_status_code(status->value),
          message == nullptr ? std::string() : decode_message(message->value)};
}

std::string encode_message(std::string_view message) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  text.reserve(message.size());
  for (const char character : message) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= ' ' && byte <= '~' && byte != '%') {
      text += character;
    } else {
      text.append({'%', kDigits[byte >> 4U], kDigits[byte & 0xfU]});
    }
  }
  return text;
}

std::string decode_message(std::string_view text) {
  std::string message;
  message.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      const auto high = digit_of(text[at + 1]);
      const auto low = digit_of(text[at + 2]);
      if (high && low) {
        message += static_cast<char>(*high * 16 + *low);
        at += 2;
        continue;
      }
    }
    message += text[at];
  }
  return message;
}

}  // namespace weir::grpc
