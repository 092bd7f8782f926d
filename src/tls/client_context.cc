#include "tls/client_context.h"

#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "base/text.h"

namespace weir::tls {
namespace {

constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
// Without the hybrid: an origin that prefers it would ask for another round trip, and one that doesn't would
// still be sent a kilobyte more.
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr std::size_t kReadAheadBytes = 4096;  // TlsStream raises it while much comes

// Takes the session when it returns 1.
int session_arrived(SSL* connection, SSL_SESSION* session) {
  const auto* link = static_cast<const ClientLink*>(SSL_get_app_data(connection));
  if (link == nullptr || link->endpoint.empty()) return 0;
  link->context->keep(link->endpoint, ClientContext::Session(session, SSL_SESSION_free));
  return 1;
}

// In place of the library's own look for an authority: takes that of the fingerprint out of what the server
// sent, then verifies as always.
int verify_by_fingerprint(X509_STORE_CTX* verifying, void* context) {
  const std::string& wanted = static_cast<ClientContext*>(context)->options().authority_fingerprint;
  const STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(verifying);
  for (std::size_t i = 0; i < sk_X509_num(sent); ++i) {
    X509* one = sk_X509_value(sent, i);
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned bytes = 0;
    if (X509_digest(one, EVP_sha256(), digest.data(), &bytes) != 1) continue;
    if (!to_hex(std::as_bytes(std::span(digest).first(bytes))).starts_with(wanted)) continue;
    const bssl::UniquePtr<STACK_OF(X509)> trusted(sk_X509_new_null());
    if (!trusted || !bssl::PushToStack(trusted.get(), bssl::UpRef(one))) break;
    X509_STORE_CTX_set0_trusted_stack(verifying, trusted.get());
    return X509_verify_cert(verifying);
  }
  X509_STORE_CTX_set_error(verifying, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  return 0;
}

}  // namespace

Result<std::shared_ptr<ClientContext>> ClientContext::create(ClientOptions options) {
  std::shared_ptr<ClientContext> made(new ClientContext(std::move(options)));
  made->handle_ = std::shared_ptr<SSL_CTX>(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX* context = made->handle();
  std::vector<std::uint8_t> protocols;
  for (const std::string& protocol : made->options_.protocols) {
    protocols.push_back(static_cast<std::uint8_t>(protocol.size()));
    protocols.insert(protocols.end(), protocol.begin(), protocol.end());
  }
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_strict_cipher_list(context, kCiphers12) != 1 ||
      SSL_CTX_set1_groups_list(context, kGroups) != 1 ||
      (!protocols.empty() && SSL_CTX_set_alpn_protos(context, protocols.data(), protocols.size()) != 0)) {
    ERR_clear_error();
    return fail(Code::kInternal, "TLS could not be set up");
  }
  if (made->options_.authorities) {
    X509_STORE* store = made->options_.authorities->store();
    X509_STORE_up_ref(store);
    SSL_CTX_set_cert_store(context, store);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  if (!made->options_.authority_fingerprint.empty()) {
    SSL_CTX_set_cert_verify_callback(context, &verify_by_fingerprint, made.get());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAheadBytes);
  SSL_CTX_sess_set_new_cb(context, &session_arrived);
  return made;
}

ClientContext::~ClientContext() = default;

void ClientContext::keep(std::string_view endpoint, Session session) {
  const std::scoped_lock lock(mutex_);
  auto found = sessions_.find(endpoint);
  if (found == sessions_.end()) {
    if (sessions_.size() >= kEndpointsMax) sessions_.erase(sessions_.begin());
    found = sessions_.emplace(endpoint, std::vector<Session>()).first;
  }
  if (found->second.size() == kSessionsPerEndpointMax) found->second.erase(found->second.begin());
  found->second.push_back(std::move(session));
}

ClientContext::Session ClientContext::take(std::string_view endpoint) {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(endpoint);
  if (found == sessions_.end()) return nullptr;
  Session session = found->second.back();
  if (SSL_SESSION_should_be_single_use(session.get()) == 1) {
    found->second.pop_back();
    if (found->second.empty()) sessions_.erase(found);
  }
  return session;
}

}  // namespace weir::tls
