// Dialler: makes a Channel's connection: a name or an address, TCP, and TLS with ALPN h2 unless the context
// is null, which is for loopback and tests. On the core of its Env.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/host_port.h"
#include "base/time.h"
#include "h2/client.h"
#include "net/env.h"
#include "net/task.h"
#include "tls/client_context.h"

namespace weir::grpc {

class Dialler final : public h2::Opener {
 public:
  struct Target {
    std::string host;  // a name, or an address without brackets
    std::uint16_t port = 0;
    std::shared_ptr<tls::ClientContext> tls;      // null: plain, with prior knowledge of HTTP/2
    std::string server_name;                      // verified in place of the host; empty: the host
    Duration timeout = std::chrono::seconds(10);  // from the name to the end of the handshake

    // Of calls there, for ChannelOptions.
    std::string authority() const {
      const std::string& name = server_name.empty() ? host : server_name;
      return in_brackets(name);
    }
  };
  Dialler(net::Env& env, Target target) : env_(env), target_(std::move(target)) {}

  // Of connections from now on.
  void set_target(Target target) { target_ = std::move(target); }

  // By happy eyeballs (tls/dial.h).
  net::Task<Result<Opened>> open() override;

 private:
  net::Task<Result<std::unique_ptr<net::Stream>>> secure(std::unique_ptr<net::Stream> below,
                                                         Instant deadline);
  net::Env& env_;
  Target target_;
};

}  // namespace weir::grpc
