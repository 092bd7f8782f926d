// SocketConnector: the way to what listens at a path of this machine (a UNIX stream socket). On the loop of
// its core.
#pragma once

#include <string>
#include <utility>

#include "net/core.h"
#include "net/network.h"

namespace weir::podman {

class SocketConnector final : public net::Connector {
 public:
  // The core outlives it.
  SocketConnector(net::Core& core, std::string path) : core_(core), path_(std::move(path)) {}

  // Leads to the path, whatever the address.
  net::Task<Result<std::unique_ptr<net::Stream>>> connect(net::Address to, Duration timeout) override;

 private:
  net::Core& core_;
  std::string path_;
};

}  // namespace weir::podman
