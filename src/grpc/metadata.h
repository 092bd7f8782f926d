// What a call's head carries: metadata, and its deadline as the field grpc-timeout. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace weir::grpc {

// Names in lower case. Names that begin with "grpc-", and those ending in "-bin", whose values are base64,
// are the caller's to get right.
using Metadata = std::vector<std::pair<std::string, std::string>>;

// "100m" (milliseconds), "5S", "1H": at most eight digits and a unit. Empty: it is no timeout.
std::optional<Duration> parse_timeout(std::string_view text);
// In the finest unit in which it fits, rounded up; one that has passed is "0n".
std::string format_timeout(Duration timeout);

}  // namespace weir::grpc
