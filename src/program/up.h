// weir up: controller and edge in one process; weir controller: without the edge. The command makes the
// cores, the store, the API and the edge, and runs until it is told to stop.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "auth/crypto.h"
#include "base/log.h"
#include "cli/arguments.h"
#include "dnsupdate/plan.h"
#include "nameserver/nameserver.h"
#include "net/env.h"
#include "net/network.h"
#include "net/task.h"
#include "program/eyes.h"
#include "role/process.h"
#include "role/succession.h"
#include "role/traffic.h"
#include "store/data_directory.h"

namespace weir::role {
class ControlPlane;
}

namespace weir::program {

using cli::UpOptions;

// How a command that runs a role takes over from another process, and gives way to the next.
role::Succession::Options succession_options(const UpOptions& options);

// What a role with a data plane stands on.
struct Footing {
  std::unique_ptr<role::Process> process;
  std::shared_ptr<const store::DataDirectory> directory;
  Eyes eyes;  // writes to the directory, to its end
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

}  // namespace weir::program
