#include "websocket/handshake.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::websocket {
namespace {

TEST_CASE("keys and what they are answered with") {
  CHECK(accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455 section 1.3
  const auto key = make_key();
  REQUIRE(key);
  CHECK(key->size() == 24);
  CHECK(*key != *make_key());
}

TEST_CASE("a request for a WebSocket says so, in this version, with one key") {
  const auto check = [](std::string_view upgrade, std::string_view version, std::string_view key,
                        int keys = 1) {
    http::Fields fields;
    CHECK(fields.add(http::Known::kUpgrade, upgrade));
    CHECK(fields.add("Sec-WebSocket-Version", version));
    for (int i = 0; i < keys; ++i) CHECK(fields.add(http::Known::kSecWebsocketKey, key));
    return check_request(fields);
  };
  constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
  CHECK(check("WebSocket", "13", kKey).empty());
  CHECK(check("h2c", "13", kKey) == "this is a WebSocket: ask with Upgrade: websocket, over HTTP/1.1");
  CHECK(check("websocket", "8", kKey) == "Sec-WebSocket-Version must be 13");
  CHECK(check("websocket", "13", "AAAA") == "Sec-WebSocket-Key must be 16 bytes in base64");
  CHECK(check("websocket", "13", "?") == "Sec-WebSocket-Key must be 16 bytes in base64");
  CHECK(check("websocket", "13", kKey, 0) == "Sec-WebSocket-Key must be 16 bytes in base64");
  CHECK(check("websocket", "13", kKey, 2) == "Sec-WebSocket-Key must be 16 bytes in base64");
}

}  // namespace
}  // namespace weir::websocket
