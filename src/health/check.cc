#include "health/check.h"

#include <algorithm>

#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "net/buffer.h"

namespace weir::health {
namespace {

using http::Known;

Result<std::size_t> write_request(const HttpCheck& check, std::span<std::byte> room) {
  http::HeadWriter writer(room);
  writer.request_line("GET", check.path);
  writer.field(Known::kHost, check.host);
  writer.field(Known::kUserAgent, "weir-health");
  writer.field(Known::kAccept, "*/*");
  writer.field(Known::kConnection, "close");
  return writer.finish();
}

net::Task<Result<void>> get(net::Stream& stream, const HttpCheck& check, Instant deadline) {
  net::Loop& loop = stream.loop();
  const net::Buffer buffer = net::Buffer::acquire();
  const auto request = write_request(check, buffer.span());
  if (!request) co_return fail(request.error());
  if (auto sent = co_await stream.write(buffer.span().first(*request), deadline - loop.now()); !sent) {
    co_return fail(sent.error());
  }
  std::size_t received = 0;
  for (;;) {
    const auto got = co_await stream.read(buffer.span().subspan(received), deadline - loop.now());
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Code::kClosed, "closed without an answer", Side::kUpstream);
    received += *got;
    std::size_t begin = 0;
    for (;;) {
      http::ResponseHead head;
      const auto parsed = http::parse_response_head(
          net::as_text(buffer.span().subspan(begin, received - begin)), http::Method::kGet, head);
      if (!parsed) co_return fail(parsed.error());
      if (*parsed == 0) break;
      begin += *parsed;
      if (head.status < 200) continue;
      const bool expected = std::ranges::any_of(check.expected_statuses, [&head](const auto& range) {
        return head.status >= range.first && head.status <= range.second;
      });
      if (expected) co_return Result<void>{};
      co_return fail(Code::kInvalid, "an unexpected status", Side::kUpstream);
    }
  }
}

}  // namespace

net::Task<Result<void>> run_check(net::Env& env, net::Address address, const Check& check) {
  const Instant deadline = env.loop.now() + check.timeout;
  const auto stream = co_await env.network.connect(address, check.timeout);
  if (!stream) co_return fail(stream.error());
  if (!check.http) co_return Result<void>{};
  co_return co_await get(**stream, *check.http, deadline);
}

}  // namespace weir::health
