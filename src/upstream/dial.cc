#include "upstream/dial.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "net/socket.h"
#include "tls/dial.h"
#include "tls/proxy_header.h"
#include "tls/tls_stream.h"

namespace weir::upstream {
namespace {

net::Task<Result<std::unique_ptr<net::Stream>>> secure(std::unique_ptr<net::Stream> stream,
                                                       const PlannedService& service, const SharedHost& host,
                                                       Duration timeout) {
  if (service.tls_failed) co_return fail(Code::kConnectFailed, "the service's TLS settings can't be used");
  const std::string& name = service.spec.tls->server_name.empty() ? host.name : service.spec.tls->server_name;
  auto secured = co_await tls::TlsStream::connect(std::move(stream), service.tls,
                                                  {.name = name, .endpoint = host.key}, timeout);
  if (!secured) co_return fail(secured.error());
  if (service.spec.protocol == config::Protocol::kHttp2 && (*secured)->protocol() != "h2") {
    co_return fail(Code::kConnectFailed, "the endpoint does not choose HTTP/2 (ALPN h2)");
  }
  co_return std::move(*secured);
}

net::Task<Result<std::unique_ptr<net::Stream>>> connect_happily(net::Connector& connector, SharedHost& host,
                                                                Duration timeout, net::Loop& loop) {
  std::vector<net::Address> addresses{host.address, *host.other};
  if (host.by_other.load(std::memory_order_relaxed)) std::swap(addresses.front(), addresses.back());
  auto reached = co_await tls::connect_any(connector, loop, std::move(addresses), timeout);
  if (!reached) co_return fail(reached.error());
  host.by_other.store(reached->address == *host.other, std::memory_order_relaxed);
  co_return std::move(reached->stream);
}

// By a PROXY header. The edge's own address of that connection is not known here, only its port.
net::Task<Result<std::size_t>> tell_client(net::Stream& stream, const config::ServiceSpec& spec,
                                           DialFor whose) {
  const net::Address self =
      whose.client.is_v6() ? net::Address::v6({}, whose.local_port) : net::Address::v4({}, whose.local_port);
  const bool first = spec.proxy_protocol == config::ProxyProtocol::kV1;
  tls::ProxyHeaderBytes room;
  const auto header =
      tls::write_proxy_header(first ? tls::ProxyVersion::k1 : tls::ProxyVersion::k2,
                              {.proxied = {{.source = whose.client, .destination = self}}}, room);
  co_return co_await stream.write(header, spec.connect_timeout);
}

}  // namespace

net::Task<Result<std::unique_ptr<net::Stream>>> dial(net::Connector& connector, const PlannedService& service,
                                                     SharedHost& host, DialFor whose, Instant ends,
                                                     net::Loop& loop) {
  const auto timeout = [&] {
    return std::clamp(ends - loop.now(), Duration::zero(), service.spec.connect_timeout);
  };
  auto stream = co_await (host.other ? connect_happily(connector, host, timeout(), loop)
                                     : connector.connect_for(whose.client, host.address, timeout()));
  if (stream) {
    if (net::Socket* socket = (*stream)->plain_socket()) {
      socket->set_liveness({service.spec.tcp.keepalive, service.spec.tcp.user_timeout});
    }
  }
  if (stream && service.spec.proxy_protocol != config::ProxyProtocol::kNone) {
    if (auto told = co_await tell_client(**stream, service.spec, whose); !told) stream = fail(told.error());
  }
  if (stream && service.spec.tls) stream = co_await secure(std::move(*stream), service, host, timeout());
  if (stream) co_return std::move(*stream);
  Error error = stream.error();
  error.side = Side::kUpstream;
  error.retry = error.code == Code::kCancelled ? Retry::kNever : Retry::kSafe;  // nothing was sent
  co_return fail(error);
}

}  // namespace weir::upstream
