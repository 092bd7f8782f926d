// EpollNetwork: Network over the kernel's sockets, on one loop. Listening and resolving are on epoll; the
// connections are too, or on io_uring when the loop has one.
#pragma once

#include <memory>

#include "net/epoll.h"
#include "net/network.h"
#include "net/resolver.h"

namespace weir::net {

class UringPoller;

class EpollNetwork final : public Network {
 public:
  EpollNetwork(Loop& loop, EpollPoller& poller, UringPoller* uring = nullptr)
      : loop_(loop), poller_(poller), uring_(uring), resolver_(loop, poller) {}

  Result<std::unique_ptr<Listener>> listen(Address at) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Address to, Duration timeout) override;
  Task<Result<Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout) override;

 private:
  Loop& loop_;
  EpollPoller& poller_;
  UringPoller* uring_;
  Resolver resolver_;
};

// Whether this process would have the address for itself. Listening shares an address with other sockets of
// the same user, which is meant for the loops of one process, not for two programs that know nothing of each
// other.
Result<void> check_unused(const Address& address);

}  // namespace weir::net
