#include "report/announcements.h"

#include <utility>

namespace weir::report {

bool Announcements::counts(const AnycastSeen& seen) {
  return seen.route != AnycastRoute::kWithdrawn && !seen.asks;
}

void Announcements::take(const std::string& edge, std::vector<AnycastSeen> seen) {
  forget(edge);
  for (const AnycastSeen& one : seen) {
    if (counts(one)) ++announcing_[one.network];
  }
  if (!seen.empty()) edges_[edge] = std::move(seen);
}

void Announcements::forget(const std::string& edge) {
  const auto found = edges_.find(edge);
  if (found == edges_.end()) return;
  for (const AnycastSeen& one : found->second) {
    if (!counts(one)) continue;
    const auto count = announcing_.find(one.network);
    if (--count->second == 0) announcing_.erase(count);
  }
  edges_.erase(found);
}

std::vector<AnycastOthers> Announcements::others_of(const std::string& edge) const {
  std::vector<AnycastOthers> all;
  const auto found = edges_.find(edge);
  if (found == edges_.end()) return all;
  for (const AnycastSeen& one : found->second) {
    const auto count = announcing_.find(one.network);
    const std::uint32_t announcing = count == announcing_.end() ? 0 : count->second;
    all.push_back({.network = one.network, .others = announcing - (counts(one) ? 1 : 0), .asked = one.asks});
  }
  return all;
}

}  // namespace weir::report
