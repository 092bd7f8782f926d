// Reporter: an edge's side of the report stream. Keeps one stream to a controller for as long as it runs:
// says who the edge is, then how it finds every endpoint, each change of that at once, and its load every few
// seconds. When the stream is lost it makes another and says all of it again. On one core.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpc/backoff.h"
#include "grpc/channel.h"
#include "h2/signal.h"
#include "net/env.h"
#include "net/task.h"
#include "report/interval_log.h"
#include "report/report.h"

namespace weir::report {

class Reporter {
 public:
  struct Options {
    Duration load_interval = std::chrono::seconds(5);
    grpc::Backoff::Options backoff{.first = std::chrono::milliseconds(500),
                                   .longest = std::chrono::seconds(15)};
  };
  // take_load: what was carried since the last call of it; applied_revision and span are filled in here.
  // The channel is the owner's, who closes it behind run().
  Reporter(net::Env& env, grpc::Channel& channel, Hello hello, std::function<Load()> take_load,
           Options options);
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  // Until it is cancelled.
  net::Task<void> run();

  // A state that has not changed is said once only. kGone: said, and forgotten.
  void see(EndpointSeen seen);
  // An origin has come by a tunnel, or gone: a late goodbye of an older session is none.
  void see(TunnelSeen seen);
  // The edge serves this revision now; said at once, with the load.
  void applied(std::uint64_t revision);

  // What could not be taken up, all of it; cut to what a report may hold.
  void refused(std::vector<RefusedObject> all);

  // How the addresses are announced that this edge shares with others, all of them.
  void announces(std::vector<AnycastSeen> all);
  // Each interval is told from now on, and those that no reply was heard of again on a new stream. Outlives
  // it.
  void tell_intervals(const IntervalLog& log) { log_ = &log; }
  // There is another.
  void has_interval() { wake_.notify(); }
  // Told of each reply; none: the stream is lost. Before run().
  void on_reply(std::function<void(std::optional<Reply>)> told) { reply_told_ = std::move(told); }

  // Told to make a call to this controller. Before run().
  void on_open(std::function<void(grpc::Channel& way, channel::Open what)> told) {
    open_told_ = std::move(told);
  }

  // The controller has answered on the present stream.
  bool attached() const { return attached_; }

 private:
  using Key = std::pair<std::string, std::string>;  // service, endpoint
  struct Entry {
    EndpointState state = EndpointState::kUnknown;
    std::string reason;
    bool changed = true;  // and in changed_
  };

  net::Task<void> attach(grpc::ClientCall& call);
  net::Task<void> send(grpc::ClientCall& call);
  net::Task<void> receive(grpc::ClientCall& call);
  void change_all();
  void take_changed(Report& report);
  void take_tunnels(Report& report);
  void take_intervals(Report& report);
  Load take_load();

  net::Env& env_;
  grpc::Channel& channel_;
  Hello hello_;
  std::function<Load()> take_load_;
  Options options_;
  grpc::Backoff backoff_;
  std::map<Key, Entry> endpoints_;
  std::deque<Key> changed_;  // in the order of their changes
  struct Tunnel {
    TunnelSeen seen;
    bool changed = true;  // and in changed_tunnels_
  };
  std::map<Key, Tunnel> tunnels_;  // by service and instance
  std::deque<Key> changed_tunnels_;
  std::uint64_t applied_revision_ = 0;
  std::vector<RefusedObject> refused_;
  bool refused_due_ = false;
  std::vector<AnycastSeen> anycast_;
  bool anycast_due_ = false;
  std::function<void(std::optional<Reply>)> reply_told_;          // null: nobody is told
  std::function<void(grpc::Channel&, channel::Open)> open_told_;  // the same
  const IntervalLog* log_ = nullptr;                              // null: none are told
  std::uint64_t interval_told_ = 0;                               // on the present stream, the last one
  std::uint64_t interval_heard_ = 0;                              // a reply to it was heard
  std::uint64_t reports_ = 0;                                     // of the present stream
  std::deque<std::pair<std::uint64_t, std::uint64_t>>
      awaited_;  // reports that told intervals, and up to which
  bool load_due_ = false;
  Instant load_since_;
  h2::Signal wake_;  // of send()
  bool attached_ = false;
};

}  // namespace weir::report
