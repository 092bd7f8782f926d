#include "grpc/status.h"

#include <doctest/doctest.h>

namespace weir::grpc {
namespace {

TEST_CASE("codes have gRPC's names and numbers, both ways") {
  CHECK(name_of(StatusCode::kOk) == "OK");
  CHECK(name_of(StatusCode::kUnauthenticated) == "UNAUTHENTICATED");
  for (int number = 0; number <= kStatusCodeMax; ++number) {
    const auto code = static_cast<StatusCode>(number);
    CHECK(number_of(code) == std::to_string(number));
    CHECK(parse_status_code(std::to_string(number)) == code);
  }
  for (const char* text : {"", "17", "-1", "3 ", "x", "4294967296"}) {
    CAPTURE(text);
    CHECK(parse_status_code(text) == StatusCode::kUnknown);
  }
}

TEST_CASE("what is not gRPC's own is read as a status") {
  CHECK(status_for_http(200) == StatusCode::kUnknown);
  CHECK(status_for_http(400) == StatusCode::kInternal);
  CHECK(status_for_http(401) == StatusCode::kUnauthenticated);
  CHECK(status_for_http(403) == StatusCode::kPermissionDenied);
  CHECK(status_for_http(404) == StatusCode::kUnimplemented);
  for (const int status : {429, 502, 503, 504}) CHECK(status_for_http(status) == StatusCode::kUnavailable);
  CHECK(status_for_reset(h2::ErrorCode::kRefusedStream) == StatusCode::kUnavailable);
  CHECK(status_for_reset(h2::ErrorCode::kCancel) == StatusCode::kCancelled);
  CHECK(status_for_reset(h2::ErrorCode::kEnhanceYourCalm) == StatusCode::kResourceExhausted);
  CHECK(status_for_reset(h2::ErrorCode::kInadequateSecurity) == StatusCode::kPermissionDenied);
  CHECK(status_for_reset(h2::ErrorCode::kNoError) == StatusCode::kInternal);
  CHECK(status_of({.code = Code::kNotFound, .text = "no such edge"}) ==
        Status{StatusCode::kNotFound, "no such edge"});
  CHECK(status_of({.code = Code::kConnectFailed}).code == StatusCode::kUnavailable);
  CHECK(status_of({.code = Code::kIo}).code == StatusCode::kInternal);
}

TEST_CASE("a message goes through a field and back") {
  CHECK(encode_message("plain ~text") == "plain ~text");
  CHECK(encode_message("100%\n\xc3\xa4") == "100%25%0A%C3%A4");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK(decode_message(encode_message(all)) == all);
  CHECK(decode_message("%c3%A4") == "\xc3\xa4");
  for (const char* text : {"%", "%4", "%4g", "%%41x", "a%"}) {
    CAPTURE(text);
    CHECK(decode_message(text) == (std::string_view(text) == "%%41x" ? "%Ax" : text));
  }
}

TEST_CASE("the fields at the end say the status") {
  http::Fields fields;
  CHECK(status_in(fields).code == StatusCode::kUnknown);
  fields.add("grpc-status", "5");
  CHECK(status_in(fields) == Status{StatusCode::kNotFound, ""});
  fields.add("grpc-message", "no%20such");
  CHECK(status_in(fields) == Status{StatusCode::kNotFound, "no such"});
}

}  // namespace
}  // namespace weir::grpc
