// main() of every room's unit tests.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#if __has_feature(thread_sanitizer)
// AWS-LC is not compiled with ThreadSanitizer, which therefore does not see that its reference counts order
// who frees a certificate or its key behind who has read it last.
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:CRYPTO_BUFFER\nrace:CBB_add_bytes\nrace:EVP_PKEY_free\nrace:EC_KEY_free\nrace:OPENSSL_free\n";
}
#endif
