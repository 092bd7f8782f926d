#include "tunnel/ssh_door.h"

#include <algorithm>
#include <array>
#include <span>

#include "auth/crypto.h"
#include "auth/origin.h"
#include "auth/ssh_key.h"
#include "base/check.h"
#include "base/spoken_name.h"
#include "base/text.h"

namespace weir::tunnel {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::size_t kInstanceDigestBytes = 6;
constexpr std::size_t kShownIdBytesMax = 128;  // of a certificate, in the log
constexpr std::string_view kAnotherOnes = "the name is another one's";
constexpr std::string_view kTakenOver = "a newer session of yours has taken the place of this one";
constexpr Error kTakenOverError{Code::kGone, Side::kDownstream, Retry::kNever, 0, "taken over"};
constexpr Error kNotAdmitted{Code::kForbidden, Side::kDownstream, Retry::kNever, 0,
                             "the place is another one's"};

std::string digest_of(std::string_view text) {
  const auth::Digest digest = auth::sha256({auth::bytes_of(text)});
  return to_hex(std::span(digest).first(kInstanceDigestBytes));
}

}  // namespace

// To one forward of a session, as long as that is there.
class SshDoor::ForwardWay final : public Way {
 public:
  ForwardWay(ssh::Session& session, ssh::Forward forward, std::string account)
      : session_(&session), forward_(std::move(forward)), account_(std::move(account)) {}

  net::Task<Result<std::unique_ptr<net::Stream>>> open(net::Address client, Duration timeout) override {
    if (session_ == nullptr || session_->ending()) return gone();
    return session_->open(forward_, client, timeout);
  }
  void replaced() override {
    if (session_ != nullptr) session_->end(kTakenOverError, kTakenOver);
  }
  std::string_view account() const override { return account_; }
  void close() { session_ = nullptr; }

 private:
  static net::Task<Result<std::unique_ptr<net::Stream>>> gone() {
    co_return fail(Code::kConnectFailed, "the tunnel has gone", Side::kUpstream, Retry::kSafe);
  }
  ssh::Session* session_;  // null: it has ended
  ssh::Forward forward_;
  std::string account_;
};

Result<std::unique_ptr<SshDoor>> SshDoor::create(net::Env& env, Attachments& attachments,
                                                 AdmissionPointer admission, Announce announce,
                                                 record::LiveRequests& live, ssh::ServerOptions options) {
  std::unique_ptr<SshDoor> door(
      new SshDoor(env, attachments, std::move(admission), std::move(announce), live));
  auto server = ssh::Server::create(env, *door, std::move(options));
  if (!server) return fail(server.error());
  door->server_ = std::move(*server);
  return door;
}

SshDoor::SshDoor(net::Env& env, Attachments& attachments, AdmissionPointer admission, Announce announce,
                 record::LiveRequests& live)
    : env_(env),
      attachments_(attachments),
      admission_(std::move(admission)),
      announce_(std::move(announce)),
      live_(live) {}

SshDoor::~SshDoor() = default;

Result<void> SshDoor::trusts(const ssh::Session& /*session*/, std::string_view /*user*/,
                             const ssh::Certificate& certificate) {
  const auto certified =
      admission_->certified_by(net::as_text(certificate.authority), certificate.principals);
  return certified ? Result<void>() : fail(certified.error());
}

bool SshDoor::authenticate(const ssh::Session& session, const ssh::Credential& credential) {
  auto arrival =
      arrival_of(credential, *admission_, session.peer().is_loopback(), env_.loop.clock().wall_now());
  if (!arrival) return false;
  if (credential.proven) arriving_[&session] = *std::move(arrival);
  return true;
}

// An anonymous one is never the same as another.
void SshDoor::began(ssh::Session& session) {
  const std::array<std::uint64_t, 1> drawn{env_.random.next()};
  std::string number = to_hex(std::as_bytes(std::span(drawn)));
  const auto arrived = arriving_.extract(&session);
  WEIR_CHECK(!arrived.empty());
  Arrival& who = arrived.mapped();
  if (who.identity.empty()) who.identity = number;
  if (const ssh::Certificate* certificate = session.certificate()) {
    env_.log.info("somebody has come by a certificate",
                  {{"user", who.account},
                   {"client", session.peer().to_string()},
                   {"principal", who.proof.principal},
                   {"certificate", std::string(certificate->id.substr(0, kShownIdBytesMax))},
                   {"serial", std::to_string(certificate->serial)},
                   {"authority", auth::ssh_fingerprint(certificate->authority)}});
  }
  guests_.emplace(&session, Guest{.account = std::move(who.account),
                                  .proof = std::move(who.proof),
                                  .identity = std::move(who.identity),
                                  .number = std::move(number),
                                  .preset = spoken_name(env_.random)});
}

// Another port than the ones that it has for that address.
std::uint16_t SshDoor::free_port(const Guest& guest, std::string_view address) const {
  std::uint16_t port = kHttpPort;
  while (std::ranges::any_of(
      guest.forwards, [&](const Forwarded& one) { return one.address == address && one.port == port; })) {
    ++port;
  }
  return port;
}

Result<std::uint16_t> SshDoor::forward(ssh::Session& session, std::string_view address, std::uint16_t port) {
  Guest& guest = guests_.at(&session);
  std::string preset = guest.preset;
  if (!guest.forwards.empty()) preset += '-' + std::to_string(guest.forwards.size() + 1);
  auto place = admission_->place(guest.account, address, port, preset);
  if (!place) {
    say(guest, place.error());
    env_.log.info("a tunnel is refused", {{"user", guest.account}, {"reason", place.error()}});
    return fail(Code::kForbidden, "no such place");
  }
  Forwarded forwarded{.address = std::string(address),
                      .port = port == 0 ? free_port(guest, address) : port,
                      .place = std::move(*place),
                      .instance = {},
                      .way = nullptr};
  forwarded.instance = forwarded.place.slot.empty()
                           ? digest_of(guest.account + '/' + guest.identity + '/' + forwarded.place.service)
                           : forwarded.place.slot;
  forwarded.way =
      std::make_shared<ForwardWay>(session, ssh::Forward{forwarded.address, forwarded.port}, guest.account);
  const net::Address origin = auth::origin_address(forwarded.place.service, forwarded.instance);
  if (!attachments_.attach(origin, forwarded.way)) {
    say(guest, kAnotherOnes);
    return fail(Code::kForbidden, "somebody else has the place");
  }
  announce_({.service = forwarded.place.service,
             .instance = forwarded.instance,
             .session = guest.number,
             .user = guest.account,
             .client = session.peer().to_string(),
             .weight = forwarded.place.weight,
             .priority = forwarded.place.priority,
             .hostname = forwarded.place.hostname});
  say(guest, forwarded.place.url.empty() ? forwarded.place.service : forwarded.place.url);
  guest.forwards.push_back(std::move(forwarded));
  if (!guest.terminals.empty()) look_on(session, guest.forwards.back());
  return guest.forwards.back().port;
}

// Lines come from whichever core had the request, after the session has gone perhaps.
void SshDoor::look_on(ssh::Session& session, Forwarded& forwarded) {
  if (forwarded.watch) return;
  forwarded.watch =
      live_.watch(forwarded.place.service, "tunnel:" + forwarded.instance, env_.loop,
                  [this, watched = &session, number = guests_.at(&session).number](const std::string& line) {
                    const auto guest = guests_.find(watched);
                    if (guest != guests_.end() && guest->second.number == number) say(guest->second, line);
                  });
}

void SshDoor::look_away(Forwarded& forwarded) {
  if (forwarded.watch) live_.end(*std::exchange(forwarded.watch, std::nullopt));
}

void SshDoor::withdraw(Forwarded& forwarded, const Guest& guest) {
  look_away(forwarded);
  forwarded.way->close();
  attachments_.detach(auth::origin_address(forwarded.place.service, forwarded.instance), *forwarded.way);
  announce_({.service = forwarded.place.service,
             .instance = forwarded.instance,
             .session = guest.number,
             .gone = true});
}

void SshDoor::cancelled(ssh::Session& session, std::string_view address, std::uint16_t port) {
  Guest& guest = guests_.at(&session);
  const auto found = std::ranges::find_if(
      guest.forwards, [&](const Forwarded& one) { return one.address == address && one.port == port; });
  if (found == guest.forwards.end()) return;
  withdraw(*found, guest);
  guest.forwards.erase(found);
}

void SshDoor::terminal(ssh::Session& session, ssh::Terminal& terminal, ssh::TerminalEvent event) {
  Guest& guest = guests_.at(&session);
  switch (event) {
    case ssh::TerminalEvent::kStarted:
      guest.terminals.insert(&terminal);
      for (Forwarded& one : guest.forwards) {
        look_on(session, one);
        terminal.print(one.place.url.empty() ? one.place.service : one.place.url);
      }
      break;
    case ssh::TerminalEvent::kEndOfInput:
      if (!terminal.has_pty()) break;  // it runs from /dev/null, and goes on
      terminal.close(0);
      break;
    case ssh::TerminalEvent::kInterrupt: terminal.close(0); break;
    case ssh::TerminalEvent::kResized: break;
    case ssh::TerminalEvent::kClosed:
      guest.terminals.erase(&terminal);
      if (!guest.terminals.empty()) break;
      for (Forwarded& one : guest.forwards) look_away(one);
      break;
  }
}

void SshDoor::ended(ssh::Session& session, const Error& why) {
  const auto found = guests_.find(&session);
  for (Forwarded& one : found->second.forwards) withdraw(one, found->second);
  env_.log.info(
      "a tunnel session has ended",
      {{"user", found->second.account}, {"client", session.peer().to_string()}, {"reason", why.text}});
  guests_.erase(found);
}

void SshDoor::say(const Guest& guest, std::string_view text) {
  for (ssh::Terminal* terminal : guest.terminals) terminal->print(text);
}

void SshDoor::admit(AdmissionPointer admission) {
  admission_ = std::move(admission);
  const WallTime now = env_.loop.clock().wall_now();
  std::vector<ssh::Session*> to_end;
  for (auto& [session, guest] : guests_) {
    const bool stays = admission_->admits(guest.account, guest.proof, now) &&
                       std::ranges::all_of(guest.forwards, [&](const Forwarded& one) {
                         return admission_->keeps(one.place, guest.account);
                       });
    if (!stays) to_end.push_back(session);
  }
  for (ssh::Session* session : to_end) session->end(kNotAdmitted, kNotAdmitted.text);
}

}  // namespace weir::tunnel
