// Gate: who decides. The one seam of this room: the server asks it who may come in and what they may have,
// and tells it what became of them. Every answer is given at once, from memory, because libssh's messages die
// when its callback returns: a Gate never waits and never ends a session from inside a call but by
// Session::end(). Called on the core of the session.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "ssh/certificate.h"

namespace weir::ssh {

class Session;
class Terminal;

enum class Method : std::uint8_t { kNone, kPassword, kPublicKey };

// What a client shows. Views that last for the call.
struct Credential {
  Method method = Method::kNone;
  std::string_view user;
  std::string_view password;  // a secret: never logged
  // Of a public key, or of the key inside of a certificate.
  std::string_view key_type;     // "ssh-ed25519"
  net::Slice key_blob;           // RFC 4253 section 6.6
  std::string_view fingerprint;  // "SHA256:..." as `ssh-keygen -l` prints it
  // All of it was checked: that the gate trusts it, signature, time, source.
  const Certificate* certificate = nullptr;
  // False: the client only asks whether this key would do; the answer may be seen by who doesn't own it.
  bool proven = true;
};

enum class TerminalEvent : std::uint8_t {
  kStarted,     // a shell or a command: text can be written
  kInterrupt,   // Ctrl-C, or the signal INT
  kEndOfInput,  // Ctrl-D, or the end of the client's input
  kResized,
  kClosed,  // the last word: the terminal is destroyed behind it
};

class Gate {
 public:
  virtual ~Gate() = default;

  // Whether the certificate's authority may say of one of its principals that it may come in; of the
  // certificate only its form has been checked. The error's text is for the log.
  virtual Result<void> trusts(const Session& session, std::string_view user,
                              const Certificate& certificate) = 0;
  // With kNone: whether somebody may come in without any proof.
  virtual bool authenticate(const Session& session, const Credential& credential) = 0;
  // Somebody is known now.
  virtual void began(Session& session) = 0;

  // `tcpip-forward` (RFC 4254 section 7.1). address: exactly what the client wrote, "" too. port 0: any; the
  // answer is the port that it got. Another port is answered with itself, or refused.
  virtual Result<std::uint16_t> forward(Session& session, std::string_view address, std::uint16_t port) = 0;
  // Cancelled by the client, or gone with its session; with the port that forward() answered.
  virtual void cancelled(Session& session, std::string_view address, std::uint16_t port) = 0;

  // The session's `session` channels; a client with -N has none.
  virtual void terminal(Session& session, Terminal& terminal, TerminalEvent event) = 0;

  // The last word about a session that began: forwards were cancelled, terminals closed, and behind it the
  // session is destroyed. Its streams have failed.
  virtual void ended(Session& session, const Error& why) = 0;
};

}  // namespace weir::ssh
