#include "edge/client_hello.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace weir::edge {
namespace {

constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kClientHelloMessage = 1;
constexpr std::size_t kRecordHeaderBytes = 5;
constexpr std::size_t kMessageHeaderBytes = 4;
constexpr std::size_t kRecordBytesMax = 1U << 14U;
constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kAlpn = 16;
constexpr std::uint8_t kHostName = 0;
constexpr std::size_t kHostBytesMax = 255;
constexpr std::size_t kProtocolsMax = 64;  // browsers offer two or three

std::unexpected<Error> malformed(const char* why) { return fail(Code::kMalformed, why, Side::kDownstream); }

// Takes big-endian numbers and vectors with their lengths off the front; once something was not there, all
// that follows isn't either.
class Reader {
 public:
  explicit Reader(net::Slice bytes) : bytes_(bytes) {}

  bool good() const { return good_; }
  bool empty() const { return bytes_.empty(); }
  std::size_t number(std::size_t width) {
    std::size_t value = 0;
    for (const std::byte byte : take(width)) value = value << 8U | std::to_integer<std::size_t>(byte);
    return value;
  }
  net::Slice take(std::size_t count) {
    if (count > bytes_.size()) {
      good_ = false;
      bytes_ = {};
      return {};
    }
    const net::Slice taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  net::Slice vector(std::size_t length_width) { return take(number(length_width)); }

 private:
  net::Slice bytes_;
  bool good_ = true;
};

// The handshake message that the records hold; nothing: more is to come.
Result<std::optional<std::vector<std::byte>>> message_of(net::Slice received) {
  std::vector<std::byte> message;
  std::size_t wanted = kMessageHeaderBytes;
  while (true) {
    if (message.size() >= kMessageHeaderBytes) {
      Reader header(message);
      if (header.number(1) != kClientHelloMessage) return malformed("TLS begins with another message");
      wanted = kMessageHeaderBytes + header.number(3);
      if (wanted > kClientHelloBytesMax) return malformed("the ClientHello is too long");
    }
    if (message.size() >= wanted) {
      message.resize(wanted);
      return message;
    }
    if (received.empty()) break;
    if (std::to_integer<std::uint8_t>(received[0]) != kHandshakeRecord) return malformed("this is no TLS");
    if (received.size() > 1 && received[1] != std::byte{3}) return malformed("this is no TLS");
    if (received.size() < kRecordHeaderBytes) break;
    Reader header(received.subspan(3, 2));
    const std::size_t length = header.number(2);
    if (length == 0 || length > kRecordBytesMax)
      return malformed("a TLS record has a length that none may have");
    const net::Slice rest = received.subspan(kRecordHeaderBytes);
    const net::Slice part = rest.first(std::min(length, rest.size()));
    message.insert(message.end(), part.begin(), part.end());
    received = rest.subspan(part.size());
    if (part.size() < length && message.size() < wanted) break;
  }
  return std::nullopt;
}

// RFC 6066 section 3; one host name, as everybody sends it.
bool read_server_name(net::Slice extension, ClientHello& hello) {
  Reader reader(extension);
  Reader list(reader.vector(2));
  const std::size_t type = list.number(1);
  const std::string_view name = net::as_text(list.vector(2));
  if (!reader.good() || !list.good() || !reader.empty() || !list.empty() || type != kHostName) return false;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  if (name.empty() || name.size() > kHostBytesMax || !std::ranges::all_of(name, plain)) return false;
  hello.server_name = to_lower(name);
  return true;
}

// RFC 7301 section 3.1
bool read_protocols(net::Slice extension, ClientHello& hello) {
  Reader reader(extension);
  Reader list(reader.vector(2));
  if (!reader.good() || !reader.empty() || list.empty()) return false;
  while (!list.empty()) {
    const net::Slice protocol = list.vector(1);
    if (!list.good() || protocol.empty() || hello.protocols.size() == kProtocolsMax) return false;
    hello.protocols.emplace_back(net::as_text(protocol));
  }
  return true;
}

}  // namespace

Result<bool> parse_client_hello(net::Slice received, ClientHello& hello) {
  const auto message = message_of(received);
  if (!message) return fail(message.error());
  if (!*message) {
    if (received.size() >= kClientHelloBytesMax) return malformed("the ClientHello is too long");
    return false;
  }
  hello = {};
  Reader reader(net::Slice(**message).subspan(kMessageHeaderBytes));
  (void)reader.take(2 + 32);  // the version and the random
  (void)reader.vector(1);     // the session's id
  (void)reader.vector(2);     // cipher suites
  (void)reader.vector(1);     // compression
  if (!reader.good()) return malformed("the ClientHello is cut short");
  if (reader.empty()) return true;  // of TLS before there were extensions
  Reader extensions(reader.vector(2));
  if (!reader.good() || !reader.empty()) return malformed("the ClientHello's extensions have a wrong length");
  bool named = false;
  bool offered = false;
  while (!extensions.empty()) {
    const std::size_t type = extensions.number(2);
    const net::Slice content = extensions.vector(2);
    if (!extensions.good()) return malformed("an extension of the ClientHello is cut short");
    if (type == kServerName && (std::exchange(named, true) || !read_server_name(content, hello))) {
      return malformed("the ClientHello's server name is there twice, or is none");
    }
    if (type == kAlpn && (std::exchange(offered, true) || !read_protocols(content, hello))) {
      return malformed("the ClientHello's protocols (ALPN) are there twice, or are none");
    }
  }
  return true;
}

}  // namespace weir::edge
