#include "tls/server_context.h"

#include <openssl/cipher.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "net/loop.h"

namespace weir::tls {
namespace {

// What browsers of the last ten years speak; forward secrecy and AEAD only. AES-128 before AES-256, whatever
// clients put first: it is as good as unbreakable and a quarter cheaper. ChaCha for machines without AES
// instructions.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
// The library lets the client choose among the suites of TLS 1.3, so it is shown one only: what RFC 8446
// section 9.1 demands of everybody. A client without it, or one that puts ChaCha first because it has no AES
// instructions, chooses among the others.
constexpr const char* kSuite13 = "TLS_AES_128_GCM_SHA256";
constexpr const char* kOtherSuites13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
// The hybrid first: recorded traffic must not wait for a quantum computer. It costs 60 us where it is
// offered.
constexpr const char* kGroups = "X25519MLKEM768:X25519:P-256:P-384";
constexpr std::size_t kClientChainBytesMax = 16UL * 1024;  // it travels in every ticket
constexpr std::size_t kProtocolBytesMax = 255;             // RFC 7301 section 3.1
constexpr std::size_t kReadAheadBytes = 4096;              // TlsStream raises it while much comes

ServerContext& context_of(const SSL* connection) {
  return *static_cast<ServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
}

Instant now_of(const SSL* connection) { return static_cast<net::Loop*>(SSL_get_app_data(connection))->now(); }

// Calls with each 16-bit number until one is wanted.
template <class Wanted>
bool any_of(std::span<const std::uint8_t> list, Wanted wanted) {
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) {
    if (wanted((list[i] << 8) | list[i + 1])) return true;
  }
  return false;
}

template <class Wanted>
bool offers_suite(const SSL_CLIENT_HELLO& hello, Wanted wanted) {
  return any_of(std::span(hello.cipher_suites, hello.cipher_suites_len), wanted);
}

// RFC 8446 section 4.2.3 and appendix B.4, RFC 5289.
bool takes_ecdsa(const SSL_CLIENT_HELLO& hello) {
  const std::uint8_t* data = nullptr;
  std::size_t bytes = 0;
  if (SSL_early_callback_ctx_extension_get(&hello, TLSEXT_TYPE_signature_algorithms, &data, &bytes) != 1 ||
      bytes < 2) {
    return false;
  }
  const bool signature = any_of(std::span(data, bytes).subspan(2), [](int algorithm) {
    return algorithm == SSL_SIGN_ECDSA_SECP256R1_SHA256 || algorithm == SSL_SIGN_ECDSA_SECP384R1_SHA384 ||
           algorithm == SSL_SIGN_ECDSA_SECP521R1_SHA512;
  });
  return signature && offers_suite(hello, [](int suite) {
           return (suite >= 0x1301 && suite <= 0x1303) || suite == 0xc02b || suite == 0xc02c ||
                  suite == 0xcca9;
         });
}

bool wants_other_suite(const SSL_CLIENT_HELLO& hello) {
  int first = 0;
  const bool takes_aes128 = offers_suite(hello, [&first](int suite) {
    if (first == 0 && suite >= 0x1301 && suite <= 0x1303) first = suite;
    return suite == 0x1301;
  });
  return first == 0x1303 || (!takes_aes128 && first != 0);
}

}  // namespace

struct ServerCallbacks {
  static ssl_select_cert_result_t select_certificate(const SSL_CLIENT_HELLO* hello) {
    if (wants_other_suite(*hello)) SSL_set_ciphersuites(hello->ssl, kOtherSuites13);
    const char* name = SSL_get_servername(hello->ssl, TLSEXT_NAMETYPE_host_name);
    const auto set = context_of(hello->ssl).certificates();
    const Certificate* chosen =
        set ? set->find(name != nullptr ? name : std::string_view(), takes_ecdsa(*hello)) : nullptr;
    return chosen != nullptr && chosen->use_for(hello->ssl) ? ssl_select_cert_success : ssl_select_cert_error;
  }

  static int select_protocol(SSL* connection, const std::uint8_t** out, std::uint8_t* out_bytes,
                             const std::uint8_t* offered, unsigned offered_bytes, void* /*unused*/) {
    const auto& spoken = context_of(connection).protocols_;
    std::uint8_t* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_bytes, spoken.data(), static_cast<unsigned>(spoken.size()),
                              offered, offered_bytes) != OPENSSL_NPN_NEGOTIATED) {
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
  }

  // RFC 5077 section 4: AES-256-CBC and HMAC-SHA-256.
  static int ticket_key(SSL* connection, std::uint8_t* key_name, std::uint8_t* iv, EVP_CIPHER_CTX* cipher,
                        HMAC_CTX* mac, int encrypt) {
    TicketKeys& keys = context_of(connection).ticket_keys();
    const Instant now = now_of(connection);
    const auto initialize = [&](const TicketKeys::Key& key) {
      const auto* secret = reinterpret_cast<const std::uint8_t*>(key.cipher.data());
      return HMAC_Init_ex(mac, key.mac.data(), key.mac.size(), EVP_sha256(), nullptr) == 1 &&
             EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, secret, iv, encrypt) == 1;
    };
    if (encrypt != 0) {
      const auto key = keys.current(now);
      if (!key || RAND_bytes(iv, 16) != 1 || !initialize(*key)) return -1;
      std::memcpy(key_name, key->name.data(), key->name.size());
      return 1;
    }
    const auto found = keys.find(std::as_bytes(std::span<const std::uint8_t, 16>(key_name, 16)), now);
    if (!found) return 0;
    if (!initialize(found->key)) return -1;
    return found->is_current ? 1 : 2;
  }
};

ServerContext::ServerContext(ServerOptions options, std::shared_ptr<const CertificateSet> certificates,
                             std::shared_ptr<TicketKeys> ticket_keys)
    : options_(std::move(options)),
      certificates_(std::move(certificates)),
      ticket_keys_(std::move(ticket_keys)),
      handle_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {}

ServerContext::~ServerContext() = default;

void ServerContext::replace(std::shared_ptr<const CertificateSet> certificates) {
  const std::scoped_lock lock(mutex_);
  certificates_.swap(certificates);  // the old set ends after the lock does
}

std::shared_ptr<const CertificateSet> ServerContext::certificates() const {
  const std::scoped_lock lock(mutex_);
  return certificates_;
}

Result<std::shared_ptr<ServerContext>> ServerContext::create(
    ServerOptions options, std::shared_ptr<const CertificateSet> certificates,
    std::shared_ptr<TicketKeys> ticket_keys) {
  std::shared_ptr<ServerContext> made(
      new ServerContext(std::move(options), std::move(certificates), std::move(ticket_keys)));
  SSL_CTX* context = made->handle();
  const ServerOptions& wanted = made->options_;
  for (const std::string& protocol : wanted.protocols) {
    if (protocol.empty() || protocol.size() > kProtocolBytesMax) {
      return fail(Code::kInvalid, "an ALPN protocol has 1 to 255 bytes");
    }
    made->protocols_.push_back(static_cast<std::uint8_t>(protocol.size()));
    made->protocols_.insert(made->protocols_.end(), protocol.begin(), protocol.end());
  }
  // A session is worth no more than the demands under which it was made.
  std::array<std::uint8_t, SSL_MAX_SID_CTX_LENGTH> demands{};
  if (wanted.client_certificates != ClientCertificates::kOff) {
    if (!wanted.client_authorities) return fail(Code::kInvalid, "client certificates need authorities");
    demands = wanted.client_authorities->digest();
    demands.front() ^= static_cast<std::uint8_t>(wanted.client_certificates);
    X509_STORE* store = wanted.client_authorities->store();
    X509_STORE_up_ref(store);
    SSL_CTX_set_cert_store(context, store);
    SSL_CTX_set_client_CA_list(context, wanted.client_authorities->subjects());
    const bool required = wanted.client_certificates == ClientCertificates::kRequired;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  }
  const int version_min = wanted.tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(context, version_min) != 1 ||
      SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_strict_cipher_list(context, kCiphers12) != 1 ||
      SSL_CTX_set_ciphersuites(context, kSuite13) != 1 || SSL_CTX_set1_groups_list(context, kGroups) != 1 ||
      SSL_CTX_set_session_id_context(context, demands.data(), demands.size()) != 1) {
    ERR_clear_error();
    return fail(Code::kInternal, "TLS could not be set up");
  }
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets only: no worker remembers anything
  SSL_CTX_set_max_cert_list(context, kClientChainBytesMax);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAheadBytes);
  SSL_CTX_set_app_data(context, made.get());
  SSL_CTX_set_select_certificate_cb(context, &ServerCallbacks::select_certificate);
  SSL_CTX_set_tlsext_ticket_key_cb(context, &ServerCallbacks::ticket_key);
  if (!made->protocols_.empty())
    SSL_CTX_set_alpn_select_cb(context, &ServerCallbacks::select_protocol, nullptr);
  return made;
}

}  // namespace weir::tls
