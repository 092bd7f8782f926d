// weir up: controller and edge in one process; weir controller: without the edge. The options are what the
// flags say, defaults in place; the command makes the cores, the store, the API and the edge, and runs until
// it is told to stop.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/crypto.h"
#include "base/log.h"
#include "dnsupdate/plan.h"
#include "mirror/handed_ports.h"
#include "nameserver/nameserver.h"
#include "net/env.h"
#include "net/network.h"
#include "net/task.h"
#include "record/access_log.h"
#include "role/process.h"
#include "role/succession.h"
#include "role/traffic.h"
#include "store/data_directory.h"

namespace weir::role {
class ControlPlane;
}

namespace weir::cli {

// Of agents and relays.
inline constexpr std::uint16_t kTunnelPort = 8444;

struct UpOptions {
  std::string data_dir = "./weir-data";
  std::string store;  // postgres://...; empty: a file in data_dir
  net::Address api = net::Address::v4({127, 0, 0, 1}, 8480);
  std::vector<std::string> api_names;  // that the API's certificate is for, beside those of this machine
  net::Address http = net::Address::v4({127, 0, 0, 1}, 8080);
  std::optional<net::Address> https = net::Address::v4({127, 0, 0, 1}, 8443);  // none: --https off
  bool https_is_preset = true;  // nobody asked for it: when the port is taken, there is none
  std::optional<net::Address> xds = net::Address::v4({127, 0, 0, 1}, 18000);           // none: --xds off
  bool xds_is_preset = true;                                                           // as https_is_preset
  std::optional<net::Address> ssh = net::Address::v4({127, 0, 0, 1}, 2222);            // none: --ssh off
  bool ssh_is_preset = true;                                                           // as https_is_preset
  std::optional<net::Address> tunnel = net::Address::v4({127, 0, 0, 1}, kTunnelPort);  // none: off
  bool tunnel_is_preset = true;                                                        // as https_is_preset
  std::optional<net::Address> dns = net::Address::v4({127, 0, 0, 1}, 8053);            // none: --dns off
  std::string zone_files;     // a folder, of zones that are served beside those of the API; empty: none
  std::string geoip;          // a file of countries, for GEO; empty: none
  bool dns_is_preset = true;  // as https_is_preset
  bool xds_plain = false;     // without TLS
  std::string domain = "weir.localhost";
  mirror::PortRange tcp_ports;       // for TCP and TLS listeners that name none
  std::optional<bool> sign_up_open;  // none: as lets_sign_up() says
  unsigned workers = 1;  // threads of the data plane; arguments.cc puts the number of usable cores here
  std::string provider;
  std::string region;
  std::string city;
  Level log_level = Level::kInfo;
  bool log_json = false;  // one JSON object a line
  record::AccessLogTarget access_log;

  // On loopback the API is plain HTTP, unless a name is given for its certificate.
  bool api_over_tls() const { return !api.is_loopback() || !api_names.empty(); }
  // Of weir up: by default as long as nobody else reaches anything of it. An account gives a public name.
  bool lets_sign_up() const {
    const auto is_here = [](const net::Address& at) { return at.is_loopback(); };
    return sign_up_open.value_or(is_here(api) && is_here(http) && is_here(https.value_or(http)) &&
                                 is_here(xds.value_or(api)));
  }
};

// How a command that runs a role takes over from another process, and gives way to the next.
role::Succession::Options succession_options(const UpOptions& options);

// What a role with a data plane stands on.
struct Footing {
  std::unique_ptr<role::Process> process;
  std::unique_ptr<record::AccessLog> access_log;  // null: none is wanted
  std::shared_ptr<const store::DataDirectory> directory;
};
// The error is a sentence.
std::expected<Footing, std::string> make_footing(const UpOptions& options, Log& log,
                                                 role::Succession& succession);

// --- the name server beside the traffic of the same process, whose health its answers follow
// traffic: outlives what is made with it.
nameserver::Catalogue::Health health_seen_by(role::Traffic& traffic);

// What DNS cookies are made with, the same on all machines of one weir: from the secret of its edges.
dns::CookieSecrets dns_cookies(const auth::Digest& edges_secret);

// By which the name server there is asked; empty: there is none.
std::string name_server_address(const std::optional<net::Address>& at);

// Updates by DNS (RFC 2136) as writes of the control plane in the same process, under the same conditions as
// those of the API. On the control loop. Answered when it is stored and in force here; what is refused is
// logged.
net::Task<dns::Rcode> carry_out_update(Log& log, role::ControlPlane& control,
                                       dnsupdate::UpdateRequest request);

// Takes the port that was asked for, if one was, before any core runs. The error is a sentence.
std::expected<void, std::string> listen_for_queries(net::Env& env, net::Env& slow,
                                                    nameserver::Nameserver& server, const UpOptions& options);

// For a process that has begun to listen and can't go on: there are tasks already, which only loops that have
// never run could end.
[[noreturn]] void exit_at_once(int code);

// The exit code.
int run_up(const UpOptions& options);
int run_controller(const UpOptions& options);

}  // namespace weir::cli
