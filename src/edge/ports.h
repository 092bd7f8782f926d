// Ports: what each listening socket of an edge speaks: TLS or not, with which certificates; and which ports
// are another program's. Made with each Plan on the control loop; a TLS context lives through every change
// that keeps its settings, and only its certificates are replaced.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/formats.h"
#include "config/snapshot.h"
#include "edge/tcp_listeners.h"
#include "net/env.h"
#include "net/network.h"
#include "tls/authority.h"
#include "tls/server_context.h"

namespace weir::edge {

// Of the shared listeners; 0: there is none.
struct SharedPorts {
  std::uint16_t http = 0;
  std::uint16_t https = 0;

  // What a listener's socket and routes go by: its own port, or kSharedHttp and kSharedHttps. Who names the
  // port of the shared HTTP listener means that listener, and so does a TLS listener that names the HTTPS
  // one's.
  std::uint32_t number_of(const config::Listener& listener) const;
  friend bool operator==(const SharedPorts&, const SharedPorts&) = default;
};

struct PlannedPort {
  std::uint32_t number = 0;                   // see SharedPorts::number_of
  std::shared_ptr<tls::ServerContext> tls;    // null: none
  std::vector<config::Network> proxied_from;  // whose connections begin with a PROXY header
  bool h2c = false;                           // HTTP/2 by prior knowledge
  bool refused = false;  // its TLS can't be had: no connection is better than a weaker one
  // What of it is no HTTP; null: nothing.
  std::shared_ptr<const TcpPort> tcp;
  bool http = true;  // HTTP or HTTPS is spoken, where no listener of tcp takes a connection
};

class Ports {
 public:
  // authority: issues what no Certificate is named for; may be null. domain: this edge's own, which the
  // shared HTTPS port serves from the start.
  Ports(net::Env& env, std::shared_ptr<const tls::Authority> authority, std::string domain);
  // For an edge without the authority: what was issued for it, by host name. In force with the next plan.
  void set_issued(std::string domain, const std::map<std::string, tls::PemPair>& issued);
  // Host names that the last plan had no certificate for, issued or other.
  const std::set<std::string>& without_certificate() const { return without_; }

  // Where the shared ports listen: others are of the same machine's address.
  void set_shared(const net::Address& http, const SharedPorts& ports) {
    shared_ = http;
    shared_ports_ = ports;
  }
  const SharedPorts& shared() const { return shared_ports_; }
  net::Address address_of(std::uint32_t number) const;

  // By number. A certificate that can't be used leaves the port what it had of it before; a port whose
  // demands on clients can't be met is refused. Both are said in the log. One that another program listens on
  // is left out. While neither load balancers nor certificates have changed, it is what it was before.
  std::vector<PlannedPort> plan(const config::SnapshotPointer& snapshot, const filter::Common& common);
  // The next plan looks at everything again: issued certificates near their end are made anew, so this is
  // called from time to time without a change.
  void look_again() { planned_for_ = nullptr; }
  std::size_t issued() const { return issued_.size(); }

  // Why a port is left out; null: it is not.
  const Error* taken(std::uint32_t number) const;
  bool any_taken() const { return !taken_.empty(); }
  // Whether one that is left out has become free: then it is in the next plan that looks again.
  bool any_free_again();

 private:
  struct Settings {
    bool tls13_only = false;
    tls::ClientCertificates clients = tls::ClientCertificates::kOff;
    std::string client_ca;
    std::vector<std::string> protocols{"h2", "http/1.1"};  // by ALPN
    friend bool operator==(const Settings&, const Settings&) = default;
  };
  struct Wanted {
    Settings settings;
    std::vector<std::shared_ptr<const tls::Certificate>> named;
    std::vector<std::string> unnamed_hosts;
    std::vector<config::Network> proxied_from;
    bool h2c = false;
    bool http = false;             // some listener of it, or the shared one
    std::shared_ptr<TcpPort> tcp;  // null: no listener of it
    std::vector<config::Listener> https;
    TcpPort& connections() {
      if (!tcp) tcp = std::make_shared<TcpPort>();
      return *tcp;
    }
  };
  struct Context {
    Settings settings;
    std::shared_ptr<tls::ServerContext> context;
  };
  struct Loaded {
    std::shared_ptr<const config::Certificate> source;
    std::shared_ptr<const tls::Certificate> certificate;
  };
  struct Issued {
    bool wanted = false;  // by the plan that is being made
    WallTime until;
    std::shared_ptr<const tls::Certificate> certificate;
  };

  // That somebody else issued for this edge.
  struct Given {
    tls::PemPair pem;
    std::shared_ptr<const tls::Certificate> certificate;  // null: it can't be used
  };

  // By number.
  struct WantedPorts {
    std::map<std::uint32_t, Wanted> tls;
    std::map<std::uint32_t, Wanted> plain;
  };
  std::vector<PlannedPort> plan_anew(const config::Snapshot& snapshot, const filter::Common& common);
  WantedPorts wanted_ports(const config::Snapshot& snapshot, const filter::Common& common);
  void collect(const config::Snapshot& snapshot, const config::Listener& listener, Wanted& wanted);
  TcpListenerPointer tcp_listener(const config::Snapshot& snapshot, const config::LoadBalancer& balancer,
                                  std::size_t place, const filter::Common& common);
  std::shared_ptr<const tls::Certificate> load(const config::Snapshot& snapshot, const std::string& name);
  std::shared_ptr<const tls::Certificate> issue(const std::vector<std::string>& hosts);
  std::shared_ptr<const tls::Certificate> given(const std::string& host);
  std::shared_ptr<tls::ServerContext> context(const std::string& key, const Wanted& wanted);
  bool claim(std::uint32_t number);

  net::Env& env_;
  std::shared_ptr<const tls::Authority> authority_;
  std::string domain_;
  std::shared_ptr<tls::TicketKeys> ticket_keys_ = std::make_shared<tls::TicketKeys>();
  std::map<std::string, Context> contexts_;                           // by port, and by TLS listener
  std::set<std::string> contexts_wanted_;                             // by the plan that is being made
  std::map<std::string, std::shared_ptr<SharedListener>> listeners_;  // of TCP and TLS
  std::set<std::string> listeners_wanted_;
  std::map<std::string, Loaded, std::less<>> loaded_;
  std::map<std::vector<std::string>, Issued> issued_;
  std::map<std::string, Given> given_;  // by host name
  std::set<std::string> without_;
  config::SnapshotPointer planned_for_;  // null: nothing is planned
  std::vector<PlannedPort> planned_;
  net::Address shared_;
  SharedPorts shared_ports_;
  std::set<std::uint32_t> ours_;          // ports of their own that the last plan had
  std::map<std::uint32_t, Error> taken_;  // ports of their own that it wanted and could not have
};

}  // namespace weir::edge
