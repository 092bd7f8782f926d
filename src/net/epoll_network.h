// EpollNetwork: Network over the kernel's sockets, on one epoll loop.
#pragma once

#include <memory>

#include "net/epoll.h"
#include "net/network.h"
#include "net/resolver.h"

namespace weir::net {

class EpollNetwork final : public Network {
 public:
  EpollNetwork(Loop& loop, EpollPoller& poller) : loop_(loop), poller_(poller), resolver_(loop, poller) {}

  Result<std::unique_ptr<Listener>> listen(Address at) override;
  Result<void> check_unused(Address at) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Address to, Duration timeout) override;
  Task<Result<Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout) override;

 private:
  Loop& loop_;
  EpollPoller& poller_;
  Resolver resolver_;
};

}  // namespace weir::net
