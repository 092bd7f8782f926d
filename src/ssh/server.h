// Server: the SSH port of one core. Accepts connections, bounds what those may cost that have not said who
// they are, and owns the sessions. On the core of its Env, which has to be of real sockets: libssh reads and
// writes descriptors.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log_limit.h"
#include "base/metrics.h"
#include "net/env.h"
#include "net/task_group.h"
#include "ssh/gate.h"
#include "ssh/limits.h"

struct ssh_bind_struct;

namespace weir::ssh {

struct ServerOptions {
  // Private keys as text (OpenSSH's format or PEM), at most one of each type: Ed25519, ECDSA, RSA.
  std::vector<std::string> host_keys;
  std::string software = "weir";  // behind "SSH-2.0-"
  // See limits.h.
  std::size_t handshakes_max = limits::kHandshakesMax;
  std::size_t handshakes_per_source_max = limits::kHandshakesPerSourceMax;
  Duration key_exchange_timeout = limits::kKeyExchangeTimeout;
  Duration authentication_timeout = limits::kAuthenticationTimeout;
};

// Read by any core.
struct ServerCounters {
  Counter accepted;
  Counter refused_total;       // handshakes_max
  Counter refused_per_source;  // handshakes_per_source_max
  Counter timed_out;           // before they were known
  Counter unauthenticated;     // ended without being known, whatever the reason
  Counter began;
  Counter ended;
  Counter silent;  // of those: given up because nothing came
  Counter opened;  // streams
  Counter open_failed;
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> create(net::Env& env, Gate& gate, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Takes connections until it is cancelled. The sessions go on.
  net::Task<void> serve(net::Listener& listener);
  // One that was accepted elsewhere; until it has ended.
  net::Task<void> run(net::Accepted accepted);
  // Ends all sessions, and waits for that.
  net::Task<void> stop();

  const ServerCounters& counters() const { return counters_; }
  std::size_t handshakes() const { return handshakes_; }
  std::size_t sessions() const { return sessions_.size(); }  // of whatever state
  std::size_t held_bytes() const { return held_bytes_; }

 private:
  friend class Session;
  friend class Channel;
  struct FreeBind {
    void operator()(ssh_bind_struct* bind) const;
  };
  using Source = std::array<std::uint8_t, 17>;

  Server(net::Env& env, Gate& gate, ServerOptions options)
      : env_(env), gate_(gate), options_(std::move(options)), sessions_(env.loop) {}
  Result<void> configure();
  static Source source_of(const net::Address& address);
  bool take_slot(const net::Address& peer);
  void free_slot(const net::Address& peer);

  net::Env& env_;
  Gate& gate_;
  ServerOptions options_;
  std::unique_ptr<ssh_bind_struct, FreeBind> bind_;
  net::TaskGroup sessions_;
  ServerCounters counters_;
  LogLimit certificates_refused_;
  std::size_t handshakes_ = 0;
  std::map<Source, std::size_t> sources_;  // of handshakes
  std::size_t held_bytes_ = 0;
  std::size_t window_bytes_ = 0;
};

}  // namespace weir::ssh
