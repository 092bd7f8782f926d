// Admission: who may bring an origin, and which service it becomes a part of. Judged by the last Snapshot
// alone, so at once and whatever has become of the controllers. Immutable: made on the control loop for each
// Snapshot, read by every core.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/token_table.h"
#include "base/error.h"
#include "base/time.h"
#include "config/snapshot.h"

namespace weir::tunnel {

// Who came in by nothing at all; its names are nobody's.
inline constexpr std::string_view kAnonymous = "anonymous";

// Where visitors come in.
struct PublicPorts {
  std::uint16_t http = 80;
  std::uint16_t https = 0;  // 0: there is none
};

struct AdmissionOptions {
  std::string domain;      // names are made below it
  bool anonymous = false;  // whoever comes may bring an origin
  PublicPorts ports;
};

// By what somebody has shown who it is; all empty: by nothing.
struct Proof {
  std::string key;        // of SSH, as it goes over the wire: its own, or the one that signed its certificate
  std::string principal;  // of that certificate, by which it is the user; empty: it showed none
  std::string token;      // the name of a Token
  std::shared_ptr<const config::User> judged;  // as it was when the key was last found good
};
// A user, and by which token.
struct Bearer {
  std::string user;
  std::string token;  // its name
};

// What an origin is asked for.
enum class Serves : std::uint8_t { kRequests, kConnections };

// A user, and by which principal of a certificate.
struct Certified {
  std::string_view user;
  std::string_view principal;
};

// The place of an origin.
struct Place {
  std::string service;
  std::string hostname;  // that the service is to have, when it is made for this; empty: it is there
  std::string slot;      // the Endpoint that was kept for it: its instance; empty: none was
  std::string url;       // where visitors find it; empty: at more than one place, or none yet
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
};

class Admission {
 public:
  // snapshot: null as long as there is none.
  Admission(config::SnapshotPointer snapshot, AdmissionOptions options)
      : snapshot_(std::move(snapshot)), options_(std::move(options)) {}

  // Whether one who calls itself so may come by nothing at all. Who says that it is a User has to prove it.
  bool allows_anonymous(std::string_view user) const;
  // The User whose key that is, as it goes over the wire (RFC 4253 section 6.6); empty: nobody's. Not an
  // authority's.
  std::string_view user_of_key(std::string_view blob) const;
  // Of somebody with a certificate for these principals, which that key has signed: the first of them that an
  // authority's line of some User is for. The error's text is for the log.
  Result<Certified> certified_by(std::string_view authority,
                                 std::span<const std::string_view> principals) const;
  // Whose token that is, as it was shown ("weirtunnel_..."); nothing: it counts for nobody.
  std::optional<Bearer> bearer_of(std::string_view shown, WallTime now) const;
  // Whether who came in by that may stay. Costs next to nothing as long as the user is the same.
  bool admits(std::string_view account, Proof& proof, WallTime now) const;
  // What `ssh -R ADDRESS:PORT:...` asks for. account: a User, or kAnonymous. preset: the name when it gives
  // none. The error is a sentence for who asked.
  std::expected<Place, std::string> place(std::string_view account, std::string_view address,
                                          std::uint16_t port, std::string_view preset) const;
  // What an agent asks for. hostname: that it wants, when the service is made for this; empty: the name's.
  std::expected<Place, std::string> place_of_name(std::string_view account, std::string_view name,
                                                  std::string_view hostname, Serves serves) const;
  // All of a place's URLs, the same host by each way in.
  std::vector<std::string> urls_of(const Place& place) const;
  // Whether who was given that place may keep it. Costs next to nothing.
  bool keeps(const Place& place, std::string_view account) const;

 private:
  struct Slot {
    const config::Service* service;
    const config::Slot* slot;
  };
  std::expected<Place, std::string> place_of(const Slot& slot, std::string_view account) const;
  std::string url_of(std::string_view hostname) const;
  // The load balancer that serves it; empty: none.
  std::string_view taker_of(std::string_view hostname) const;
  std::string url_of_service(const config::Service& service) const;
  // By a TCP or TLS listener; empty: there is none with a port.
  std::string url_of_connections(const config::Service& service) const;
  bool takes_port(const config::Service& service, std::uint16_t port) const;

  bool is_user(std::string_view name) const;

  struct Index {
    auth::TokenTable tokens;
    std::map<std::uint32_t, Slot> slots;                                // by port
    std::map<std::string_view, const config::LoadBalancer*> balancers;  // by host name
    std::map<std::string_view, std::string_view> hostnames;             // by service: the first
    // By service: listeners of TCP and TLS that lead to it.
    std::multimap<std::string_view, const config::Listener*> connections;
    std::map<std::string, std::string_view, std::less<>> users;  // by the key's blob
    // Users by principal, by the blob of the authority's key.
    std::map<std::string, std::map<std::string, std::string_view, std::less<>>, std::less<>> authorities;
  };
  // Made when somebody first asks: most snapshots come and go without anybody coming.
  const Index& index() const;

  config::SnapshotPointer snapshot_;
  AdmissionOptions options_;
  mutable std::once_flag made_;
  mutable Index index_;
};
using AdmissionPointer = std::shared_ptr<const Admission>;

}  // namespace weir::tunnel
