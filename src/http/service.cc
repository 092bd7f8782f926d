#include "http/service.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "http/h1_writer.h"

namespace weir::http {

net::Task<net::Pumped> Body::pump_to(net::Stream& to, net::Patience& writing) {
  net::Pumped pumped;
  while (!at_end()) {
    auto piece = co_await read();
    if (!piece) {
      pumped.result = fail(piece.error());
      pumped.read_failed = true;
      break;
    }
    if (piece->empty()) break;
    if (auto written = co_await to.write(*piece, writing); !written) {
      pumped.result = fail(written.error());
      break;
    }
    pumped.bytes += piece->size();
  }
  co_return pumped;
}

net::Task<void> Response::settle() { co_return; }

TextResponse::TextResponse(int status, std::string_view content_type, std::string content)
    : content_(std::move(content)), taken_(content_.empty()) {
  head.status = status;
  head.reason = reason_of(status);
  const bool has_content = status >= 200 && status != 204 && status != 304;
  head.framing = has_content ? Framing::kLength : Framing::kNone;
  head.content_length = content_.size();
  if (!has_content) return;
  const std::size_t digits = write_decimal(content_.size(), length_.data());
  head.fields.add(Known::kContentLength, std::string_view(length_.data(), digits));
  if (!content_type.empty()) head.fields.add(Known::kContentType, content_type);
}

void TextResponse::add_field(std::string_view static_name, std::string value) {
  WEIR_CHECK(values_used_ < kOwnValuesMax);
  std::string& kept = values_[values_used_++];
  kept = std::move(value);
  head.fields.add(static_name, kept);
}

void TextResponse::add_reason(std::string_view reason, std::string_view request_id) {
  head.fields.add("weir-reason", reason);
  if (!request_id.empty()) add_field(Known::kXRequestId, std::string(request_id));
}

net::Task<Result<net::Slice>> TextResponse::read() { co_return take_buffered(); }

net::Slice TextResponse::take_buffered() {
  if (std::exchange(taken_, true)) return {};
  return net::as_slice(content_);
}

std::unique_ptr<TextResponse> refusal(int status, std::string_view reason, std::string_view text,
                                      std::string_view request_id) {
  std::string line = std::to_string(status);
  line.append(" ").append(reason_of(status)).append(": ").append(text).append("\n");
  auto response = std::make_unique<TextResponse>(status, "text/plain; charset=utf-8", std::move(line));
  response->refusal = std::string_view(response->content_).substr(0, response->content_.size() - 1);
  response->add_reason(reason, request_id);
  return response;
}

ResponsePtr error_response(const Error& error, std::string_view request_id) {
  return refusal(status_for(error), name_of(error.code), error.text, request_id);
}

}  // namespace weir::http
