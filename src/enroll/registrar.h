// Registrar: lets machines in: a join token, or the certificate that a machine has, for a certificate of
// weir's own authority. The token's use, the Edge or Node and the line of the audit are one transaction, so
// that a token is used no more often than it may be, at whichever controller. One per Api, on the control
// loop.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "auth/failure_throttle.h"
#include "auth/machine.h"
#include "auth/token_table.h"
#include "base/metrics.h"
#include "config/whole.h"
#include "enroll/messages.h"
#include "http/service.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"
#include "tls/authority.h"

namespace weir::enroll {

// Who asks.
struct Caller {
  net::Address address;
  std::optional<auth::Machine> machine;  // that its verified certificate names
};

// Whether it is a Node that came by that TLS (null: it came without), and counts as one now.
bool is_node(const config::Whole& objects, std::string_view domain, const http::TlsInfo* tls);

struct Refusal {
  int status = 403;
  std::string_view slug;  // static, as in api::Problem
  std::string sentence;
  std::uint32_t retry_after_seconds = 0;
};

struct Enrolled {
  Answer answer;
  store::Revision revision = 0;
};

class Registrar {
 public:
  // Refusals that become Events in a minute; beyond that they are counted, so that nobody fills the store.
  static constexpr int kAuditedPerMinute = 60;

  // domain: of the identities, spiffe://<domain>/<role>/<name>. All outlive it.
  // discovery_port: where machines that are let in find discovery.
  Registrar(net::Env& env, store::Store& store, const auth::TokenTable& tokens,
            std::shared_ptr<const tls::Authority> authority, std::string domain,
            std::uint16_t discovery_port = kDiscoveryPort);

  net::Task<std::expected<Enrolled, Refusal>> enroll(Request request, Caller caller);
  // Puts down that a certificate was not believed. why: a sentence.
  net::Task<void> refused_certificate(net::Address from, std::string why);

  const tls::Authority& authority() const { return *authority_; }
  std::uint64_t enrolled() const { return enrolled_.get(); }
  std::uint64_t refused() const { return refused_.get(); }

 private:
  struct Entitled;
  using Decided = std::expected<Entitled, Refusal>;
  net::Task<Decided> entitle(const Request& request, const Caller& caller);
  net::Task<Decided> entitle_by_token(const Request& request);
  net::Task<Decided> entitle_by_certificate(const Request& request, const auth::Machine& machine);
  net::Task<Result<std::optional<config::Object>>> read(config::Kind kind, std::string name);
  net::Task<std::expected<store::Revision, Refusal>> commit(const Entitled& entitled, const Caller& caller);
  net::Task<void> audit(config::EventSpec event);
  bool may_audit();

  net::Env& env_;
  store::Store& store_;
  const auth::TokenTable& tokens_;
  std::shared_ptr<const tls::Authority> authority_;
  std::string domain_;
  std::uint16_t discovery_port_;
  auth::FailureThrottle throttle_;
  Instant minute_ = Instant::min();  // when the minute that is counted began
  int audited_ = 0;                  // within it
  Counter enrolled_;
  Counter refused_;
};

}  // namespace weir::enroll
