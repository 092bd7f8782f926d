// Ports that are handed out: a TCP or TLS listener that names none gets one that is nobody's, and keeps it
// through every change that leaves the listener what it is. Pure.
#pragma once

#include <cstdint>
#include <span>

#include "config/whole.h"

namespace weir::mirror {

// Both ends included; outside of what Linux gives to connections (32768 and above).
struct PortRange {
  std::uint16_t first = 20'000;
  std::uint16_t last = 29'999;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// Gives the listeners of `wanted` without a port those that the same listeners of `before` have.
void keep_ports(const config::LoadBalancerSpec& before, config::LoadBalancerSpec& wanted);

// Gives those that are left the lowest ports that no load balancer names, of the world or of `wanted`, which
// take the places of those of their names. When the range is used up, they stay without.
void hand_out_ports(const config::Whole& world, std::span<config::Object* const> wanted,
                    const PortRange& range);

}  // namespace weir::mirror
