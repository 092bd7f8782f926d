#include "health/check.h"

#include <algorithm>
#include <utility>

#include "health/http2_check.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "net/buffer.h"
#include "tls/dial.h"
#include "tls/tls_stream.h"

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
      co_return check.judge(head.status);
    }
  }
}

// What comes before the first byte of HTTP.
net::Task<Result<std::unique_ptr<net::Stream>>> open(std::unique_ptr<net::Stream> stream,
                                                     const net::Address& address,
                                                     const CheckTransport& transport, Instant deadline) {
  const net::Loop& loop = stream->loop();
  if (transport.proxy_header) {  // a connection of weir's own
    tls::ProxyHeaderBytes room;
    const auto header = tls::write_proxy_header(*transport.proxy_header, {}, room);
    if (auto sent = co_await stream->write(header, deadline - loop.now()); !sent)
      co_return fail(sent.error());
  }
  if (!transport.secure) co_return stream;
  if (!transport.tls) co_return fail(Code::kConnectFailed, "the service's TLS settings can't be used");
  auto secured = co_await tls::TlsStream::connect(
      std::move(stream), transport.tls, {.name = transport.server_name, .endpoint = address.to_string()},
      deadline - loop.now());
  if (!secured) co_return fail(secured.error());
  if (transport.http2 && (*secured)->protocol() != "h2") {
    co_return fail(Code::kConnectFailed, "the endpoint does not choose HTTP/2 (ALPN h2)");
  }
  co_return std::move(*secured);
}

}  // namespace

Result<void> HttpCheck::judge(int status) const {
  const bool expected = std::ranges::any_of(expected_statuses, [status](const auto& range) {
    return status >= range.first && status <= range.second;
  });
  if (expected) return {};
  return fail(Code::kInvalid, "an unexpected status", Side::kUpstream);
}

net::Task<Result<void>> run_check(net::Env& env, std::vector<net::Address> addresses, const Check& check) {
  const Instant deadline = env.loop.now() + check.timeout;
  auto connected = co_await tls::connect_any(env.network, env.loop, std::move(addresses), check.timeout);
  if (!connected) co_return fail(connected.error());
  if (!check.http && !check.grpc) co_return Result<void>{};
  auto stream = co_await open(std::move(connected->stream), connected->address, check.transport, deadline);
  if (!stream) co_return fail(stream.error());
  if (check.transport.http2) co_return co_await check_over_http2(std::move(*stream), check, deadline);
  co_return co_await get(**stream, *check.http, deadline);
}

}  // namespace weir::health
