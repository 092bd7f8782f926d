// Announcements: which edges announce the addresses that several share, as those say that report here. An
// edge that wants to stop counts as one that has stopped already, so that of two which ask at the same time
// one is refused. Pure; a value.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "report/report.h"

namespace weir::report {

class Announcements {
 public:
  // All of an edge's, in the place of what it said before.
  void take(const std::string& edge, std::vector<AnycastSeen> seen);
  // It reports no more: whatever it announces, nobody knows it.
  void forget(const std::string& edge);
  // Of each network that the edge says something of.
  std::vector<AnycastOthers> others_of(const std::string& edge) const;

 private:
  static bool counts(const AnycastSeen& seen);

  std::map<std::string, std::vector<AnycastSeen>> edges_;
  std::map<std::string, std::uint32_t, std::less<>> announcing_;  // by network: edges that count; none is 0
};

}  // namespace weir::report
