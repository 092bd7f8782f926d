// Network: the net::Network of one core that knows the way to origins which came by tunnels. All else is the
// network's below. What is given it as its Network dials a tunnelled origin like any other address.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "net/network.h"
#include "tunnel/registry.h"
#include "tunnel/relay.h"

namespace weir::tunnel {

class Network final : public net::Network {
 public:
  // relay: to origins that are attached to other edges; null: nobody knows of others. All outlive this.
  Network(net::Network& below, Attachments& attachments, Relay* relay)
      : below_(below), attachments_(attachments), relay_(relay) {}

  Result<std::unique_ptr<net::Listener>> listen(net::Address at) override { return below_.listen(at); }
  Result<std::unique_ptr<net::Datagrams>> datagrams(net::Address at) override { return below_.datagrams(at); }
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
    if (relay_ == nullptr || !relay_->knows(to)) return attachments_.connect(client, to, timeout);
    if (!attachments_.reaches(to)) return relay_->connect_for(client, to, timeout);
    return connect_here_or_there(client, to, timeout);
  }

 private:
  // The way here may have gone dead, or end right now, while there is another.
  net::Task<Result<std::unique_ptr<net::Stream>>> connect_here_or_there(net::Address client, net::Address to,
                                                                        Duration timeout) {
    const Instant deadline = relay_->loop().deadline(timeout);
    auto stream = co_await attachments_.connect(client, to, std::min(timeout / 2, kRelayTryTimeout));
    if (stream || stream.error().code == Code::kCancelled) co_return stream;
    co_return co_await relay_->connect_for(client, to, deadline - relay_->loop().now());
  }

  net::Network& below_;
  Attachments& attachments_;
  Relay* relay_;
};

}  // namespace weir::tunnel
