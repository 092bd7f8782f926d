// Meter: what instances use, from what podman has counted of their containers at two times. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "podman/values.h"

namespace weir::node {

class Meter {
 public:
  struct Used {
    std::uint32_t cpu_milli = 0;  // between the last two times
    std::uint64_t memory_bytes = 0;
    friend bool operator==(const Used&, const Used&) = default;
  };
  // Of all containers that run now.
  void take(std::vector<podman::Usage> all, Instant now);

  Used of(std::string_view instance) const;
  const std::vector<podman::Usage>& all() const { return all_; }

 private:
  std::vector<podman::Usage> all_;
  std::map<std::string, std::uint64_t> counted_;  // by container: nanoseconds, at that time
  Instant at_{};
  std::map<std::string, Used, std::less<>> used_;
};

}  // namespace weir::node
