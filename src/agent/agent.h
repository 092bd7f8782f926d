// Agent: keeps the origins of a machine attached to several edges at once: as many links as are wanted, each
// to another edge and if possible of another provider, or at another site; what is lost is made anew, with
// patience. Where an edge stands is known when it is met: while two links share a site or a provider, others
// are tried beside them. Checks the origins, and says so to every edge when one is down. Leaves without a
// request lost. On one core.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/edge_choice.h"
#include "agent/link.h"
#include "grpc/backoff.h"
#include "h2/signal.h"
#include "health/monitor.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"

namespace weir::agent {

struct EdgeAddress {
  tls::Host host;
  std::string provider;  // as far as they are known
  std::string region;
  friend bool operator==(const EdgeAddress&, const EdgeAddress&) = default;
};

// Told of what goes on, for whoever looks. On the agent's core; does not wait.
class AgentWatch {
 public:
  virtual ~AgentWatch() = default;
  virtual void attached(const wire::Welcome& /*edge*/) {}
  // why: a sentence.
  virtual void detached(const std::string& /*host*/, std::string_view /*why*/) {}
  virtual void registered(const wire::Welcome& /*edge*/, const wire::Registered& /*answer*/) {}
  virtual void request(const wire::RequestLine& /*line*/) {}
  virtual void health(const Offer& /*offer*/) {}
};

class Agent final : private LinkOwner {
 public:
  struct Options {
    wire::Hello hello;
    std::shared_ptr<tls::ClientContext> tls;  // offers wire::kProtocol; null: no TLS, for tests
    std::vector<EdgeAddress> edges;           // in order of preference
    std::size_t links = 2;
  };
  Agent(net::Env& env, AgentWatch& watch, Options options);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent();

  // One more edge that can be had; at any time. One that is known already is not another.
  void know(EdgeAddress edge);

  // --- origins; at any time
  void offer(Offer offer);
  void withdraw(const std::string& service);
  const Offers& offers() const { return offers_; }

  // Until leave() is done, or it is cancelled.
  net::Task<void> run();
  // Every edge hears that the origins leave and acknowledges it; what visitors have open goes on for at most
  // that long; then run() returns.
  net::Task<void> leave(Duration drain_limit);

  // Links that are up.
  std::size_t attached() const;
  std::size_t open_streams() const;

 private:
  struct Place;  // of one link after the other
  net::Task<void> keep(Place& place);
  net::Task<void> attach(Place& place, std::size_t edge);
  net::Task<void> spread();
  bool is_settled() const;
  bool is_worth_it(Place& trial);
  net::Task<void> withdraw_from(std::shared_ptr<Link> link);
  net::Task<void> replace(std::shared_ptr<Link> link);
  void welcomed(Link& link) override;
  void registered(Link& link, const wire::Registered& answer) override;
  void request(Link& link, const wire::RequestLine& line) override;
  void draining(Link& link) override;
  void add_place(std::optional<std::size_t> trial = {});
  void add_candidate(const EdgeAddress& edge);
  Place& place_of(const Link& link);
  void watch_health();
  void judge(const std::string& service, lb::Health health, const Error& why);

  net::Env& env_;
  AgentWatch& watch_;
  Options options_;
  Offers offers_;
  std::vector<Candidate> candidates_;  // by options_.edges
  std::vector<grpc::Backoff> backoffs_;
  std::vector<std::unique_ptr<Place>> places_;
  health::Monitor monitor_;
  net::TaskGroup tasks_;
  h2::Signal unlike_;        // what shares what may have changed
  std::size_t keeping_ = 0;  // places
  net::Event idle_;          // no place is kept any more: for run()
  net::Event left_;          // the same, for leave()
  bool leaving_ = false;
};

}  // namespace weir::agent
