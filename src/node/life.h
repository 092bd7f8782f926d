// Life: what becomes of one instance: whether its containers are to be started, stopped or removed, and what
// is said of it meanwhile. Pure: what is seen, what was done and the time come in; steps come out. It never
// talks to podman.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/specs_workload.h"
#include "nodelink/values.h"

namespace weir::node {

using nodelink::State;

// A container of the instance, of those that run side by side.
struct Seen {
  std::string name;
  std::string digest;  // of what it was made from
  bool running = false;
  int exit_code = 0;
};

enum class Step : std::uint8_t {
  kWait,    // until the moment, if any, or until something else happens
  kStart,   // makes what lacks, and starts what does not run
  kStop,    // what runs
  kRemove,  // all of its containers
  kLeave,   // nothing is left of it, and nobody wants it
};
struct Decision {
  Step step = Step::kWait;
  std::optional<Instant> until;
  friend bool operator==(const Decision&, const Decision&) = default;
};

// Pauses before a start that follows `failures` ends in a row: the first at once.
Duration pause_after(unsigned failures);

class Life {
 public:
  static constexpr Duration kPauseFirst = std::chrono::seconds(1);
  static constexpr Duration kPauseLongest = std::chrono::minutes(1);
  // Who ran for so long begins anew with its failures.
  static constexpr Duration kSteady = std::chrono::minutes(1);
  // From the end of what ran to its removal, which takes the log away: podman looks every 250 ms for what is
  // new in it, and who follows it would not be told the last lines.
  static constexpr Duration kLinger = std::chrono::milliseconds(500);

  struct Wanted {
    std::string digest;
    std::size_t containers = 1;
    Duration drain{};
    bool probed = false;  // it has a readiness probe
    bool slow = false;    // it has a startup probe
    friend bool operator==(const Wanted&, const Wanted&) = default;
  };

  // None: it is to go.
  void want(std::optional<Wanted> wanted, Instant now);
  void see(std::vector<Seen> seen, Instant now);
  Decision next(Instant now);

  // --- what was done, and what came of it
  void begin_start() {
    starting_ = true;
    seen_any_ = true;  // what runs from now on is no find
  }
  void start_failed(std::string why, Instant now);
  void end_start() { starting_ = false; }  // not to its end, for no fault of the instance
  void launched(Instant now);              // all were started; what is seen next came of it
  // --- what probes say, while it runs
  void passed_startup();
  void set_ready(bool ready, std::string why);
  void must_restart(std::string why);
  // More is known of why it ended by itself.
  void explain(std::string why) {
    if (!restart_) reason_ = std::move(why);
  }

  // What stood in the way of a start is away.
  void retry(Instant now);

  State state(Instant now) const;
  const std::string& reason() const { return reason_; }  // a sentence; empty: all is well
  bool running() const { return running_; }              // all that is wanted
  bool started() const { return started_; }
  bool kept() const;  // all containers that there are, if any, are those of what is wanted
  std::uint64_t restarts() const { return restarts_; }

 private:
  bool any_runs() const;
  bool all_run() const;
  void note_end(Instant now);
  void judge(Instant now, bool fresh);

  std::optional<Wanted> wanted_;
  Duration drain_ = config::ContainerGroup().drain;  // of what was wanted last
  std::vector<Seen> seen_;
  bool running_ = false;
  bool started_ = false;  // has passed its startup probes
  bool ready_ = false;
  bool found_ = false;     // it ran when it was seen first: it may have been ready
  bool seen_any_ = false;  // it was seen
  bool starting_ = false;
  bool launched_ = false;  // and not seen since
  bool restart_ = false;
  bool failed_ = false;  // to start
  unsigned failures_ = 0;
  std::uint64_t restarts_ = 0;
  Instant running_since_{};
  Instant not_before_{};
  std::optional<Instant> drained_;  // when it may be stopped
  Instant removable_{};             // once nothing runs
  std::string reason_;
};

}  // namespace weir::node
