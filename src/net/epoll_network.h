// EpollNetwork: Network over the kernel's sockets, on one epoll loop.
#pragma once

#include <memory>
#include <vector>

#include "net/epoll.h"
#include "net/listening.h"
#include "net/network.h"
#include "net/resolver.h"

namespace weir::net {

class EpollListener;

class EpollNetwork final : public Network {
 public:
  // sockets: of the process, outlives this; null: nobody hands any on.
  EpollNetwork(Loop& loop, EpollPoller& poller, ListeningSockets* sockets = nullptr)
      : loop_(loop), poller_(poller), sockets_(sockets), resolver_(loop, poller) {}

  // What listens accepts nothing until release(): connections wait in its sockets. Before the loop runs.
  void hold() { held_ = true; }
  // On the loop.
  void release();

  Result<std::unique_ptr<Listener>> listen(Address at) override;
  Result<std::unique_ptr<Datagrams>> datagrams(Address at) override;
  Result<void> check_unused(Address at) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Address to, Duration timeout) override;
  Task<Result<Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout) override;

 private:
  friend class EpollListener;
  friend class EpollDatagrams;
  Address inherited_as(const Address& at) const;
  Result<std::vector<Descriptor>> inherited(const Address& at);

  Loop& loop_;
  EpollPoller& poller_;
  ListeningSockets* sockets_;
  Resolver resolver_;
  bool held_ = false;
  std::vector<EpollListener*> waiting_;  // to be released
};

}  // namespace weir::net
