#include "health/http2_check.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "h2/client.h"
#include "net/task_group.h"

namespace weir::health {
namespace {

using http::Known;

constexpr std::size_t kPrefixBytes = 5;          // of a message of gRPC: compressed or not, its length
constexpr std::size_t kResponseBytesMax = 4096;  // a real one takes two bytes, unknown fields some more
constexpr std::uint64_t kServing = 1;

// All of it is here.
class Message final : public http::Body {
 public:
  explicit Message(std::string content) : content_(std::move(content)) {}
  net::Task<Result<net::Slice>> read() override { co_return take_buffered(); }
  net::Slice take_buffered() override {
    return std::exchange(taken_, true) ? net::Slice{} : net::as_slice(content_);
  }
  bool at_end() const override { return taken_; }

 private:
  std::string content_;
  bool taken_ = false;
};

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

// By the wire type of its tag; false: it is cut, or of a kind that is no more.
bool skip(std::string_view& bytes, unsigned wire_type) {
  std::optional<std::uint64_t> size;
  switch (wire_type) {
    case 0: return take_varint(bytes).has_value();
    case 1: size = 8; break;
    case 2: size = take_varint(bytes); break;
    case 5: size = 4; break;
    default: break;
  }
  if (!size || *size > bytes.size()) return false;
  bytes.remove_prefix(static_cast<std::size_t>(*size));
  return true;
}

net::Task<Result<void>> judge_grpc(http::Response& response) {
  if (response.head.status != 200) co_return fail(Code::kInvalid, "an unexpected status", Side::kUpstream);
  std::string content;
  while (!response.at_end()) {
    const auto piece = co_await response.read();
    if (!piece) co_return fail(piece.error());
    content += net::as_text(*piece);
    if (content.size() > kResponseBytesMax)
      co_return fail(Code::kBodyTooLarge, "no answer to a health check");
  }
  const http::Fields* trailers = response.trailers();
  const http::Field* status = (trailers != nullptr ? *trailers : response.head.fields).find("grpc-status");
  if (status == nullptr || status->value != "0") {
    co_return fail(Code::kInvalid, "a grpc-status other than 0", Side::kUpstream);
  }
  co_return judge_health_response(content);
}

net::Task<Result<void>> exchange(h2::ClientConnectionPtr connection, const Check& check, Instant deadline) {
  const Duration left = deadline - connection->loop().now();
  const http::ExchangeOptions options{.response_timeout = left, .read_timeout = left, .write_timeout = left};
  http::RequestHead head;
  http::Request request{.head = head};
  head.fields.add(Known::kUserAgent, "weir-health");
  std::optional<Message> message;
  if (check.grpc) {
    head.method = http::Method::kPost;
    head.fields.add(Known::kContentType, "application/grpc");
    head.fields.add(Known::kTe, "trailers");
    message.emplace(health_request(check.grpc->service));
    request.body = &*message;
  } else {
    head.method = http::Method::kGet;
    head.fields.add(Known::kAccept, "*/*");
  }
  const h2::UpstreamHead upstream{
      .method = http::name_of(head.method),
      .scheme = check.transport.secure ? "https" : "http",
      .authority = check.grpc ? check.grpc->host : check.http->host,
      .path = check.grpc ? std::string_view("/grpc.health.v1.Health/Check") : check.http->path,
      .fields = head.fields};
  auto response = co_await h2::exchange(std::move(connection), upstream, request, options);
  if (!response) co_return fail(response.error());
  const Result<void> verdict =
      check.grpc ? co_await judge_grpc(**response) : check.http->judge((*response)->head.status);
  if (!(*response)->settled()) co_await (*response)->settle();
  co_return verdict;
}

}  // namespace

std::string health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';  // field 1, with a length
    for (std::size_t size = service.size(); size > 0; size >>= 7U) {
      message += static_cast<char>((size & 0x7fU) | (size > 0x7fU ? 0x80U : 0U));
    }
    message += service;
  }
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string content(1, '\0');  // not compressed
  for (int shift = 24; shift >= 0; shift -= 8) content += static_cast<char>(size >> shift);
  return content + message;
}

Result<void> judge_health_response(std::string_view content) {
  const auto malformed = fail(Code::kMalformed, "no answer to a health check", Side::kUpstream);
  if (content.size() < kPrefixBytes || content.front() != '\0') return malformed;
  content.remove_prefix(kPrefixBytes);
  std::uint64_t status = 0;  // absent: UNKNOWN
  while (!content.empty()) {
    const auto tag = take_varint(content);
    if (!tag) return malformed;
    if (*tag == 0x08) {  // field 1, a varint
      const auto value = take_varint(content);
      if (!value) return malformed;
      status = *value;
    } else if (!skip(content, static_cast<unsigned>(*tag & 7U))) {
      return malformed;
    }
  }
  if (status == kServing) return {};
  return fail(Code::kInvalid, "the endpoint says that it is not serving", Side::kUpstream);
}

net::Task<Result<void>> check_over_http2(std::unique_ptr<net::Stream> stream, const Check& check,
                                         Instant deadline) {
  net::TaskGroup running(stream->loop());
  auto connection = std::make_shared<h2::ClientConnection>(std::move(stream), check.timeout, nullptr);
  running.spawn(h2::ClientConnection::run(connection));
  const Result<void> verdict = co_await exchange(std::move(connection), check, deadline);
  co_await running.stop();
  co_return verdict;
}

}  // namespace weir::health
