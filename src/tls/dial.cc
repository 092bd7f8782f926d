#include "tls/dial.h"

#include <utility>

#include "tls/tls_stream.h"

namespace weir::tls {

bool Host::is_loopback() const {
  if (const auto address = net::Address::parse_ip(name, port)) return address->is_loopback();
  return name == "localhost" || name.ends_with(".localhost");
}

net::Task<Result<std::unique_ptr<net::Stream>>> dial(net::Env& env, Host to,
                                                     std::shared_ptr<ClientContext> context, Duration timeout,
                                                     std::string server_name) {
  net::Resolved resolved;
  if (const auto address = net::Address::parse_ip(to.name, to.port)) {
    resolved.addresses = {*address};
  } else if (to.is_loopback()) {
    resolved.addresses = {net::Address::v4({127, 0, 0, 1}, to.port)};
  } else {
    auto found = co_await env.network.resolve(to.name, to.port, timeout);
    if (!found) co_return fail(found.error());
    resolved = std::move(*found);
  }
  Result<std::unique_ptr<net::Stream>> stream = fail(Code::kNotResolved, "the name has no address");
  for (const net::Address& address : resolved.addresses) {
    stream = co_await env.network.connect(address, timeout);
    if (stream) break;
  }
  if (!stream || !context) co_return stream;
  ServerName server{.name = std::move(server_name.empty() ? to.name : server_name), .endpoint = {}};
  auto secured =
      co_await TlsStream::connect(std::move(*stream), std::move(context), std::move(server), timeout);
  if (!secured) co_return fail(secured.error());
  co_return std::move(*secured);
}

}  // namespace weir::tls
