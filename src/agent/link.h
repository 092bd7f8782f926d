// Link: an agent's connection to one edge: dialled here, served here: HTTP/2 with the roles reversed. The
// edge opens a call, over which origins are registered, and a CONNECT for each visitor, which is carried to
// the origin. One connection; another is another Link. On one core.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/limits.h"
#include "agent/offers.h"
#include "grpc/server.h"
#include "h2/connect.h"
#include "h2/signal.h"
#include "http/server.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "tls/client_context.h"
#include "wire/agent_messages.h"

namespace weir::agent {

class Link;

// Who has links. Called on their core; does not wait.
class LinkOwner {
 public:
  virtual void welcomed(Link& link) = 0;
  // The answer to a registration.
  virtual void registered(Link& link, const wire::Registered& answer) = 0;
  virtual void request(Link& link, const wire::RequestLine& line) = 0;
  // The edge is about to leave.
  virtual void draining(Link& link) = 0;

 protected:
  ~LinkOwner() = default;
};

class Link final : private h2::ConnectHandler {
 public:
  struct Options {
    tls::Host edge;
    std::shared_ptr<tls::ClientContext> tls;  // offers wire::kProtocol, for wire::kServerName
    wire::Hello hello;
  };
  // offers: may change meanwhile, and then the link is told what.
  Link(net::Env& env, LinkOwner& owner, const Offers& offers, Options options);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  // From the dial to the end of the connection. Nothing: it ended behind leave(). Cancelled, it ends at once.
  net::Task<Result<void>> run();

  bool welcomed() const { return welcome_.has_value(); }
  // Why the edge does not want us; empty: it did not say so.
  const std::string& refused() const { return refused_; }
  const wire::Welcome& welcome() const { return *welcome_; }
  std::size_t open_streams() const { return streams_; }

  // --- each change of the offers
  void offer(const Offer& offer);
  void withdraw(const wire::Origin& origin);
  void tell_health(const Offer& offer);

  // Withdraws all, and returns when the edge has acknowledged: no new visitor comes. Or at the timeout.
  net::Task<void> withdraw_all(Duration timeout);
  // The connection ends as soon as its visitors' streams have, and at the limit.
  void finish(Duration limit);

 private:
  struct Limit final : net::Timer {
    explicit Limit(Link& owner);
    Link& link;
  };
  net::Task<void> serve(h2::ConnectRequest& request) override;
  net::Task<void> carry(h2::ConnectRequest& request);
  net::Task<void> serve_connection(std::unique_ptr<net::Stream> stream);
  net::Task<grpc::Status> converse(grpc::ServerCall& call);
  net::Task<grpc::Status> listen(grpc::ServerCall& call);
  net::Task<void> speak(grpc::ServerCall& call);
  void hear(const wire::Welcome& welcome);
  void hear(const wire::Unregistered& gone);
  void say(wire::FromAgent message);

  net::Env& env_;
  LinkOwner& owner_;
  const Offers& offers_;
  Options options_;
  grpc::Server calls_;
  http::Server server_;  // of the one connection
  net::Event ended_;     // the connection is to end, or has
  Limit limit_{*this};   // sets it
  bool conversing_ = false;
  std::optional<wire::Welcome> welcome_;
  std::string refused_;
  std::set<wire::Origin> leaving_;  // not acknowledged yet
  h2::Signal left_;                 // one was
  std::deque<wire::FromAgent> outbox_;
  net::Event spoken_;  // something is in the outbox
  std::size_t streams_ = 0;
  bool finishing_ = false;
};

}  // namespace weir::agent
