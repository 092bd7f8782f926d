// What an UPDATE (RFC 2136) comes to: prerequisites checked against the objects, changes made to RecordSets
// of the policy SIMPLE. What a zone file, the Zone itself or a policy says is not changed by it. A pure
// function of the message and the objects, so that it can be asked anew when something has come between.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "config/object.h"
#include "config/whole.h"
#include "dns/zone.h"
#include "dnsupdate/message.h"

namespace weir::dnsupdate {

// One that is signed with a key that is known.
struct UpdateRequest {
  std::vector<std::uint8_t> message;  // without its signature
  std::string secret;                 // name of the Secret whose key signed it
  std::string from;                   // IP address
  // What a file of this machine has of the zone, under all that is written; null: nothing.
  std::shared_ptr<const dns::Zone> file = nullptr;
};

struct UpdatePlan {
  std::vector<config::Object> puts;    // RecordSets as they will be
  std::vector<std::string> deletions;  // names of RecordSets
};

std::expected<UpdatePlan, UpdateRefusal> plan_update(const UpdateRequest& request,
                                                     const config::Whole& world);

}  // namespace weir::dnsupdate
