// TcpProxy: takes the connections of TCP and TLS listeners to endpoints, whole: who may come, which endpoint,
// the next one when that can't be reached, then bytes both ways until both sides have ended. One per core.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "edge/proxy.h"
#include "edge/tcp_listeners.h"
#include "http/connection.h"
#include "net/env.h"
#include "net/pump.h"
#include "record/access_lines.h"
#include "record/connection.h"
#include "record/live_requests.h"

namespace weir::edge {

struct TcpCounters {
  Counter refused;  // before an endpoint was chosen: nobody takes them, they may not come, or a limit
  Counter failed;   // no endpoint could be reached
  Counter opened;   // that a listener took
  Counter ended;    // of those
};

// A connection that one process carries on for another: both its streams, which are sockets, and what is
// known of it.
struct MovedConnection {
  std::unique_ptr<net::Stream> near;
  std::unique_ptr<net::Stream> far;
  net::Carried carried;  // where it was halted
  net::Address peer;
  std::uint16_t local_port = 0;
  std::string id;
  std::string listener;
  std::string server_name;
  std::string service;
  std::string endpoint;
  std::uint32_t tries = 0;
  Duration age{};
  Duration connect_took{};
};

class TcpProxy {
 public:
  // proxy: of this core; has the plan and its upstreams.
  TcpProxy(net::Env& env, net::Connector& connector, Proxy& proxy, const WorkerOptions& options);
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;
  ~TcpProxy();

  // A connection of that listener, to its end. hello: of its client, if it has sent one.
  net::Task<void> serve(http::Incoming incoming, TcpListenerPointer listener, const ClientHello& hello);
  // One that another process has carried so far. Nothing: its listener is not there, and it is cut.
  std::optional<net::Task<void>> adopt(MovedConnection moved);
  // To another process go those that can, now and as soon as they can: between two sockets, of a listener
  // that is still there. Called on this core.
  using Heir = std::function<void(MovedConnection)>;
  void leave(Heir heir);
  // One that no listener takes, or whose hello or TLS is wrong; written down, and cut.
  void refuse(http::Incoming incoming, const TcpListener* listener, const ClientHello& hello,
              std::string_view reason, const Error& why);

  // The plan has changed: endpoints that it has not any more keep their connections as long as their service
  // says.
  void plan_changed();
  // An address that connections are accepted on, or no more: what leads there would go in a circle.
  void set_own(const net::Address& address, bool listening);

  void flush_access_log();
  // What was decided for the connection of that id, as JSON; empty: not seen on this core, or no longer kept.
  std::string explain(std::string_view id) const;
  // From any thread.
  std::uint64_t open() const { return counters_.opened.get() - counters_.ended.get(); }
  const TcpCounters& counters() const { return counters_; }

 private:
  class Flow;
  friend class Flow;
  net::Task<Result<std::unique_ptr<net::Stream>>> reach(Flow& flow);
  net::Task<Result<std::unique_ptr<net::Stream>>> attempt(Flow& flow, std::uint32_t index);
  net::Task<void> run(std::unique_ptr<Flow> flow);
  net::Task<std::optional<Error>> prepare(Flow& flow);
  net::Task<bool> send_early(Flow& flow);
  void give(Flow& flow);
  TcpListenerPointer find_listener(std::string_view name) const;
  bool can_go(const Flow& flow) const;
  void join(Flow& flow);
  std::shared_ptr<upstream::Upstream> find_upstream(std::string_view name) const;
  std::optional<Error> admit(Flow& flow);
  std::optional<Error> choose_service(Flow& flow);
  bool leads_to_us(const net::Address& address) const;
  void end(Flow& flow, const std::optional<Error>& why);
  void write_down(std::unique_ptr<record::Connection> connection);

  net::Env& env_;
  net::Connector& connector_;
  Proxy& proxy_;
  std::optional<record::AccessLines> access_lines_;
  record::LiveRequests* live_;  // null: nobody looks on
  record::Connections ended_;
  Flow* flows_ = nullptr;  // those under way
  std::vector<net::Address> own_;
  Heir heir_;  // null: there is none
  TcpCounters counters_;
};

}  // namespace weir::edge
