// Connection: what was decided for one connection of a TCP or TLS listener, and what became of it; and the
// last of them that ended on a core. The proxy writes it down as it goes; the access log has a line of it,
// and `weir explain` asks for it by its id. On its core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/time.h"
#include "http/request_id.h"
#include "net/frame_pool.h"
#include "net/network.h"
#include "record/flags.h"
#include "record/json.h"
#include "record/short_text.h"

namespace weir::record {

struct Connection : net::Pooled {
  static constexpr std::size_t kIdBytes = 32;

  Connection(const net::Address& client, std::uint16_t port, Random& random, Instant now);

  ShortText<kIdBytes> id;
  net::Address peer;
  std::uint16_t local_port = 0;
  ShortText<75> listener;         // "db/0": the load balancer and the place in it; empty: none took it
  std::string_view mode = "tcp";  // static: "tcp", "tls" (ended here), "passthrough"
  ShortText<64> server_name;      // that the client asked for (SNI)
  std::string_view tls_version;   // static; empty: none, or not ended here
  ShortText<63> service;
  ShortText<60> endpoint;  // the last that was tried
  std::uint32_t tries = 0;
  std::string_view reason;  // static: why weir itself ended it; empty: it did not
  const char* detail = "";  // static: of the last failed try
  Flags flags;
  Instant began;
  Duration connect_took{};           // from its beginning until an endpoint was there, or to giving up
  Duration took{};                   // of what has ended
  std::uint64_t bytes_received = 0;  // from the client, passed on
  std::uint64_t bytes_sent = 0;      // to the client
  bool ended = false;

  std::string_view load_balancer() const {
    return listener.view().substr(0, listener.empty() ? 0 : listener.view().rfind('/'));
  }
  // The members of a JSON object, the same ones always.
  void write(Json& json) const;
};

// The last kKeptMax of one core.
class Connections {
 public:
  static constexpr std::size_t kKeptMax = 512;

  void end(std::unique_ptr<Connection> connection);
  // Null: it is not kept, or goes on: then whoever runs it knows it.
  const Connection* find(std::string_view id) const;

 private:
  std::array<std::unique_ptr<Connection>, kKeptMax> kept_;  // a ring
  std::size_t next_ = 0;
};

}  // namespace weir::record
