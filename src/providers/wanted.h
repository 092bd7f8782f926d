// Wanted: the record sets that a zone has now, as plain records: what weir's own name servers answer, of a
// set with a policy all that can be given, of an ALIAS the addresses that it leads to. Pure, but for the
// health that it asks for, and for the names that others answer for, which it has looked up.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/records.h"
#include "config/status.h"
#include "config/whole.h"
#include "nameserver/name_follower.h"

namespace weir::providers {

// What is seen of a service's endpoints.
using Health = std::function<config::ServiceStatus(std::string_view service)>;

struct Wanted {
  cloud::RecordSets sets;
  // Keys of sets about which nothing can be said yet, and why: they stay as they are.
  std::map<std::string, std::string, std::less<>> unsure;
  std::vector<std::string> left_out;  // records of the zone that can't be written, and why
};

// The zones that the records of a zone are made of: itself, and those that an ALIAS in one of them leads
// into.
std::set<std::string, std::less<>> zones_behind(const config::Whole& objects, std::string_view zone);

// The services that record sets of a zone follow, and those of the zones behind it.
std::set<std::string, std::less<>> services_of(const config::Whole& objects, std::string_view zone);

// patient: a set waits until all its endpoints have been checked, and not only the first. names: looks up
// what an ALIAS leads to, from one call to the next; of this zone alone.
std::expected<Wanted, std::string> wanted_sets(const config::Whole& objects, std::string_view zone,
                                               const Health& health, bool patient,
                                               nameserver::NameFollower& names);

}  // namespace weir::providers
