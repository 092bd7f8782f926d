#include "edge/port_handshake.h"

#include <algorithm>
#include <utility>

#include "net/socket.h"
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

// Reads until `done` says so of what there is: bytes that belong to it, 0 when it is not all there.
// `missing`: what an early end is called.
template <class Done>
net::Task<Result<std::size_t>> read_ahead(http::Incoming& incoming, const char* missing, Done done) {
  const net::Loop& loop = incoming.stream->loop();
  const Instant deadline = loop.deadline(PortHandshake::kTimeout);
  if (!incoming.buffer) incoming.buffer = net::Buffer::acquire();
  for (;;) {
    const net::Slice there(incoming.buffer.data() + incoming.begin, incoming.end - incoming.begin);
    const Result<std::size_t> parsed = there.empty() ? Result<std::size_t>(0) : done(there);
    if (!parsed || *parsed > 0) co_return parsed;
    const auto room = incoming.buffer.span().subspan(incoming.end);
    if (room.empty()) co_return fail(Code::kMalformed, "more than fits comes first", Side::kDownstream);
    const auto got = co_await incoming.stream->read(room, deadline - loop.now());
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Code::kClosed, missing, Side::kDownstream);
    incoming.end += *got;
  }
}

net::Task<Result<void>> read_proxy_header(http::Incoming& incoming) {
  tls::ProxyHeader header;
  const auto parsed =
      co_await read_ahead(incoming, "closed before its PROXY header",
                          [&header](net::Slice there) { return tls::parse_proxy_header(there, header); });
  if (!parsed) co_return fail(parsed.error());
  incoming.begin += *parsed;
  if (header.proxied) incoming.peer = header.proxied->source;
  if (incoming.begin == incoming.end) {
    incoming.begin = incoming.end = 0;
    incoming.buffer.release();
  }
  co_return Result<void>{};
}

// What stays in the buffer is for whoever goes on.
net::Task<Result<void>> read_hello(http::Incoming& incoming, ClientHello& hello) {
  const auto parsed = co_await read_ahead(incoming, "closed before its ClientHello",
                                          [&hello](net::Slice there) -> Result<std::size_t> {
                                            const auto whole = parse_client_hello(there, hello);
                                            if (!whole) return fail(whole.error());
                                            return *whole ? there.size() : 0;
                                          });
  if (!parsed) co_return fail(parsed.error());
  co_return Result<void>{};
}

void set_liveness(net::Stream& stream, const config::Listener& spec) {
  if (net::Socket* socket = stream.plain_socket()) {
    socket->set_liveness({spec.tcp.keepalive, spec.tcp.user_timeout});
  }
}

constexpr Error kNobodyTakesIt{Code::kNoRoute, Side::kInternal, Retry::kNever, 0,
                               "no listener of this port takes that server name and those protocols"};
constexpr Error kNoTls{Code::kForbidden, Side::kInternal, Retry::kNever, 0, "the port's TLS can't be had"};

}  // namespace

net::Task<Result<http::Incoming>> PortHandshake::run_tls(http::Incoming incoming,
                                                         std::shared_ptr<const tls::ServerContext> context) {
  auto stream = co_await tls::TlsStream::accept(
      std::move(incoming.stream), std::move(context),
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
  co_return incoming;
}

// It goes on by itself, and nothing of the handshake stays.
http::Incoming PortHandshake::take(http::Incoming incoming, TcpListenerPointer listener,
                                   const ClientHello& hello) {
  server_.take_over(tcp_.serve(std::move(incoming), std::move(listener), hello));
  return {};
}

net::Task<Result<http::Incoming>> PortHandshake::take_tls(http::Incoming incoming,
                                                          TcpListenerPointer listener, ClientHello hello) {
  const net::Address peer = incoming.peer;
  const std::uint16_t local_port = incoming.local_port;
  auto secured = co_await run_tls(std::move(incoming), listener->tls);
  if (!secured) {
    tcp_.refuse({.stream = nullptr, .peer = peer, .local_port = local_port}, listener.get(), hello,
                "tls_handshake_failed", secured.error());
    co_return fail(secured.error());
  }
  co_return take(std::move(*secured), std::move(listener), hello);
}

// Who is asked for decides who takes it.
net::Task<Result<http::Incoming>> PortHandshake::run_by_hello(http::Incoming incoming, PlannedPort port) {
  ClientHello hello;
  if (auto read = co_await read_hello(incoming, hello); !read) {
    const Error why = read.error();
    if (why.code != Code::kCancelled) {
      tcp_.refuse(std::move(incoming), nullptr, hello, "malformed_client_hello", why);
    }
    co_return fail(why);
  }
  auto taker = port.tcp->match(hello);
  if (taker && *taker) {
    TcpListenerPointer listener = std::move(*taker);
    set_liveness(*incoming.stream, listener->spec);
    if (listener->refused) {
      tcp_.refuse(std::move(incoming), listener.get(), hello, "no_tls", kNoTls);
      co_return fail(kNoTls);
    }
    if (listener->passthrough()) co_return take(std::move(incoming), std::move(listener), hello);
    co_return co_await take_tls(std::move(incoming), std::move(listener), std::move(hello));
  }
  if (!taker || !port.tls) {
    tcp_.refuse(std::move(incoming), nullptr, hello, "no_route", kNobodyTakesIt);
    co_return fail(kNobodyTakesIt);
  }
  co_return co_await run_tls(std::move(incoming), port.tls);
}

net::Task<Result<http::Incoming>> PortHandshake::run(http::Incoming incoming) {
  const auto sends_header = [&incoming](const config::Network& network) {
    return network.contains(incoming.peer.is_v6(), incoming.peer.bytes());
  };
  if (port_.refused && !port_.tcp) co_return fail(kNoTls);
  incoming.may_begin_h2 = port_.h2c;
  if (std::ranges::any_of(port_.proxied_from, sends_header)) {
    if (auto read = co_await read_proxy_header(incoming); !read) co_return fail(read.error());
  }
  if (port_.tcp && port_.tcp->plain()) {
    TcpListenerPointer listener = port_.tcp->plain();
    set_liveness(*incoming.stream, listener->spec);
    co_return take(std::move(incoming), std::move(listener), {});
  }
  // A copy: the port may change while this connection is at it.
  if (port_.tcp && port_.tcp->by_hello()) co_return co_await run_by_hello(std::move(incoming), port_);
  if (port_.tls) co_return co_await run_tls(std::move(incoming), port_.tls);
  co_return incoming;
}

}  // namespace weir::edge
