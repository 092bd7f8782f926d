// SshDoor: origins that come by `ssh -R`: the SSH port of one core. Lets in whom the Admission lets in, gives
// each forward its place, and shows whoever looks at a terminal where visitors find it. On its core.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/env.h"
#include "record/live_requests.h"
#include "report/report.h"
#include "ssh/gate.h"
#include "ssh/server.h"
#include "ssh/session.h"
#include "ssh/terminal.h"
#include "tunnel/admission.h"
#include "tunnel/registry.h"
#include "tunnel/ssh_arrival.h"

namespace weir::tunnel {

class SshDoor final : private ssh::Gate {
 public:
  // Told of each origin that comes or goes. On the door's core.
  using Announce = std::function<void(report::TunnelSeen)>;

  static Result<std::unique_ptr<SshDoor>> create(net::Env& env, Attachments& attachments,
                                                 AdmissionPointer admission, Announce announce,
                                                 record::LiveRequests& live, ssh::ServerOptions options);
  SshDoor(const SshDoor&) = delete;
  SshDoor& operator=(const SshDoor&) = delete;
  ~SshDoor() override;

  // Takes connections until it is cancelled.
  net::Task<void> serve(net::Listener& listener) { return server_->serve(listener); }
  // From now on; whoever has a place that is another one's by now is shown out.
  void admit(AdmissionPointer admission);
  // Ends all sessions, and waits for that.
  net::Task<void> stop() { return server_->stop(); }

  const ssh::Server& server() const { return *server_; }

 private:
  class ForwardWay;
  struct Forwarded {
    std::string address;  // as the client wrote it
    std::uint16_t port = 0;
    Place place;
    std::string instance;
    std::shared_ptr<ForwardWay> way;
    std::optional<std::uint64_t> watch;  // of its requests, while somebody looks on
  };
  struct Guest {
    std::string account;
    Proof proof;
    std::string identity;  // the same whenever the same one comes
    std::string number;    // of the session
    std::string preset;    // its name, when it gives none
    std::vector<Forwarded> forwards;
    std::set<ssh::Terminal*> terminals;
  };

  SshDoor(net::Env& env, Attachments& attachments, AdmissionPointer admission, Announce announce,
          record::LiveRequests& live);

  Result<void> trusts(const ssh::Session& session, std::string_view user,
                      const ssh::Certificate& certificate) override;
  bool authenticate(const ssh::Session& session, const ssh::Credential& credential) override;
  void began(ssh::Session& session) override;
  Result<std::uint16_t> forward(ssh::Session& session, std::string_view address, std::uint16_t port) override;
  void cancelled(ssh::Session& session, std::string_view address, std::uint16_t port) override;
  void terminal(ssh::Session& session, ssh::Terminal& terminal, ssh::TerminalEvent event) override;
  void ended(ssh::Session& session, const Error& why) override;

  std::uint16_t free_port(const Guest& guest, std::string_view address) const;
  void withdraw(Forwarded& forwarded, const Guest& guest);
  void say(const Guest& guest, std::string_view text);
  void look_on(ssh::Session& session, Forwarded& forwarded);
  void look_away(Forwarded& forwarded);

  net::Env& env_;
  Attachments& attachments_;
  AdmissionPointer admission_;
  Announce announce_;
  record::LiveRequests& live_;
  std::unique_ptr<ssh::Server> server_;
  std::map<ssh::Session*, Guest> guests_;
  std::map<const ssh::Session*, Arrival> arriving_;  // who was let in and has not begun yet
};

}  // namespace weir::tunnel
