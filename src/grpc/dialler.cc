#include "grpc/dialler.h"

#include <utility>
#include <vector>

#include "tls/dial.h"
#include "tls/tls_stream.h"

namespace weir::grpc {

net::Task<Result<h2::Opener::Opened>> Dialler::open() {
  const Instant deadline = env_.loop.deadline(target_.timeout);
  auto stream = co_await connect(deadline);
  if (stream && target_.tls != nullptr) stream = co_await secure(std::move(*stream), deadline);
  if (stream) co_return Opened{std::move(*stream), nullptr};
  Error error = stream.error();
  error.side = Side::kUpstream;
  error.retry = error.code == Code::kCancelled ? Retry::kNever : Retry::kSafe;  // nothing was sent
  co_return fail(error);
}

net::Task<Result<std::unique_ptr<net::Stream>>> Dialler::connect(Instant deadline) {
  std::vector<net::Address> addresses;
  if (const auto address = net::Address::parse_ip(target_.host, target_.port)) {
    addresses.push_back(*address);
  } else if (tls::Host{target_.host, target_.port}.is_loopback()) {
    addresses.push_back(net::Address::v4({127, 0, 0, 1}, target_.port));
  } else {
    auto resolved = co_await env_.network.resolve(target_.host, target_.port, deadline - env_.loop.now());
    if (!resolved) co_return fail(resolved.error());
    addresses = std::move(resolved->addresses);
  }
  Result<std::unique_ptr<net::Stream>> stream = fail(Code::kNotResolved, "the name has no address");
  for (const net::Address& address : addresses) {
    stream = co_await env_.network.connect(address, deadline - env_.loop.now());
    if (stream || stream.error().code == Code::kCancelled || env_.loop.now() >= deadline) break;
  }
  co_return stream;
}

net::Task<Result<std::unique_ptr<net::Stream>>> Dialler::secure(std::unique_ptr<net::Stream> below,
                                                                Instant deadline) {
  const tls::ServerName server{.name = target_.server_name.empty() ? target_.host : target_.server_name,
                               .endpoint = target_.host + ":" + std::to_string(target_.port)};
  auto secured =
      co_await tls::TlsStream::connect(std::move(below), target_.tls, server, deadline - env_.loop.now());
  if (!secured) co_return fail(secured.error());
  if ((*secured)->protocol() != "h2")
    co_return fail(Code::kConnectFailed, "the server does not speak HTTP/2");
  co_return std::move(*secured);
}

}  // namespace weir::grpc
