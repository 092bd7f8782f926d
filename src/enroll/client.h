// The machine's side: makes a key and a certificate request, shows the controller a join token or the
// certificate that it has, and gives back what it gets. The private key never leaves this process. On the
// core of its Env.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "enroll/messages.h"
#include "grpc/backoff.h"
#include "net/env.h"
#include "net/task.h"
#include "tls/client_context.h"
#include "tls/dial.h"

namespace weir::enroll {

// What a machine has once it has joined.
struct Credentials {
  std::string name;                               // of the machine
  std::string private_key;                        // PKCS #8, PEM
  std::string certificate;                        // PEM, its own first
  std::string ca;                                 // PEM of the authority: whom it believes
  std::uint16_t discovery_port = kDiscoveryPort;  // of every controller

  WallTime not_before() const;  // the epoch: the certificate is not readable
  WallTime not_after() const;
  // As JSON, for a file that its owner alone reads.
  std::string to_text() const;
  static Result<Credentials> parse(std::string_view text);
};

// How a machine with credentials speaks TLS to its controllers, whatever the protocol.
Result<std::shared_ptr<tls::ClientContext>> client_context(const Credentials& credentials,
                                                           std::vector<std::string> protocols);

struct Failure {
  Error error;
  std::string sentence;   // for people
  bool is_final = false;  // the controller refused: trying the same again is of no use
};

// join_token: "weirjoin_..."; the controller is known by what is in it.
net::Task<std::expected<Credentials, Failure>> join(net::Env& env, tls::Host controller,
                                                    std::string join_token, Node node);
// In rounds over all controllers (at least one), with growing pauses between them, until one of them has
// decided; tells the log. A failure is final, or it was cancelled.
net::Task<std::expected<Credentials, Failure>> join_any(net::Env& env, std::vector<tls::Host> controllers,
                                                        std::string join_token, Node node);
// Between two rounds in which no controller let the machine in.
inline constexpr grpc::Backoff::Options kJoinPauses{.first = std::chrono::seconds(1),
                                                    .longest = std::chrono::seconds(30)};
// A new key and certificate for those that it has.
net::Task<std::expected<Credentials, Failure>> renew(net::Env& env, tls::Host controller,
                                                     Credentials credentials, Node node);

}  // namespace weir::enroll
