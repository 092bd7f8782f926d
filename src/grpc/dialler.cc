#include "grpc/dialler.h"

#include <utility>

#include "tls/dial.h"
#include "tls/tls_stream.h"

namespace weir::grpc {

net::Task<Result<h2::Opener::Opened>> Dialler::open() {
  const Instant deadline = env_.loop.deadline(target_.timeout);
  auto stream = co_await tls::dial(env_, {target_.host, target_.port}, nullptr, target_.timeout);
  if (stream && target_.tls != nullptr) stream = co_await secure(std::move(*stream), deadline);
  if (stream) co_return Opened{std::move(*stream), nullptr};
  Error error = stream.error();
  error.side = Side::kUpstream;
  error.retry = error.code == Code::kCancelled ? Retry::kNever : Retry::kSafe;  // nothing was sent
  co_return fail(error);
}

net::Task<Result<std::unique_ptr<net::Stream>>> Dialler::secure(std::unique_ptr<net::Stream> below,
                                                                Instant deadline) {
  const tls::ServerName server{.name = target_.server_name.empty() ? target_.host : target_.server_name,
                               .endpoint = with_port(target_.host, target_.port)};
  auto secured =
      co_await tls::TlsStream::connect(std::move(below), target_.tls, server, deadline - env_.loop.now());
  if (!secured) co_return fail(secured.error());
  if ((*secured)->protocol() != "h2")
    co_return fail(Code::kConnectFailed, "the server does not speak HTTP/2");
  co_return std::move(*secured);
}

}  // namespace weir::grpc
