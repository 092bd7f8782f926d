// Frames: one end of a WebSocket (RFC 6455) behind its handshake: messages out of bytes, bytes out of
// messages. No I/O: what is to be sent is fetched. On one core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace weir::websocket {

// Of a close frame (section 7.4.1).
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnsupported = 1003;
inline constexpr std::uint16_t kTooBig = 1009;

class Frames {
 public:
  enum class End : std::uint8_t { kServer, kClient };

  // message_bytes_max: of one that is received.
  Frames(End end, std::size_t message_bytes_max);
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;
  ~Frames();

  // The next bytes, however they come in pieces; each binary message is told whole, in their order. Pings are
  // answered. False: no more messages come: the other end has closed, or broke the protocol, and what says so
  // to it is among the output.
  using OnMessage = std::function<void(std::string_view)>;
  bool take(std::string_view bytes, const OnMessage& on_message);

  void put(std::string_view message);  // binary
  void ping();
  // Nothing is put behind it.
  void close(std::uint16_t code);

  // To be sent; what was fetched is not kept.
  std::string take_output();
  std::size_t output_bytes() const;
  // A close has been put, and whatever is to be sent was fetched.
  bool finished() const;
  // The code that the other end has closed with; 0: it has not.
  std::uint16_t closed_with() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::websocket
