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

// What a handshake says of a server, where a person can do something about it: texts of Errors.
inline constexpr const char* kUntrusted = "the peer's certificate is of an authority that is not trusted";
inline constexpr const char* kOtherName = "the peer's certificate is for another name";
inline constexpr const char* kOtherAddress = "the peer's certificate is for another address";
inline constexpr const char* kNotTls = "what came is not TLS";

struct ClientOptions {
  std::shared_ptr<const TrustStore> authorities;   // null: nothing is verified, which somebody has to ask for
  std::vector<std::string> protocols;              // offered by ALPN, in order of preference
  std::shared_ptr<const Certificate> certificate;  // shown when the server asks; null: none
  // In place of authorities: believed is the one whose certificate has this SHA-256 (lower-case hex, or as
  // much of its front as there is); the server has to send it along.
  std::string authority_fingerprint = {};
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
