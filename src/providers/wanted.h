// Wanted: the record sets that a zone has now, as plain records: what weir's own name servers answer, of a
// set with a policy all that can be given. Pure, but for the health that it asks for.
#pragma once

#include <expected>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/records.h"
#include "config/status.h"
#include "config/whole.h"

namespace weir::providers {

// What is seen of a service's endpoints.
using Health = std::function<config::ServiceStatus(std::string_view service)>;

struct Wanted {
  cloud::RecordSets sets;
  // Keys of sets about whose health nothing can be said yet: they stay as they are.
  std::set<std::string, std::less<>> unsure;
  std::vector<std::string> left_out;  // records of the zone that can't be written, and why
};

// The services that record sets of a zone follow.
std::set<std::string, std::less<>> services_of(const config::Whole& objects, std::string_view zone);

// patient: a set waits until all its endpoints have been checked, and not only the first.
std::expected<Wanted, std::string> wanted_sets(const config::Whole& objects, std::string_view zone,
                                               const Health& health, bool patient);

}  // namespace weir::providers
