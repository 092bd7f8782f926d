#include "h2/grpc.h"

#include "base/text.h"

namespace weir::h2 {
namespace {

using http::Known;

// Static text: a head's fields are views.
std::string_view text_of(GrpcStatus status) {
  switch (status) {
    case GrpcStatus::kUnknown: return "2";
    case GrpcStatus::kPermissionDenied: return "7";
    case GrpcStatus::kResourceExhausted: return "8";
    case GrpcStatus::kUnimplemented: return "12";
    case GrpcStatus::kInternal: return "13";
    case GrpcStatus::kUnavailable: return "14";
    case GrpcStatus::kUnauthenticated: return "16";
  }
  return "2";
}

}  // namespace

bool is_grpc(const http::Fields& request) {
  constexpr std::string_view kType = "application/grpc";
  const std::string_view type = request.value_of(Known::kContentType);
  if (type.size() < kType.size() || !equal_ignoring_case(type.substr(0, kType.size()), kType)) return false;
  if (type.size() == kType.size()) return true;
  const char next = type[kType.size()];
  return next == '+' || next == ';' || next == ' ';
}

GrpcStatus grpc_status_for(int status) {
  switch (status) {
    case 400:
    case 431: return GrpcStatus::kInternal;
    case 401: return GrpcStatus::kUnauthenticated;
    case 403: return GrpcStatus::kPermissionDenied;
    case 404: return GrpcStatus::kUnimplemented;
    case 413:
    case 429: return GrpcStatus::kResourceExhausted;
    case 502:
    case 503:
    case 504: return GrpcStatus::kUnavailable;
    default: return GrpcStatus::kUnknown;
  }
}

void tell_as_grpc(http::Response& response) {
  http::ResponseHead& head = response.head;
  const std::string_view status = text_of(grpc_status_for(head.status));
  head.status = 200;
  head.framing = http::Framing::kNone;
  head.fields.remove(Known::kContentLength);
  (void)head.fields.set(Known::kContentType, "application/grpc");
  (void)head.fields.add("grpc-status", status);
  (void)head.fields.add("grpc-message",
                        response.refusal);  // printable ASCII without %, as weir's own texts are
}

}  // namespace weir::h2
