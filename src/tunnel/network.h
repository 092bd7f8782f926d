// Network: the net::Network of one core that knows the way to origins which came by tunnels. All else is the
// network's below. What is given it as its Network dials a tunnelled origin like any other address.
#pragma once

#include <memory>
#include <string>

#include "net/network.h"
#include "tunnel/registry.h"

namespace weir::tunnel {

class Network final : public net::Network {
 public:
  // relay: to origins that are attached to other edges; null: there are none. All outlive this.
  Network(net::Network& below, Attachments& attachments, net::Connector* relay)
      : below_(below), attachments_(attachments), relay_(relay) {}

  Result<std::unique_ptr<net::Listener>> listen(net::Address at) override { return below_.listen(at); }
  Result<void> check_unused(net::Address at) override { return below_.check_unused(at); }
  net::Task<Result<net::Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout) override {
    return below_.resolve(std::move(name), port, timeout);
  }
  net::Task<Result<std::unique_ptr<net::Stream>>> connect(net::Address to, Duration timeout) override {
    return connect_for({}, to, timeout);
  }
  net::Task<Result<std::unique_ptr<net::Stream>>> connect_for(net::Address client, net::Address to,
                                                              Duration timeout) override {
    if (!to.is_tunnel()) return below_.connect_for(client, to, timeout);
    if (relay_ != nullptr && !attachments_.reaches(to)) return relay_->connect_for(client, to, timeout);
    return attachments_.connect(client, to, timeout);
  }

 private:
  net::Network& below_;
  Attachments& attachments_;
  net::Connector* relay_;
};

}  // namespace weir::tunnel
