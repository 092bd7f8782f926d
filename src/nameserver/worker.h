// Worker: the name server on one core: a UDP socket, whose queries come and go in batches, and the TCP
// connections that the kernel gives to this core. Answers from the View that it has at that moment.
// Everything in it is touched on its own loop only, but for the counters.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/log_limit.h"
#include "base/metrics.h"
#include "dns/answer.h"
#include "dns/cookie.h"
#include "dnspeer/exchange.h"
#include "dnspeer/transfer.h"
#include "dnsupdate/plan.h"
#include "nameserver/rate_limit.h"
#include "nameserver/view.h"
#include "net/env.h"
#include "net/task_group.h"

namespace weir::nameserver {

inline constexpr std::size_t kConnectionsMax = 2000;                // of TCP, on each core
inline constexpr Duration kIdleTimeout = std::chrono::seconds(10);  // RFC 7766 section 6.2.3
inline constexpr std::size_t kLengthBytes = 2;    // before each message by TCP (RFC 1035 section 4.2.2)
inline constexpr std::size_t kTransfersMax = 16;  // at once, on each core
inline constexpr std::size_t kUpdatesMax = 64;    // that wait for the store, likewise
inline constexpr Duration kIdleTimeoutBusy = std::chrono::seconds(1);  // with half of the connections open

struct WorkerCounters {
  static constexpr std::size_t kRcodes = 24;  // BADCOOKIE is 23

  Counter udp_queries;
  Counter tcp_queries;
  Counter tcp_connections;
  Counter transfers;
  Counter updates;
  Counter truncated_for_rate;
  Counter dropped_for_rate;
  Counter ignored;                       // no query
  std::array<Counter, kRcodes> replies;  // by their code
};

struct WorkerOptions {
  std::uint32_t replies_per_second = RateLimit::kRepliesPerSecond;
  dns::CookieSecrets cookies;
};

// Who carries out updates. Called on the worker's loop; it calls `done` once, later and on the same loop.
using UpdateSink =
    std::function<void(dnsupdate::UpdateRequest request, std::function<void(dns::Rcode)> done)>;

class Worker {
 public:
  Worker(net::Env& env, const WorkerOptions& options);

  net::Env& env() { return env_; }
  // Takes the port, by UDP and TCP; port 0: one that is free. Before the loop runs, or on it.
  Result<net::Address> listen(net::Address at);
  // From then on it is answered.
  void serve();
  void apply(ViewPointer view) { view_ = std::move(view); }
  void set_cookies(const dns::CookieSecrets& cookies) { cookies_ = cookies; }
  // Before serve(). Without it, updates are refused.
  void on_update(UpdateSink sink) { update_sink_ = std::move(sink); }
  // Gives the port back, before serve().
  void close();
  // Answers nothing any more, then calls back, on this loop.
  void finish(std::function<void()> done);

  const WorkerCounters& counters() const { return counters_; }

 private:
  net::Task<void> run_to_end(std::function<void()> done);
  net::Task<void> serve_datagrams();
  net::Task<void> accept_connections();
  net::Task<void> serve_connection(std::unique_ptr<net::Stream> stream, dns::Ip client);
  void answer_datagram(net::Datagram& datagram, Instant now, std::uint32_t now_seconds);
  dns::Answered answer(dns::Bytes message, const dns::Ip& client, bool is_stream, std::uint32_t now_seconds,
                       std::span<std::uint8_t> into);
  void count(const dns::Answered& answered);
  net::Task<bool> reply_on(net::Stream& stream, dns::Bytes message, dns::Ip client);
  std::uint32_t wall_seconds() const;

  // --- operations.cc: what is more than a query that anybody may ask
  dns::Answered operate(const net::Datagram& datagram, const dns::Ip& client, std::uint32_t now_seconds,
                        std::span<std::uint8_t> room);
  net::Task<bool> operate(net::Stream& stream, std::vector<std::uint8_t> message, dns::Ip client);
  dns::Answered answer_signed(dnspeer::Exchange& exchange, const dns::Ip& client, bool is_stream,
                              std::uint32_t now_seconds, std::span<std::uint8_t> room);
  dns::Answered say(dnspeer::Exchange& exchange, dns::Rcode rcode, std::span<std::uint8_t> room);
  std::optional<dnspeer::Transfer> transfer_for(const dnspeer::Exchange& exchange, const dns::Ip& client,
                                                bool is_stream, dns::Rcode& rcode);
  net::Task<bool> transfer(net::Stream& stream, dnspeer::Exchange& exchange, dnspeer::Transfer copy);
  bool takes_update(const dnspeer::Exchange& exchange, const dns::Ip& client, dns::Rcode& rcode);
  void start_update(const dnspeer::Exchange& exchange, const dns::Ip& client,
                    std::function<void(dns::Rcode)> done);
  void log_refusal(std::string_view what, const dnspeer::Exchange& exchange, const dns::Ip& client,
                   std::string_view reason);

  net::Env& env_;
  dns::CookieSecrets cookies_;
  ViewPointer view_;
  RateLimit rate_limit_;
  WorkerCounters counters_;
  std::unique_ptr<net::Datagrams> datagrams_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::uint8_t> scratch_;  // for one reply by TCP
  LogLimit log_limit_;
  LogLimit refusals_limit_;
  UpdateSink update_sink_;
  std::size_t transfers_ = 0;  // under way
  std::size_t updates_ = 0;    // likewise
  net::TaskGroup serving_;
  net::TaskGroup connections_;
  net::TaskGroup ending_;
};

}  // namespace weir::nameserver
