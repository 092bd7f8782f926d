#include "podman/socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>

#include "net/socket.h"

namespace weir::podman {

// The kernel makes the connection at once, or not at all: there is nothing to wait for.
net::Task<Result<std::unique_ptr<net::Stream>>> SocketConnector::connect(net::Address /*to*/,
                                                                         Duration /*timeout*/) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path) {
    co_return fail(Code::kInvalid, "the path of the socket is empty or too long", Side::kUpstream);
  }
  std::ranges::copy(path_, address.sun_path);
  net::Descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made || ::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Error error = system_error(errno, "cannot connect", Side::kUpstream);
    error.retry = Retry::kSafe;
    co_return fail(error);
  }
  auto socket = net::Socket::create(core_.loop(), core_.poller(), std::move(made), false);
  if (!socket) co_return fail(socket.error());
  co_return std::unique_ptr<net::Stream>(std::move(*socket));
}

}  // namespace weir::podman
