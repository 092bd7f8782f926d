// ClientConnection: one HTTP/2 connection to an origin, for many exchanges at once. It is kept by its pool,
// by the exchanges on it and by the task that runs it. On the core of its stream. RFC 9113.
#pragma once

#include <atomic>
#include <memory>
#include <span>

#include "h2/session.h"
#include "h2/signal.h"
#include "http/message.h"
#include "http/service.h"
#include "net/timer.h"

namespace weir::h2 {

// The head of a request as an origin gets it. Views that last until the request was submitted.
struct UpstreamHead {
  std::string_view method;
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;       // with its query
  const http::Fields& fields;  // those of a connection, and Host, are left out
};

class ClientConnection final : public Session {
 public:
  // active: counts the exchanges under way at the origin, over all cores; null: nobody asks.
  ClientConnection(std::unique_ptr<net::Stream> stream, Duration write_timeout,
                   std::shared_ptr<std::atomic<std::uint32_t>> active, Carries carries = Carries::kRequests);
  ~ClientConnection() override;

  std::unique_ptr<http::Held> held;  // until run() has ended

  // Until the connection has ended. Cancelled, it ends at once, and the exchanges on it fail.
  static net::Task<void> run(std::shared_ptr<ClientConnection> self);

  // Takes exchanges.
  bool usable() const { return !ending(); }
  // How many more the origin would begin with now; more may wait.
  std::size_t exchanges_free() const;
  std::size_t streams_allowed() const { return peer_streams_max(); }
  // Takes no more exchanges, and ends when those under way have.
  void retire();
  // The same as soon as it has no exchange; until then it takes more.
  void retire_when_idle() { retires_when_idle_ = true; }
  Instant idle_since() const { return idle_since_; }

  // --- for exchange()
  void exchange_begins();
  void exchange_ends();
  // Input that came so far, in no unit: a connection on which nothing comes may be dead.
  std::uint64_t received() const { return receivings(); }

 private:
  struct Watch final : net::Timer {
    explicit Watch(ClientConnection& watched);
    ClientConnection& connection;
  };

  std::shared_ptr<std::atomic<std::uint32_t>> active_;
  std::size_t exchanges_ = 0;
  bool retires_when_idle_ = false;
  Instant idle_since_;
  Watch watch_{*this};  // for the origin's SETTINGS
};

}  // namespace weir::h2
