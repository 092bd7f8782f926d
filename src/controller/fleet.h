// Fleet: the edges as they say of themselves: who is attached, which revision each serves, what it carries,
// what it refuses, and how it finds endpoints, which goes to the Quorum. Fed by the report streams of remote
// edges and, by the same calls, by the edge of this process. All of it is what this process has heard: a
// controller that starts knows nothing until edges attach. On the control loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/log_limit.h"
#include "config/object.h"
#include "config/status.h"
#include "controller/load_window.h"
#include "controller/quorum.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task_group.h"
#include "report/report.h"
#include "report/report_server.h"
#include "report/service_rates.h"
#include "store/store.h"

namespace weir::controller {

// --- bounds; beyond them what is said is not counted, and the log says so
inline constexpr std::size_t kFleetEdgesMax = 10'000;
inline constexpr std::size_t kVotesOfEdgeMax = 100'000;  // endpoints that one edge checks
inline constexpr std::size_t kVotesMax = 10'000'000;     // of all edges: 40 bytes each
// What an edge said counts on for so long after its stream has ended, unless it says otherwise on another
// one: it starts anew in less. And for so long after the first edges came, verdicts wait for the others.
inline constexpr Duration kVoteGrace = std::chrono::seconds(5);

// Votes that one answer of vantage_points looks at, which takes some milliseconds; and unhealthy endpoints
// that it names of each edge.
inline constexpr std::size_t kVantageVotesMax = 100'000;
inline constexpr std::size_t kVantageOutMax = 32;

// An edge that has not said for so long what it has carried is not believed to carry that still: they say it
// every five seconds.
inline constexpr Duration kLoadStale = std::chrono::seconds(15);

class Fleet {
 public:
  // What edges carry, together.
  struct Carrying {
    double requests_per_second = 0;
    std::string unknown;  // of which edge it is not known, and why; empty: it is known of all
  };
  struct Edge {
    report::Hello hello;
    bool attached = false;
    WallTime since{};  // that it is, or is not
    std::uint64_t applied_revision = 0;
    std::optional<WallTime> applied_at;
    std::uint32_t connections = 0;
    std::map<std::string, std::string, std::less<>> refused;  // by object, "services/web": why
    std::vector<report::AnycastSeen> anycast;
    Votes endpoints;
    LoadWindow load;
    bool counts_requests = false;       // it says what it has carried; Envoys do not
    std::optional<Instant> counted_at;  // that it said so last

   private:
    friend class Fleet;
    struct Said {
      Vote vote = Vote::kUnknown;
      std::uint8_t stream = 0;  // on which it was said
    };
    using VotesById = std::unordered_map<Quorum::EndpointId, Said>;
    VotesById votes_;
    std::uint8_t stream_ = 0;
    std::optional<Instant> ended_;  // the stream before, whose votes are to be looked at after the grace
  };
  using Edges = std::map<std::string, Edge, std::less<>>;

  Fleet(net::Env& env, store::Store& store, mirror::Mirror& mirror);
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  void start();
  net::Task<void> stop();  // to be awaited before it is destroyed

  // Of remote edges.
  report::ReportServer::Sink sink();
  // Of any edge: the one of this process, or one that has no report stream.
  void attach(report::Hello hello);
  void report(std::string_view edge, const report::Report& report);
  void detach(std::string_view edge);
  // Of an edge that has no report stream: what it could not take up of an object. Empty: it has taken it up.
  void refuse(std::string_view edge, const std::string& object, std::string_view reason);

  // Told at once, while the report is taken.
  void on_verdict(Quorum::OnVerdict told) { quorum_.on_verdict(std::move(told)); }
  // An edge has come, gone, or serves another revision, or what it refuses has changed. All that ask are
  // told, in their order, for as long as there is a fleet.
  void on_change(std::function<void(const std::string& edge)> told) { told_.push_back(std::move(told)); }

  // An edge says that an origin has come to it by a tunnel, or gone.
  using TunnelTold = std::function<void(const std::string& edge, const report::TunnelSeen& seen)>;
  void on_tunnel(TunnelTold told) { tunnel_told_ = std::move(told); }

  // What an edge says of each ten seconds.
  using IntervalsTold =
      std::function<void(const std::string& edge, const std::vector<report::Interval>& intervals)>;
  void on_intervals(IntervalsTold told) { intervals_told_ = std::move(told); }

  // Those that are attached, and those whose Edge object is there and that ever were.
  const Edges& edges() const { return edges_; }
  const Edge* find(std::string_view edge) const;  // null: it never came
  std::size_t attached() const { return attached_; }
  // Attached, or so lately that it may be on its way back.
  bool is_present(const Edge& edge) const;
  const Quorum& quorum() const { return quorum_; }
  // Edges have had the time to come: nothing follows from who is missing before.
  bool settled() const { return !quorum_.held(); }

  // What the edges of each provider have carried within the last `span`.
  std::map<std::string, Carrying, std::less<>> carried_by_provider(Duration span) const;

  // What all edges give to the endpoints of a service in a zone (none: in all of them): requests as a mean of
  // the last `span`, and what is in flight.
  report::ServiceRates::Rate service_load(std::string_view service, std::optional<std::string_view> zone,
                                          Duration span) const {
    return rates_.of(service, zone, span, env_.loop.now());
  }

  // What load balancers and rollouts select an edge by: of its object; without one, as it says itself.
  config::Labels labels_of(std::string_view edge) const;

  // --- statuses
  config::EdgeStatus status_of(std::string_view edge) const;
  // Whether an edge is to have an object as it is written, and may by now.
  enum class Share : std::uint8_t { kNone, kHeldBack, kWhole };
  // "1/2": attached edges that serve the object as it is written, of all that are to; empty: none is to.
  using ShareOf = std::function<Share(const std::string& edge)>;
  std::string applied(const config::Object& object, const ShareOf& share_of) const;
  std::vector<config::RefusedBy> refused(const config::Object& object) const;
  // Puts what all edges find to what the edge of this process does, if there is one: `status` as it sees it.
  void complete(config::ServiceStatus& status, const config::Object& service) const;
  void complete(config::EndpointStatus& status, const config::EndpointSpec& joined) const;

  // What each edge finds of a service's endpoints, as JSON: {"vantage_points": [{"edge", "attached",
  // "healthy", "unhealthy", "unknown", "out": ["192.0.2.1:80"]}], "more": 0}. more: edges that are left out
  // for length.
  std::string vantage_points(std::string_view service) const;

  // Appends to what /metrics shows.
  void write_metrics(std::string& out) const;

 private:
  net::Task<void> follow();
  void take(std::span<const config::ObjectChange> changes);
  net::Task<void> tick();
  void look();
  void drop_stale(Edge& edge);
  void tell(const std::string& edge);
  void take_endpoint(const std::string& name, Edge& edge, const report::EndpointSeen& seen);
  void withdraw(Edge& edge, Edge::VotesById::iterator vote);
  void take_load(Edge& edge, const report::Load& load);
  void refuse_more(std::string_view edge, std::string_view what);

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  mirror::Follower follower_;
  Quorum quorum_;
  std::vector<std::function<void(const std::string&)>> told_;
  TunnelTold tunnel_told_;        // null: nobody is told
  IntervalsTold intervals_told_;  // the same
  Edges edges_;
  report::ServiceRates rates_;
  std::size_t attached_ = 0;
  std::size_t votes_ = 0;
  std::optional<Instant> held_since_;
  LogLimit log_limit_;
  net::TaskGroup tasks_;
};

}  // namespace weir::controller
