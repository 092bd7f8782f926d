// Network: the way to other machines, of one loop: sockets here, memory pipes in tests. One per core.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "net/operation.h"
#include "net/stream.h"
#include "net/task.h"

namespace weir::net {

// Where a stream leads: an IP address and a port, or an origin that came to us by a tunnel. A plain value;
// IPv4 is kept as IPv4.
class Address {
 public:
  Address() = default;
  static Address v4(std::array<std::uint8_t, 4> bytes, std::uint16_t port);
  static Address v6(std::array<std::uint8_t, 16> bytes, std::uint16_t port);
  // Known by a number that whoever connects to it understands; it has no port.
  static Address tunnel(std::array<std::uint8_t, 16> bytes);
  // "127.0.0.1:80", "[::1]:80"; a name is refused.
  static Result<Address> parse(std::string_view text);
  // The IP alone, without brackets
  static Result<Address> parse_ip(std::string_view ip, std::uint16_t port);

  bool is_v6() const { return sort_ == Sort::kV6; }
  bool is_tunnel() const { return sort_ == Sort::kTunnel; }
  bool is_loopback() const;
  bool is_any() const;  // 0.0.0.0 or [::]: every address of a machine
  std::uint16_t port() const { return port_; }
  void set_port(std::uint16_t port) { port_ = port; }
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }  // IPv4: the first four
  std::string ip() const;  // of a tunnel: "tunnel-" and its number
  std::string to_string() const;
  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  enum class Sort : std::uint8_t { kV4, kV6, kTunnel };
  std::array<std::uint8_t, 16> bytes_{};
  std::uint16_t port_ = 0;
  Sort sort_ = Sort::kV4;
};

struct Accepted {
  std::unique_ptr<Stream> stream;
  Address peer;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual Address address() const = 0;  // with the port that port 0 became
  // The next connection. kNoDescriptors: pause before the next try. kCancelled: the task was told to stop.
  virtual Task<Result<Accepted>> accept() = 0;
};

// One that has come, and what goes back for it.
struct Datagram {
  std::span<const std::uint8_t> bytes;
  Address peer;
  std::size_t reply_bytes = 0;  // in its room; 0: there is none
};

// Who is at the other end of datagrams, and by which address of ours, where the socket has several and it is
// known.
struct Correspondent {
  Address peer;
  Address local;  // is_any(): whichever leads there
};

// A UDP socket that is asked and answers. A reply comes from the address that was asked.
class Datagrams {
 public:
  static constexpr std::size_t kBatch = 64;       // at once
  static constexpr std::size_t kBytesMax = 4096;  // of one that comes; larger ones are dropped
  static constexpr std::size_t kReplyBytesMax = 4096;

  virtual ~Datagrams() = default;
  virtual Address address() const = 0;  // with the port that port 0 became
  // Sends the replies of the batch before, and waits for the next, which is there until the next call. A
  // reply that the kernel does not take is lost, as any datagram may be.
  virtual Task<Result<std::span<Datagram>>> next_batch() = 0;
  // Where the reply to one of the batch is written, kReplyBytesMax at most. Replies lie one behind the other:
  // it is complete before the room for the next one is asked for.
  virtual std::span<std::uint8_t> room_for(const Datagram& datagram) = 0;
  // Of a datagram of the last batch: whom a reply goes to that is made later.
  virtual Correspondent correspondent_of(const Datagram& datagram) const = 0;
  // At once; what the kernel does not take is lost as well.
  virtual void send(const Correspondent& to, std::span<const std::uint8_t> bytes) = 0;
};

struct Resolved {
  std::vector<Address> addresses;  // never empty
  Duration ttl{};
};

// The one seam by which a stream to an endpoint is made: a direct dial here, a tunnel or a relay elsewhere.
class Connector {
 public:
  virtual ~Connector() = default;
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Address to, Duration timeout) = 0;
  // The same on behalf of a client, of whom the origin is told where the way to it can tell.
  virtual Task<Result<std::unique_ptr<Stream>>> connect_for(Address /*client*/, Address to,
                                                            Duration timeout) {
    return connect(to, timeout);
  }
};

class Network : public Connector {
 public:
  // Several loops of one process may listen on the same address: the kernel spreads the connections. [::] is
  // every address of the machine, those of IPv4 too, whose clients have IPv4 addresses then.
  virtual Result<std::unique_ptr<Listener>> listen(Address at) = 0;
  // The same for datagrams.
  virtual Result<std::unique_ptr<Datagrams>> datagrams(Address /*at*/) {
    return fail(Code::kNotImplemented, "there are no datagrams here");
  }
  // Whether nobody listens there, this process included. Listening shares an address with other sockets of
  // the same user, which is meant for the loops of one process, not for two programs that know nothing of
  // each other.
  virtual Result<void> check_unused(Address at) = 0;
  // The addresses of both families, those of IPv4 first; the port is put into each.
  virtual Task<Result<Resolved>> resolve(std::string name, std::uint16_t port, Duration timeout) = 0;
};

}  // namespace weir::net
