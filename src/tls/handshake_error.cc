#include "tls/handshake_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "net/network.h"
#include "tls/client_context.h"

namespace weir::tls {
namespace {

struct Reason {
  int code;
  const char* text;
};

constexpr std::array kVerifyReasons{
    Reason{X509_V_ERR_CERT_HAS_EXPIRED, "the peer's certificate has expired"},
    Reason{X509_V_ERR_CERT_NOT_YET_VALID, "the peer's certificate is not valid yet"},
    Reason{X509_V_ERR_HOSTNAME_MISMATCH, kOtherName},
    Reason{X509_V_ERR_IP_ADDRESS_MISMATCH, kOtherAddress},
    Reason{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "the peer's certificate is self-signed"},
    Reason{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, kUntrusted},
    Reason{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, kUntrusted},
    Reason{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, kUntrusted},
    Reason{X509_V_ERR_INVALID_PURPOSE, "the peer's certificate is not made for this use"},
};

constexpr std::array kReasons{
    Reason{SSL_R_HTTP_REQUEST, "HTTP without TLS on a TLS port"},
    Reason{SSL_R_HTTPS_PROXY_REQUEST, "HTTP without TLS on a TLS port"},
    Reason{SSL_R_WRONG_VERSION_NUMBER, kNotTls},
    Reason{SSL_R_UNSUPPORTED_PROTOCOL, "the peer speaks no TLS version that is allowed"},
    Reason{SSL_R_NO_SHARED_CIPHER, "no cipher that both sides take"},
    Reason{SSL_R_NO_SHARED_GROUP, "no key exchange that both sides take"},
    Reason{SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS, "no signature algorithm that both sides take"},
    Reason{SSL_R_NO_APPLICATION_PROTOCOL, "no application protocol that both sides take"},
    Reason{SSL_R_NO_CERTIFICATE_SET, "there is no certificate to show"},
    Reason{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "a client certificate is required and none came"},
    Reason{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "the peer refused the handshake"},
    Reason{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the peer speaks no TLS version that is allowed"},
    Reason{SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the peer does not trust the certificate's authority"},
    Reason{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the peer did not accept the certificate"},
    Reason{SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the peer did not accept the certificate"},
    Reason{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the peer found the certificate expired"},
    Reason{SSL_R_TLSV1_ALERT_CERTIFICATE_REQUIRED, "the peer requires a client certificate"},
    Reason{SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
           "the peer speaks no application protocol that is offered"},
};

template <std::size_t kSize>
const char* text_of(const std::array<Reason, kSize>& reasons, int code, const char* otherwise) {
  const auto found = std::ranges::find(reasons, code, &Reason::code);
  return found != reasons.end() ? found->text : otherwise;
}

}  // namespace

void set_verify_time(ssl_st& connection, WallTime now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  X509_VERIFY_PARAM_set_time_posix(SSL_get0_param(&connection), seconds);
}

Result<void> expect_server(ssl_st& connection, const std::string& name, WallTime now) {
  set_verify_time(connection, now);
  if (name.empty() && SSL_get_verify_mode(&connection) == SSL_VERIFY_NONE) return {};
  X509_VERIFY_PARAM* expected = SSL_get0_param(&connection);
  if (net::Address::parse_ip(name, 0)) {
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()) == 1) return {};
  } else {
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (!name.empty() && X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size()) == 1 &&
        SSL_set_tlsext_host_name(&connection, name.c_str()) == 1) {
      return {};
    }
  }
  ERR_clear_error();
  return fail(Code::kInvalid, "not a host name that TLS can verify", Side::kUpstream);
}

Error handshake_error(const ssl_st& connection, Side peer) {
  Error error{peer == Side::kUpstream ? Code::kConnectFailed : Code::kMalformed, peer,
              peer == Side::kUpstream ? Retry::kSafe : Retry::kNever, 0, "the TLS handshake failed"};
  int reason = 0;
  while (const std::uint32_t queued = ERR_get_error()) {
    if (reason == 0 && ERR_GET_LIB(queued) == ERR_LIB_SSL) reason = ERR_GET_REASON(queued);
  }
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const long verified = SSL_get_verify_result(&connection);
    if (peer == Side::kDownstream) error.code = Code::kUnauthenticated;
    error.text = text_of(kVerifyReasons, static_cast<int>(verified), "the peer's certificate did not verify");
  } else if (reason == 0 || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    if (peer == Side::kDownstream) error.code = Code::kClosed;
    error.text = "the connection ended within the TLS handshake";
  } else {
    const bool is_alert = reason > SSL_AD_REASON_OFFSET;
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) error.code = Code::kUnauthenticated;
    if (is_alert && peer == Side::kDownstream) error.code = Code::kReset;
    error.text = text_of(kReasons, reason, is_alert ? "the peer refused the TLS handshake" : error.text);
  }
  return error;
}

}  // namespace weir::tls
