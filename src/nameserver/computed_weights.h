// Computed weights: what an answer of a RecordSet with a balance weighs: the share of its provider, which its
// own weight is a part of. Pure.
#pragma once

#include <span>
#include <string>

#include "config/snapshot.h"
#include "config/specs_dns.h"
#include "nameserver/steered_set.h"

namespace weir::nameserver {

// Each answer has its written weight before. The healthy answers of a provider have its share in proportion
// to those; one of the weight 0 stays drained. When no healthy one has a share, all weigh as they are
// written.
void weigh(const config::DnsWeightsSpec& computed, std::span<Answer> answers);

// What it came to for each provider, and why, in a sentence. Of a set with a balance.
std::string weights_reason(const config::RecordSet& records);

}  // namespace weir::nameserver
