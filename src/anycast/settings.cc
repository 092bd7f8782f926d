#include "anycast/settings.h"

#include <chrono>
#include <limits>
#include <set>
#include <utility>

#include "base/text.h"
#include "base/time.h"

namespace weir::anycast {
namespace {

constexpr Duration kDrainWaitMax = std::chrono::minutes(5);
constexpr std::size_t kPathBytesMax = 100;  // a socket's address holds 107

std::string set_span(Duration& span, Duration longest, std::string_view value) {
  const auto parsed = parse_duration(value);
  if (!parsed || *parsed > longest) return "must be a duration of at most " + format_duration(longest);
  span = *parsed;
  return {};
}

// Calls take(one) for each of the values between commas, until it says that something is wrong.
template <class Take>
std::string each_of(std::string_view value, const Take& take) {
  for (;;) {
    const std::size_t comma = value.find(',');
    if (std::string wrong = take(value.substr(0, comma)); !wrong.empty()) return wrong;
    if (comma == std::string_view::npos) return {};
    value = value.substr(comma + 1);
  }
}

}  // namespace

std::string add_addresses(AnycastOptions& options, std::string_view value) {
  return each_of(value, [&options](std::string_view one) -> std::string {
    auto wanted = parse_wanted(one);
    if (!wanted) return wanted.error();
    if (options.wanted.size() == kAddressesMax) return "is given more than 32 addresses";
    options.wanted.push_back(std::move(*wanted));
    return {};
  });
}

std::string add_communities(Site& site, std::string_view value) {
  return each_of(value, [&site](std::string_view one) -> std::string {
    auto community = parse_community(one);
    if (!community) return community.error();
    if (site.communities.size() == kCommunitiesMax) return "is given more than 16 communities";
    site.communities.push_back(std::move(*community));
    return {};
  });
}

std::string set_as(Site& site, std::string_view value) {
  const auto number = parse_decimal(value);
  if (!number || *number == 0 || *number >= std::numeric_limits<std::uint32_t>::max()) {
    return "must be the number of an autonomous system, such as 65001";
  }
  site.as = static_cast<std::uint32_t>(*number);
  return {};
}

std::string set_prepends(unsigned& prepends, std::string_view value) {
  const auto number = parse_decimal(value);
  if (!number || *number > kPrependsMax) return "must be a number from 0 to 10";
  prepends = static_cast<unsigned>(*number);
  return {};
}

std::string set_hold(Policy& policy, std::string_view value) {
  return set_span(policy.hold, kHoldMax, value);
}

std::string set_drain_wait(Policy& policy, std::string_view value) {
  return set_span(policy.drain_wait, kDrainWaitMax, value);
}

std::string set_last(Policy& policy, std::string_view value) {
  policy.keeps_last = value == "keep";
  return policy.keeps_last || value == "withdraw" ? std::string() : "must be keep or withdraw";
}

std::string set_path(std::string& path, std::string_view value) {
  if (value.empty() || value.size() > kPathBytesMax || value.contains('\0')) {
    return "must be a path of at most 100 bytes";
  }
  path = value;
  return {};
}

std::string problem_of(const StationOptions& options) {
  const Site& site = options.anycast.site;
  if (options.anycast.wanted.empty()) {
    const bool any = site.as != 0 || site.prepends > 0 || !site.communities.empty();
    return any ? "--anycast is missing: the other flags of that name say how it is announced" : std::string();
  }
  std::set<std::string> networks;
  for (const Wanted& wanted : options.anycast.wanted) {
    if (networks.insert(network_of(wanted)).second) continue;
    return "--anycast is given twice for " + network_of(wanted);
  }
  if (site.prepends > 0 && site.as == 0)
    return "--anycast-prepend needs --anycast-as, whose number it prepends";
  return {};
}

}  // namespace weir::anycast
