// AgentGuests: whom the port for agents lets in, and what becomes of the origins that they bring: what
// SshDoor is for `ssh -R`. Of one core, on its loop.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/env.h"
#include "record/live_requests.h"
#include "report/report.h"
#include "tunnel/admission.h"
#include "tunnel/agent_session.h"
#include "tunnel/registry.h"

namespace weir::tunnel {

class AgentGuests final : public AgentGate {
 public:
  // Told of each origin that comes or goes. On the core.
  using Announce = std::function<void(report::TunnelSeen)>;

  AgentGuests(net::Env& env, Attachments& attachments, AdmissionPointer admission, Announce announce,
              record::LiveRequests& live)
      : env_(env),
        attachments_(attachments),
        admission_(std::move(admission)),
        announce_(std::move(announce)),
        live_(live) {}
  AgentGuests(const AgentGuests&) = delete;
  AgentGuests& operator=(const AgentGuests&) = delete;
  ~AgentGuests() override;

  // From now on. Who came in by a token that counts no more is shown out, and whoever has a name that is
  // another one's by now loses it.
  void admit(AdmissionPointer admission);
  std::size_t size() const { return guests_.size(); }

  std::expected<std::string, std::string> hello(AgentSession& session,
                                                const AgentCredential& credential) override;
  std::expected<std::vector<std::string>, std::string> registered(AgentSession& session,
                                                                  const wire::Register& wanted) override;
  void unregistered(AgentSession& session, const wire::Origin& origin) override;
  void health(AgentSession& session, const wire::Health& health) override;
  void ended(AgentSession& session, std::string_view why) override;

 private:
  class AgentWay;
  struct Brought {
    Place place;
    wire::Register wanted;
    std::shared_ptr<AgentWay> way;
    std::optional<std::uint64_t> watch;  // of its requests, when the agent looks on
    bool up = true;                      // as the agent's own check says
    bool told = true;                    // where visitors find it: a port is known when it is handed out
  };
  struct Guest {
    Proof proof;
    std::string number;  // of the session
    bool looks_on = false;
    std::map<wire::Origin, Brought> brought;
  };

  // False: somebody else has it here.
  bool join(AgentSession& session, const Guest& guest, Brought& brought);
  void tell(AgentSession& session, Brought& brought);
  void leave(const Guest& guest, Brought& brought);

  net::Env& env_;
  Attachments& attachments_;
  AdmissionPointer admission_;
  Announce announce_;
  record::LiveRequests& live_;
  std::map<AgentSession*, Guest> guests_;
};

}  // namespace weir::tunnel
