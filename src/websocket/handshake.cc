#include "websocket/handshake.h"

#include <array>
#include <cstddef>
#include <span>

#include "auth/crypto.h"
#include "base/text.h"
#include "net/core.h"

namespace weir::websocket {
namespace {

using http::Known;

constexpr std::size_t kKeyBytes = 16;
constexpr std::string_view kMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // section 1.3

}  // namespace

Result<std::string> make_key() {
  std::array<std::byte, kKeyBytes> key{};
  if (auto filled = net::fill_random(key); !filled) return fail(filled.error());
  return auth::to_base64(key);
}

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key).append(kMagic);
  return auth::to_base64(auth::sha1(auth::bytes_of(text)));
}

std::string check_request(const http::Fields& fields) {
  if (!equal_ignoring_case(fields.value_of(Known::kUpgrade), "websocket")) {
    return "this is a WebSocket: ask with Upgrade: websocket, over HTTP/1.1";
  }
  const http::Field* version = fields.find("Sec-WebSocket-Version");
  if (version == nullptr || version->value != "13") return "Sec-WebSocket-Version must be 13";
  const auto key = auth::from_base64(fields.value_of(Known::kSecWebsocketKey));
  const bool valid = fields.count(Known::kSecWebsocketKey) == 1 && key && key->size() == kKeyBytes;
  return valid ? "" : "Sec-WebSocket-Key must be 16 bytes in base64";
}

}  // namespace weir::websocket
