#include "edge/port_handshake.h"

#include <algorithm>
#include <utility>

#include "tls/proxy_header.h"
#include "tls/tls_stream.h"

namespace weir::edge {
namespace {

std::shared_ptr<const http::TlsInfo> info_of(const tls::TlsDetails& details) {
  return std::make_shared<const http::TlsInfo>(
      http::TlsInfo{.version = std::string(details.version),
                    .cipher = std::string(details.cipher),
                    .server_name = details.server_name,
                    .protocol = details.protocol,
                    .client_subject = details.client_subject,
                    .client_names = details.client_names,
                    .client_fingerprint = details.client_fingerprint});
}

}  // namespace

net::Task<Result<void>> PortHandshake::read_proxy_header(http::Incoming& incoming) {
  const net::Loop& loop = incoming.stream->loop();
  const Instant deadline = loop.deadline(kTimeout);
  incoming.buffer = net::Buffer::acquire();
  for (;;) {
    const auto got =
        co_await incoming.stream->read(incoming.buffer.span().subspan(incoming.end), deadline - loop.now());
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Code::kClosed, "closed before its PROXY header", Side::kDownstream);
    incoming.end += *got;
    tls::ProxyHeader header;
    const auto parsed = tls::parse_proxy_header(incoming.buffer.span().first(incoming.end), header);
    if (!parsed) co_return fail(parsed.error());
    if (*parsed == 0) continue;
    incoming.begin = *parsed;
    if (header.proxied) incoming.peer = header.proxied->source;
    break;
  }
  if (incoming.begin == incoming.end) {
    incoming.begin = incoming.end = 0;
    incoming.buffer.release();
  }
  co_return Result<void>{};
}

net::Task<Result<http::Incoming>> PortHandshake::run(http::Incoming incoming) {
  const auto sends_header = [&incoming](const config::Network& network) {
    return network.contains(incoming.peer.is_v6(), incoming.peer.bytes());
  };
  // A copy: the port may change while this connection is at it.
  const std::shared_ptr<tls::ServerContext> context = port_.tls;
  if (port_.refused) co_return fail(Code::kForbidden, "the port's TLS can't be had");
  incoming.may_begin_h2 = port_.h2c;
  if (std::ranges::any_of(port_.proxied_from, sends_header)) {
    if (auto read = co_await read_proxy_header(incoming); !read) co_return fail(read.error());
  }
  if (context) {
    auto stream = co_await tls::TlsStream::accept(
        std::move(incoming.stream), context,
        {.buffer = std::move(incoming.buffer), .begin = incoming.begin, .end = incoming.end}, kTimeout);
    if (!stream) {
      counters_.failed.add();
      co_return fail(stream.error());
    }
    const tls::TlsDetails details = (*stream)->details();
    (details.resumed ? counters_.resumed : counters_.full).add();
    incoming.tls = info_of(details);
    incoming.scheme = "https";
    incoming.stream = std::move(*stream);
    incoming.begin = incoming.end = 0;
  }
  co_return incoming;
}

}  // namespace weir::edge
