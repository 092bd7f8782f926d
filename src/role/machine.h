// Machine: what the process finds where it runs: files to read, names, and processor cores to use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "net/network.h"

namespace weir::role {

// The whole file; "-" is stdin. kBodyTooLarge beyond bytes_max.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

// By which others may call this machine: its host name, its addresses, and those of loopback.
std::vector<std::string> names_of_this_machine();

// The host's, as far as an object may be named so; else "edge".
std::string name_of_this_machine();

// By which clients reach what listens there; when that is everywhere, the first address of this machine
// beyond loopback. In brackets when it is one of IPv6.
std::string reached_at(net::Address at);

// The same with its port.
std::string reached_with_port(net::Address at);

// The address of this machine that packets to that one come from. None is sent.
Result<net::Address> address_towards(net::Address to);

// By the affinity of the process and the quota of its container; at least 1.
unsigned usable_cores();

// What this machine has, or its container may have of it, in bytes.
std::uint64_t usable_memory();

// What the text of a cgroup's memory.max ("1073741824", "max") leaves of so many bytes.
std::uint64_t limit_by_memory_max(std::uint64_t bytes, std::string_view memory_max);

// What the text of a cgroup's cpu.max ("150000 100000", "max 100000") leaves of so many cores, rounded up.
unsigned limit_by_quota(unsigned cores, std::string_view cpu_max);

}  // namespace weir::role
