// Ways: which sessions of agents are attached to which edges, and which machines reach each other, as events
// tell it: the truth that edges and controllers have to find out.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "invariants/history.h"

namespace weir::invariants {

class Ways {
 public:
  struct Session {
    std::string service;
    std::string instance;
    std::string account;
    std::map<std::string, Duration> at;  // by edge: since when it is attached there
    Duration left{};                     // when it was attached for the last time
    bool refused = false;                // an edge did not want it
    bool gone = false;
  };

  void see(const Event& event);
  const std::map<std::string, Session, std::less<>>& sessions() const { return sessions_; }
  // Since when two machines reach each other; Duration::max(): they don't. The same one does.
  Duration whole_since(std::string_view one, std::string_view other) const;

 private:
  std::map<std::string, Session, std::less<>> sessions_;
  std::map<std::pair<std::string, std::string>, Duration> whole_since_;  // of those that ever did not
};

std::string_view machine_of(std::string_view session);  // "a1" of "a1.3"

}  // namespace weir::invariants
