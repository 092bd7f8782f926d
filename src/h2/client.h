// The exchange of one request for one response over a connection to an origin that speaks HTTP/2, and the
// connections to one origin, shared by exchanges. The counterpart of http/client.h. On one core.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "h2/client_connection.h"
#include "http/client.h"
#include "http/service.h"
#include "net/stream.h"
#include "net/task_group.h"

namespace weir::h2 {

using ClientConnectionPtr = std::shared_ptr<ClientConnection>;

// Sends the request with its content, and gives the response as soon as its head is there; an upload goes on
// beside it, and so do trailers. Errors as those of http::exchange: Side::kUpstream ones say by their `retry`
// whether the request may be sent again, provided that nothing of its body was read.
net::Task<Result<http::ResponsePtr>> exchange(ClientConnectionPtr connection, UpstreamHead head,
                                              http::Request& request, http::ExchangeOptions options);

// How a pool comes by a stream to its origin, and by what is to live as long as the connection.
class Opener {
 public:
  struct Opened {
    std::unique_ptr<net::Stream> stream;
    std::unique_ptr<http::Held> held;
  };
  virtual net::Task<Result<Opened>> open() = 0;

 protected:
  ~Opener() = default;
};

class ClientPool {
 public:
  // Per origin and core. Beyond it exchanges wait for a stream.
  static constexpr std::size_t kConnectionsMax = 64;

  // connections: runs them; outlives the pool, and is stopped by its owner, which ends them.
  // active: counts the exchanges under way at the origin, over all cores; null: nobody asks.
  ClientPool(net::Loop& loop, net::TaskGroup& connections, Duration write_timeout,
             std::shared_ptr<std::atomic<std::uint32_t>> active, Carries carries = Carries::kRequests)
      : loop_(loop),
        group_(connections),
        write_timeout_(write_timeout),
        active_(std::move(active)),
        carries_(carries) {}
  ClientPool(const ClientPool&) = delete;
  ClientPool& operator=(const ClientPool&) = delete;
  ~ClientPool() { retire(); }

  // A connection with room for another exchange; null: another is to be opened.
  ClientConnectionPtr take();
  // The same, and opens one when there is none. Exchanges that come while one is being opened wait for that,
  // at most as long as the timeout, and fail with its error. The pool is held by who awaits.
  net::Task<Result<ClientConnectionPtr>> acquire(Opener& opener, Duration timeout);
  // One that has been opened by other means.
  ClientConnectionPtr add(Opener::Opened opened);
  // Those without exchanges since before that end.
  void close_idle_since(Instant before);
  // They end when their exchanges have.
  void close_all();
  // The same, and from now on none is kept: the origin has been taken out.
  void retire();
  std::size_t connections() const { return connections_.size(); }

 private:
  struct Waiter {
    Waiter* next = nullptr;
    Waiter** link = nullptr;
    Signal signal;
    std::optional<Error> error;
    ~Waiter();
  };
  net::Task<Result<ClientConnectionPtr>> open(Opener& opener);
  net::Task<Result<void>> wait(Duration timeout);

  net::Loop& loop_;
  net::TaskGroup& group_;
  Duration write_timeout_;
  std::shared_ptr<std::atomic<std::uint32_t>> active_;
  Carries carries_;
  std::vector<ClientConnectionPtr> connections_;
  std::size_t opening_ = 0;
  Waiter* waiters_ = nullptr;  // for one that is being opened
  std::size_t waiting_ = 0;
  bool retired_ = false;
};

}  // namespace weir::h2
