// History: what happened in a simulated world, as a list of events: what the invariants are held against, and
// what tells two runs of one seed apart. Owned by the World; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace weir::invariants {

struct Event {
  enum class Kind : std::uint8_t {
    kStep,          // of the script: `text`
    kCommitted,     // `key` is `text` from `revision` on; empty: it is gone. `mark`: of the write
    kAcknowledged,  // `node` was told that its write `mark` of `key` is done as of `revision`; text: likewise
    kApplied,       // `node` has `held` as of `revision`
    kForgot,        // `node` starts with an empty disk
    kStarted,       // the edge `node` runs anew
    kServed,        // `node` had a request for host `key` answered by the origin `text`
    kFailed,        // `node` gave no good answer to a request for host `key`: `text`
    kSick,          // the origin `node` fails its checks, and answers requests as ever
    kWell,
    kTroubled,  // a fault touches the edge `node`: nothing can be asked of it
    kCalm,      // none does any more
    kQuiet,     // all faults are over, and nothing is written any more
    kEnd,       // the bound for all edges to follow has passed
    // --- of tunnels; a session is a process of an agent, "a1.3" the third of an origin, on the machine a1
    kCame,      // the session `node` begins: of the account `mark`, for the service `key` as instance `text`
    kWent,      // it has ended
    kAttached,  // it has its service `key` registered at the edge `text`
    kDetached,  // it has not any more, at the edge `text`; `mark`: the edge's reason, if it gave one
    kReached,   // the session `node` had, or has answered, a request for `key` that came to the edge `text`
    kMissed,    // the edge `node` gave no good answer to a request for `key`: `text`
    kParted,    // the machines `node` and `key` don't reach each other; "store" is one
    kJoined,    // they do again
  };
  using Held = std::map<std::string, std::string, std::less<>>;  // key and text

  Kind kind = Kind::kStep;
  Duration at{};  // since the world began
  std::string node;
  std::string key;
  std::string text;
  std::string mark;
  std::uint64_t revision = 0;
  Held held;
  Duration since{};  // of kReached and kMissed: when the request was sent
};

std::string text_of(const Event& event);  // one line

class History {
 public:
  using Watch = std::function<void(const Event&)>;
  explicit History(Watch watch) : watch_(std::move(watch)) {}

  void add(Event event);
  const std::vector<std::string>& lines() const { return lines_; }
  std::uint64_t digest() const { return digest_; }  // of all lines

 private:
  Watch watch_;
  std::vector<std::string> lines_;
  std::uint64_t digest_ = 0xcbf29ce484222325U;
};

// What the store had at each revision, as events tell it.
class Past {
 public:
  void see(const Event& event);  // kCommitted
  std::uint64_t revision() const { return revision_; }

  struct Value {
    std::uint64_t revision = 0;  // since which it is so
    std::string text;            // empty: it is not there
    std::string mark;
    Duration at{};
  };
  using Values = std::vector<Value>;
  const Value& at(std::string_view key, std::uint64_t revision) const;
  // What an edge of that region is to have: load balancers that select it, their services, and the tunnels of
  // these.
  Event::Held wanted(std::string_view region, std::uint64_t revision) const;
  const std::map<std::string, Values, std::less<>>& all() const { return values_; }

 private:
  // "i1@e1 i1@e2": empty: none.
  std::string tunnels_of(std::string_view service, std::uint64_t revision) const;

  std::map<std::string, Values, std::less<>> values_;
  std::uint64_t revision_ = 0;
};

// --- the texts: "services/s1" is "10.0.3.1:80 10.0.3.2:80", or "of u1" where tunnels of that account join;
// "loadbalancers/l1" is "s1 @eu" (of edges of that region) or "s1" (of all); "tunnels/NAME", in the store, is
// "s1 i1@e1 u1" (service, instance, edge, account), and "tunnels/s1", of an edge, "i1@e1 i1@e2"
bool contains_word(std::string_view text, std::string_view word);
std::string_view first_word(std::string_view text);
std::string_view last_word(std::string_view text);
bool is_for(std::string_view balancer, std::string_view region);

}  // namespace weir::invariants
