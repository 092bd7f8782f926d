#include "node/meter.h"

#include <utility>

#include "node/labels.h"

namespace weir::node {

void Meter::take(std::vector<podman::Usage> all, Instant now) {
  all_ = std::move(all);
  used_.clear();
  const auto span = static_cast<std::uint64_t>((now - at_).count());
  std::map<std::string, std::uint64_t> counted;
  for (const podman::Usage& one : all_) {
    const std::string_view name = instance_of(one.container);
    if (name.size() == one.container.size()) continue;
    Used& used = used_[std::string(name)];
    used.memory_bytes += one.memory_bytes;
    counted.emplace(one.container, one.cpu_nanoseconds);
    const auto before = counted_.find(one.container);
    // Who was started anew meanwhile counts from nothing.
    if (before == counted_.end() || one.cpu_nanoseconds < before->second || span == 0) continue;
    used.cpu_milli += static_cast<std::uint32_t>((one.cpu_nanoseconds - before->second) * 1000 / span);
  }
  counted_ = std::move(counted);
  at_ = now;
}

Meter::Used Meter::of(std::string_view instance) const {
  const auto found = used_.find(instance);
  return found == used_.end() ? Used{} : found->second;
}

}  // namespace weir::node
