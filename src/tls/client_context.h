// ClientContext: how weir speaks TLS to an origin: whom it believes, what it shows, and the sessions that it
// may resume. Shared by all cores. The connection is TlsStream::connect().
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "tls/certificate.h"
#include "tls/trust_store.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace weir::tls {

struct ClientOptions {
  std::shared_ptr<const TrustStore> authorities;   // null: nothing is verified, which somebody has to ask for
  std::vector<std::string> protocols;              // offered by ALPN, in order of preference
  std::shared_ptr<const Certificate> certificate;  // shown when the server asks; null: none
};

class ClientContext;

// Where the sessions of a connection go; the connection owns it.
struct ClientLink {
  std::shared_ptr<ClientContext> context;
  std::string endpoint;
};

class ClientContext {
 public:
  // Endpoints whose sessions are kept; beyond that, any of them is forgotten. A session takes about 3 KiB.
  static constexpr std::size_t kEndpointsMax = 1024;
  static constexpr std::size_t kSessionsPerEndpointMax = 4;  // a TLS 1.3 session serves once (RFC 8446 C.4)

  static Result<std::shared_ptr<ClientContext>> create(ClientOptions options);
  ClientContext(const ClientContext&) = delete;
  ClientContext& operator=(const ClientContext&) = delete;
  ~ClientContext();

  const ClientOptions& options() const { return options_; }
  ssl_ctx_st* handle() const { return handle_.get(); }

  using Session = std::shared_ptr<ssl_session_st>;
  void keep(std::string_view endpoint, Session session);
  Session take(std::string_view endpoint);  // null: none

 private:
  explicit ClientContext(ClientOptions options) : options_(std::move(options)) {}

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  ClientOptions options_;
  std::shared_ptr<ssl_ctx_st> handle_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Session>, Hash, std::equal_to<>> sessions_;
};

}  // namespace weir::tls
