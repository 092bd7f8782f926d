// Settings: what a person asks of anycast, out of texts. Pure.
#pragma once

#include <string>
#include <string_view>

#include "anycast/anycast.h"

namespace weir::anycast {

struct StationOptions {
  AnycastOptions anycast;
  std::string bird_socket = "/run/bird/bird.ctl";
  std::string include_path = "/run/weir/bird.conf";
};

// Each takes a value over, or says what is wrong with it: "must be ...". Addresses and communities: one or
// several, with commas, beside those that are there.
std::string add_addresses(AnycastOptions& options, std::string_view value);
std::string add_communities(Site& site, std::string_view value);
std::string set_as(Site& site, std::string_view value);
std::string set_prepends(unsigned& prepends, std::string_view value);
std::string set_hold(Policy& policy, std::string_view value);
std::string set_drain_wait(Policy& policy, std::string_view value);
std::string set_last(Policy& policy, std::string_view value);  // keep or withdraw
std::string set_path(std::string& path, std::string_view value);

// What is wrong with all of it together, as a sentence; empty: nothing.
std::string problem_of(const StationOptions& options);

}  // namespace weir::anycast
