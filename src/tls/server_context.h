// ServerContext: how a listener speaks TLS (1.2 and 1.3): its certificates, protocols and demands on clients.
// Made once per listener and shared by all cores; the certificates can be replaced under it at any time,
// which live connections do not notice. The only thing it lacks is a connection: TlsStream::accept().
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "tls/certificate_set.h"
#include "tls/ticket_keys.h"
#include "tls/trust_store.h"

struct ssl_ctx_st;

namespace weir::tls {

enum class ClientCertificates : std::uint8_t {
  kOff,        // none is asked for
  kRequested,  // none is fine, one that does not verify is not
  kRequired,
};

struct ServerOptions {
  // By ALPN (RFC 7301), in order of preference. A client that offers others only is refused; with none here,
  // ALPN is not spoken.
  std::vector<std::string> protocols;
  ClientCertificates client_certificates = ClientCertificates::kOff;
  std::shared_ptr<const TrustStore> client_authorities;  // unless kOff
  bool tls13_only = false;
};

class ServerContext {
 public:
  // The keys may be shared by all contexts: a session of one resumes in another only when both ask the same
  // of clients.
  static Result<std::shared_ptr<ServerContext>> create(ServerOptions options,
                                                       std::shared_ptr<const CertificateSet> certificates,
                                                       std::shared_ptr<TicketKeys> ticket_keys);
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;
  ~ServerContext();

  // For handshakes from now on. From any thread.
  void replace(std::shared_ptr<const CertificateSet> certificates);
  std::shared_ptr<const CertificateSet> certificates() const;

  const ServerOptions& options() const { return options_; }
  TicketKeys& ticket_keys() const { return *ticket_keys_; }
  ssl_ctx_st* handle() const { return handle_.get(); }

 private:
  ServerContext(ServerOptions options, std::shared_ptr<const CertificateSet> certificates,
                std::shared_ptr<TicketKeys> ticket_keys);

  ServerOptions options_;
  std::vector<std::uint8_t> protocols_;  // as ALPN writes them
  // A lock, not std::atomic<std::shared_ptr>: that of libstdc++ 12 is a data race (its load unlocks without
  // release).
  mutable std::mutex mutex_;
  std::shared_ptr<const CertificateSet> certificates_;
  std::shared_ptr<TicketKeys> ticket_keys_;
  std::shared_ptr<ssl_ctx_st> handle_;

  friend struct ServerCallbacks;
};

}  // namespace weir::tls
