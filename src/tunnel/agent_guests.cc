#include "tunnel/agent_guests.h"

#include <array>
#include <span>
#include <utility>

#include "auth/origin.h"
#include "base/check.h"
#include "base/text.h"
#include "config/formats.h"

namespace weir::tunnel {
namespace {

constexpr std::string_view kNoToken =
    "this edge lets agents in by a token only: give it one (weirtunnel_...)";
constexpr std::string_view kBadToken = "the token is not valid here, or not any more";
constexpr std::string_view kTakenOver = "a newer session of yours has taken the place of this one";
constexpr std::string_view kAnotherOnes = "the name is another one's";
constexpr std::uint32_t kWeightMax = 1000;
constexpr std::uint32_t kPriorityMax = 127;

}  // namespace

// To an origin of a session, as long as both are there.
class AgentGuests::AgentWay final : public Way {
 public:
  AgentWay(AgentSession& session, wire::Origin origin)
      : session_(&session), origin_(std::move(origin)), account_(session.account()) {}

  net::Task<Result<std::unique_ptr<net::Stream>>> open(net::Address client, Duration timeout) override {
    if (session_ == nullptr) return gone();
    return session_->open(origin_.service, client, timeout);
  }
  void replaced() override {
    if (session_ != nullptr) session_->expel(origin_, std::string(kTakenOver));
  }
  std::string_view account() const override { return account_; }
  void close() { session_ = nullptr; }

 private:
  static net::Task<Result<std::unique_ptr<net::Stream>>> gone() {
    co_return fail(Code::kConnectFailed, "the tunnel has gone", Side::kUpstream, Retry::kSafe);
  }
  AgentSession* session_;  // null: it has ended, or the origin left it
  wire::Origin origin_;
  std::string account_;
};

namespace {

std::optional<Serves> kind_of(std::string_view type) {
  if (type == "http" || type == "https") return Serves::kRequests;
  if (type == "tcp" || type == "tls") return Serves::kConnections;
  return std::nullopt;
}

}  // namespace

AgentGuests::~AgentGuests() { WEIR_CHECK(guests_.empty()); }

std::expected<std::string, std::string> AgentGuests::hello(AgentSession& session,
                                                           const AgentCredential& credential) {
  std::string account(kAnonymous);
  Proof proof;
  if (credential.token.empty()) {
    if (!session.peer().is_loopback() || !admission_->allows_anonymous({})) {
      return std::unexpected(std::string(kNoToken));
    }
  } else {
    auto bearer = admission_->bearer_of(credential.token, env_.loop.clock().wall_now());
    if (!bearer) {
      env_.log.info("an agent is refused", {{"client", session.peer().to_string()}, {"reason", "its token"}});
      return std::unexpected(std::string(kBadToken));
    }
    account = std::move(bearer->user);
    proof.token = std::move(bearer->token);
  }
  const std::array<std::uint64_t, 1> drawn{env_.random.next()};
  guests_.emplace(&session, Guest{.proof = std::move(proof),
                                  .number = to_hex(std::as_bytes(std::span(drawn))),
                                  .looks_on = credential.looks_on,
                                  .brought = {}});
  return account;
}

std::expected<std::vector<std::string>, std::string> AgentGuests::registered(AgentSession& session,
                                                                             const wire::Register& wanted) {
  Guest& guest = guests_.at(&session);
  if (std::string wrong = config::check_name(wanted.origin.instance); !wrong.empty()) {
    return std::unexpected("the instance " + wrong);
  }
  const auto type = kind_of(wanted.type);
  if (!type) {
    return std::unexpected("an origin has no type " + wanted.type.substr(0, 16) +
                           ": there are http, https, tcp and tls");
  }
  if (wanted.weight > kWeightMax || wanted.priority > kPriorityMax) {
    return std::unexpected("weight must be at most 1000, and priority at most 127");
  }
  auto place = admission_->place_of_name(session.account(), wanted.origin.service, wanted.hostname, *type);
  if (!place) return std::unexpected(std::move(place.error()));
  Brought& brought = guest.brought[wanted.origin];
  const bool is_new = brought.way == nullptr;
  const bool is_same = !is_new && brought.wanted == wanted;
  brought.wanted = wanted;
  brought.place = std::move(*place);
  if (is_new) brought.way = std::make_shared<AgentWay>(session, wanted.origin);
  if (brought.up && !is_same && !join(session, guest, brought)) {
    guest.brought.erase(wanted.origin);
    return std::unexpected(std::string(kAnotherOnes));
  }
  std::vector<std::string> urls = admission_->urls_of(brought.place);
  brought.told = !urls.empty();
  return urls;
}

// As long as the name is nobody's here, two accounts may want it: who came first keeps what it has.
bool AgentGuests::join(AgentSession& session, const Guest& guest, Brought& brought) {
  const wire::Origin& origin = brought.wanted.origin;
  const net::Address address = auth::origin_address(origin.service, origin.instance);
  if (!attachments_.has(address, *brought.way) && !attachments_.attach(address, brought.way)) return false;
  announce_({.service = origin.service,
             .instance = origin.instance,
             .session = guest.number,
             .agent = true,
             .user = session.account(),
             .client = session.peer().to_string(),
             .weight = brought.wanted.weight,
             .priority = brought.wanted.priority,
             .hostname = brought.place.hostname,
             .type = brought.wanted.type});
  if (!guest.looks_on || brought.watch) return true;
  // Lines come from whichever core had the request, after the session has gone perhaps.
  brought.watch = live_.watch(
      origin.service, "tunnel:" + origin.instance, env_.loop,
      [this, watched = &session, number = guest.number, service = origin.service](const std::string& line) {
        const auto found = guests_.find(watched);
        if (found != guests_.end() && found->second.number == number) watched->log(service, line);
      });
  return true;
}

void AgentGuests::leave(const Guest& guest, Brought& brought) {
  const wire::Origin& origin = brought.wanted.origin;
  if (brought.watch) live_.end(*std::exchange(brought.watch, std::nullopt));
  attachments_.detach(auth::origin_address(origin.service, origin.instance), *brought.way);
  announce_({.service = origin.service, .instance = origin.instance, .session = guest.number, .gone = true});
}

void AgentGuests::unregistered(AgentSession& session, const wire::Origin& origin) {
  Guest& guest = guests_.at(&session);
  const auto found = guest.brought.find(origin);
  if (found == guest.brought.end()) return;
  if (found->second.up) leave(guest, found->second);
  found->second.way->close();
  guest.brought.erase(found);
}

// An origin that is down is none until it is up again.
void AgentGuests::health(AgentSession& session, const wire::Health& health) {
  Guest& guest = guests_.at(&session);
  const auto found = guest.brought.find(health.origin);
  if (found == guest.brought.end() || found->second.up == health.up) return;
  found->second.up = health.up;
  env_.log.info(
      health.up ? "an agent's origin is up" : "an agent's origin is down",
      {{"service", health.origin.service}, {"instance", health.origin.instance}, {"reason", health.reason}});
  if (!health.up) {
    leave(guest, found->second);
  } else if (!join(session, guest, found->second)) {
    session.expel(health.origin, std::string(kAnotherOnes));
  }
}

// Its service is made when a controller has heard of it.
void AgentGuests::tell(AgentSession& session, Brought& brought) {
  const wire::Register& wanted = brought.wanted;
  const auto place = admission_->place_of_name(session.account(), wanted.origin.service, wanted.hostname,
                                               *kind_of(wanted.type));
  if (!place) return;
  std::vector<std::string> urls = admission_->urls_of(*place);
  if (urls.empty()) return;
  brought.told = true;
  session.tell(wanted.origin, std::move(urls));
}

void AgentGuests::ended(AgentSession& session, std::string_view why) {
  const auto found = guests_.find(&session);
  WEIR_CHECK(found->second.brought.empty());
  env_.log.info("an agent's session has ended", {{"agent", session.agent()},
                                                 {"user", session.account()},
                                                 {"client", session.peer().to_string()},
                                                 {"reason", std::string(why)}});
  guests_.erase(found);
}

void AgentGuests::admit(AdmissionPointer admission) {
  admission_ = std::move(admission);
  const WallTime now = env_.loop.clock().wall_now();
  std::vector<AgentSession*> to_end;
  for (auto& [session, guest] : guests_) {
    if (!admission_->admits(session->account(), guest.proof, now)) {
      to_end.push_back(session);
      continue;
    }
    for (auto brought = guest.brought.begin(); brought != guest.brought.end();) {
      const auto next = std::next(brought);
      if (!admission_->keeps(brought->second.place, session->account())) {
        session->expel(brought->first, std::string(kAnotherOnes));
      } else if (!brought->second.told) {
        tell(*session, brought->second);
      }
      brought = next;
    }
  }
  for (AgentSession* session : to_end) session->end(std::string(kBadToken));
}

}  // namespace weir::tunnel
