#include "edge/port_handshake.h"

#include <algorithm>
#include <utility>

#include "tls/tls_stream.h"

namespace weir::edge {
namespace {

std::shared_ptr<const http::TlsInfo> info_of(tls::TlsDetails details) {
  return std::make_shared<const http::TlsInfo>(
      http::TlsInfo{.version = std::string(details.version),
                    .cipher = std::string(details.cipher),
                    .server_name = std::move(details.server_name),
                    .protocol = std::move(details.protocol),
                    .client_subject = std::move(details.client_subject),
                    .client_names = std::move(details.client_names),
                    .client_fingerprint = std::move(details.client_fingerprint)});
}

}  // namespace

net::Task<Result<http::Incoming>> PortHandshake::run(http::Incoming incoming) {
  // A copy: the port may change while this connection is at it.
  const std::shared_ptr<tls::ServerContext> context = port_.tls;
  if (context) {
    auto stream = co_await tls::TlsStream::accept(
        std::move(incoming.stream), context,
        {.buffer = std::move(incoming.buffer), .begin = incoming.begin, .end = incoming.end}, kTimeout);
    if (!stream) co_return fail(stream.error());
    incoming.tls = info_of((*stream)->details());
    incoming.scheme = "https";
    incoming.stream = std::move(*stream);
    incoming.begin = incoming.end = 0;
  }
  co_return incoming;
}

}  // namespace weir::edge
