// DnsClient: one zone at a provider of DNS: what is there, and batches of changes, each of which is made as a
// whole or not at all. The seam between the reconciler and the providers' APIs. Made for one synchronisation;
// on one loop. Shows its credentials to the provider alone.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "cloud/http_client.h"
#include "cloud/plan.h"
#include "cloud/records.h"
#include "net/task.h"

namespace weir::cloud {

class DnsClient {
 public:
  virtual ~DnsClient() = default;

  // Makes of a set what the provider can hold (its bounds of TTLs); says why it can't hold it, or nothing.
  virtual std::string fit(RecordSet& /*wanted*/) const { return {}; }
  // All record sets there, as normal_sets() has them, but those of the provider's own: SOA, and NS at the
  // zone itself.
  virtual net::Task<Told<RecordSets>> read() = 0;
  // How many of these changes are the next batch: those of one name are never parted.
  virtual std::size_t batch_size(std::span<const Change> changes) const = 0;
  // After read().
  virtual net::Task<Told<void>> write(std::span<const Change> batch) = 0;
};

// The whole names at the beginning of `changes` that fit: cost(change) each, of at most cost_max together;
// the first name always.
template <class Cost>
std::size_t whole_names(std::span<const Change> changes, std::size_t cost_max, const Cost& cost) {
  std::size_t taken = 0;
  std::size_t sum = 0;
  while (taken < changes.size()) {
    std::size_t end = taken;
    std::size_t more = 0;
    for (; end < changes.size() && changes[end].either().name == changes[taken].either().name; ++end) {
      more += cost(changes[end]);
    }
    if (taken > 0 && sum + more > cost_max) break;
    sum += more;
    taken = end;
  }
  return taken;
}

inline bool is_providers_own(const RecordSet& set, std::string_view zone) {
  return set.type == "SOA" || (set.type == "NS" && set.name == zone);
}

// A sentence of a provider, for people: on one line, and no longer than that is of use.
std::string quoted_reason(std::string_view text);

}  // namespace weir::cloud
