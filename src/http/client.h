// The client side of HTTP/1: connections to one origin, kept between requests, and the exchange of one
// request for one response over one of them. On one core.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "http/h1_body.h"
#include "http/service.h"
#include "net/stream.h"

namespace weir::http {

// A connection to an origin. Idle, it holds no buffer.
class ClientConnection final : public net::Pooled {
 public:
  explicit ClientConnection(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}
  net::Stream& stream() { return *stream_; }
  // Nothing unasked has come, and the origin has not closed.
  bool reusable() const { return !stream_->has_input() && !stream_->peer_closed(); }
  std::unique_ptr<Held> held;  // as long as the connection
  net::Address client;  // whose requests alone it may carry (a PROXY header said so); default: anybody's
  bool used_before = false;
  Instant idle_since;

 private:
  std::unique_ptr<net::Stream> stream_;
};
using ClientConnectionPtr = std::unique_ptr<ClientConnection>;

// The idle connections to one origin: last in, first out, so that those not needed grow old and are closed.
class ClientPool {
 public:
  static constexpr std::size_t kIdleMax = 1024;  // per origin and core

  // active: counts the exchanges under way at the origin, over all cores; null: nobody asks.
  explicit ClientPool(std::shared_ptr<std::atomic<std::uint32_t>> active) : active_(std::move(active)) {}

  // A reusable one, or null. Those that the origin closed meanwhile are dropped.
  ClientConnectionPtr take(const net::Address& client = {});
  void give(ClientConnectionPtr connection);  // idle since its idle_since, which does not decrease
  void close_idle_since(Instant before);
  void close_all() { idle_.clear(); }
  // Closes all, and from now on keeps none: the origin has been taken out.
  void retire();
  std::size_t idle() const { return idle_.size(); }

  void exchange_begins() {
    if (active_ != nullptr) active_->fetch_add(1, std::memory_order_relaxed);
  }
  void exchange_ends() {
    if (active_ != nullptr) active_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<std::atomic<std::uint32_t>> active_;
  std::vector<ClientConnectionPtr> idle_;
  bool retired_ = false;
};

struct ExchangeOptions {
  Duration response_timeout;  // from the last byte of the request to the response's head
  Duration read_timeout;      // the next bytes of the content
  Duration write_timeout;     // the origin takes some bytes
  Duration switched_idle_timeout = std::chrono::hours(1);  // between two messages of an origin's WebSocket
  // True while all of a request without content is on its way, and none of an answer has come: then, and only
  // then, interrupting the task ends the exchange. Outlives it; null: nobody wants to know.
  bool* unanswered = nullptr;
};

// Sends `head` (complete, serialised; it ends before the first suspension that follows its being written) and
// the content of `request`; gives the response as soon as its head is there. The connection goes back to
// `home` when the response has been read to its end and nothing speaks against using it again. Errors of
// Side::kUpstream say by their `retry` whether the request may be sent again, provided that nothing of its
// body was read; those of Side::kDownstream come from that body.
net::Task<Result<ResponsePtr>> exchange(ClientConnectionPtr connection, std::shared_ptr<ClientPool> home,
                                        net::Slice head, Request& request, ExchangeOptions options);

}  // namespace weir::http
