// Door: TLS before HTTP on a port of the controller, with a certificate of weir's own authority that is made
// anew before it ends. Asks who comes in for a certificate of the same authority; a port either takes those
// who have none (the API) or does not (what only machines call). On the control loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/connection.h"
#include "net/env.h"
#include "tls/authority.h"
#include "tls/server_context.h"

namespace weir::enroll {

struct DoorOptions {
  // By which the port is reached: host names and addresses, the most important first; asked for each new
  // certificate. Those beyond what a certificate holds are left out.
  std::function<std::vector<std::string>()> names;
  std::vector<std::string> protocols = {"http/1.1"};  // by ALPN; "h2" for gRPC
  tls::ClientCertificates clients = tls::ClientCertificates::kRequested;
};

class Door final : public http::Handshake {
 public:
  static constexpr Duration kTimeout = std::chrono::seconds(10);
  // Often enough that an address that the machine got is in the certificate soon, and far below its life.
  static constexpr Duration kRenewAfter = std::chrono::hours(24);

  static Result<std::shared_ptr<Door>> create(net::Env& env, std::shared_ptr<const tls::Authority> authority,
                                              DoorOptions options);

  net::Task<Result<http::Incoming>> run(http::Incoming incoming) override;

  // Told of each client whose certificate was not believed, and why (static text).
  using Refused = std::function<void(const net::Address& from, const char* why)>;
  void on_refused(Refused refused) { refused_ = std::move(refused); }

  // Makes the certificate anew in time. Until it is cancelled.
  net::Task<void> keep_fresh();

 private:
  Door(net::Env& env, std::shared_ptr<const tls::Authority> authority, DoorOptions options)
      : env_(env), authority_(std::move(authority)), options_(std::move(options)) {}
  Result<std::shared_ptr<const tls::CertificateSet>> issue() const;

  net::Env& env_;
  std::shared_ptr<const tls::Authority> authority_;
  DoorOptions options_;
  std::shared_ptr<tls::ServerContext> context_;
  Refused refused_;
};

}  // namespace weir::enroll
